"""Private attributes of skrub's estimators."""

from __future__ import annotations

from typing import Any

ATTRIBUTES = (
    "_preprocessors",
    "all_outputs_",
    "all_processing_steps_",
    "feature_names_in_",
    "input_to_outputs_",
    "kind_to_columns_",
)
"""What is read of a fitted vectorizer."""


def is_readable(vectorizer: Any) -> bool:
    """Whether a vectorizer is fitted, and has the form of the releases that are known."""
    return all(hasattr(vectorizer, name) for name in ATTRIBUTES)


def library_of(vectorizer: Any) -> str:
    """Whose frames a vectorizer was fitted on: "pandas" or "polars"."""
    return str(vectorizer._preprocessors[0].module_name_) if is_readable(vectorizer) else "default"


def replaces_texts(cast: Any) -> bool:
    """Whether separators are replaced in texts before they become numbers."""
    return bool(cast._needs_str_replace)


def periodic_encoders(encoder: Any) -> dict[str, Any]:
    """The fitted encoders of periodic features of a DatetimeEncoder, by the name of the feature."""
    return dict(encoder._periodic_encoders)
