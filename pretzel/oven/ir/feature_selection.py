"""Feature selectors: columns chosen when they were fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Value
from pretzel.schema import Schema, sparse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.oven.ir.value_properties import ValueProperties


class SelectSparse(Node):
    """Columns of sparse rows.

    Parameters
    ----------
    position : int32 array, shape (width,)
        Column of the result that each column becomes, or -1.
    """

    position: Array

    op: ClassVar[str] = "select_sparse/2"
    kernel: ClassVar[str] = "select_sparse"

    def schema(self) -> Schema:
        source, width = self.inputs[0].schema(), int(self.position.max(initial=-1)) + 1
        return sparse(width, width if source.nnz is None else min(source.nnz, width), source.dtype)

    def params(self) -> dict[str, Array]:
        return {"position": self.position}

    def reference(self, *inputs: Value) -> Value:
        kept = np.flatnonzero(self.position >= 0)
        return inputs[0].tocsr()[:, kept[np.argsort(self.position[kept])]]

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return inputs[0]

    def describe(self) -> str:
        return f"{self.schema().width} columns"


def select_sparse(x: Node, columns: Sequence[int]) -> SelectSparse:
    """A node that keeps these columns of sparse rows, each at most once, in their order."""
    position = np.full(x.schema().width, -1, dtype=np.int32)
    position[np.array(columns, dtype=np.int64)] = np.arange(len(columns), dtype=np.int32)
    return SelectSparse((x,), position)
