"""Missing values: replaced by constants, or reported as indicators, over numbers and over cells."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pretzel.errors import InputValueError
from pretzel.oven.graph import Array, Methods, Node, Output, Value
from pretzel.oven.ops._cells import CellValue, PackedCells, cell_key, cell_value, is_nan, pack, unpack
from pretzel.oven.ops.scale import dense_only
from pretzel.oven.registry import Unsupported, from_sklearn
from pretzel.schema import Kind, Schema, cells, dense

if TYPE_CHECKING:
    from pretzel.oven.importer import Importer


class Impute(Node):
    """``fill[j]`` where column j holds ``missing`` (a number or NaN), everything else unchanged.

    Parameters
    ----------
    fill : ndarray of float64, shape (width,)
    missing : float
    """

    fill: Array
    missing: float = math.nan

    kernel: ClassVar[str] = "impute"

    def schema(self) -> Schema:
        return self.inputs[0].schema()

    def params(self) -> tuple[Array, ...]:
        return self.fill, np.array(self.missing, dtype=np.float64)

    def reference(self, *inputs: Value) -> Value:
        return np.where(_is_missing(inputs[0], self.missing), self.fill, inputs[0])

    def describe(self) -> str:
        return f"{self.missing} -> constants"


class MissingMask(Node):
    """1.0 where one of ``columns`` holds ``missing``, else 0.0.

    Parameters
    ----------
    columns : tuple of int
    missing : float
    refuse_new : bool
        Stop where a column that is not among ``columns`` holds ``missing``.
    """

    columns: tuple[int, ...]
    missing: float = math.nan
    refuse_new: bool = False

    kernel: ClassVar[str] = "missing_mask"

    def schema(self) -> Schema:
        return dense(len(self.columns), integral=True, keeps_float32=True)

    def params(self) -> tuple[Array, ...]:
        return (
            np.array(self.columns, dtype=np.int32),
            np.array(self.missing, dtype=np.float64),
            np.array([self.refuse_new], dtype=np.uint8),
        )

    def reference(self, *inputs: Value) -> Value:
        mask = _is_missing(inputs[0], self.missing)
        new = np.delete(mask, list(self.columns), axis=1)
        if self.refuse_new and new.any():
            raise InputValueError("MissingIndicator: a column without missing values in fit has one now")
        return mask[:, list(self.columns)].astype(np.float64)

    def describe(self) -> str:
        return f"{len(self.columns)} columns"


class ImputeCells(Node):
    """Some columns of cells, with a constant in place of each missing one.

    Parameters
    ----------
    columns : tuple of int
        Columns that are kept.
    missing : tuple of str, float or None
        Cells that count as missing.
    kinds, numbers, offsets, sizes, text : ndarray
        `PackedCells` with the constant of each kept column.
    refuse_nan : bool
        Stop at NaN, in any column.
    """

    columns: tuple[int, ...]
    missing: tuple[CellValue, ...]
    kinds: Array
    numbers: Array
    offsets: Array
    sizes: Array
    text: Array
    refuse_nan: bool = False

    kernel: ClassVar[str] = "impute_cells"

    @property
    def fill(self) -> list[CellValue]:
        """The constant of each kept column."""
        return unpack((self.kinds, self.numbers, self.offsets, self.sizes, self.text))

    def schema(self) -> Schema:
        return cells(len(self.columns))

    def params(self) -> tuple[Array, ...]:
        constants = PackedCells(self.kinds, self.numbers, self.offsets, self.sizes, self.text)
        flags = np.array([self.refuse_nan], dtype=np.uint8)
        return np.array(self.columns, dtype=np.int32), *constants, *pack(self.missing), flags

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        if self.refuse_nan and any(is_nan(value) for value in x.flat):
            raise InputValueError("SimpleImputer: NaN is refused")
        missing = {cell_key(value) for value in self.missing}
        out = x[:, list(self.columns)].astype(object)
        for j, fill in enumerate(self.fill):
            for i in range(len(out)):
                if cell_key(out[i, j]) in missing:
                    out[i, j] = fill
        return out

    def describe(self) -> str:
        return f"{', '.join(map(repr, self.missing))} -> constants"


def _is_missing(x: Array, missing: float) -> Array:
    return np.isnan(x) if math.isnan(missing) else x == missing


@from_sklearn("sklearn.impute.SimpleImputer")
def simple_imputer(estimator: Any, x: Node, importer: Importer) -> Node:
    """Numbers or cells, whichever the imputer was fitted on."""
    dense_only(x, estimator)
    statistics = estimator.statistics_
    if estimator.keep_empty_features:
        columns = tuple(range(len(statistics)))
    else:
        columns = tuple(j for j, value in enumerate(statistics) if not is_nan(value))
    fill = statistics[list(columns)].astype(estimator._fill_dtype)
    if not columns:
        raise Unsupported("SimpleImputer that drops every column")
    if estimator._fit_dtype.kind == "O":
        return _impute_cells(estimator, importer.cells(x), columns, fill)
    missing = _missing_number(estimator.missing_values)
    x = importer.finite(importer.dense(x), estimator, allow_nan=math.isnan(missing))
    kept = x if len(columns) == len(statistics) else importer.select(x, columns)
    imputed = Impute((kept,), fill.astype(np.float64), missing)
    if estimator.indicator_ is None or not len(estimator.indicator_.features_):
        return imputed
    mask = MissingMask((x,), tuple(map(int, estimator.indicator_.features_)), missing)
    return importer.concat([imputed, mask])


def _impute_cells(estimator: Any, x: Node, columns: tuple[int, ...], fill: Array) -> Node:
    if estimator.indicator_ is not None:
        raise Unsupported("SimpleImputer(add_indicator=True) over texts")
    value = estimator.missing_values
    is_na = type(value).__name__ == "NAType"
    missing: tuple[CellValue, ...] = (None, math.nan) if is_na else (cell_value(value),)
    constants = pack(cell_value(value) for value in fill)
    return ImputeCells((x,), columns, missing, *constants, refuse_nan=not is_nan(value))


@from_sklearn("sklearn.impute.MissingIndicator")
def missing_indicator(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Indicators of numeric columns."""
    if estimator.sparse is True:
        raise Unsupported("MissingIndicator(sparse=True)")
    missing = _missing_number(estimator.missing_values)
    source = importer.numeric(x)
    if source.schema().kind is not Kind.DENSE or not len(estimator.features_):
        raise Unsupported("MissingIndicator over sparse rows, or with nothing to indicate")
    source = importer.finite(source, estimator, allow_nan=math.isnan(missing))
    only = estimator.features == "missing-only"
    columns = tuple(map(int, estimator.features_))
    return {
        "transform": Output(MissingMask((source,), columns, missing, only and estimator.error_on_new), dtype="bool")
    }


def _missing_number(value: Any) -> float:
    number = cell_value(value)
    if not isinstance(number, float):
        raise Unsupported(f"{value!r} as the missing value of numbers")
    return number
