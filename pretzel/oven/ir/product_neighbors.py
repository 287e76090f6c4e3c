"""The nearest among stored rows by distances that are made of products of rows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.oven.ir.neighbors import nearest_of
from pretzel.schema import Kind, Schema, dense

METRICS = ("euclidean", "sqeuclidean", "cosine", "correlation")
"""Names of metrics in the order of the kernel's."""

ANGLES = METRICS[2:]

NEEDS = ("answers", "weights", "order", "votes")
"""What must be that of the source, in the order of the kernel's: see `ProductNeighbors`."""


class ProductNeighbors(Node):
    """The nearest stored rows of a dense or sparse row, nearest first: their distances, then their numbers.

    A row is left to the estimator where rounding, or the order in which NumPy finds equal distances, decides.

    Parameters
    ----------
    starts : int32 array of shape (width + 1,)
        Where the entries of each column begin.
    places : int32 array
        To which stored row an entry belongs.
    values : float64 array
        Of entries, in rows of unit norm for ``cosine`` and ``correlation``, for which each row lies around its mean.
    norms : float64 array of shape (n_points,)
        The square of each stored row. For ``correlation`` its norm as parts of that around its mean.
    groups : int32 array of shape (n_points,)
        Stored rows that have the same answer are of one group.
    metric : str
    k : int
    needs : {"answers", "weights", "order", "votes"}
        The groups of the neighbours; their distances, too, to a part of them; their order and distances; or the groups,
        the distances, and the group with the most votes of weights.
    """

    starts: Array
    places: Array
    values: Array
    norms: Array
    groups: Array
    metric: str
    k: int
    needs: str

    op: ClassVar[str] = "product_neighbors/1"
    kernel: ClassVar[str] = "product_neighbors"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        rows = self.inputs[0].schema()
        if rows.kind is Kind.CELLS or rows.width != len(self.starts) - 1:
            raise ValueError(f"{rows} meets stored rows of {len(self.starts) - 1} columns")
        if self.metric == "correlation" and rows.kind is not Kind.DENSE:
            raise ValueError(f"{rows} has no means of rows")
        if not 0 < self.k <= len(self.norms):
            raise ValueError(f"{self.k} neighbours among {len(self.norms)} rows")
        return dense(2 * self.k)

    def params(self) -> dict[str, Array]:
        arrays = {name: getattr(self, name) for name in ("starts", "places", "values", "norms", "groups")}
        return {
            **arrays,
            "metric": np.array(METRICS.index(self.metric), dtype=np.uint8),
            "k": np.array(self.k, dtype=np.int32),
            "needs": np.array(NEEDS.index(self.needs), dtype=np.uint8),
        }

    def reference(self, *inputs: Value) -> Value:
        """Sums have the order of the kernel's, so that the same rows are equally far."""
        x = inputs[0].toarray() if hasattr(inputs[0], "toarray") else inputs[0]
        with np.errstate(all="ignore"):
            if self.metric == "correlation":
                x = x - _added(x)[:, None] / x.shape[1]
            squares = _added(x * x)[:, None]
            scale = np.sqrt(np.where(squares == 0.0, 1.0, squares)) if self.metric in ANGLES else 1.0
            far = np.zeros((len(x), len(self.norms)))
            for j in np.flatnonzero((x != 0.0).any(axis=0)):
                at = slice(self.starts[j], self.starts[j + 1])
                far[:, self.places[at]] += (x[:, [j]] / scale) * self.values[at]
            far = np.maximum(1.0 - far if self.metric in ANGLES else -2.0 * far + squares + self.norms, 0.0)
        found = np.array([nearest_of(row, self.k) for row in far]).reshape(len(x), 2, self.k)
        distances, numbers = found[:, 0], found[:, 1]
        return np.hstack([np.sqrt(distances) if self.metric == "euclidean" else distances, numbers])

    def describe(self) -> str:
        return f"{self.k} of {len(self.norms)} rows, {self.metric}"


def _added(x: Array) -> Array:
    """Sums of rows, column by column."""
    found = np.zeros(len(x))
    for column in x.T:
        found = found + column
    return found
