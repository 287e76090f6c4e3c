"""XGBoost: scikit-learn wrappers, native boosters and model files, which all go through the text of the model file."""

from __future__ import annotations

from typing import Any

from pretzel.errors import CompileError, UnfittedError
from pretzel.input_spec import Coding
from pretzel.oven.frontends.xgboost.model import Model, read_model

__all__ = [
    "absent_is_missing",
    "as_booster",
    "check_readable",
    "coding_of",
    "fitted_columns",
    "needs_rows",
    "on_tables",
    "output_container",
    "reads_forms",
    "takes_sparse_frames",
]


def check_readable(estimator: Any) -> None:
    """Raise `UnfittedError` where ``fit`` comes first."""
    if isinstance(estimator, type):
        raise CompileError(f"expected a fitted model of XGBoost, got {estimator!r:.80}")
    fitted = getattr(estimator, "__sklearn_is_fitted__", None)
    if fitted is not None and not fitted():
        raise UnfittedError(f"{type(estimator).__name__} is not fitted: call fit before compiling it")


def fitted_columns(estimator: Any) -> tuple[int | None, list[str] | None]:
    """Number and names of the columns."""
    if isinstance(estimator, Model):
        return estimator.n_features, list(estimator.feature_names) or None
    booster = _booster(estimator)
    return (None, None) if booster is None else (booster.num_features(), booster.feature_names)


def coding_of(estimator: Any) -> Coding | None:
    """What the frame of the training had of category dtypes; None for an array."""
    model = estimator
    if not isinstance(model, Model):
        booster = _booster(estimator)
        if booster is None or "c" not in (booster.feature_types or ()):
            return None
        model = read_model(bytes(booster.save_raw("ubj")))
    if not model.keeps_categories:
        return None
    known = [(i, each) for i, each in enumerate(model.categories) if each is not None]
    return Coding(tuple(i for i, _ in known), tuple(each for _, each in known), rejects=True) if known else None


def reads_forms(estimator: Any) -> bool:
    """Columns of categories are read as they come."""
    return coding_of(estimator) is not None


def _booster(estimator: Any) -> Any:
    if not hasattr(estimator, "get_booster"):
        return estimator
    return estimator.get_booster() if estimator.__sklearn_is_fitted__() else None


def output_container(estimator: Any) -> str:
    """No estimator of XGBoost transforms."""
    return "default"


def absent_is_missing(estimator: Any) -> bool:
    """What sparse rows do not hold is missing, a zero that they hold is a number."""
    return True


def on_tables(estimator: Any) -> Any:
    """A booster takes what it calls a `DMatrix`."""
    return estimator if hasattr(estimator, "get_booster") or isinstance(estimator, Model) else OnTables(estimator)


class OnTables:
    """A booster that predicts for tables, without a look at their names where they have none."""

    def __init__(self, booster: Any) -> None:
        self._booster = booster

    def predict(self, X: Any, **options: Any) -> Any:
        """``Booster.predict`` with these options."""
        from xgboost import DMatrix

        if isinstance(X, DMatrix):
            return self._booster.predict(X, **options)
        booster, named = self._booster, hasattr(X, "columns")
        names, types = (None, None) if named else (booster.feature_names, booster.feature_types)
        matrix = DMatrix(X, feature_names=names, feature_types=types, enable_categorical=True)
        return booster.predict(matrix, **options)


def as_booster(estimator: Any) -> bool:
    """Category dtypes are codes, also for a model that was trained without."""
    return True


def takes_sparse_frames(estimator: Any) -> bool:
    """A frame of sparse columns is one of dense columns."""
    return False


def needs_rows(estimator: Any) -> bool:
    """The answer to no rows is empty."""
    return False
