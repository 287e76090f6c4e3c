"""CatBoost: its estimators, which are read through the text of their JSON model files."""

from __future__ import annotations

from typing import Any

from pretzel.errors import CompileError, UnfittedError
from pretzel.oven.frontends.catboost.model import Model

__all__ = [
    "asks_for_floats",
    "check_readable",
    "finds_columns",
    "fitted_columns",
    "needs_rows",
    "output_container",
    "takes_text_arrays",
]


def check_readable(estimator: Any) -> None:
    """Raise `UnfittedError` where ``fit`` comes first."""
    if isinstance(estimator, type):
        raise CompileError(f"expected a fitted model of CatBoost, got {estimator!r:.80}")
    if not isinstance(estimator, Model) and not estimator.is_fitted():
        raise UnfittedError(f"{type(estimator).__name__} is not fitted: call fit before compiling it")


def fitted_columns(estimator: Any) -> tuple[int | None, list[str] | None]:
    """Number and names of the columns; a model of an array calls them by their positions."""
    if isinstance(estimator, Model):
        return estimator.n_features, list(estimator.names) or None
    names = estimator.feature_names_ if estimator.is_fitted() else None
    if names is None:
        return None, None
    return len(names), None if names == [str(i) for i in range(len(names))] else names


def finds_columns(estimator: Any) -> bool:
    """Columns of frames are found by their names, and others are ignored."""
    return True


def needs_rows(estimator: Any) -> bool:
    """The answer to no rows is empty."""
    return False


def output_container(estimator: Any) -> str:
    """Nothing transforms."""
    return "default"


def asks_for_floats(estimator: Any) -> bool:
    """Everything but categories becomes a float."""
    return True


def takes_text_arrays(estimator: Any) -> bool:
    """Texts of numbers are parsed."""
    return True
