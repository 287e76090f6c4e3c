"""Missing values: replaced by constants, or reported as indicators, over numbers and over cells."""

from __future__ import annotations

import math
from dataclasses import replace as replace_fields
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pretzel.errors import InputTypeError, InputValueError
from pretzel.oven.ir._cells import CellValue, PackedCells, cell_key, is_nan, is_pandas_missing, pack, unpack
from pretzel.oven.ir.graph import Array, Node, Value, replace
from pretzel.oven.ir.scale import round_to_float32
from pretzel.oven.ir.step_forms import Replacement
from pretzel.oven.ir.value_properties import ValueProperties, of_constants, whole
from pretzel.schema import Schema, cells, dense, fixed

if TYPE_CHECKING:
    from collections.abc import Sequence

TINY = 1.0000000180025095e-35
"""float32 1e-35 as a double: LightGBM takes what is not larger for zero."""


class ZeroToNaN(Node):
    """NaN where a value is at most `TINY` from zero."""

    op: ClassVar[str] = "zero_to_nan/1"
    kernel: ClassVar[str] = "zero_to_nan"
    columnwise: ClassVar[bool] = True

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return replace_fields(source, dtype=source.dtype.floating())

    def reference(self, *inputs: Value) -> Value:
        return np.where(np.abs(inputs[0]) <= TINY, np.nan, inputs[0])

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return replace_fields(inputs[0], no_nan=False)


class Impute(Node):
    """``fill[j]`` where column j holds ``missing`` (a number or NaN), everything else unchanged.

    Parameters
    ----------
    fill : ndarray of float64, shape (width,)
    missing : float
    keeps : bool
        The result has the dtype of the input, whole numbers too.
    """

    fill: Array
    missing: float = math.nan
    keeps: bool = False

    op: ClassVar[str] = "impute/1"
    kernel: ClassVar[str] = "impute"
    columnwise: ClassVar[bool] = True

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return source if self.keeps else replace_fields(source, dtype=source.dtype.floating())

    def params(self) -> dict[str, Array]:
        return {"fill": self.fill, "missing": np.array(self.missing, dtype=np.float64)}

    def reference(self, *inputs: Value) -> Value:
        return np.where(_is_missing(inputs[0], self.missing), self.fill, inputs[0])

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        (x,) = inputs
        kept = replace_fields(x, no_nan=True) if math.isnan(self.missing) else x
        return kept.meet(of_constants(self.fill))

    def as_replacement(self) -> Replacement | None:
        return Replacement((self.missing,), tuple(self.fill.tolist()))

    def in_float32(self) -> Node:
        return replace(self, fill=round_to_float32(self.fill), missing=float(np.float32(self.missing)))

    def select_columns(self, x: Node, columns: Array) -> Node | None:
        return replace(self, inputs=(x,), fill=self.fill[columns])

    def describe(self) -> str:
        return f"{self.missing} -> constants"


class MissingMask(Node):
    """1.0 where one of ``columns`` holds ``missing``, else 0.0.

    Parameters
    ----------
    columns : tuple of int
    missing : float
    reject_new : bool
        Stop where a column that is not among ``columns`` holds ``missing``.
    """

    columns: tuple[int, ...]
    missing: float = math.nan
    reject_new: bool = False

    op: ClassVar[str] = "missing_mask/1"
    kernel: ClassVar[str] = "missing_mask"
    discrete: ClassVar[bool] = True

    def schema(self) -> Schema:
        return dense(len(self.columns), fixed("bool"))

    def in_float32(self) -> Node:
        return replace(self, missing=float(np.float32(self.missing)))

    def params(self) -> dict[str, Array]:
        return {
            "columns": np.array(self.columns, dtype=np.int32),
            "missing": np.array(self.missing, dtype=np.float64),
            "reject_new": np.array(self.reject_new, dtype=np.uint8),
        }

    def reference(self, *inputs: Value) -> Value:
        mask = _is_missing(inputs[0], self.missing)
        new = np.delete(mask, list(self.columns), axis=1)
        if self.reject_new and new.any():
            raise InputValueError("MissingIndicator: a column without missing values in fit has one now")
        return mask[:, list(self.columns)].astype(np.float64)

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return whole(0, 1)

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
    reject_nan : bool
        Stop at NaN, in any column.
    na : bool
        NA of pandas counts as missing; else stop at it, in any column.
    """

    columns: tuple[int, ...]
    missing: tuple[CellValue, ...]
    kinds: Array
    numbers: Array
    offsets: Array
    sizes: Array
    text: Array
    reject_nan: bool = False
    na: bool = False

    op: ClassVar[str] = "impute_cells/2"
    kernel: ClassVar[str] = "impute_cells"

    @property
    def fill(self) -> list[CellValue]:
        """The constant of each kept column."""
        return unpack((self.kinds, self.numbers, self.offsets, self.sizes, self.text))

    def schema(self) -> Schema:
        return cells(len(self.columns))

    def params(self) -> dict[str, Array]:
        fill = PackedCells(self.kinds, self.numbers, self.offsets, self.sizes, self.text)
        return {
            "columns": np.array(self.columns, dtype=np.int32),
            **{f"fill_{name}": array for name, array in fill._asdict().items()},
            **{f"missing_{name}": array for name, array in pack(self.missing)._asdict().items()},
            "reject_nan": np.array(self.reject_nan, dtype=np.uint8),
            "na": np.array(self.na, dtype=np.uint8),
        }

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        if not self.na and any(is_pandas_missing(value, "NAType") for value in x.flat):
            raise InputTypeError("SimpleImputer: NA of pandas is rejected")
        if self.reject_nan and any(is_nan(value) or is_pandas_missing(value, "NaTType") for value in x.flat):
            raise InputValueError("SimpleImputer: NaN is rejected")
        missing = {cell_key(value) for value in self.missing}
        out = x[:, list(self.columns)].astype(object)
        for j, fill in enumerate(self.fill):
            for i in range(len(out)):
                nat = is_pandas_missing(out[i, j], "NaTType")
                if is_pandas_missing(out[i, j], "NAType") or cell_key(math.nan if nat else out[i, j]) in missing:
                    out[i, j] = fill
        return out

    def select(self, columns: Sequence[int]) -> Node:
        """Some of the columns that are kept."""
        fill = pack(self.fill[i] for i in columns)
        return replace(self, columns=tuple(self.columns[i] for i in columns), **fill._asdict())

    def as_replacement(self) -> Replacement | None:
        if self.na or self.columns != tuple(range(self.inputs[0].schema().width)):
            return None
        return Replacement(self.missing, tuple(self.fill), self.reject_nan, rejects_na=True)

    def describe(self) -> str:
        return f"{', '.join(map(repr, self.missing))} -> constants"


def _is_missing(x: Array, missing: float) -> Array:
    return np.isnan(x) if math.isnan(missing) else x == missing
