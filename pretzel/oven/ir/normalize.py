"""Rows scaled to unit norm, and values cut at a threshold."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.schema import Schema, dense

NORMS = ("l1", "l2", "max")  # their numbers in the kernel


SMALLEST = 10 * float(np.finfo(np.float64).eps)  # norms below are taken for zero


class UnitNorm(Node):
    """Every row of a dense value divided by its norm, unless that is next to nothing.

    What counts as next to nothing is scikit-learn's bound for float64; for arrays of float32 its bound is higher.
    """

    norm: str

    op: ClassVar[str] = "unit_norm/1"
    kernel: ClassVar[str] = "unit_norm"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return dense(source.width, source.dtype.floating())

    def params(self) -> dict[str, Array]:
        return {"norm": np.array(NORMS.index(self.norm), dtype=np.uint8), "smallest": np.array(SMALLEST)}

    def reference(self, *inputs: Value) -> Value:
        x = inputs[0]
        with np.errstate(over="ignore"):
            if self.norm == "l2":
                norms = np.sqrt((x * x).sum(axis=1))
            else:
                norms = np.abs(x).sum(axis=1) if self.norm == "l1" else np.abs(x).max(axis=1)
        return x / np.where(norms < SMALLEST, 1.0, norms)[:, None]

    def describe(self) -> str:
        return self.norm
