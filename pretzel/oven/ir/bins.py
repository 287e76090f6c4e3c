"""Numbers to the bins they fall into."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Value, replace
from pretzel.oven.ir.step_forms import Boundaries
from pretzel.oven.ir.value_properties import ValueProperties, whole
from pretzel.schema import Follows, Schema, dense, fixed


class Bins(Node):
    """How many of a column's edges are not above the value.

    Parameters
    ----------
    edges : float64 array of shape (n_edges,)
        Ascending for each column; those of column j are ``edges[starts[j]:starts[j + 1]]``.
    starts : int32 array of shape (width + 1,)
    dtype : str
        dtype of the result, empty where it follows that of the request.
    """

    edges: Array
    starts: Array
    dtype: str = ""

    op: ClassVar[str] = "bins/1"
    kernel: ClassVar[str] = "bins"
    columnwise: ClassVar[bool] = True
    discrete: ClassVar[bool] = True

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        if source.width != len(self.starts) - 1:
            raise ValueError(f"{source} meets the edges of {len(self.starts) - 1} columns")
        return dense(source.width, fixed(self.dtype) if self.dtype else source.dtype.floating(Follows.FLOAT32))

    def params(self) -> dict[str, Array]:
        return {"edges": self.edges, "starts": self.starts}

    def reference(self, *inputs: Value) -> Value:
        out = np.empty_like(inputs[0])
        for j in range(out.shape[1]):
            out[:, j] = np.searchsorted(self.edges[self.starts[j] : self.starts[j + 1]], inputs[0][:, j], side="right")
        return out

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return whole(0, int(np.diff(self.starts).max(initial=0)))

    def boundaries(self) -> Boundaries | None:
        return Boundaries(self._columns(), self.edges, closed_left=False)

    def _columns(self) -> Array:
        """The column of each edge."""
        return np.repeat(np.arange(len(self.starts) - 1), np.diff(self.starts))

    def move_edges(self, slack: Array, offsets: Array | float) -> Node:
        column = self._columns()
        size = np.broadcast_to(offsets, (len(self.starts) - 1,)).astype(np.float64)
        np.maximum.at(size, column, np.abs(self.edges))
        return replace(self, edges=self.edges - (slack * size)[column])

    def select_columns(self, x: Node, columns: Array) -> Node | None:
        edges = [self.edges[self.starts[j] : self.starts[j + 1]] for j in columns]
        starts = np.cumsum([0, *map(len, edges)], dtype=np.int32)
        return replace(self, inputs=(x,), edges=np.concatenate([*edges, np.empty(0)]), starts=starts)

    def describe(self) -> str:
        return f"{len(self.edges)} edges of {len(self.starts) - 1} columns"
