"""sklearn_pandas: a mapper that gives columns of a frame to transformers, and puts what they make side by side.

The last release, 2.2.0, can be imported beside scikit-learn 1.5. Its pipeline is scikit-learn's in all that is asked
of it.
"""

from __future__ import annotations

from typing import Any

from pretzel.errors import UnfittedError
from pretzel.oven.frontends import sklearn
from pretzel.oven.frontends.registry import public_name
from pretzel.oven.frontends.sklearn.compat import output_container as container_of

MAPPER = "sklearn_pandas.dataframe_mapper.DataFrameMapper"


def __getattr__(name: str) -> Any:
    return getattr(sklearn, name)


def _is_mapper(estimator: Any) -> bool:
    return public_name(type(estimator)) == MAPPER


def check_readable(estimator: Any) -> None:
    """A fitted mapper has built its features; the transformers in it are checked as those of scikit-learn."""
    if _is_mapper(estimator):
        if not isinstance(getattr(estimator, "built_features", None), list):
            raise UnfittedError("this DataFrameMapper is not fitted: it has no built_features")
        for _, step, _ in estimator.built_features:
            if step is not None:
                sklearn.check_readable(step)
    else:
        sklearn.check_readable(estimator)


def output_container(estimator: Any) -> str:
    """A mapper makes frames where it was asked for them."""
    if not _is_mapper(estimator):
        return container_of(estimator)
    return "pandas" if estimator.df_out else "default"


def fitted_columns(estimator: Any) -> tuple[Any, Any]:
    """The columns that a mapper names, in the order in which it does; it does not say which others were there."""
    if not _is_mapper(estimator):
        return getattr(estimator, "n_features_in_", None), getattr(estimator, "feature_names_in_", None)
    names = names_of(estimator)
    return (len(names), names) if estimator.built_default is False else (None, None)


def names_of(mapper: Any) -> list[str]:
    """The columns of all parts, each once."""
    return [*dict.fromkeys(name for columns, _, _ in mapper.built_features for name in listed(columns))]


def listed(columns: Any) -> list[Any]:
    """Columns as a mapper was given them, one by its name or several in a list."""
    return [columns] if isinstance(columns, str) else [*columns]


def needsnames_of(estimator: Any) -> bool:
    """A mapper takes columns by name."""
    return _is_mapper(estimator)


def finds_columns(estimator: Any) -> bool:
    """A frame may have further columns, and its columns in another order."""
    return _is_mapper(estimator)


def checks_table(estimator: Any) -> bool:
    """A column that a frame lacks is missed before its parts see any."""
    return _is_mapper(estimator)


def recordsnames_of(estimator: Any) -> bool:
    """A mapper has the names of its columns, whether they were those of a frame or not."""
    return True


def takes_sparse(estimator: Any) -> bool:
    """Sparse rows have no names."""
    return not _is_mapper(estimator)


def needs_rows(estimator: Any) -> bool:
    """A mapper itself answers no rows with none."""
    return not _is_mapper(estimator)
