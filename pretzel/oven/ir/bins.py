"""Numbers to the bins they fall into."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Value, replace
from pretzel.oven.ir.value_properties import ValueProperties, whole
from pretzel.schema import Schema, dense


class Bins(Node):
    """How many of a column's edges are not above the value.

    Parameters
    ----------
    edges : float64 array of shape (n_edges,)
        Ascending for each column; those of column j are ``edges[starts[j]:starts[j + 1]]``.
    starts : int32 array of shape (width + 1,)
    """

    edges: Array
    starts: Array

    op: ClassVar[str] = "bins/1"
    kernel: ClassVar[str] = "bins"
    columnwise: ClassVar[bool] = True

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        if source.width != len(self.starts) - 1:
            raise ValueError(f"{source} meets the edges of {len(self.starts) - 1} columns")
        return dense(source.width, source.dtype.floating())

    def params(self) -> dict[str, Array]:
        return {"edges": self.edges, "starts": self.starts}

    def reference(self, *inputs: Value) -> Value:
        out = np.empty_like(inputs[0])
        for j in range(out.shape[1]):
            out[:, j] = np.searchsorted(self.edges[self.starts[j] : self.starts[j + 1]], inputs[0][:, j], side="right")
        return out

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return whole(0, int(np.diff(self.starts).max(initial=0)))

    def select_columns(self, x: Node, columns: Array) -> Node | None:
        edges = [self.edges[self.starts[j] : self.starts[j + 1]] for j in columns]
        starts = np.cumsum([0, *map(len, edges)], dtype=np.int32)
        return replace(self, inputs=(x,), edges=np.concatenate([*edges, np.empty(0)]), starts=starts)

    def describe(self) -> str:
        return f"{len(self.edges)} edges of {len(self.starts) - 1} columns"
