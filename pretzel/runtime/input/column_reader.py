"""One column of a request as numbers or as cells.

A column may be a list, a 1-D ndarray, a pandas extension array or a pyarrow array. pandas and pyarrow are not imported:
their objects are recognised by their attributes and read through their public methods.
"""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from pretzel.errors import InputError, InputShapeError, InputTypeError
from pretzel.runtime.input.messages import UnreadForm, column_name
from pretzel.runtime.input.row_reader import as_number, parse_number, raise_wrong_field

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy.typing as npt

    from pretzel.input_spec import InputSpec

_NUMERIC = "fiub"  # numpy's kinds of numbers
_PLAIN = frozenset({float, int, bool, type(None)})
_ARROW_TEXTS = ("string", "large_string", "string_view")
_POLARS_TEXTS = "dictionary<values=string_view"  # Categorical and Enum; pyarrow has no cast for them
_ARROW_BYTES = ("binary", "binary_view")
_ARROW_NUMBERS = ("int", "uint", "float", "double", "halffloat", "bool")


def as_numbers(
    spec: InputSpec, position: int, column: Any, *, is_rows: bool = False, verbatim: bool = False
) -> npt.NDArray[Any]:
    """A column as a native numeric ndarray; missing values become NaN. Numeric ndarrays are not copied.

    Texts are parsed, unless values are passed on as they came (``verbatim``). In a table, NA and NaT of pandas among
    objects are rejected, as scikit-learn does; in rows (``is_rows``: the column was taken from a list of dicts) they
    are missing values.

    Raises
    ------
    InputTypeError
        Texts that are no numbers, dates, complex numbers.
    InputShapeError
        Values that are sequences.
    """
    if isinstance(column, list):
        parse = as_number if is_rows else parse_number if spec.text_lists else _number_but_text
        if verbatim:
            parse = partial(_number_but_text, parse=parse)
        return _numbers_of_objects(spec, position, column, parse)
    if not isinstance(column, np.ndarray):
        arrow = _arrow_of(column)
        if arrow is not None:
            if verbatim and _is_text(arrow):
                _reject_dtype(spec, position, arrow.type, "numbers")
            numbers: npt.NDArray[Any] = _read_arrow(_numbers_of_arrow, spec, position, arrow, _missing_of(column))
            return numbers
        column = _ndarray_of_extension(spec, position, column, "numbers")
    numbers = column
    if numbers.dtype.kind in _NUMERIC:
        return _of_another_form(spec, numbers) if is_unread(numbers.dtype) else numbers
    if numbers.dtype.kind in "OUS":
        return _numbers_of_objects(spec, position, numbers.tolist(), _number_but_text if verbatim else parse_number)
    _reject_dtype(spec, position, numbers.dtype, "numbers")


def as_cells(spec: InputSpec, position: int, column: Any) -> Any:
    """A column as cells: a list, a numeric ndarray, or one pyarrow array of strings.

    A pyarrow array whose missing values are not None, because it is that of a pandas column, comes in a tuple with what
    they are.

    Raises
    ------
    InputTypeError
        Dates and complex numbers as a dtype; single values are rejected when the list is read.
    """
    if isinstance(column, list):
        return column
    if not isinstance(column, np.ndarray):
        arrow = _arrow_of(column)
        if arrow is not None:
            return _read_arrow(_cells_of_arrow, spec, position, arrow, _missing_of(column))
        if type(column.dtype).__name__ == "DatetimeTZDtype":
            return column.astype(object).tolist()
        column = _ndarray_of_extension(spec, position, column, "texts or numbers")
    if column.dtype.kind in _NUMERIC:
        return column
    if column.dtype.kind in "OUS":
        return column.tolist()
    _reject_dtype(spec, position, column.dtype, "texts or numbers")


def are_bool(column: Any) -> bool:
    """Whether a column, which may be a list, has a dtype or type of booleans."""
    return str(getattr(column, "dtype", getattr(column, "type", ""))) in ("bool", "boolean", "bool[pyarrow]")


