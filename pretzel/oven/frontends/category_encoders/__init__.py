"""category_encoders: encoders of categories, each of which is a table from values of a column to numbers."""

from __future__ import annotations

from typing import Any

from pretzel.oven.frontends.sklearn import check_readable
from pretzel.oven.frontends.sklearn.compat import follows_configuration
from pretzel.oven.frontends.sklearn.compat import output_container as container_of

__all__ = [
    "check_readable",
    "follows_configuration",
    "needs_rows",
    "output_container",
    "reads_columns",
    "takes_sparse",
]


def output_container(estimator: Any) -> str:
    """Frames, unless arrays were asked for."""
    return "pandas" if getattr(estimator, "return_df", True) else container_of(estimator)


def reads_columns(estimator: Any) -> bool:
    """Columns are read one by one."""
    return True


def takes_sparse(estimator: Any) -> bool:
    """Sparse rows are none."""
    return False


def needs_rows(estimator: Any) -> bool:
    """A frame without rows becomes one, but for one encoder."""
    return type(estimator).__name__ == "RankHotEncoder"
