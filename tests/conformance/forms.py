"""Forms in which the same rows reach a model: containers, dtypes, layouts, odd values, and requests that are wrong.

A form makes a new object each time, so that a model which changes its request is caught.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conformance.data import Rows

    Form = Callable[[Rows], Any]

MATRIX: dict[str, Form] = {}
ROW: dict[str, Form] = {}  # one row, for the methods that end with `_one`
CONFIGURED: dict[str, str] = {}
"""What scikit-learn's configuration asks of `transform` while these forms are sent."""


def _form(registry: dict[str, Form]) -> Callable[[Form], Form]:
    def register(function: Form) -> Form:
        registry[function.__name__] = function
        return function

    return register


def _named(name: str, function: Form) -> None:
    MATRIX[name] = function


def whole(values: Any) -> Any:
    """Whole numbers that every integer type holds."""
    return np.abs(np.rint(np.nan_to_num(values)))


def frame(rows: Rows) -> Any:
    """A pandas DataFrame of float64."""
    import pandas as pd

    return pd.DataFrame(rows.values.copy(), columns=list(rows.names))


def whole_frame(rows: Rows) -> Any:
    """A pandas DataFrame of int64."""
    import pandas as pd

    return pd.DataFrame(whole(rows.values).astype(np.int64), columns=list(rows.names))


# Dtypes.
for _name in ("float64", "float32", "float16", "longdouble"):
    _named(_name, lambda rows, _name=_name: rows.values.astype(_name))
for _name in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
    _named(_name, lambda rows, _name=_name: whole(rows.values).astype(_name))
_named("bool", lambda rows: rows.values > np.median(rows.values))
_named("object of floats", lambda rows: rows.values.astype(object))
_named("object of mixed numbers", lambda rows: _mixed_objects(rows.values))
_named("object of numeric text", lambda rows: np.vectorize(repr, otypes=[object])(rows.values))
_named("text of numbers", lambda rows: rows.values.astype(str))
_named("complex", lambda rows: rows.values.astype(complex))
_named("dates", lambda rows: whole(rows.values).astype("datetime64[D]"))
_named("bytes of numbers", lambda rows: rows.values.astype("S"))


def _mixed_objects(values: Any) -> Any:
    found = values.astype(object)
    found[:, 0] = whole(values[:, 0]).astype(int).tolist()
    found[:, -1] = [np.float32(value) for value in values[:, -1]]
    return found


# Numbers of rows and columns, and dimensions.
_named("one row", lambda rows: rows.values[:1].copy())
_named("one row of float32", lambda rows: rows.values[:1].astype(np.float32))
_named("one row of a frame", lambda rows: frame(rows)[:1])
_named("no rows", lambda rows: rows.values[:0].copy())
_named("no rows of a frame", lambda rows: frame(rows)[:0])
_named("many rows", lambda rows: np.tile(rows.values, (25, 1)))
_named("too narrow", lambda rows: rows.values[:, :-1].copy())
_named("too wide", lambda rows: np.column_stack([rows.values, rows.values[:, :1]]))
_named("no columns", lambda rows: rows.values[:, :0].copy())
_named("a vector", lambda rows: rows.values[0].copy())
_named("three dimensions", lambda rows: rows.values[None].copy())
_named("a scalar", lambda rows: np.float64(1.0))
_named("None", lambda rows: None)
_named("a string", lambda rows: "text")
_named("an empty list", lambda rows: [])
_named("a dict of columns", lambda rows: {name: rows.values[:, i] for i, name in enumerate(rows.names)})

# Lists.
_named("list of lists", lambda rows: rows.values.tolist())
_named("list of tuples", lambda rows: [tuple(row) for row in rows.values.tolist()])
_named("list of arrays", lambda rows: list(rows.values.copy()))
_named("list of float32 arrays", lambda rows: list(rows.values.astype(np.float32)))
_named("list of whole numbers", lambda rows: whole(rows.values).astype(int).tolist())
_named("list of text", lambda rows: [["a"] * len(row) for row in rows.values])
_named("ragged list", lambda rows: [[1.0], *rows.values.tolist()])
_named("tuple of tuples", lambda rows: tuple(map(tuple, rows.values.tolist())))

# Layouts.
_named("Fortran order", lambda rows: np.asfortranarray(rows.values))
_named("every second row", lambda rows: np.repeat(rows.values, 2, axis=0)[::2])
_named("every second column", lambda rows: np.repeat(rows.values, 2, axis=1)[:, ::2])
_named("rows reversed", lambda rows: rows.values[::-1].copy()[::-1])
_named("columns reversed", lambda rows: rows.values[:, ::-1].copy()[:, ::-1])
_named("read-only", lambda rows: _read_only(rows.values.copy()))
_named("broadcast", lambda rows: np.broadcast_to(rows.values[0], rows.values.shape))
_named("big-endian", lambda rows: rows.values.astype(">f8"))
_named("big-endian float32", lambda rows: rows.values.astype(">f4"))
_named("big-endian int32", lambda rows: whole(rows.values).astype(">i4"))
_named("masked array", lambda rows: np.ma.masked_array(rows.values.copy(), mask=False))
_named("matrix", lambda rows: np.matrix(rows.values))


