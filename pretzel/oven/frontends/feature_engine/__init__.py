"""feature_engine: steps from frame to frame that change some columns, chosen by name, and pass the others on.

Its pipeline is scikit-learn's in all that is asked of it.
"""

from __future__ import annotations

from typing import Any

from pretzel.oven.frontends import sklearn
from pretzel.oven.frontends.sklearn.compat import output_container as container_of


def __getattr__(name: str) -> Any:
    return getattr(sklearn, name)


def _is_step(estimator: Any) -> bool:
    return type(estimator).__module__ != "feature_engine.pipeline.pipeline"


def output_container(estimator: Any) -> str:
    """Frames, whatever the step is given."""
    found = container_of(estimator)
    return "pandas" if _is_step(estimator) and found in ("", "default") else found


def reads_columns(estimator: Any) -> bool:
    """Each column is read for itself."""
    return _is_step(estimator)


def reads_forms(estimator: Any) -> bool:
    """Columns that a step passes on are not read."""
    return _is_step(estimator)


def finds_columns(estimator: Any) -> bool:
    """Columns of a frame are put in the order of the fit."""
    return _is_step(estimator)


def rejects_other_columns(estimator: Any) -> bool:
    """A frame has the columns of the fit, and no others."""
    return _is_step(estimator)


def needs_names(estimator: Any) -> bool:
    """The columns of an array are named x0, x1, ..., which are the names of the fit where that had an array."""
    names = list(getattr(estimator, "feature_names_in_", ()))
    return _is_step(estimator) and names != [f"x{i}" for i in range(len(names))]


def names_missing_values(estimator: Any) -> bool:
    """The parameter ``missing_values`` says what is done with them."""
    return False


def takes_sparse(estimator: Any) -> bool:
    """Sparse rows are none."""
    return not _is_step(estimator)


def records_names(estimator: Any) -> bool:
    """Every step does."""
    return True
