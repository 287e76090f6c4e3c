"""Reads any table, list of documents or of items into the columns of a program's leaves, with scikit-learn's checks.

This is the general path. Single rows (dict, tuple, list, str) and ordinary pandas DataFrames are read natively. pandas,
SciPy and pyarrow are not imported: their objects are recognised by the name of their module.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel._native import frame_array
from pretzel.errors import InputShapeError, InputTypeError
from pretzel.input_spec import InputKind
from pretzel.program import LeafKind
from pretzel.runtime.input.coded import as_rounded, coded_table
from pretzel.runtime.input.column_reader import (
    are_bool,
    as_cells,
    as_floats,
    as_numbers,
    dtype_of,
    has_large_integers,
    hold_none,
)
from pretzel.runtime.input.date_reader import as_dates, numbers_of_dates
from pretzel.runtime.input.document_list import document_list
from pretzel.runtime.input.feature_names import check_unnamed, match, warn_about_names
from pretzel.runtime.input.item_list import item_list
from pretzel.runtime.input.messages import UnreadForm, package_of, shown
from pretzel.runtime.input.row_counter import count_rows
from pretzel.runtime.input.row_frame import RowFrame
from pretzel.runtime.input.row_reader import check_keys, fail_row, known_missing, respelled
from pretzel.runtime.input.sparse_reader import canonical_rows
from pretzel.runtime.input.vector_reader import as_column

if TYPE_CHECKING:
    from pretzel.input_spec import InputSpec
    from pretzel.program import Leaf


BOOL, FLOAT64, OBJECT = np.dtype(bool), np.dtype(np.float64), np.dtype(object)
_PLAIN = frozenset({float, int, bool, type(None), str, bytes, np.float64, np.str_, np.bytes_})
_TABLES = ("__array__", "__dataframe__", "__arrow_c_stream__")  # what objects without a shape have that hold a table


@dataclass(slots=True)
class Table:
    """Columns of a request by their position in the fit.

    Parameters
    ----------
    rows : int
    column : callable
        ``column(position)``: a list, ndarray, pandas extension array or pyarrow array.
    whole : ndarray, CSR matrix or None
        All columns at once, if they lie in one.
    is_rows : bool
        The request is a list of single rows, which only Pretzel knows.
    is_list : bool
        The request is a list of rows, of which scikit-learn makes an array.
    as_float64 : bool
        scikit-learn converts the columns to float64 whatever they hold.
    odd : frozenset of type
        Types of the values of a list of rows, without those of usual texts and numbers.
    library : str
        The package of a frame that has Arrow's types.
    """

    rows: int
    column: Callable[[int], Any]
    whole: Any = None
    is_rows: bool = False
    is_list: bool = False
    as_float64: bool = False
    odd: frozenset[type] = frozenset()
    library: str = ""


def read(spec: InputSpec, leaves: tuple[Leaf, ...], X: Any) -> tuple[int, list[Any], list[set[np.dtype[Any]]]]:
    """Read a request.

    Parameters
    ----------
    spec : InputSpec
    leaves : tuple of Leaf
    X : table or documents
        DataFrame (pandas, polars, pyarrow), ndarray, SciPy sparse matrix, list of dicts, tuples or lists; documents as
        any iterable of str.

    Returns
    -------
    rows : int
    columns : list
        For each leaf: a float64 matrix with contiguous rows, a list of 1-D arrays, a CSR matrix, or (cells, texts) a
        list with a list, ndarray or pyarrow array for each column.
    dtypes : list of set of dtype
        For each leaf, the dtypes of its columns, as scikit-learn sees them; float64 for cells that are no booleans.

    Raises
    ------
    InputShapeError, InputKeyError, InputTypeError
    """
    if spec.kind is InputKind.ANY:
        rows = count_rows(spec, X)
        return rows, [np.empty((rows, 0)) for _ in leaves], [{FLOAT64} for _ in leaves]
    if spec.kind is not InputKind.TABLE:
        given = document_list(spec, X) if spec.kind is InputKind.TEXT else item_list(spec, X, leaves)
        rows = len(given)
        columns = [np.empty((rows, 0)) if leaf.kind is LeafKind.ROWS else [given] for leaf in leaves]
        return rows, columns, [{FLOAT64} for _ in leaves]
    table = _of_dates(spec, leaves, X) or _table(
        spec, as_column(X) if spec.vectors else as_rounded(X) if spec.rounds_arrays else X
    )
    table = coded_table(spec, table, X) if spec.as_booster else table
    found: list[Any] = []
    dtypes: list[set[np.dtype[Any]]] = []
    for leaf in leaves:
        if leaf.kind in (LeafKind.CELLS, LeafKind.TEXT):
            if not spec.any_order and any(issubclass(kind, complex | np.complexfloating) for kind in table.odd):
                raise UnreadForm(spec.estimator, "lists with complex numbers")
            raw = [table.column(i) for i in leaf.columns]
            found.append([as_cells(spec, i, column) for i, column in zip(leaf.columns, raw, strict=True)])
            dtypes.append({BOOL if are_bool(column) else FLOAT64 for column in raw})
        elif leaf.kind is LeafKind.ROWS:
            found.append(np.empty((table.rows, 0)))
            dtypes.append({FLOAT64})
        elif leaf.kind is LeafKind.DATES:
            found.append(as_dates(spec, leaf, table.column(leaf.columns[0])))
            dtypes.append({FLOAT64})
        elif table.whole is not None and _is_whole(spec, leaf):
            found.append(table.whole)
            dtypes.append({table.whole.dtype})
        else:
            raw = [table.column(i) for i in leaf.columns]
            read_as = partial(as_numbers, spec, is_rows=table.is_rows, verbatim=leaf.verbatim)
            numbers = [*map(read_as, leaf.columns, raw)]
            found.append(numbers)
            seen = {
                dtype_of(*column, alone=spec.any_order or spec.unchecked) for column in zip(raw, numbers, strict=True)
            }
            none = spec.floats is not True and hold_none(raw, table.library)
            of_objects = none or _are_objects(spec, table, raw, numbers)
            as_float64 = table.as_float64 and (spec.floats or seen != {BOOL})
            dtypes.append({OBJECT} if of_objects else {FLOAT64} if as_float64 else seen)
    return table.rows, found, dtypes


def _are_objects(spec: InputSpec, table: Table, raw: list[Any], numbers: list[Any]) -> bool:
    """Whether scikit-learn makes an array of objects of a list of rows."""
    if not table.is_list or spec.floats is True:
        return False
    if table.odd and not spec.any_order:
        kinds = ", ".join(sorted(kind.__name__ for kind in table.odd))
        raise UnreadForm(spec.estimator, f"lists with values of type {kinds}")
    if spec.any_order:
        return True
    if any(map(has_large_integers, raw, numbers)):
        raise UnreadForm(spec.estimator, "lists with integers beyond 64 bits")
    return any(value is None for column in raw for value in column)


def _is_whole(spec: InputSpec, leaf: Leaf) -> bool:
    """Whether a leaf reads all columns in their order. Sparse rows are always whole, and may be very wide."""
    return leaf.kind is LeafKind.SPARSE or not leaf.columns or leaf.columns == range(spec.width)


def is_table(spec: InputSpec, X: Any) -> bool:
    """Whether an object may be the table that a step failed at; a model that takes anything may take lists of items."""
    shape = getattr(X, "shape", None)
    if spec.kind is InputKind.ANY:
        return bool(shape) if shape is not None else isinstance(X, Iterable) and not isinstance(X, str | bytes)
    if isinstance(X, list | tuple):
        return bool(X) and (isinstance(X[0], list | tuple | Mapping) or bool(getattr(X[0], "shape", ())))
    return len(shape) == 2 if isinstance(shape, tuple) else any(map(partial(hasattr, X), _TABLES))


def _table(spec: InputSpec, X: Any) -> Table:
    if isinstance(X, np.ndarray):
        return _of_ndarray(spec, X)
    module = package_of(X)
    if module == "scipy" and hasattr(X, "tocsr"):
        return _of_sparse(spec, X)
    if isinstance(X, RowFrame):
        return Table(1, X.column)
    if hasattr(X, "iloc"):
        return _of_pandas(spec, X)
    if module != "pyarrow" and hasattr(X, "__arrow_c_stream__"):
        X = _arrow_table(spec, X)
    if hasattr(X, "column_names") and hasattr(X, "schema"):
        table = _of_columns(spec, X.column_names, X.num_rows, X.column)
        # Frames other than pandas's have no dtypes of NumPy: where floats are asked for, float32 is not recognised.
        return replace(table, as_float64=spec.floats is not False, library=module)
    if isinstance(X, list | tuple):
        return of_list(spec, X)
    if hasattr(X, "__array__"):
        return _of_ndarray(spec, np.asarray(X))
    row = "; for one row use predict_one" if isinstance(X, Mapping) else ""
    raise InputTypeError(f"{spec.estimator}: expected a table, got {type(X).__name__}{row}")


def _arrow_table(spec: InputSpec, X: Any) -> Any:
    """A frame of another library as an Arrow table, for which that library may have more types than pyarrow."""
    import pyarrow

    try:
        return pyarrow.table(X)
    except Exception as error:
        raise UnreadForm(spec.estimator, f"frames with columns that pyarrow does not read ({error})") from error


def _of_ndarray(spec: InputSpec, X: Any) -> Table:
    if X.ndim != 2:
        hint = ". Reshape your data with reshape(1, -1), or use predict_one for one row" if X.ndim == 1 else ""
        raise InputShapeError(
            f"{spec.estimator}: expected a table of {spec.width} columns, got an array of shape {X.shape}{hint}"
        )
    if isinstance(X, np.matrix):
        raise InputTypeError(f"{spec.estimator}: expected a table, got a numpy.matrix: convert it with numpy.asarray")
    if type(X) not in (np.ndarray, np.memmap) and spec.floats is not True:
        raise UnreadForm(spec.estimator, f"arrays of type {type(X).__name__}")
    X = np.asarray(X)
    _check_bare_width(spec, X.shape[1])
    plain = X.dtype == np.float64 and X.dtype.isnative and (X.strides[1] == 8 or X.shape[1] == 1)
    if X.dtype.kind == "c":
        raise InputTypeError(f"{spec.estimator}: Complex data not supported: expected real numbers, got {X.dtype}")
    if X.dtype.kind in "mM" and spec.floats:
        return _of_ndarray(spec, numbers_of_dates(spec, X))
    if X.dtype.kind in "mMV":
        raise InputTypeError(f"{spec.estimator}: expected numbers or texts, got an array of {X.dtype}")
    if X.dtype.kind in "US" and not spec.text_arrays:
        raise InputTypeError(
            f"{spec.estimator}: expected numbers, got an array of {X.dtype}: texts are parsed in arrays of objects"
        )
    return Table(X.shape[0], lambda i: X[:, i], X if plain and X.strides[0] % 8 == 0 else None)


def _of_dates(spec: InputSpec, leaves: tuple[Leaf, ...], X: Any) -> Table | None:
    """An array of dates, all of which are read as such; None for any other request."""
    if type(X) is not np.ndarray or X.dtype.kind != "M" or X.ndim != 2 or spec.floats:
        return None
    if any(leaf.kind is not LeafKind.DATES for leaf in leaves):
        return None
    _check_bare_width(spec, X.shape[1])
    return Table(X.shape[0], lambda i: X[:, i])


def _of_sparse(spec: InputSpec, X: Any) -> Table:
    if X.ndim != 2 or X.dtype.kind not in "fiub":
        raise InputTypeError(f"{spec.estimator}: expected a sparse table of numbers, got {X.dtype} of shape {X.shape}")
    if not hasattr(X, "names_are_checked"):
        _check_bare_width(spec, X.shape[1])
    csr = canonical_rows(spec, X)
    columns: list[Any] = []

    def column(i: int) -> Any:
        if not columns:
            columns.append(csr.tocsc())
        return columns[0][:, [i]].toarray().ravel()

    return Table(X.shape[0], column, csr)


def _check_bare_width(spec: InputSpec, width: int) -> None:
    """The width of a table without names."""
    if not spec.by_name:
        warn_about_names(spec, named=False)
    check_unnamed(spec, width)


def _of_pandas(spec: InputSpec, X: Any) -> Table:
    if X.ndim != 2:
        raise InputShapeError(
            f"{spec.estimator}: expected a table of {spec.width} columns, got a {type(X).__name__} of shape {X.shape}; "
            "for one row use predict_one"
        )
    labels: Any = X.columns.array if getattr(X.columns, "nlevels", 1) == 1 else None
    is_arrow = type(labels).__name__ == "ArrowStringArray"
    columns = labels.__arrow_array__().to_pylist() if is_arrow else X.columns.tolist()
    return _of_columns(spec, columns, X.shape[0], partial(_pandas_column, spec, X))


def _pandas_column(spec: InputSpec, X: Any, i: int) -> Any:
    """The array of a column; the public interface of pandas takes 30 us for each."""
    array = frame_array(X, i)
    if array is None:
        array = X.iloc[:, i].array
    if type(array).__name__ == "SparseArray":
        if spec.any_order:  # the parts of a ColumnTransformer get sparse rows
            raise UnreadForm(spec.estimator, "frames with sparse columns")
        looks = not spec.sparse_nan and (not spec.nan_columns or i in spec.nan_columns)
        if looks and array.isna().any():  # the source does not look for NaN in such rows
            raise UnreadForm(spec.estimator, "frames with sparse columns that hold NaN")
    return array.to_numpy() if type(array).__name__ == "NumpyExtensionArray" else array


def _of_columns(spec: InputSpec, names: Sequence[Any], rows: int, column: Callable[[int], Any]) -> Table:
    """A table whose columns have names."""
    places = match(spec, names)
    return Table(rows, column) if places is None else Table(rows, lambda i: column(places[i]))


def of_list(spec: InputSpec, X: Sequence[Any]) -> Table:
    """Rows as dicts, or as sequences of values."""
    X = list(X)  # a copy, because the caller's list may become shorter while columns are read
    if X and isinstance(X[0], Mapping):
        names = spec.names
        if names is None:
            fail_row(spec, "", X[0])
        expected = {names[i] for i in spec.required}
        for number, row in enumerate(X):
            if not isinstance(row, Mapping):
                raise InputTypeError(f"{spec.estimator}: row {number}: expected a dict, got {type(row).__name__}")
            if row.keys() != expected:
                if (other := respelled(spec, row)) is None:
                    check_keys(spec, "", row, number)
                X[number] = other or row
        return Table(len(X), lambda i: [known_missing(spec, i, row.get(names[i])) for row in X], is_rows=True)
    found = [row if isinstance(row, list | tuple) else _row_of_another_type(spec, row) for row in X]
    arrays = [row for row in found if isinstance(row, np.ndarray)]
    as_array = not spec.floats and not spec.any_order  # of one dtype, which decides about the answer
    of_objects = any(row.dtype == object for row in arrays)
    if as_array and not of_objects and len(arrays) == len(X) and {row.shape for row in arrays} == {(spec.width,)}:
        return _of_ndarray(spec, as_floats(spec.floats, np.asarray(arrays)))
    if not X or not isinstance(X[0], tuple):  # a tuple is a row of Pretzel's own, in the order of the fit
        check_unnamed(spec, spec.width)
    if X:
        warn_about_names(spec, named=False)
    for row, values in zip(X, found, strict=True):
        if values is None or getattr(values, "ndim", 1) != 1 or len(values) != spec.width:
            _fail_in_list(spec, X, row)
    if as_array and any(row.dtype.type not in (np.float64, np.object_) for row in arrays):
        raise UnreadForm(spec.estimator, "lists of arrays and of other rows")
    rows = [row.tolist() if isinstance(row, np.ndarray) else row for row in found]
    odd = set[type]().union(*(map(type, row) for row in rows)) - _PLAIN
    if np.ndarray in odd:
        rows = [[_scalar(spec, value) for value in row] for row in rows]
        odd = set[type]().union(*(map(type, row) for row in rows)) - _PLAIN
    if all(issubclass(kind, np.number | np.bool_) and not issubclass(kind, np.complexfloating) for kind in odd):
        whole = as_floats(spec.floats, np.asarray(rows)) if odd and as_array else None
        if whole is not None and whole.dtype.kind in "fiub":
            return Table(len(X), lambda i: whole[:, i])
        odd = set()
    return Table(
        len(X),
        lambda i: [row[i] for row in rows],
        is_list=bool(X) and not (spec.by_name and isinstance(X[0], tuple)),
        odd=frozenset(odd | {object} if of_objects else odd),
    )


def _row_of_another_type(spec: InputSpec, row: Any) -> Any:
    """What NumPy makes of a row that is neither a list nor a tuple: an array, a list, or None for no row at all."""
    if isinstance(row, str | bytes | Mapping | Set):
        return None
    if hasattr(row, "__array__") or _is_buffer(row):
        if not hasattr(row, "__len__"):
            raise UnreadForm(spec.estimator, f"lists of {type(row).__name__} without a length")
        return np.asarray(row)
    return list(row) if hasattr(row, "__len__") and hasattr(row, "__getitem__") else None


def _is_buffer(row: Any) -> bool:
    try:
        memoryview(row)
    except TypeError:
        return False
    return True


def _scalar(spec: InputSpec, value: Any) -> Any:
    """A value of a list, which may be an array without dimensions."""
    if type(value) is not np.ndarray or value.ndim:
        return value
    if value.dtype.kind in "OUS":
        raise UnreadForm(spec.estimator, "lists with arrays of objects or texts")
    return value[()]


def _fail_in_list(spec: InputSpec, X: Sequence[Any], row: Any) -> None:
    if isinstance(row, str | bytes) or not hasattr(row, "__len__") or getattr(row, "ndim", 1) == 0:
        raise InputShapeError(
            f"{spec.estimator}: expected a list of rows, got a list that holds {type(row).__name__} {shown(row)}; "
            "for one row use predict_one"
        )
    if isinstance(row, Mapping | Set):
        fail_row(spec, "", row)
    number = next(i for i, other in enumerate(X) if other is row)
    raise InputShapeError(
        f"{spec.estimator}: row {number} has {len(row)} features, but {spec.estimator} is expecting {spec.width} "
        "features as input"
    )
