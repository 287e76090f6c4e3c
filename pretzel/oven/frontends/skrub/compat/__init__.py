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


def applied_parts(estimator: Any) -> list[tuple[Any, list[str], int]] | None:
    """What a fitted ApplyToCols does: steps, or None to pass on, the columns of each, and how many it makes of them.

    None where its form is not known, as that of releases in which it has another.
    """
    inside: Any = getattr(estimator, "_wrapped_transformer", None)
    names = list(getattr(inside, "all_inputs_", ()))
    if not names or len({*names}) < len(names):
        return None
    keeps = bool(inside.keep_original)
    if hasattr(inside, "transformers_"):
        found: list[tuple[Any, list[str], int]] = []
        for name in names:
            step = inside.transformers_.get(name)
            if step is None or keeps:
                found.append((None, [name], 1))
            if step is not None:
                found.append((step, [name], len(inside.input_to_outputs_[name])))
        return found
    columns = list(inside._columns)
    passed = [name for name in names if keeps or name not in columns]
    found = [(None, passed, len(passed))] if passed else []
    return found + ([(inside.transformer_, columns, len(inside.created_outputs_))] if columns else [])


def cleaned_table(cleaner: Any) -> Any:
    """The step of a Cleaner that checks its input, and knows its names and library; None of one that is not fitted."""
    pipeline = getattr(cleaner, "_pipeline", None)
    found = None if pipeline is None else pipeline.steps[0][1]
    return found if hasattr(found, "feature_names_out_") and hasattr(cleaner, "all_processing_steps_") else None
