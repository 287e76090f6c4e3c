"""The nearest among stored rows."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pretzel.oven.ir._pair_sorts import SORTS, sort_pairs
from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.schema import Schema, dense

METRICS = ("euclidean", "manhattan", "chebyshev")
"""Names of metrics in the order of the kernel's."""


class Neighbors(Node):
    """The nearest stored rows, nearest first: their distances, then their numbers.

    Rows are visited in one order, and one that is as far as the farthest of those found does not replace it. This is
    how scikit-learn decides among equal distances, so the order of its visits is kept: that of the numbers without a
    tree, else that of its own tree.

    Parameters
    ----------
    points : float64 array of shape (n_points, width)
        Stored rows in the order of visits, those of a leaf one behind the other.
    order : int32 array of shape (n_points,)
        Number of each.
    ranges : int32 array of shape (n_nodes, 2)
        The first row of each node of a binary tree, and the one behind its last. The children of node ``i`` are
        ``2 * i + 1`` and the next one. A single node is no tree.
    bounds : float64 array of shape (n_bounds, width)
        Of the nodes of a tree: least values of each column for all nodes, then largest; or centres of balls.
    radii : float64 array
        Of balls; else empty.
    metric : str
    k : int
    """

    points: Array
    order: Array
    ranges: Array
    bounds: Array
    radii: Array
    metric: str
    k: int

    op: ClassVar[str] = "neighbors/1"
    kernel: ClassVar[str] = "neighbors"
    parity: ClassVar[Parity] = Parity.TOLERANCE
    of_tree: ClassVar[bool] = False  # a single node is a tree, too, and rows may be infinitely far

    def schema(self) -> Schema:
        if self.inputs[0].schema().width != self.points.shape[1]:
            raise ValueError(f"{self.inputs[0].schema()} meets rows of shape {self.points.shape}")
        if not 0 < self.k <= len(self.points):
            raise ValueError(f"{self.k} neighbours among {len(self.points)} rows")
        return dense(2 * self.k)

    def params(self) -> dict[str, Array]:
        return {**searched(self), "k": np.array(self.k, dtype=np.int32)}

    def reference(self, *inputs: Value) -> Value:
        with np.errstate(over="ignore"):
            return np.array([self._search(x) for x in inputs[0]]).reshape(len(inputs[0]), 2 * self.k)

    def _search(self, x: Array) -> Array:
        """Depth first, the nearer child of each node before the other."""
        nodes = len(self.ranges)
        farthest = np.finfo(np.float64).max if nodes == 1 and not self.of_tree else np.inf  # as in scikit-learn
        distances, numbers = np.full(self.k, farthest), np.zeros(self.k)
        waiting = [(-np.inf, 0)]
        while waiting:
            bound, node = waiting.pop()
            if bound > distances[0]:
                continue
            left, right = 2 * node + 1, 2 * node + 2
            if right < nodes:
                children = [(self._bound(x, left), left), (self._bound(x, right), right)]
                waiting += children if children[0][0] > children[1][0] else children[::-1]
                continue
            begin, end = self.ranges[node]
            found = reduced(self.metric, x - self.points[begin:end])
            at = 0
            while (nearer := np.flatnonzero(found[at:] < distances[0])).size:
                at += int(nearer[0])
                _replace_top(distances, numbers, found[at], self.order[begin + at])
                at += 1
        self._sort(distances, numbers)
        return np.concatenate([root(self.metric, distances), numbers])

    def _sort(self, distances: Array, numbers: Array) -> None:
        """Put what a heap holds in order."""
        for last in range(self.k - 1, 0, -1):
            distance, number = distances[last], numbers[last]
            distances[last], numbers[last] = distances[0], numbers[0]
            _replace_top(distances[:last], numbers[:last], distance, number)

    def _bound(self, x: Array, node: int) -> float:
        """At most the distance to what a node holds."""
        if self.radii.size:
            away = root(self.metric, reduced(self.metric, x - self.bounds[node])) - self.radii[node]
            return float(np.maximum(away, 0.0) ** (2 if self.metric == "euclidean" else 1))
        below, above = self.bounds[node] - x, x - self.bounds[len(self.ranges) + node]
        return float(reduced(self.metric, 0.5 * ((below + np.abs(below)) + (above + np.abs(above)))))

    def describe(self) -> str:
        tree = f", {len(self.ranges)} nodes" if len(self.ranges) > 1 else ""
        return f"{self.k} of {len(self.points)} rows, {self.metric}{tree}"


class SortedNeighbors(Neighbors):
    """The same of a tree, also where that is a single node: rows that are equally far stand as scikit-learn sorts them.

    Parameters
    ----------
    sort : {"quick", "intro"}
    """

    sort: str

    op: ClassVar[str] = "sorted_neighbors/1"
    kernel: ClassVar[str] = "sorted_neighbors"
    of_tree: ClassVar[bool] = True

    def params(self) -> dict[str, Array]:
        return {**super().params(), "sort": np.array(SORTS.index(self.sort), dtype=np.int32)}

    def _sort(self, distances: Array, numbers: Array) -> None:
        sort_pairs(distances, numbers, self.sort)


def searched(node: Any) -> dict[str, Array]:
    """Parameters of a kernel that searches the stored rows of a node with these fields."""
    found: dict[str, Array] = {name: getattr(node, name) for name in ("points", "order", "ranges", "bounds", "radii")}
    return {**found, "metric": np.array(METRICS.index(node.metric), dtype=np.int32)}


def reduced(metric: str, difference: Array) -> Array:
    """Distances of rows from the origin, added up column by column; squared where the metric is Euclidean."""
    found = np.zeros(difference.shape[:-1])
    for column in np.moveaxis(difference, -1, 0):
        if metric == "chebyshev":
            found = np.maximum(found, np.abs(column))
        else:
            found = found + (column * column if metric == "euclidean" else np.abs(column))
    return found


def root(metric: str, distances: Array) -> Array:
    """Distances of what `reduced` returns."""
    return np.sqrt(distances) if metric == "euclidean" else distances


def _replace_top(distances: Array, numbers: Array, distance: float, number: float) -> None:
    """Put a row in place of the farthest one of a heap. Of two children that are equal the first moves up."""
    at, size = 0, len(distances)
    while (left := 2 * at + 1) < size:
        child = left + 1 if left + 1 < size and distances[left] < distances[left + 1] else left
        if not distance < distances[child]:
            break
        distances[at], numbers[at] = distances[child], numbers[child]
        at = child
    distances[at], numbers[at] = distance, number