class Measured(np.ndarray):
    """A subclass of ndarray, as libraries of units have one."""


_named("subclass of ndarray", lambda rows: rows.values.copy().view(Measured))


@_form(MATRIX)
def unaligned(rows: Rows) -> Any:
    buffer = bytearray(rows.values.nbytes + 1)
    found = np.frombuffer(memoryview(buffer)[1:], dtype=np.float64).reshape(rows.values.shape)
    found[:] = rows.values
    return found


def _read_only(values: Any) -> Any:
    values.flags.writeable = False
    return values


# Values.
def _with(value: Any, dtype: Any = np.float64) -> Form:
    def changed(rows: Rows) -> Any:
        found = rows.values.astype(dtype)
        found[1, 0] = value
        found[2, -1] = value
        return found

    return changed


_named("NaN", _with(np.nan))
_named("NaN of float32", _with(np.nan, np.float32))
_named("infinity", _with(np.inf))
_named("minus infinity", _with(-np.inf))
_named("huge", _with(1e300))
_named("above float32", _with(1e39))
_named("tiny", _with(1e-310))
_named("minus zero", _with(-0.0))
_named("zeros", lambda rows: np.zeros_like(rows.values))
_named("None among objects", _with(None, object))
_named("NaN among objects", _with(np.nan, object))
_named("text among objects", _with("abc", object))
_named("bytes among objects", _with(b"1.5", object))
_named("dict among objects", _with({}, object))
_named("integers beyond 2**53", lambda rows: np.full(rows.values.shape, 2**53 + 1, dtype=np.int64))

# Frames.
_named("frame", frame)
_named("frame of float32", lambda rows: frame(rows).astype(np.float32))
_named("frame of int64", lambda rows: whole_frame(rows))
_named("frame of mixed widths", lambda rows: _mixed_frame(rows))
_named("frame of bool", lambda rows: frame(rows) > 0)
_named("frame of objects", lambda rows: frame(rows).astype(object))
_named("frame of text", lambda rows: frame(rows).astype(str))
_named("nullable frame", lambda rows: frame(rows).astype("Float64"))
_named("nullable frame of float32", lambda rows: frame(rows).astype("Float32"))
_named("nullable frame of integers", lambda rows: whole_frame(rows).astype("Int64"))
_named("nullable frame with NA", lambda rows: _with_missing(frame(rows).astype("Float64")))
_named("Arrow-backed frame", lambda rows: frame(rows).astype("float64[pyarrow]"))
_named("Arrow-backed frame with NA", lambda rows: _with_missing(frame(rows).astype("float64[pyarrow]")))
_named("categorical frame", lambda rows: whole_frame(rows).astype("category"))
_named("sparse frame", lambda rows: _sparse_frame(rows))
_named("frame with NaN", lambda rows: _with_missing(frame(rows)))
_named("frame with another index", lambda rows: frame(rows).set_index(np.arange(len(rows.values))[::-1] * 10))
_named("frame, columns reordered", lambda rows: frame(rows)[list(rows.names[::-1])])
_named("frame, columns renamed", lambda rows: frame(rows).rename(columns={rows.names[0]: "other"}))
_named("frame, column missing", lambda rows: frame(rows)[list(rows.names[:-1])])
_named("frame, column added", lambda rows: frame(rows).assign(other=1.0))
_named("frame, column twice", lambda rows: frame(rows).iloc[:, [0, *range(len(rows.names) - 1)]])
_named("frame, numbered columns", lambda rows: frame(rows).set_axis(range(len(rows.names)), axis=1))
_named("frame, columns of two levels", lambda rows: _two_levels(frame(rows)))
_named("frame of a slice", lambda rows: frame(rows)[::-1][::-1])
_named("a series", lambda rows: frame(rows).iloc[0])


def _mixed_frame(rows: Rows) -> Any:
    found = frame(rows)
    types = ("float32", "int16", "float64", "bool", "uint8")
    for name, dtype in zip(rows.names, types, strict=False):
        found[name] = (found[name] if dtype == "float64" else whole(found[name])).astype(dtype)
    return found


def _with_missing(found: Any) -> Any:
    found.iloc[1, 0] = None
    found.iloc[2, -1] = None
    return found


def _sparse_frame(rows: Rows) -> Any:
    import pandas as pd

    return frame(rows).astype(pd.SparseDtype(np.float64, 0.0))


def _two_levels(found: Any) -> Any:
    import pandas as pd

    found.columns = pd.MultiIndex.from_tuples([("a", name) for name in found.columns])
    return found


@_form(MATRIX)
def polars(rows: Rows) -> Any:
    import polars as pl

    return pl.DataFrame({name: rows.values[:, i] for i, name in enumerate(rows.names)})


