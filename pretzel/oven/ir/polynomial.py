"""Products of columns: ``PolynomialFeatures``."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Value
from pretzel.oven.ir.scale import round_to_float32
from pretzel.schema import Schema, dense

if TYPE_CHECKING:
    from collections.abc import Sequence


class Polynomial(Node):
    """Products of columns, each made from a product of one factor less.

    A full row starts with 1 and the columns of ``x``. Then each run ``(start, factor, length)`` appends
    ``full[start : start + length] * x[factor]``, which is the order of multiplications in scikit-learn. The result
    is the full row without its 1 (unless ``bias``) and without the columns from 1 to ``first``.

    Parameters
    ----------
    runs : int32 array of shape (n_runs, 3)
    first : int
        First column of the full row, after the 1, that is part of the result.
    bias : bool
        Whether the 1 is.
    """

    runs: Array
    first: int
    bias: bool

    op: ClassVar[str] = "polynomial/1"
    kernel: ClassVar[str] = "polynomial"

    @property
    def full_width(self) -> int:
        """Columns of the full row."""
        return 1 + self.inputs[0].schema().width + int(self.runs[:, 2].sum())

    def schema(self) -> Schema:
        return dense(self.full_width - self.first + self.bias, self.inputs[0].schema().dtype.floating())

    def params(self) -> dict[str, Array]:
        return {
            "runs": self.runs,
            "first_column": np.array(self.first, dtype=np.int32),
            "include_bias": np.array(self.bias, dtype=np.uint8),
            "full_width": np.array(self.full_width, dtype=np.int32),
        }

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        full = np.hstack([np.ones((len(x), 1)), x])
        for start, factor, length in self.runs:
            full = np.hstack([full, self._rounded(full[:, start : start + length] * x[:, [factor]])])
        kept = full[:, self.first :]
        return np.hstack([full[:, :1], kept]) if self.bias else kept

    def _rounded(self, x: Array) -> Array:
        return x

    def in_float32(self) -> Node:
        return PolynomialFloat32(self.inputs, self.runs, self.first, self.bias)

    def describe(self) -> str:
        return f"{self.schema().width} products"


class PolynomialFloat32(Polynomial):
    """`Polynomial` of float32, with every product rounded to float32."""

    op: ClassVar[str] = "polynomial_float32/1"
    kernel: ClassVar[str] = "polynomial_float32"

    def _rounded(self, x: Array) -> Array:
        return round_to_float32(x)


def runs_of(combinations: Sequence[tuple[int, ...]]) -> Array:
    """Runs that make ``combinations`` of two and more factors, in their order, out of those of one factor less."""
    column = {combination: 1 + i for i, combination in enumerate(combinations)}
    runs: list[list[int]] = []
    degree = 0
    for combination in combinations:
        if len(combination) < 2:
            continue
        start, factor = column[combination[1:]], combination[0]
        # A run stays within one degree: it must not read what it writes.
        if degree == len(combination) and runs[-1][1] == factor and runs[-1][0] + runs[-1][2] == start:
            runs[-1][2] += 1
        else:
            runs.append([start, factor, 1])
        degree = len(combination)
    return np.array(runs, dtype=np.int32).reshape(-1, 3)


def product_of(x: Node) -> Node:
    """The product of all columns, from left to right."""
    width = x.schema().width
    if width == 1:
        return x
    runs = [(1, 1, 1), *((width + at - 1, at, 1) for at in range(2, width))]
    return Polynomial((x,), np.array(runs, dtype=np.int32), 2 * width - 1, bias=False)
