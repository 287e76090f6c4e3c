"""skrub: tables of mixed columns, each of which goes through steps of its own and becomes numbers."""

from __future__ import annotations

from typing import Any

from pretzel.errors import UnfittedError
from pretzel.oven.frontends import sklearn
from pretzel.oven.frontends.registry import frontend_of, public_name
from pretzel.oven.frontends.sklearn.compat import output_container as container_of
from pretzel.oven.frontends.skrub.compat import applied_parts, cleaned_table, library_of

__all__ = [
    "asks_for_floats",
    "check_readable",
    "checks_table",
    "finds_columns",
    "fitted_columns",
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
APPLICATION = "skrub.ApplyToCols"
CLEANER = "skrub.Cleaner"
SELECTIONS = {"skrub.DropCols": "kept_cols_", "skrub.SelectCols": "columns_"}
"""With the names of the columns that they pass on."""
FITTED = {**SELECTIONS, APPLICATION: "feature_names_in_", CLEANER: "all_outputs_"}
"""An attribute of what has nothing that scikit-learn would ask for."""


def check_readable(estimator: Any) -> None:
    """Raise `CompileError` unless ``estimator`` can answer requests."""
    sklearn.check_readable(estimator)
    if not hasattr(estimator, FITTED.get(public_name(type(estimator)), "__class__")):
        raise UnfittedError(f"{type(estimator).__name__} is not fitted: call fit before compiling it")


def output_container(estimator: Any) -> str:
    """Frames: of the library that a vectorizer was fitted on, or that steps inside make; others make those they get."""
    kind = public_name(type(estimator))
    if kind in SELECTIONS:
        return "its input"
    if kind == APPLICATION:
        inside = [step for step, _, _ in applied_parts(estimator) or () if step is not None]
        found = {frontend_of(step).output_container(step) for step in inside} & {"pandas", "polars"}
        return found.pop() if len(found) == 1 else "its input"
    if kind == CLEANER:
        return str(getattr(cleaned_table(estimator), "module_name_", "its input"))
    return library_of(estimator) if kind == VECTORIZER else container_of(estimator)


def checks_table(estimator: Any) -> bool:
    """A vectorizer compares names before its columns part ways; what applies a step to some passes others on."""
    return public_name(type(estimator)) in (VECTORIZER, APPLICATION, CLEANER)


def fitted_columns(estimator: Any) -> tuple[Any, Any]:
    """Those of a cleaner are known to the step in it that checks them."""
    told = cleaned_table(estimator) if public_name(type(estimator)) == CLEANER else estimator
    return getattr(told, "n_features_in_", None), getattr(told, "feature_names_in_", None)


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
    """Columns are selected by name; a cleaner calls those of an array 0, 1, ..."""
    if public_name(type(estimator)) != CLEANER:
        return _selects(estimator)
    names = list(fitted_columns(estimator)[1] or ())
    return names != [str(i) for i in range(len(names))]


def reads_forms(estimator: Any) -> bool:
    """Columns that are passed on are not read, and an encoder takes dates that a step before has read."""
    return _selects(estimator) or public_name(type(estimator)) in (CLEANER, "skrub.DatetimeEncoder")


def records_names(estimator: Any) -> bool:
    """A selection knows its own columns alone."""
    return not _selects(estimator)


def selected_names(estimator: Any) -> list[str]:
    """The columns of a selection, where they are fit to be those of a table."""
    if not _selects(estimator):
        return []
    names = list(getattr(estimator, SELECTIONS[public_name(type(estimator))], ()))
    return names if all(type(name) is str for name in names) and len({*names}) == len(names) else []
