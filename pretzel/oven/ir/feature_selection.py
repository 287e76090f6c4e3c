"""Feature selectors: columns chosen when they were fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Value
from pretzel.schema import Schema, sparse

if TYPE_CHECKING:
    from pretzel.oven.ir.value_properties import ValueProperties


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
        source, width = self.inputs[0].schema(), len(self.columns)
        return sparse(width, width if source.nnz is None else min(source.nnz, width), source.dtype)

    def params(self) -> dict[str, Array]:
        position = np.full(self.inputs[0].schema().width, -1, dtype=np.int32)
        position[self.columns] = np.arange(len(self.columns), dtype=np.int32)
        return {"position": position}

    def reference(self, *inputs: Value) -> Value:
        return inputs[0].tocsr()[:, self.columns]

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return inputs[0]

    def describe(self) -> str:
        return f"{len(self.columns)} columns"