def dtype_of(column: Any, numbers: npt.NDArray[Any], *, alone: bool = False) -> np.dtype[Any]:
    """dtype that a column of ``numbers`` has for scikit-learn.

    It is that of arrays, and float64 for other columns that have to be converted. Texts and numbers in another byte
    order than that of the machine count as objects: what computes converts them, what selects passes them on. So do
    columns with an array type of pandas that are read ``alone``, by a step for single columns.
    """
    if isinstance(column, np.ndarray):
        return column.dtype if column.dtype.kind in "fiub" and column.dtype.isnative else np.dtype(object)
    if not hasattr(column, "to_numpy") or hasattr(column, "null_count"):
        is_bool = numbers.dtype == np.int8 and str(getattr(column, "type", "")) == "bool"
        return np.dtype(bool) if is_bool else numbers.dtype
    if alone:
        return np.dtype(object)
    if not hasattr(column, "categories"):
        return np.dtype(object if getattr(column.dtype, "kind", "") == "O" else np.float64)
    kind: str = getattr(column.categories.dtype, "kind", "O")
    return numbers.dtype if kind in _NUMERIC else np.dtype(object)


def hold_none(columns: list[Any], library: str) -> bool:
    """Whether NumPy makes objects of columns of a frame of this package: nulls of booleans are None then, and no NaN.

    polars promotes columns of booleans with those of floats, but not with those of integers.
    """
    if library not in ("polars", "pyarrow"):
        return False
    types = [str(column.type) for column in columns]
    nulls = {name for name, column in zip(types, columns, strict=True) if column.null_count}
    if library == "polars":
        return "bool" in nulls and {"halffloat", "float", "double"}.isdisjoint(types)
    return not nulls.isdisjoint(("bool", "null"))


def has_large_integers(column: list[Any], numbers: npt.NDArray[Any]) -> bool:
    """Whether a column holds integers beyond 64 bits, so that NumPy makes an array of objects of the list."""
    is_large = bool((np.abs(numbers.astype(np.float64)) >= 2.0**63).any())
    return is_large and any(isinstance(value, int) and not -(2**63) <= value < 2**64 for value in column)


def _numbers_of_objects(
    spec: InputSpec, position: int, values: list[Any], parse: Callable[[Any], float | None] = parse_number
) -> npt.NDArray[np.float64]:
    if _PLAIN.issuperset(map(type, values)):
        try:
            if {*map(type, values)} in ({int}, {bool}):
                whole = np.array(values)  # as scikit-learn sees them
                if whole.dtype.kind in _NUMERIC:
                    return whole
            return np.array(values, dtype=np.float64)
        except OverflowError:
            pass  # an integer beyond float64: the loop below finds and names it
    return np.array([_number(spec, position, row, value, parse) for row, value in enumerate(values)], dtype=np.float64)


def is_unread(dtype: np.dtype[Any]) -> bool:
    """Whether numbers are in another byte order than the machine's, or wider than float64."""
    return not dtype.isnative or dtype.itemsize > 8


