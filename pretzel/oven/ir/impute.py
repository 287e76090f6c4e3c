"""Missing values: replaced by constants, or reported as indicators, over numbers and over cells."""

from __future__ import annotations

import math
from dataclasses import replace as replace_fields
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pretzel.errors import InputTypeError, InputValueError
from pretzel.oven.ir._cells import CellValue, PackedCells, cell_key, is_nan, is_pandas_missing, pack, unpack
from pretzel.oven.ir.columns import CellLeaf
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
    blanks : tuple of int
        Characters: a text of nothing but these is missing, also one of none; no text is where there are none.
    texts : bool
        Stop at what is neither a text nor missing.
    spared : tuple of int
        Columns of the result in which no text is missing.
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
    blanks: tuple[int, ...] = ()
    texts: bool = False
    spared: tuple[int, ...] = ()

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
            "blanks": np.array(self.blanks, dtype=np.int32),
            "texts": np.array(self.texts, dtype=np.uint8),
            "spared": np.isin(np.arange(len(self.columns)), self.spared).astype(np.uint8),
        }

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        if not self.na and any(is_pandas_missing(value, "NAType") for value in x.flat):
            raise InputTypeError("SimpleImputer: NA of pandas is rejected")
        if self.reject_nan and any(is_nan(value) or is_pandas_missing(value, "NaTType") for value in x.flat):
            raise InputValueError("SimpleImputer: NaN is rejected")
        missing = {cell_key(value) for value in self.missing}
        out = x[:, list(self.columns)].astype(object)
        blanks = {*map(chr, self.blanks)}
        for j, fill in enumerate(self.fill):
            for i in range(len(out)):
                value: Any = math.nan if is_pandas_missing(out[i, j], "NaTType") else out[i, j]
                is_text = isinstance(value, str)
                is_blank = bool(blanks) and is_text and blanks.issuperset(value)
                is_spared = is_text and j in self.spared
                found = not is_spared and (is_blank or cell_key(value) in missing)
                if is_pandas_missing(value, "NAType") or found:
                    out[i, j] = fill
                elif self.texts and not is_text:
                    raise InputValueError(f"row {i}, column {self.columns[j]}: expected a text, got {value!r}")
        return out

    def select(self, columns: Sequence[int]) -> Node:
        """Some of the columns that are kept."""
        fill = pack(self.fill[i] for i in columns)
        spared = tuple(at for at, i in enumerate(columns) if i in self.spared)
        return replace(self, columns=tuple(self.columns[i] for i in columns), spared=spared, **fill._asdict())

    def as_replacement(self) -> Replacement | None:
        special = self.na or self.texts or bool(self.blanks) or bool(self.spared)
        if special or self.columns != tuple(range(self.inputs[0].schema().width)):
            return None
        return Replacement(self.missing, tuple(self.fill), self.reject_nan, rejects_na=True)

    def describe(self) -> str:
        more = f", {len(self.missing) - 4} more" if len(self.missing) > 4 else ""
        return f"{', '.join(map(repr, self.missing[:4]))}{more} -> constants"


def imputed_together(nodes: Sequence[Node]) -> Node | None:
    """One node for cells side by side in which the same values are missing, or no texts; None for other nodes."""
    every = [node for node in nodes if isinstance(node, ImputeCells) and isinstance(node.inputs[0], CellLeaf)]
    if len(every) < len(nodes):
        return None
    most = max(every, key=lambda node: len(node.missing))
    columns: list[int] = []
    fill: list[CellValue] = []
    spared: list[int] = []
    for node in every:
        (leaf,) = node.inputs
        assert isinstance(leaf, CellLeaf)
        keeps_texts = not node.blanks and not any(isinstance(value, str) for value in node.missing)
        same = _settings(node, texts=False) == _settings(most, texts=False)
        if not same or (not keeps_texts and _settings(node) != _settings(most)):
            return None
        spared += [len(columns) + j for j in (range(len(node.columns)) if keeps_texts else node.spared)]
        columns += [leaf.columns[column] for column in node.columns]
        fill += node.fill
    together = CellLeaf(most.inputs[0].inputs, tuple(columns))
    constants = pack(fill)._asdict()
    return replace(most, inputs=(together,), columns=tuple(range(len(columns))), spared=tuple(spared), **constants)


def _settings(node: ImputeCells, *, texts: bool = True) -> tuple[Any, ...]:
    """What counts as missing for a node, and what stops it; with ``texts=False`` whatever it does with texts."""
    missing = {cell_key(value) for value in node.missing if texts or not isinstance(value, str)}
    return missing, node.blanks if texts else (), node.reject_nan, node.na, node.texts, node.inputs[0].inputs


def _is_missing(x: Array, missing: float) -> Array:
    return np.isnan(x) if math.isnan(missing) else x == missing
