"""Feature selectors: columns chosen when they were fitted."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Value
from pretzel.schema import Schema, sparse


class SelectSparse(Node):
    """Columns of sparse rows.

    Parameters
    ----------
    columns : int32 array
        Columns kept, ascending.
    """

    columns: Array

    op: ClassVar[str] = "select_sparse/1"
    kernel: ClassVar[str] = "select_sparse"

    def schema(self) -> Schema:
        nnz, width = self.inputs[0].schema().nnz, len(self.columns)
        return sparse(width, width if nnz is None else min(nnz, width))

    def params(self) -> tuple[Array, ...]:
        position = np.full(self.inputs[0].schema().width, -1, dtype=np.int32)
        position[self.columns] = np.arange(len(self.columns), dtype=np.int32)
        return (position,)

    def reference(self, *inputs: Value) -> Value:
        return inputs[0].tocsr()[:, self.columns]

    def always_finite(self) -> bool:
        return self.inputs[0].always_finite()

    def describe(self) -> str:
        return f"{len(self.columns)} columns"
