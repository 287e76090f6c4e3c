"""Categories to numbers: one code for each cell, and one-hot rows from codes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pretzel.errors import InputValueError
from pretzel.oven.ir._cells import CellValue, PackedCells, cell_key, decoded, is_nan, is_pandas_missing, pack, unpack
from pretzel.oven.ir._states import Fields, States, section
from pretzel.oven.ir.graph import Array, Node, Value
from pretzel.oven.ir.value_properties import ValueProperties, of_constants, whole
from pretzel.schema import Schema, dense, fixed, sparse

if TYPE_CHECKING:
    from collections.abc import Sequence


REJECT_UNKNOWN, REJECT_NAN, REJECT_NA, REJECT_NONE, REJECT_OBJECT, NUMBERS_TO_NAN = 1, 2, 4, 8, 16, 32


_HEAD = np.dtype([("width", "i8"), ("slots_at", "i8"), ("text_at", "i8")])
_COLUMN = np.dtype([("first", "i8"), ("mask", "u8"), *((name, "f8") for name in ("none", "nan", "unknown")),
                    ("longest", "i8"), *((name, "u1") for name in ("has_none", "has_nan", "reject")),
                    ("pad", "V5")])  # fmt: skip
_SLOT = np.dtype([("key", "u8"), ("code", "f8"), ("offset", "u4"), ("size", "u4"), ("width", "u1"), ("pad", "V7")])
_NUMBER = 8  # in place of the width of a text


def _categories_1(state: Array, fields: Fields) -> dict[str, Array]:
    """Categories of a state of version 1: hash tables of the columns, and all texts."""
    head = section(state, 0, _HEAD, 1)[0]
    columns = section(state, 64, _COLUMN, head["width"])
    text = state[int(head["text_at"]) :].tobytes()
    starts, codes, size = [0], [], 0
    values: list[CellValue] = []
    for column in columns:
        first = int(head["slots_at"]) + int(column["first"]) * _SLOT.itemsize
        slots = section(state, first, _SLOT, int(column["mask"]) + 1)
        for slot in slots[slots["width"] != 0]:
            values.append(_category(slot, text))
            codes.append(slot["code"])
            size += int(slot["size"])
        if len(values) + size > 100 * len(state):
            raise ValueError("categories that are longer than their table allows")
        for name, value in (("none", None), ("nan", math.nan)):
            if column[f"has_{name}"]:
                values.append(value)
                codes.append(column[name])
        starts.append(len(values))
    return {
        "starts": np.array(starts, dtype=np.int32),
        **pack(values)._asdict(),
        "codes": np.array(codes, dtype=np.float64),
        "unknown": columns["unknown"],
        "reject": columns["reject"],
    }


def _category(slot: Any, text: bytes) -> CellValue:
    """What a slot stands for."""
    width, at = int(slot["width"]), int(slot["offset"])
    if width == _NUMBER:
        return float(np.frombuffer(slot["key"].tobytes())[0])
    return decoded(text[at : at + width * int(slot["size"])], width)


class CategoryCodes(Node):
    """For each cell the number that belongs to its category; equality is Python's (``1 == 1.0 == True != "1"``).

    Parameters
    ----------
    starts : ndarray of int32, shape (width + 1,)
        Categories of column j are ``starts[j]:starts[j + 1]`` of the arrays below.
    kinds, numbers, offsets, sizes, text : ndarray
        `PackedCells` with every category.
    codes : ndarray of float64, shape (n_categories,)
        What each category becomes.
    unknown : ndarray of float64, shape (width,)
        What other cells become.
    reject : ndarray of uint8, shape (width,)
        `REJECT_UNKNOWN`: stop at other cells instead. `REJECT_NAN`: stop at NaN, which is no category then.
        `REJECT_NA`: stop at NA of pandas, and take NaT for NaN, as the imputer in front did. `REJECT_NONE`: stop at
        None, which is no category then. `REJECT_OBJECT`: stop at unknown texts, and at objects that are no numbers.
        `NUMBERS_TO_NAN`: unknown cells that are neither texts nor missing become NaN, whatever else is rejected.
    dtype : str
        What the encoder returns.
    """

    starts: Array
    kinds: Array
    numbers: Array
    offsets: Array
    sizes: Array
    text: Array
    codes: Array
    unknown: Array
    reject: Array
    dtype: str = "float64"

    op: ClassVar[str] = "category_codes/1"
    kernel: ClassVar[str] = "category_codes"
    discrete: ClassVar[bool] = True
    columnwise: ClassVar[bool] = True
    states: ClassVar[States] = {1: _categories_1}

    @property
    def categories(self) -> list[list[CellValue]]:
        """Categories of each column."""
        values = unpack((self.kinds, self.numbers, self.offsets, self.sizes, self.text))
        return [values[a:b] for a, b in zip(self.starts[:-1], self.starts[1:], strict=True)]

    def schema(self) -> Schema:
        return dense(len(self.unknown), fixed(self.dtype))

    def params(self) -> dict[str, Array]:
        constants = PackedCells(self.kinds, self.numbers, self.offsets, self.sizes, self.text)
        return {
            "starts": self.starts,
            **constants._asdict(),
            "codes": self.codes,
            "unknown": self.unknown,
            "reject": self.reject,
        }

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        out = np.empty(x.shape)
        for j, categories in enumerate(self.categories):
            codes = self.codes[self.starts[j] : self.starts[j + 1]]
            table = dict(zip(map(cell_key, categories), codes, strict=True))
            for i in range(len(x)):
                value = x[i, j]
                if self.reject[j] & REJECT_NA and is_pandas_missing(value, "NaTType"):
                    value = math.nan
                code = table.get(cell_key(value))
                if code is None and self.reject[j] & NUMBERS_TO_NAN and cell_key(value)[0] in ("number", "other"):
                    code = math.nan
                if code is None and self.rejects(value, int(self.reject[j])):
                    raise InputValueError(f"row {i}, column {j}: {value!r} is rejected")
                out[i, j] = self.unknown[j] if code is None else code
        return out

    @staticmethod
    def rejects(value: Any, reject: int) -> bool:
        """Whether a column of these ``reject`` stops at a value that is none of its categories."""
        stops = REJECT_UNKNOWN
        if is_nan(value):
            stops |= REJECT_NAN
        elif is_pandas_missing(value, "NAType"):
            stops |= REJECT_NA
        elif value is None:
            stops |= REJECT_NONE
        elif cell_key(value)[0] in ("text", "other"):
            stops |= REJECT_OBJECT
        return bool(reject & stops)

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        to_nan = [math.nan] if (self.reject & NUMBERS_TO_NAN).any() else []
        return of_constants(np.concatenate([self.codes, self.unknown, to_nan]))

    def select_columns(self, x: Node, columns: Array) -> Node | None:
        if self.reject.any():
            return None
        categories = self.categories
        codes = [self.codes[self.starts[j] : self.starts[j + 1]].tolist() for j in columns]
        unknown = self.unknown[columns].tolist()
        return category_codes(x, [categories[j] for j in columns], codes, unknown, reject=0, dtype=self.dtype)

    def describe(self) -> str:
        return f"{len(self.unknown)} columns, {len(self.codes)} categories"


def category_codes(
    x: Node,
    categories: Sequence[Sequence[CellValue]],
    codes: Sequence[Sequence[float]],
    unknown: Sequence[float],
    *,
    reject: int,
    dtype: str = "float64",
) -> CategoryCodes:
    """A node from the categories of each column; of equal ones the last counts, as in a dict."""
    tables = [
        dict(zip(map(cell_key, column), zip(column, numbers, strict=True), strict=True))
        for column, numbers in zip(categories, codes, strict=True)
    ]
    entries = [entry for table in tables for entry in table.values()]
    return CategoryCodes(
        (x,),
        np.cumsum([0, *map(len, tables)], dtype=np.int32),
        *pack(value for value, _ in entries),
        np.array([code for _, code in entries], dtype=np.float64),
        np.array(unknown, dtype=np.float64),
        np.full(len(tables), reject, dtype=np.uint8),
        dtype,
    )


class OneHot(Node):
    """A 1 in column ``offsets[j] + code`` for each code, nothing for negative ones.

    Parameters
    ----------
    offsets : ndarray of int32, shape (width + 1,)
    is_sparse : bool
        Sparse rows, else dense ones.
    dtype : str
        What the encoder returns, empty where that is the dtype of the codes.
    """

    offsets: Array
    is_sparse: bool = True
    dtype: str = "float64"

    op: ClassVar[str] = "one_hot/1"
    kernel: ClassVar[str] = "one_hot"
    discrete: ClassVar[bool] = True

    def schema(self) -> Schema:
        width = int(self.offsets[-1])
        dtype = fixed(self.dtype) if self.dtype else self.inputs[0].schema().dtype
        if self.is_sparse:
            return sparse(width, len(self.offsets) - 1, dtype)
        return dense(width, dtype)

    def params(self) -> dict[str, Array]:
        return {"offsets": self.offsets}

    def reference(self, *inputs: Value) -> Value:
        from scipy import sparse as sp

        (codes,) = inputs
        out = np.zeros((len(codes), int(self.offsets[-1])))
        row, column = np.nonzero(codes >= 0)
        out[row, self.offsets[column] + codes[row, column].astype(np.int64)] = 1.0
        return sp.csr_array(out) if self.is_sparse else out

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return whole(0, 1)

    def mostly_zeros(self) -> bool:
        return True

    def describe(self) -> str:
        return f"{len(self.offsets) - 1} columns -> {int(self.offsets[-1])}"


class WholeCodes(Node):
    """Numbers as codes: their whole part, which stops outside of ``0 .. counts[j] - 1``.

    Parameters
    ----------
    counts : ndarray of int32, shape (width,)
    """

    counts: Array

    op: ClassVar[str] = "whole_codes/1"
    kernel: ClassVar[str] = "whole_codes"
    columnwise: ClassVar[bool] = True
    discrete: ClassVar[bool] = True

    def schema(self) -> Schema:
        return dense(len(self.counts), fixed("int64"))

    def params(self) -> dict[str, Array]:
        return {"counts": self.counts}

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        known = (x > -1.0) & (x < self.counts)
        if not known.all():
            row, column = np.argwhere(~known)[0]
            raise InputValueError(f"row {row}, column {column}: {x[row, column]} is no code of a category")
        return np.trunc(x) + 0.0  # without a negative zero

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return whole(0, max(int(self.counts.max(initial=1)) - 1, 0))

    def describe(self) -> str:
        return f"{len(self.counts)} columns"
