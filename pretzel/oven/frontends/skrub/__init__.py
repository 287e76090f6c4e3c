"""skrub: tables of mixed columns, each of which goes through steps of its own and becomes numbers."""

from __future__ import annotations

from typing import Any

from pretzel.oven.frontends.registry import public_name
from pretzel.oven.frontends.sklearn import check_readable
from pretzel.oven.frontends.sklearn.compat import output_container as container_of
from pretzel.oven.frontends.skrub.compat import library_of

__all__ = [
    "asks_for_floats",
    "check_readable",
    "checks_table",
    "needs_rows",
    "output_container",
    "reads_columns",
    "takes_sparse",
    "takes_text_lists",
]

VECTORIZER = "skrub.TableVectorizer"


def output_container(estimator: Any) -> str:
    """A vectorizer makes frames of the library that it was fitted on."""
    if public_name(type(estimator)) != VECTORIZER:
        return container_of(estimator)
    return library_of(estimator)


def checks_table(estimator: Any) -> bool:
    """A vectorizer compares names before its columns part ways."""
    return public_name(type(estimator)) == VECTORIZER


def reads_columns(estimator: Any) -> bool:
    """Each column is read for itself."""
    return True


def takes_sparse(estimator: Any) -> bool:
    """Sparse rows are none."""
    return False


def asks_for_floats(estimator: Any) -> bool:
    """Scalers of whole tables do."""
    return public_name(type(estimator)) == "skrub.SquashingScaler"


def takes_text_lists(estimator: Any) -> bool:
    """Texts are columns of their own."""
    return True


def needs_rows(estimator: Any) -> bool:
    """Columns without rows stay such."""
    return public_name(type(estimator)) == "skrub.SquashingScaler"
