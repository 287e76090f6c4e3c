"""What boosters make of tables: codes of category dtypes of pandas, and whole numbers rounded to float32."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from pretzel.errors import InputTypeError, InputValueError
from pretzel.runtime.input.messages import package_of
from pretzel.runtime.input.row_reader import pandas_missing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pretzel.input_spec import InputSpec
    from pretzel.runtime.input.table_reader import Table


TINY = 1.0000000180025095e-35
"""float32 1e-35 as a double: LightGBM takes what is not larger for zero."""


class RowCoder:
    """Replaces the categories in single rows by their codes; what is no category of the training is NaN, or rejected.

    A row is the row of a frame with category dtypes, so that a number is a category there. Numbers of an array are
    codes already.
    """

    def __init__(self, spec: InputSpec) -> None:
        assert spec.coding is not None
        self._spec = spec
        names = spec.names or ()
        tables = map(codes_by_category, spec.coding.categories)
        self._tables = list(zip(spec.coding.columns, tables, strict=False))
        self._names = [(names[i], table) for i, table in self._tables] if names else []

    def __call__(self, row: Any) -> Any:
        """A row (dict, tuple or list) with codes."""
        if isinstance(row, dict):
            return row | {name: _code(self._spec, table, row[name]) for name, table in self._names if name in row}
        values = list(row)
        for position, table in self._tables:
            if position < len(values):
                values[position] = _code(self._spec, table, values[position])
        return values

    def column(self, position: int, cells: Sequence[Any]) -> Sequence[Any]:
        """The values of one column of single rows."""
        table = next((table for at, table in self._tables if at == position), None)
        return cells if table is None else [_code(self._spec, table, cell) for cell in cells]


class NoCoder:
    """Rejects single rows: which columns had a category dtype in the training is not known."""

    def __init__(self, spec: InputSpec) -> None:
        self._spec = spec

    def __call__(self, row: Any) -> NoReturn:
        raise InputTypeError(
            f"{self._spec.estimator}: the model does not say which columns had a category dtype in the training, as "
            "with ordered categories: send a frame with the dtypes of the training, or an array of codes"
        )

    def column(self, position: int, cells: Sequence[Any]) -> NoReturn:
        """As for one row."""
        self(cells)


def row_coder(spec: InputSpec) -> RowCoder | NoCoder | None:
    """What codes the rows of a model, if it was trained with category dtypes."""
    if spec.coding is None or not spec.coding.categories:
        return None
    return RowCoder(spec) if spec.coding.columns else NoCoder(spec)


def codes_by_category(categories: Sequence[Any]) -> dict[Any, float]:
    """The code of each category."""
    return {category: float(code) for code, category in enumerate(categories)}


def _code(spec: InputSpec, table: Mapping[Any, float], value: Any) -> float:
    if value is None or pandas_missing(value):
        return math.nan
    try:
        found = table.get(value)
    except TypeError as error:
        raise InputTypeError(f"expected a category, got a {type(value).__name__}") from error
    return _unseen(spec, value) if found is None else found


def _unseen(spec: InputSpec, value: Any) -> float:
    """The code of what is no category of the training."""
    if spec.coding is not None and spec.coding.rejects and value == value:
        raise InputValueError(f"{spec.estimator}: {value!r:.80} is no category of the training")
    return math.nan


def as_rounded(X: Any) -> Any:
    """A table as LightGBM takes it.

    Whole numbers and long doubles of an array, or of a list of rows, are float32. Columns of sparse rows lose what is
    tiny, which compressed rows keep.
    """
    if type(X) is list and X and isinstance(X[0], list | np.ndarray):
        rows = np.asarray(X)
        return as_rounded(rows) if rows.dtype.kind in "iub" else X
    if getattr(X, "format", "") == "csc":
        rows = X.copy()
        rows.data[np.abs(rows.data) <= TINY] = 0.0
        return rows
    if type(X) is np.ndarray and (X.dtype.kind in "iub" or (X.dtype.kind == "f" and X.dtype.itemsize > 8)):
        return X.astype(np.float32)
    return X


def coded_table(spec: InputSpec, table: Table, X: Any) -> Table:
    """A table whose categories are codes.

    Raises
    ------
    InputTypeError
        A frame has another number of columns of a category dtype than that of the training.
    """
    read = table.column
    if table.is_rows or (type(X) is list and X and isinstance(X[0], tuple)):
        coder = row_coder(spec)
        return table if coder is None else replace(table, column=lambda i: coder.column(i, read(i)))
    if package_of(X) == "pyarrow":
        return _coded_arrow(spec, table)
    if not hasattr(X, "iloc"):
        return table
    positions = [i for i, dtype in enumerate(X.dtypes) if type(dtype).__name__ == "CategoricalDtype"]
    known = None if spec.coding is None else spec.coding.categories
    if known is not None and len(positions) != len(known):
        raise InputTypeError(
            f"{spec.estimator}: {len(positions)} columns of the frame have a category dtype, and {len(known)} of the "
            "training had one: send a frame with the dtypes of the training, or an array of codes"
        )
    if not positions:
        return table
    codes = {i: _codes_of(spec, read(i), None if known is None else known[n]) for n, i in enumerate(positions)}
    return replace(table, column=lambda i: codes[i] if i in codes else read(i))


def _coded_arrow(spec: InputSpec, table: Table) -> Table:
    """An Arrow table whose texts and dictionaries are categories; its numbers are codes, as the library has them."""
    coder, read = row_coder(spec), table.column
    if coder is None:
        return table

    def column(position: int) -> Any:
        found = read(position)
        is_coded = position in coded and str(found.type).startswith(("dictionary", "string", "large_string"))
        return coder.column(position, found.to_pylist()) if is_coded else found

    coded = spec.coding.columns if spec.coding is not None else ()
    return replace(table, column=column)


def coded_frame(spec: InputSpec, X: Any) -> Any:
    """A frame of pandas in the order of the fit with codes in the place of categories."""
    names = [name for name, dtype in X.dtypes.items() if type(dtype).__name__ == "CategoricalDtype"]
    known = None if spec.coding is None else spec.coding.categories
    if not spec.as_booster or not names or (known is not None and len(known) != len(names)):
        return X  # the estimator rejects it, too
    codes = {name: _codes_of(spec, X[name].array, None if known is None else known[n]) for n, name in enumerate(names)}
    return X.assign(**codes)


def _codes_of(spec: InputSpec, column: Any, categories: Sequence[Any] | None) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The codes of a column of pandas, by its own categories or by others."""
    own: list[Any] = column.categories.tolist()
    codes: list[float] = list(map(float, range(len(own))))
    if categories is not None:
        bools = column.categories.dtype.kind == "b" and len(own) < len(categories)
        table = {} if bools else codes_by_category(categories)  # pandas finds no bool among numbers
        used = set(np.unique(column.codes).tolist())
        codes = [
            table[category] if category in table else _unseen(spec, category) if i in used else math.nan
            for i, category in enumerate(own)
        ]
    found: np.ndarray[Any, np.dtype[np.float64]] = np.array([*codes, math.nan])[column.codes]
    return found
