"""Rows scaled to unit norm, or shifted so that their largest value is zero."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value, replace
from pretzel.oven.ir.scale import ToFloat32
from pretzel.schema import Schema, dense

NORMS = ("l1", "l2", "max")  # their numbers in the kernel


SMALLEST, SMALLEST_FLOAT32 = (10 * float(np.finfo(dtype).eps) for dtype in (np.float64, np.float32))
"""Norms below are taken for zero."""


class UnitNorm(Node):
    """Every row of a dense value divided by its norm, unless the norm is below ``smallest``.

    scikit-learn has one such bound for each dtype of the array.
    """

    norm: str
    smallest: float = SMALLEST

    op: ClassVar[str] = "unit_norm/1"
    kernel: ClassVar[str] = "unit_norm"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return dense(source.width, source.dtype.floating())

    def params(self) -> dict[str, Array]:
        return {"norm": np.array(NORMS.index(self.norm), dtype=np.uint8), "smallest": np.array(self.smallest)}

    def reference(self, *inputs: Value) -> Value:
        x = inputs[0]
        with np.errstate(over="ignore"):
            if self.norm == "l2":
                norms = np.sqrt((x * x).sum(axis=1))
            else:
                norms = np.abs(x).sum(axis=1) if self.norm == "l1" else np.abs(x).max(axis=1)
        return x / np.where(norms < self.smallest, 1.0, norms)[:, None]

    def is_exact(self) -> bool:
        """Sums depend on their order, a largest value does not."""
        return self.norm == "max"

    def in_float32(self) -> Node:
        return ToFloat32((replace(self, smallest=SMALLEST_FLOAT32),))

    def describe(self) -> str:
        return self.norm


class SubtractMax(Node):
    """Each value of a row minus the largest, so that logarithms of sums of exponentials stay small."""

    op: ClassVar[str] = "subtract_max/1"
    kernel: ClassVar[str] = "subtract_max"
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return dense(source.width, source.dtype.floating())

    def in_float32(self) -> Node:
        return ToFloat32((self,))

    def reference(self, *inputs: Value) -> Value:
        with np.errstate(invalid="ignore"):
            return inputs[0] - inputs[0].max(axis=1, keepdims=True)
