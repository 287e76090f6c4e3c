"""Requests in the form in which the source estimator would get them: for the steps that are called from Python.

pandas is imported only where a table with names is made of rows, for a model that was fitted on one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel._native import frame_array
from pretzel.errors import InputKeyError, InputShapeError, InputTypeError, InputValueError
from pretzel.input_spec import InputKind
from pretzel.runtime.input.feature_names import check_unnamed, match
from pretzel.runtime.input.messages import listed, package_of
from pretzel.runtime.input.row_frame import index_of
from pretzel.runtime.input.row_reader import (
    as_row,
    check_keys,
    fail_row,
    known_missing,
    known_missing_of,
    one_row_table,
    pandas_missing,
    respelled,
)
from pretzel.runtime.input.table_reader import of_list

if TYPE_CHECKING:
    from pretzel.input_spec import InputSpec


def of_row(spec: InputSpec, model: str, row: Any, *, check: bool = True) -> Any:
    """One row as a request: a list of one item, a DataFrame where names are known, else a 2-D array.

    Without ``check`` a dict may have other keys than names, as a DataFrame may for estimators that select by name.

    Raises
    ------
    InputError
        The row does not fit the model.
    """
    if spec.kind in (InputKind.TEXT, InputKind.ITEMS):
        return one_row_table(spec, model, row)
    if spec.kind is InputKind.ANY:
        return _of_any_row(spec, row)
    if type(row) is np.ndarray and row.shape == (spec.width,) and spec.names is None:
        return row[None]
    if type(row) is np.ndarray and row.shape == (spec.width,) and row.dtype.kind in "fiu" and spec.names is not None:
        import pandas as pd

        return pd.DataFrame(row[None], columns=index_of(spec.names))  # of its dtype
    values = as_row(spec, model, row)
    if isinstance(values, dict):
        if spec.names is None:
            fail_row(spec, model, row)
        values = respelled(spec, values) or values
        if check:
            check_keys(spec, model, values)
        return _of_dicts(spec, [known_missing_of(spec, values)])
    if len(values) != spec.width:
        fail_row(spec, model, row)
    values = [known_missing(spec, i, value) for i, value in enumerate(values)]
    if spec.names is None:
        return array([values])
    return _frame(spec, dict(zip(spec.names, ([value] for value in values), strict=True)))


def _of_any_row(spec: InputSpec, row: Any) -> Any:
    """One row for a model that takes anything: nothing is checked but by its first step."""
    if spec.items or isinstance(row, str | bytes):
        return [row]
    if hasattr(row, "to_dict") and getattr(row, "ndim", 0) == 1:
        row = row.to_dict()
    if isinstance(row, Mapping):
        return _of_dicts(spec, [row])
    if isinstance(row, np.ndarray):
        values = row.tolist() if row.dtype == object else None
        if values is None or spec.names is None:
            return row[None]
    elif not isinstance(row, Sequence):
        return [row]
    if spec.names is not None and len(row) == len(spec.names):
        return _frame(spec, {name: [value] for name, value in zip(spec.names, row, strict=True)})
    return array([list(row)])


def of_single_rows(spec: InputSpec, model: str, rows: list[Any], *, check: bool = True) -> Any:
    """Several rows, each as `of_row` takes one, as a request.

    Raises
    ------
    InputError
        A row does not fit the model, or is unlike the first.
    """
    if not rows or spec.kind is InputKind.TEXT or spec.items or isinstance(rows[0], str | bytes):
        return rows
    if spec.kind is not InputKind.ANY or isinstance(rows[0], Mapping):
        return of_rows(spec, own_rows(spec, rows), check=check)
    odd = next((i for i, row in enumerate(rows) if type(row) is not list or len(row) != len(rows[0])), None)
    if odd is not None:
        raise InputShapeError(f"{model}: row {odd} is unlike row 0, which has {len(rows[0])} values")
    if spec.names is not None and len(rows[0]) == len(spec.names):
        return _frame(spec, {name: [row[i] for row in rows] for i, name in enumerate(spec.names)})
    return array(rows)


def own_rows(spec: InputSpec, rows: list[Any]) -> list[Any]:
    """Rows in which lists are tuples, which are in the order of the fit: None is the missing value of its column."""

    def own(row: Any) -> Any:
        if type(row) is not list or len(row) != len(spec.missing):
            return tuple(row) if type(row) is list else row
        return tuple(known_missing(spec, i, value) for i, value in enumerate(row))

    return [own(row) for row in rows]


def of_rows(spec: InputSpec, X: list[Any], *, check: bool = True) -> Any:
    """Rows of a list as a table from which columns can be selected: a DataFrame, or an array.

    Without ``check`` dicts may have other keys than names, all of them the same.
    """
    if isinstance(X[0], Mapping):
        X = [(isinstance(row, Mapping) and respelled(spec, row)) or row for row in X]
    if isinstance(X[0], Mapping) and (spec.kind is InputKind.ANY or (spec.names is not None and not check)):
        keys = X[0].keys()
        odd = next((i for i, row in enumerate(X) if not isinstance(row, Mapping) or row.keys() != keys), None)
        if odd is not None:
            raise InputKeyError(f"{spec.estimator}: row {odd} has other keys than row 0, which has {listed(keys)}")
        return _of_dicts(spec, [known_missing_of(spec, row) for row in X])
    table = of_list(spec, X)
    if isinstance(X[0], Mapping):
        return _of_dicts(spec, [known_missing_of(spec, row) for row in X])
    columns = [table.column(i) for i in range(spec.width)]
    if spec.names is not None:
        return _frame(spec, dict(zip(spec.names, columns, strict=True)))
    return array([list(row) for row in zip(*columns, strict=True)])


def without_rows(spec: InputSpec) -> Any:
    """A table of no rows, with all columns, in place of a list of none, which does not say that it has them."""
    if spec.kind is not InputKind.TABLE or spec.items or not spec.width:
        return []
    if spec.names is None:
        return np.empty((0, spec.width))
    import pandas as pd

    return pd.DataFrame({name: np.empty(0, object if i in spec.texts else float) for i, name in enumerate(spec.names)})


def _of_dicts(spec: InputSpec, rows: Sequence[Mapping[Any, Any]]) -> Any:
    """Rows as a DataFrame with the keys that all have: known columns first, in the order of the fit."""
    known = [name for name in spec.names or () if name in rows[0]]
    names = [name for name in dict.fromkeys([*known, *rows[0]]) if all(name in row for row in rows)]
    return _frame(spec, {name: [row[name] for row in rows] for name in names})


def array(rows: list[list[Any]]) -> Any:
    """A 2-D array of rows in which texts and numbers stay what they are."""
    if any(isinstance(value, str | bytes) for row in rows for value in row):
        found = np.empty((len(rows), len(rows[0])), dtype=object)
        found[:] = rows
        return found
    return np.asarray(rows)


def _frame(spec: InputSpec, columns: Mapping[str, list[Any]]) -> Any:
    """A DataFrame of lists. Columns of texts have the dtype ``object``, in which None stays None."""
    import pandas as pd

    names = spec.names or ()
    texts = {names[i] for i in spec.texts if i < len(names)}
    kinds = {type(value) for column in columns.values() for value in column}
    if kinds == {float} and not texts:  # one block, made at once
        return pd.DataFrame(np.array(list(columns.values())).T, columns=index_of(tuple(columns)))
    made = {name: _column(values, name in texts) for name, values in columns.items()}
    return pd.DataFrame(made, columns=index_of(tuple(columns)))


def frame_of_arrow(spec: InputSpec, X: Any) -> Any:
    """A DataFrame of an Arrow table or record batch. Nulls among texts are None, as scikit-learn finds them there.

    Raises
    ------
    InputTypeError
        It is none of these, but a reader of batches, for example, or has a column that no DataFrame can have.
    """
    if not hasattr(X, "to_pandas") or not hasattr(X, "schema"):
        raise InputTypeError(f"{spec.estimator}: expected a table, got {type(X).__name__}")
    try:
        frame = X.to_pandas()
    except (NotImplementedError, TypeError, ValueError) as error:  # those of pyarrow are kinds of these
        fields = ", ".join(f"{field.name!r}: {field.type}" for field in X.schema if not _has_pandas_form(field.type))
        raise InputTypeError(f"{spec.estimator}: no DataFrame has such columns ({fields}): {error}") from error
    for name in frame.columns:
        column = frame[name]
        if column.dtype.kind == "O" and X.column(name).null_count:
            frame[name] = column.astype(object).where(column.notna(), None)
    return frame


def _has_pandas_form(kind: Any) -> bool:
    """Whether a column of this Arrow type can be one of a DataFrame."""
    try:
        kind.to_pandas_dtype()
    except NotImplementedError:
        return False
    return True


def _is_missing(value: Any) -> bool:
    return value is None or (isinstance(value, float) and value != value) or bool(pandas_missing(value))


def _column(values: list[Any], of_texts: bool) -> Any:
    kinds = set(map(type, values))
    of_texts = of_texts and all(map(_is_missing, values))
    if kinds <= {float, int} and len(kinds) == 1 and not of_texts:
        numbers = np.array(values)
        if numbers.dtype != object:
            return numbers
    too_large = int in kinds and any(type(value) is int and value.bit_length() > 1024 for value in values)
    if not of_texts and not too_large and not any(issubclass(kind, str | bytes) for kind in kinds):
        return values  # pandas 2.2 makes floats of integers, as far as it can
    import pandas as pd

    return pd.Series(values, dtype=object)  # of an array, pandas would infer a dtype in which None becomes NaN


# -- columns of a table ----------------------------------------------------------------------------------------------


def select(spec: InputSpec, X: Any, columns: Sequence[int], *, scalar: bool = False) -> Any:
    """Columns of a table as scikit-learn selects them, by name where request and fit have names.

    Raises
    ------
    InputKeyError, InputShapeError
        The table does not have the columns of the fit.
    """
    shape = getattr(X, "shape", None)
    if shape is None or len(shape) != 2:
        raise InputShapeError(f"{spec.estimator}: expected a table of two dimensions, got {type(X).__name__}")
    labels = getattr(X, "columns", None)
    places = None
    if labels is not None:
        places = match(spec, list(labels))
    elif spec.width:
        check_unnamed(spec, shape[1])
    at = [columns[i] if places is None else places[columns[i]] for i in range(len(columns))]
    if not scalar and at == list(range(shape[1])):
        return X
    if hasattr(X, "iloc"):
        return X.iloc[:, at[0]] if scalar else X.iloc[:, at]
    if hasattr(X, "tocsr"):
        X = X.tocsr()
    return X[:, at[0]] if scalar else X[:, at]


def is_sparse(X: Any) -> bool:
    """Whether a request is a SciPy sparse matrix or array; SciPy is not imported."""
    return hasattr(X, "tocsr") and package_of(X) == "scipy"


def is_sparse_frame(spec: InputSpec, X: Any) -> bool:
    """Whether a request is a DataFrame that scikit-learn reads as sparse rows: all of its columns are sparse."""
    if not spec.sparse_frames or spec.kind is not InputKind.TABLE or not hasattr(X, "iloc"):
        return False
    return X.ndim == 2 and type(frame_array(X, 0)).__name__ == "SparseArray" and hasattr(X, "sparse")


def sparse_rows(spec: InputSpec, X: Any) -> Any:
    """The sparse rows of such a DataFrame.

    Raises
    ------
    InputKeyError, InputShapeError, InputValueError
        It does not have the columns of the fit, or what is not stored in it is not zero.
    """
    match(spec, X.columns.tolist())
    try:
        rows = X.sparse.to_coo()
    except ValueError as error:
        raise InputValueError(f"{spec.estimator}: {error}") from error
    rows.names_are_checked = True
    return rows