@_form(MATRIX)
def polars_with_null(rows: Rows) -> Any:
    import polars as pl

    columns = {name: rows.values[:, i].tolist() for i, name in enumerate(rows.names)}
    columns[rows.names[0]][1] = None
    return pl.DataFrame(columns)


@_form(MATRIX)
def polars_of_mixed_widths(rows: Rows) -> Any:
    import polars as pl

    return pl.from_pandas(_mixed_frame(rows))


@_form(MATRIX)
def polars_reordered(rows: Rows) -> Any:
    return polars(rows).select(list(rows.names[::-1]))


@_form(MATRIX)
def arrow_table(rows: Rows) -> Any:
    import pyarrow as pa

    return pa.table({name: rows.values[:, i].copy() for i, name in enumerate(rows.names)})


@_form(MATRIX)
def arrow_record_batch(rows: Rows) -> Any:
    import pyarrow as pa

    return pa.RecordBatch.from_pydict({name: rows.values[:, i].copy() for i, name in enumerate(rows.names)})


@_form(MATRIX)
def arrow_reader(rows: Rows) -> Any:
    return arrow_table(rows).to_reader()


# Sparse containers.
def _sparse(kind: str, dtype: Any = np.float64) -> Form:
    def made(rows: Rows) -> Any:
        import scipy.sparse as sp

        values = np.where(np.abs(rows.values) < 1.0, 0.0, rows.values)
        return getattr(sp, kind)(values.astype(dtype))

    return made


for _name in (
    "csr_matrix",
    "csr_array",
    "csc_matrix",
    "csc_array",
    "coo_matrix",
    "coo_array",
    "lil_array",
    "dok_array",
):
    _named(_name, _sparse(_name))
_named("csr_matrix of float32", _sparse("csr_matrix", np.float32))
_named("csr_array of int64", _sparse("csr_array", np.int64))
_named("csr_array of bool", _sparse("csr_array", bool))


@_form(MATRIX)
def csr_of_long_indices(rows: Rows) -> Any:
    found = _sparse("csr_array")(rows)
    found.indices, found.indptr = found.indices.astype(np.int64), found.indptr.astype(np.int64)
    return found


@_form(MATRIX)
def csr_unsorted(rows: Rows) -> Any:
    import scipy.sparse as sp

    found = _sparse("csr_array")(rows)
    for start, stop in zip(found.indptr, found.indptr[1:], strict=False):
        found.indices[start:stop] = found.indices[start:stop][::-1].copy()
        found.data[start:stop] = found.data[start:stop][::-1].copy()
    return sp.csr_array((found.data, found.indices, found.indptr), shape=found.shape)


@_form(MATRIX)
def coo_with_duplicates(rows: Rows) -> Any:
    import scipy.sparse as sp

    return sp.coo_array((np.ones(4), ([0, 0, 1, 2], [1, 1, 0, 2])), shape=rows.values.shape)


@_form(MATRIX)
def csr_with_zeros_stored(rows: Rows) -> Any:
    found = _sparse("csr_matrix")(rows)
    found.data[::3] = 0.0
    return found


@_form(MATRIX)
def csr_with_nan(rows: Rows) -> Any:
    found = _sparse("csr_matrix")(rows)
    found.data[:2] = np.nan
    return found


_named("csr_matrix too wide", lambda rows: _wider(_sparse("csr_matrix")(rows)))
_named("csr_matrix of one row", lambda rows: _sparse("csr_matrix")(rows)[:1])
_named("csr_matrix of no rows", lambda rows: _sparse("csr_matrix")(rows)[:0])


def _wider(found: Any) -> Any:
    import scipy.sparse as sp

    return sp.hstack([found, found[:, :1]], format="csr")


def configure(forms: dict[str, Form], container: str, *names: str) -> None:
    """Add forms that are sent while scikit-learn's configuration asks for frames of one library."""
    for name in names:
        forms[f"{name}, {container} configured"] = forms[name]
        CONFIGURED[f"{name}, {container} configured"] = container


configure(MATRIX, "pandas", "float64", "float32", "frame", "frame with another index", "one row of a frame")
configure(MATRIX, "pandas", "polars", "list of lists", "csr_matrix", "no rows of a frame")
configure(MATRIX, "polars", "float64", "frame", "polars", "csr_matrix")

# One row, for the methods that end with `_one`; the source is asked about a table of it.
ROW["row: tuple"] = lambda rows: tuple(rows.values[0].tolist())
ROW["row: list"] = lambda rows: rows.values[0].tolist()
ROW["row: array"] = lambda rows: rows.values[0].copy()
ROW["row: array of float32"] = lambda rows: rows.values[0].astype(np.float32)
ROW["row: dict"] = lambda rows: dict(zip(rows.names, rows.values[0].tolist(), strict=True))
ROW["row: dict of numpy scalars"] = lambda rows: dict(zip(rows.names, rows.values[0], strict=True))
