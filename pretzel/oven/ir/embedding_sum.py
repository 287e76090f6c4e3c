"""Linear models over one-hot codes: rows of a table instead of products."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.schema import dense, rule_of

if TYPE_CHECKING:
    from pretzel.schema import Schema


class EmbeddingSum(Node):
    """The sum of the table rows ``offsets[j] + code`` of all codes that are not negative, and a bias.

    Parameters
    ----------
    table : ndarray of float64, shape (total, n_out)
    offsets : ndarray of int32, shape (width + 1,)
    bias : ndarray of float64, shape (n_out,)
    result : str
        As in `Linear`.
    """

    table: Array
    offsets: Array
    bias: Array
    result: str = "float64"

    op: ClassVar[str] = "embedding_sum/1"
    kernel: ClassVar[str] = "embedding_sum"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        return dense(len(self.bias), rule_of(self.result))

    def params(self) -> dict[str, Array]:
        return {"table": self.table, "offsets": self.offsets, "bias": self.bias}

    def reference(self, *inputs: Value) -> Value:
        (codes,) = inputs
        out = np.zeros((len(codes), len(self.bias)))
        for j, offset in enumerate(self.offsets[:-1]):
            known = codes[:, j] >= 0
            out[known] += self.table[offset + codes[known, j].astype(np.int64)]
        return out + self.bias

    def describe(self) -> str:
        return f"{len(self.offsets) - 1} columns, {self.table.shape[0]} rows -> {len(self.bias)}"
