"""imbalanced-learn: pipelines with samplers, which do nothing when an estimator answers, and ensembles of its own.

Its estimators are scikit-learn's in all else, so the frontend of scikit-learn says what is asked of them.
"""

from __future__ import annotations

from typing import Any

from pretzel.oven.frontends.sklearn import (
    asks_for_floats,
    check_readable,
    checks_input,
    checks_sparse,
    fails_at_frames,
    follows_configuration,
    keeps_container,
    keeps_format,
    makes_float64,
    makes_sparse,
    output_container,
    passes_texts_on,
    reads_columns,
    records_names,
    takes_sparse,
    takes_tables,
    takes_text_arrays,
    takes_text_lists,
)

__all__ = [
    "asks_for_floats",
    "check_readable",
    "checks_input",
    "checks_sparse",
    "fails_at_frames",
    "follows_configuration",
    "keeps_container",
    "keeps_format",
    "makes_float64",
    "makes_sparse",
    "output_container",
    "passes_texts_on",
    "reads_columns",
    "records_names",
    "takes_long_indices",
    "takes_sparse",
    "takes_sparse_nan",
    "takes_tables",
    "takes_text_arrays",
    "takes_text_lists",
]


def takes_long_indices(estimator: Any) -> bool:
    """Whether sparse rows may have indices of 64 bits: not for the forest."""
    return type(estimator).__name__ != "BalancedRandomForestClassifier"


def takes_sparse_nan(estimator: Any) -> bool:
    """Whether NaN in sparse rows is treated as in dense ones: not by the forest."""
    return type(estimator).__name__ != "BalancedRandomForestClassifier"
