"""The nearest among stored rows."""

from __future__ import annotations

from dataclasses import field
from typing import Any, ClassVar

import numpy as np

from pretzel.oven.ir._pair_sorts import SORTS, sort_pairs
from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.schema import Schema, dense

METRICS = (
    "euclidean", "manhattan", "chebyshev", "sqeuclidean", "seuclidean", "mahalanobis", "canberra", "braycurtis",
    "hamming", "jaccard", "rogerstanimoto", "russellrao",
)  # fmt: skip
"""Names of metrics in the order of the kernel's."""

COUNTED = METRICS[-4:]
"""Those that count equal columns or zeros, so that the last bit of a value makes much."""

ROOTED = ("euclidean", "seuclidean", "mahalanobis")
"""Those whose squares are compared."""


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
    form : tuple of float
        Numbers that the metric is made with: variances of columns for ``seuclidean``, and the inverse of their
        covariance, row by row, for ``mahalanobis``.
    parts : tuple of int
        Without a tree: the first row of each part that a thread of scikit-learn searches by itself. This decides where
        more rows are as far as the farthest of those found. None where all rows are one part.
    """

    points: Array
    order: Array
    ranges: Array
    bounds: Array
    radii: Array
    metric: str
    k: int
    form: tuple[float, ...] = ()
    parts: tuple[int, ...] = field(default=(), kw_only=True)

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
        parts = np.array(self.parts, dtype=np.int32)
        return {**searched(self), "k": np.array(self.k, dtype=np.int32), "parts": parts}

    def reference(self, *inputs: Value) -> Value:
        with np.errstate(over="ignore", invalid="ignore"):
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
            found = reduced(self, x, self.points[begin:end])
            _push(distances, numbers, found, self.order[begin:end])
            if len(self.parts) > 1 and (found <= distances[0]).sum() > self.k:
                distances, numbers = self._search_parts(found)
        self._sort(distances, numbers)
        return np.concatenate([root(self.metric, distances), numbers])

    def _search_parts(self, found: Array) -> tuple[Array, Array]:
        """What the heap of each part holds is pushed on that of all."""
        ends = [*self.parts[1:], len(found)]
        heaps = [(np.full(self.k, np.finfo(np.float64).max), np.zeros(self.k)) for _ in range(len(ends) + 1)]
        for begin, end, own in zip(self.parts, ends, heaps[1:], strict=True):
            _push(*own, found[begin:end], self.order[begin:end])
            _push(*heaps[0], *own)
        return heaps[0]

    def _sort(self, distances: Array, numbers: Array) -> None:
        """Put what a heap holds in order."""
        _sort_heap(distances, numbers)

    def _bound(self, x: Array, node: int) -> float:
        """At most the distance to what a node holds."""
        if self.radii.size:
            away = root(self.metric, reduced(self, x, self.bounds[node])) - self.radii[node]
            return float(np.maximum(away, 0.0) ** (2 if self.metric in ROOTED else 1))
        below, above = self.bounds[node] - x, x - self.bounds[len(self.ranges) + node]
        gap = 0.5 * ((below + np.abs(below)) + (above + np.abs(above)))
        return float(reduced(self, gap, np.zeros(gap.shape)))

    def describe(self) -> str:
        tree = f", {len(self.ranges)} nodes" if len(self.ranges) > 1 else ""
        return f"{self.k} of {len(self.points)} rows, {self.metric}{tree}"


class SortedNeighbors(Neighbors):
    """The same of a tree, also where that is a single node: rows that are equally far stand as scikit-learn sorts them.

    Parameters
    ----------
    sort : {"quick", "intro"}
    """

    sort: str = "quick"

    op: ClassVar[str] = "sorted_neighbors/1"
    kernel: ClassVar[str] = "sorted_neighbors"
    of_tree: ClassVar[bool] = True

    def params(self) -> dict[str, Array]:
        k, sort = np.array(self.k, dtype=np.int32), np.array(SORTS.index(self.sort), dtype=np.int32)
        return {**searched(self), "k": k, "sort": sort}

    def _sort(self, distances: Array, numbers: Array) -> None:
        sort_pairs(distances, numbers, self.sort)


def searched(node: Any) -> dict[str, Array]:
    """Parameters of a kernel that searches the stored rows of a node with these fields."""
    found: dict[str, Array] = {name: getattr(node, name) for name in ("points", "order", "ranges", "bounds", "radii")}
    metric = np.array(METRICS.index(node.metric), dtype=np.int32)
    return {**found, "metric": metric, "form": np.array(node.form, dtype=np.float64)}


def reduced(node: Any, x: Array, points: Array) -> Array:
    """Distances of a row from others, added up column by column; squares where the metric of the node has a root."""
    metric, width = node.metric, len(x)
    found = np.zeros(points.shape[:-1])
    if metric in COUNTED:
        return _of_counts(metric, x, points)
    if metric == "mahalanobis":
        inverse, difference = np.reshape(node.form, (width, width)), x - points
        for i in range(width):
            product = np.zeros(found.shape)
            for j in range(width):
                product = product + inverse[i, j] * difference[..., j]
            found = found + product * difference[..., i]
        return found
    sizes = found
    for j in range(width):
        difference, size = np.abs(x[j] - points[..., j]), np.abs(x[j]) + np.abs(points[..., j])
        if metric == "chebyshev":
            found = np.maximum(found, difference)
        elif metric in ("euclidean", "sqeuclidean"):
            found = found + difference * difference
        elif metric == "seuclidean":
            found = found + difference * difference / node.form[j]
        elif metric == "canberra":
            found = found + np.divide(difference, size, out=np.zeros(found.shape), where=size > 0)
        else:
            found, sizes = found + difference, sizes + size
    return found if metric != "braycurtis" else np.divide(found, sizes, out=np.zeros(found.shape), where=sizes > 0)


def _of_counts(metric: str, x: Array, points: Array) -> Array:
    """Distances that depend on how many columns are equal, or zero."""
    width, some, others = len(x), x != 0, points != 0
    both, differ = (some & others).sum(axis=-1), (some != others).sum(axis=-1)
    if metric == "hamming":
        return np.asarray((x != points).sum(axis=-1) / width)
    if metric == "jaccard":
        return np.asarray(differ / np.maximum(both + differ, 1))
    return np.asarray(2.0 * differ / (width + differ) if metric == "rogerstanimoto" else (width - both) / width)


def root(metric: str, distances: Array) -> Array:
    """Distances of what `reduced` returns."""
    return np.sqrt(distances) if metric in ROOTED else distances


def nearest_of(distances: Array, k: int) -> Array:
    """The ``k`` nearest of some rows: their distances, then their numbers, as a heap with one place more finds them."""
    held = min(k + 1, len(distances))
    found, numbers = np.full(held, np.inf), np.zeros(held)
    for number, distance in enumerate(distances):
        if distance < found[0]:
            _replace_top(found, numbers, distance, number)
    _sort_heap(found, numbers)
    return np.stack([found[:k], numbers[:k]])


def _sort_heap(distances: Array, numbers: Array) -> None:
    """Put what a heap holds in order, the nearest first."""
    for last in range(len(distances) - 1, 0, -1):
        distance, number = distances[last], numbers[last]
        distances[last], numbers[last] = distances[0], numbers[0]
        _replace_top(distances[:last], numbers[:last], distance, number)


def _push(distances: Array, numbers: Array, found: Array, of: Array) -> None:
    """Push rows at distances on a heap, one after the other."""
    at = 0
    while (nearer := np.flatnonzero(~(found[at:] >= distances[0]))).size:
        at += int(nearer[0])
        _replace_top(distances, numbers, found[at], of[at])
        at += 1


def _replace_top(distances: Array, numbers: Array, distance: float, number: float) -> None:
    """Put a row in place of the farthest one of a heap. Of two children that are equal the first moves up."""
    at, size = 0, len(distances)
    while (left := 2 * at + 1) < size:
        child = left + 1 if left + 1 < size and not distances[left] >= distances[left + 1] else left
        if not distance < distances[child]:
            break
        distances[at], numbers[at] = distances[child], numbers[child]
        at = child
    distances[at], numbers[at] = distance, number
