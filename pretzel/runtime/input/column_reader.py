"""One column of a request as numbers or as cells.

A column may be a list, a 1-D ndarray, a pandas extension array or a pyarrow array. pandas and pyarrow are not imported:
their objects are recognised by their attributes and read through their public methods.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from pretzel.errors import InputShapeError, InputTypeError
from pretzel.runtime.input.messages import column_name
from pretzel.runtime.input.row_reader import as_number, raise_wrong_field

if TYPE_CHECKING:
    import numpy.typing as npt

    from pretzel.plan import InputSpec

_NUMERIC = "fiub"  # numpy's kinds of numbers
_PLAIN = frozenset({float, int, bool, type(None)})
_ARROW_NUMBERS = ("int", "uint", "float", "double", "halffloat", "bool")


def as_numbers(spec: InputSpec, position: int, column: Any) -> npt.NDArray[Any]:
    """A column as a native numeric ndarray; missing values become NaN. Numeric ndarrays are not copied.

    Raises
    ------
    InputTypeError
        Texts (which scikit-learn would parse), bytes, dates, complex numbers.
    InputShapeError
        Values that are sequences.
    """
    if isinstance(column, list):
        return _numbers_of_objects(spec, position, column)
    if not isinstance(column, np.ndarray):
        arrow = _arrow_of(column)
        if arrow is not None:
            return _numbers_of_arrow(spec, position, arrow)
        column = _ndarray_of_extension(spec, position, column, "numbers")
    numbers: npt.NDArray[Any] = column
    if numbers.dtype.kind in _NUMERIC:
        return numbers if numbers.dtype.isnative and numbers.dtype.itemsize <= 8 else numbers.astype(np.float64)
    if numbers.dtype.kind in "OUS":
        return _numbers_of_objects(spec, position, numbers.tolist())
    _reject_dtype(spec, position, numbers.dtype, "numbers")


def as_cells(spec: InputSpec, position: int, column: Any) -> Any:
    """A column as texts, numbers and missing values: a list, a numeric ndarray or one pyarrow array of strings.

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
            return _cells_of_arrow(spec, position, arrow)
        column = _ndarray_of_extension(spec, position, column, "texts or numbers")
    if column.dtype.kind in _NUMERIC:
        return column
    if column.dtype.kind in "OUS":
        return column.tolist()
    _reject_dtype(spec, position, column.dtype, "texts or numbers")


def is_float32(column: Any) -> bool:
    """Whether a column came as float32, so that scikit-learn would answer in float32."""
    return isinstance(column, np.ndarray) and column.dtype == np.float32


def _numbers_of_objects(spec: InputSpec, position: int, values: list[Any]) -> npt.NDArray[np.float64]:
    if _PLAIN.issuperset(map(type, values)):
        try:
            return np.array(values, dtype=np.float64)
        except OverflowError:
            pass  # an integer beyond float64: the loop below finds and names it
    return np.array([_number(spec, position, row, value) for row, value in enumerate(values)], dtype=np.float64)


def _number(spec: InputSpec, position: int, row: int, value: Any) -> float:
    if isinstance(value, list | tuple | np.ndarray):
        raise InputShapeError(
            f"{spec.estimator}: row {row}, column {column_name(spec, position)} holds a {type(value).__name__}: "
            "expected a table of two dimensions"
        )
    number = math.nan if value is None else as_number(value)
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


def _numbers_of_arrow(spec: InputSpec, position: int, column: Any) -> npt.NDArray[Any]:
    name = str(column.type)
    if name.startswith("dictionary"):
        return _numbers_of_arrow(spec, position, column.cast(column.type.value_type))
    if name == "null":
        return np.full(len(column), math.nan)
    if name in ("string", "large_string", "string_view"):
        return _numbers_of_objects(spec, position, column.to_pylist())
    if not name.startswith(_ARROW_NUMBERS):
        _reject_dtype(spec, position, name, "numbers")
    if name == "bool":
        column = column.cast("int8")
    if column.null_count:
        column = column.cast("float64")
    chunks = getattr(column, "chunks", [column])
    parts = [chunk.to_numpy(zero_copy_only=False) for chunk in chunks]
    return parts[0] if len(parts) == 1 else np.concatenate([np.empty(0), *parts])


def _cells_of_arrow(spec: InputSpec, position: int, column: Any) -> Any:
    name = str(column.type)
    if name.startswith("dictionary"):
        return _cells_of_arrow(spec, position, column.cast(column.type.value_type))
    if name not in ("string", "large_string", "string_view"):
        return _numbers_of_arrow(spec, position, column)
    chunks = getattr(column, "chunks", [column])
    if name == "string_view" or len(chunks) > 1:
        column = column.cast("large_string").combine_chunks()
        chunks = getattr(column, "chunks", [column])
    return chunks[0]


def _reject_dtype(spec: InputSpec, position: int, dtype: Any, expected: str) -> NoReturn:
    raise InputTypeError(
        f"{spec.estimator}: column {column_name(spec, position)}: expected {expected}, got values of type {dtype}"
    )
