"""XGBoost: scikit-learn wrappers, native boosters and model files, which all go through the text of the model file."""

from __future__ import annotations

from typing import Any

from pretzel.errors import UnfittedError


def check_readable(estimator: Any) -> None:
    """Raise `UnfittedError` where ``fit`` comes first."""
    fitted = getattr(estimator, "__sklearn_is_fitted__", None)
    if fitted is not None and not fitted():
        raise UnfittedError(f"{type(estimator).__name__} is not fitted: call fit before compiling it")


def output_container(estimator: Any) -> str:
    """No estimator of XGBoost transforms."""
    return "default"


def absent_is_missing(estimator: Any) -> bool:
    """What sparse rows do not hold is missing, a zero that they hold is a number."""
    return True


def needs_rows(estimator: Any) -> bool:
    """The answer to no rows is empty."""
    return False