def _of_another_form(spec: InputSpec, numbers: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Such numbers as float64, unless scikit-learn would compute in their own dtype."""
    if numbers.dtype.kind == "f" and numbers.dtype.itemsize != 8 and spec.floats is not True:
        what = "long doubles" if numbers.dtype.itemsize > 8 else f"numbers of {numbers.dtype} in another byte order"
        raise UnreadForm(spec.estimator, what)
    return numbers.astype(np.float64)


def _number_but_text(value: Any, parse: Callable[[Any], float | None] = parse_number) -> float | None:
    return None if isinstance(value, str | bytes) else parse(value)


def _is_text(column: Any) -> bool:
    """Whether a pyarrow array holds texts."""
    name = str(column.type)
    return name in _ARROW_TEXTS or name.endswith(_ARROW_BYTES) or name.startswith(_POLARS_TEXTS)


def _number(spec: InputSpec, position: int, row: int, value: Any, parse: Callable[[Any], float | None]) -> float:
    if isinstance(value, list | tuple) or (isinstance(value, np.ndarray) and value.ndim):
        raise InputShapeError(
            f"{spec.estimator}: row {row}, column {column_name(spec, position)} holds a {type(value).__name__}: "
            "expected a table of two dimensions"
        )
    number = math.nan if value is None else parse(value)
    if number is None:
        raise_wrong_field(spec, "", position, value, "a number", row)
    return number


def _ndarray_of_extension(spec: InputSpec, position: int, column: Any, expected: str) -> npt.NDArray[Any]:
    """A pandas extension array as an ndarray: numbers where it holds numbers, else objects."""
    kind = getattr(column.dtype, "kind", "O")
    if kind in "mMc":
        _reject_dtype(spec, position, column.dtype, expected)
    if kind in _NUMERIC:
        return column.to_numpy(dtype=np.float64, na_value=math.nan)  # type: ignore[no-any-return]
    return np.asarray(column)


def _arrow_of(column: Any) -> Any:
    """The pyarrow array that ``column`` is, or that pandas keeps its values in, or None."""
    if type(column).__name__ in ("ArrowStringArray", "ArrowExtensionArray"):
        return column.__arrow_array__()
    return column if hasattr(column, "null_count") else None


def _missing_of(column: Any) -> Any:
    """What missing values of an array are: None in pyarrow, something else in pandas."""
    return column.dtype.na_value if hasattr(column, "dtype") else None


def _objects_of(column: Any, missing: Any) -> list[Any]:
    """A pyarrow array as Python objects."""
    return [missing if value is None else value for value in column.to_pylist()]


def _read_arrow(read: Callable[..., Any], spec: InputSpec, position: int, column: Any, missing: Any) -> Any:
    """What ``read`` makes of an array, whose type pyarrow itself may be unable to convert."""
    try:
        return read(spec, position, column, missing)
    except InputError:
        raise
    except Exception as error:
        raise UnreadForm(spec.estimator, f"columns of type {column.type}") from error


def _numbers_of_arrow(spec: InputSpec, position: int, column: Any, missing: Any) -> npt.NDArray[Any]:
    name = str(column.type)
    if name.startswith("dictionary"):
        if name.startswith(_POLARS_TEXTS):
            return _numbers_of_objects(spec, position, _objects_of(column, missing))
        return _numbers_of_arrow(spec, position, column.cast(column.type.value_type), missing)
    if name == "null":
        return np.full(len(column), math.nan)
    if name in _ARROW_TEXTS or name.endswith(_ARROW_BYTES):
        return _numbers_of_objects(spec, position, _objects_of(column, missing))
    if name.startswith("decimal"):  # the cast of pyarrow is not correctly rounded
        return _numbers_of_objects(spec, position, column.to_pylist())
    if not name.startswith(_ARROW_NUMBERS):
        _reject_dtype(spec, position, name, "numbers")
    if name == "bool":
        column = column.cast("int8")
    if column.null_count and name != "float":  # which holds NaN itself
        column = column.cast("float64", safe=False)  # large integers are rounded
    chunks = getattr(column, "chunks", [column])
    parts = [chunk.to_numpy(zero_copy_only=False) for chunk in chunks]
    return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0), *parts])


def _cells_of_arrow(spec: InputSpec, position: int, column: Any, missing: Any) -> Any:
    name = str(column.type)
    if name.startswith(_POLARS_TEXTS):
        return _objects_of(column, missing)
    if name.startswith("dictionary"):
        return _cells_of_arrow(spec, position, column.cast(column.type.value_type), missing)
    if name.startswith("decimal"):
        return _objects_of(column, math.nan if missing is not None else None)
    if name.endswith(_ARROW_BYTES) or (name == "bool" and missing is None and column.null_count):
        return _objects_of(column, missing)
    if name not in _ARROW_TEXTS:
        return _numbers_of_arrow(spec, position, column, missing)
    if name == "string_view":
        column = column.cast("large_string")
    chunks = getattr(column, "chunks", [column])
    if len(chunks) != 1:
        column = column.cast("large_string").combine_chunks()
        chunks = getattr(column, "chunks", [column])
    return (chunks[0], missing) if missing is not None and column.null_count else chunks[0]


def _reject_dtype(spec: InputSpec, position: int, dtype: Any, expected: str) -> NoReturn:
    raise InputTypeError(
        f"{spec.estimator}: column {column_name(spec, position)}: expected {expected}, got values of type {dtype}"
    )


def as_floats(floats: bool | None, X: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """An array that was a list: steps that ask for floats make float64 of it, and so of the result beside others."""
    return X.astype(np.float64) if floats is None and X.dtype == np.float32 else X
