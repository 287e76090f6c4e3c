"""What a plan is verified with: a table that both it and its estimator take, and the single rows that became one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import InputError
from pretzel.input_spec import InputKind
from pretzel.runtime.input.coded import coded_frame
from pretzel.runtime.input.feature_names import match
from pretzel.runtime.input.source_form import of_row, of_rows

if TYPE_CHECKING:
    from pretzel.input_spec import InputSpec


def as_table(spec: InputSpec, X: Any) -> tuple[Any, list[Any]]:
    """A request as the estimator takes it, and the rows among it that only `Plan` takes, as they came.

    Parameters
    ----------
    spec : InputSpec
    X : table, documents, one row (dict, tuple, list, 1-D array, str) or a list of rows

    Returns
    -------
    table or documents
    list of rows
        Empty if ``X`` is a table.

    Raises
    ------
    InputError
        A row does not fit the model.
    """
    if _is_row(spec, X):
        return of_row(spec, "", X, check=not spec.any_order), [X]
    if isinstance(X, tuple):
        X = list(X)
    if spec.kind in (InputKind.TEXT, InputKind.ITEMS):
        return (X.to_pylist(), []) if hasattr(X, "to_pylist") else (X, [])
    if isinstance(X, list) and X and not spec.items:
        if isinstance(X[0], Mapping):
            return of_rows(spec, X, check=not spec.any_order), X
        if spec.kind is InputKind.TABLE:
            return of_rows(spec, X), X
    is_arrow = type(X).__module__.partition(".")[0] == "pyarrow"
    return (X.to_pandas(), []) if is_arrow else (X, [])


def _is_row(spec: InputSpec, X: Any) -> bool:
    if isinstance(X, str | bytes | Mapping):
        return True
    if spec.kind is not InputKind.TABLE:
        return False
    if isinstance(X, list | tuple):
        return len(X) > 0 and not isinstance(X[0], Mapping | list | tuple | np.ndarray)
    return getattr(X, "ndim", 2) == 1


def in_fit_order(spec: InputSpec, X: Any) -> Any:
    """A table with the columns of the fit, in their order, which is how graphs name them.

    Categories of pandas in front of a booster are codes, because that is what it makes of them.
    """
    found = _ordered(spec, X)
    return coded_frame(spec, found) if hasattr(found, "iloc") and found.ndim == 2 else found


def _ordered(spec: InputSpec, X: Any) -> Any:
    labels = getattr(X, "columns", None)
    if spec.names is None or labels is None:
        return X
    try:
        places = match(spec, list(labels))
    except InputError:
        return X  # which estimator and plan reject
    if places is None:
        return X
    present = [place for place in places if place >= 0]
    found = X.iloc[:, present] if hasattr(X, "iloc") else X[:, present]
    if len(present) == len(spec.names):
        return found
    return found.reindex(columns=list(spec.names))  # what is not required is read by no step
