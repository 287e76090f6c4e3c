"""Sparse rows of ones at given columns."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Node, Value
from pretzel.oven.ir.value_properties import ValueProperties, whole
from pretzel.schema import Schema, sparse


class Indicators(Node):
    """A one in each column that the dense input names.

    The input holds whole numbers below ``width``, ascending in every row (leaf numbers of one tree after another).
    """

    width: int

    op: ClassVar[str] = "indicators/1"
    kernel: ClassVar[str] = "indicators"

    def schema(self) -> Schema:
        return sparse(self.width, self.inputs[0].schema().width)

    def reference(self, *inputs: Value) -> Value:
        from scipy import sparse as sp

        (columns,) = inputs
        n, per_row = columns.shape
        indptr = np.arange(0, n * per_row + 1, per_row) if per_row else np.zeros(n + 1, dtype=np.int64)
        return sp.csr_array((np.ones(n * per_row), columns.astype(np.int64).ravel(), indptr), shape=(n, self.width))

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return whole(1, 1)

    def describe(self) -> str:
        return f"{self.inputs[0].schema().width} of {self.width}"
