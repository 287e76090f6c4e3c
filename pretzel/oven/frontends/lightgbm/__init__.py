"""LightGBM: boosters, their scikit-learn wrappers, and models in its text format, which needs no library."""

from __future__ import annotations

from typing import Any

from pretzel.errors import CompileError, UnfittedError
from pretzel.input_spec import Coding
from pretzel.oven.frontends.lightgbm.model_text import LightGBMModel, read_model_text

__all__ = [
    "as_booster",
    "asks_for_floats",
    "by_position",
    "check_readable",
    "coding_of",
    "fitted_columns",
    "output_container",
    "reads_forms",
    "rounds_arrays",
    "sparse_apart",
    "takes_text_arrays",
]


def check_readable(estimator: Any) -> None:
    """Raise `UnfittedError` where ``fit`` comes first."""
    if isinstance(estimator, type):
        raise CompileError(f"expected a fitted model of LightGBM, got {estimator!r:.80}")
    fitted = getattr(estimator, "__sklearn_is_fitted__", None)
    if fitted is not None and not fitted():
        raise UnfittedError(f"{type(estimator).__name__} is not fitted: call fit before compiling it")


def fitted_columns(estimator: Any) -> tuple[int | None, list[str] | None]:
    """Number and names of the columns; a booster names them itself where the caller has not."""
    if isinstance(estimator, LightGBMModel):
        return estimator.n_features_in_, list(estimator.feature_names)
    fitted = getattr(estimator, "__sklearn_is_fitted__", None)
    if fitted is not None and not fitted():
        return None, None
    booster = estimator if fitted is None else estimator.booster_
    return booster.num_feature(), booster.feature_name()


def coding_of(estimator: Any) -> Coding | None:
    """What the frame of the training had of category dtypes; None for an array.

    The text tells the columns only where all of them, and no others, were trained as categories: an ordered dtype is
    coded, too, and a column of numbers may be named as one of categories.
    """
    categories = _categories(estimator)
    if categories is None:
        return None
    model = estimator
    if categories and not isinstance(model, LightGBMModel):
        model = read_model_text(_booster(model).model_to_string(num_iteration=1), "Booster")
    columns = model.categorical if categories else ()
    known = tuple(tuple(map(_plain, each)) for each in categories)
    return Coding(columns if len(columns) == len(known) else (), known)


def _booster(estimator: Any) -> Any:
    return estimator.booster_ if hasattr(type(estimator), "booster_") else estimator


def _categories(estimator: Any) -> list[list[Any]] | None:
    if isinstance(estimator, LightGBMModel):
        return estimator.pandas_categories
    found: list[list[Any]] | None = _booster(estimator).pandas_categorical
    return found


def _plain(category: Any) -> str | float | None:
    """A category as a text or a number; equal ones are equal."""
    return category if isinstance(category, str | None) else float(category)


def reads_forms(estimator: Any) -> bool:
    """Columns of categories are read as they come, and whole numbers by what holds them."""
    return True


def output_container(estimator: Any) -> str:
    """Nothing transforms."""
    return "default"


def asks_for_floats(estimator: Any) -> bool:
    """Everything becomes a float."""
    return True


def as_booster(estimator: Any) -> bool:
    """Category dtypes are codes, also for a model that was trained without."""
    return True


def by_position(estimator: Any) -> bool:
    """Names of columns are compared only where the caller asks for that."""
    return True


def rounds_arrays(estimator: Any) -> bool:
    """Arrays of other numbers than float32 and float64 become float32."""
    return True


def sparse_apart(estimator: Any) -> bool:
    """Sparse rows keep numbers that are zero in dense rows, because they are so small."""
    return True


def takes_text_arrays(estimator: Any) -> bool:
    """Texts are not parsed by boosters."""
    return False
