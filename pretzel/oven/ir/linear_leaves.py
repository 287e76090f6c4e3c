"""Trees whose leaves are linear functions of the row, behind the numbers of the leaves that it reaches."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Value
from pretzel.oven.ir.impute import TINY
from pretzel.schema import Schema, dense, fixed


class LinearLeaves(Node):
    """``(sum of constant + factors * columns of the leaf reached in each tree) / divisor``, trees in their order.

    The input is the columns of the row, then the number of the leaf in each tree. A leaf of which a column is NaN is
    its plain value.

    Parameters
    ----------
    starts : ndarray of int32, shape (n_leaves + 1,)
        Terms of leaf i are ``starts[i]:starts[i + 1]`` of `columns` and `factors`.
    columns : ndarray of int32, shape (n_terms,)
    factors : ndarray of float64, shape (n_terms,)
    constants, values : ndarray of float64, shape (n_leaves,)
    outputs : ndarray of int32, shape (n_trees,)
        The output that each tree adds to.
    width : int
        Outputs.
    divisor : float
    snaps : bool
        Numbers up to `TINY` are zero.
    """

    starts: Array
    columns: Array
    factors: Array
    constants: Array
    values: Array
    outputs: Array
    width: int
    divisor: float = 1.0
    snaps: bool = True

    op: ClassVar[str] = "linear_leaves/1"
    kernel: ClassVar[str] = "linear_leaves"
    discrete: ClassVar[bool] = True

    def schema(self) -> Schema:
        return dense(self.width, fixed("float64"))

    def params(self) -> dict[str, Array]:
        return {
            "starts": self.starts,
            "columns": self.columns,
            "factors": self.factors,
            "constants": self.constants,
            "values": self.values,
            "outputs": self.outputs,
            "width": np.array(self.width, dtype=np.int32),
            "divisor": np.array(self.divisor, dtype=np.float64),
            "snaps": np.array(self.snaps, dtype=np.uint8),
        }

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        n_trees = len(self.outputs)
        row = x[:, : x.shape[1] - n_trees]
        leaves = x[:, x.shape[1] - n_trees :].astype(np.int64)
        if self.snaps:
            row = np.where(np.abs(row) <= TINY, 0.0, row)
        out = np.zeros((len(x), self.width))
        for r in range(len(x)):
            for leaf, output in zip(leaves[r], self.outputs, strict=True):
                out[r, output] += self._value(row[r], int(leaf))
        return out / self.divisor

    def _value(self, row: Array, leaf: int) -> float:
        terms = slice(self.starts[leaf], self.starts[leaf + 1])
        total = float(self.constants[leaf])
        with np.errstate(all="ignore"):
            for column, factor in zip(self.columns[terms], self.factors[terms], strict=True):
                if np.isnan(row[column]):
                    return float(self.values[leaf])
                total += factor * row[column]
        return total

    def describe(self) -> str:
        return f"{len(self.outputs)} trees, {len(self.constants)} leaves, {len(self.columns)} terms"
