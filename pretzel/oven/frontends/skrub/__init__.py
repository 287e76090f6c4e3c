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
    "finds_columns",
    "needs_names",
    "needs_rows",
    "output_container",
    "reads_columns",
    "reads_forms",
    "records_names",
    "selected_names",
    "takes_sparse",
    "takes_text_lists",
]

VECTORIZER = "skrub.TableVectorizer"
SELECTIONS = ("skrub.DropCols", "skrub.SelectCols")


def output_container(estimator: Any) -> str:
    """A vectorizer makes frames of the library that it was fitted on, a selection those of its input."""
    if _selects(estimator):
        return "its input"
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


def _selects(estimator: Any) -> bool:
    return public_name(type(estimator)) in SELECTIONS


def finds_columns(estimator: Any) -> bool:
    """A selection takes any table that has its columns."""
    return _selects(estimator)


def needs_names(estimator: Any) -> bool:
    """Columns are selected by name."""
    return _selects(estimator)


def reads_forms(estimator: Any) -> bool:
    """Columns that a selection passes on are not read."""
    return _selects(estimator)


def records_names(estimator: Any) -> bool:
    """A selection knows its own columns alone."""
    return not _selects(estimator)


def selected_names(estimator: Any) -> list[str]:
    """The columns of a selection, where they are fit to be those of a table."""
    if not _selects(estimator):
        return []
    names = list(getattr(estimator, "columns_", getattr(estimator, "kept_cols_", ())))
    return names if all(type(name) is str for name in names) and len({*names}) == len(names) else []
