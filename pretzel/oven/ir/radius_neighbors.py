"""All stored rows within a radius, and what they say: graphs, votes, means."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.errors import InputValueError
from pretzel.oven.ir._pair_sorts import SORTS, sort_pairs
from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.oven.ir.neighbors import ROOTED, reduced, root, searched
from pretzel.schema import Schema, dense, sparse

REJECT = -1
"""In place of the column of rows without neighbours: there may be none."""


class RadiusNeighbors(Node):
    """Distances to the stored rows within a radius, as sparse rows with a column for each stored row.

    They stand in the order in which scikit-learn visits them, and zeros among them.

    Parameters
    ----------
    points, order, ranges, bounds, radii, metric, form
        As in `Neighbors`.
    radius : float
    """

    points: Array
    order: Array
    ranges: Array
    bounds: Array
    radii: Array
    metric: str
    radius: float
    form: tuple[float, ...] = ()

    op: ClassVar[str] = "radius_neighbors/1"
    kernel: ClassVar[str] = "radius_neighbors"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        if self.inputs[0].schema().width != self.points.shape[1]:
            raise ValueError(f"{self.inputs[0].schema()} meets rows of shape {self.points.shape}")
        return sparse(len(self.points))

    def params(self) -> dict[str, Array]:
        return {**searched(self), "radius": np.array(self.radius)}

    def reference(self, *inputs: Value) -> Value:
        from scipy import sparse as matrices

        with np.errstate(over="ignore", invalid="ignore"):
            found = [self._search(x, 0) for x in inputs[0]]
            apart = [reduced(self, x, self.points[near]) for x, near in zip(inputs[0], found, strict=True)]
        ends = np.cumsum([0, *map(len, found)])
        values = root(self.metric, np.concatenate([np.empty(0), *apart]))
        numbers = self.order[np.concatenate([np.empty(0, dtype=np.int64), *found])]
        return matrices.csr_matrix((values, numbers, ends), (len(inputs[0]), len(self.points)))

    def _search(self, x: Array, node: int) -> Array:
        """Rows of a node within the radius. One whose bounds lie within the radius has no others for the source."""
        begin, end = self.ranges[node]
        least, largest = self._span(x, node)
        if least > self.radius or largest <= self.radius:
            return np.arange(begin, end if least <= self.radius else begin)
        if 2 * node + 2 < len(self.ranges):
            return np.concatenate([self._search(x, 2 * node + 1), self._search(x, 2 * node + 2)])
        limit = self.radius**2 if self.metric in ROOTED else self.radius
        return np.asarray(begin + np.flatnonzero(reduced(self, x, self.points[begin:end]) <= limit))

    def _span(self, x: Array, node: int) -> tuple[float, float]:
        """The least and the largest distance to what a node holds."""
        if self.radii.size:
            distance = root(self.metric, reduced(self, x, self.bounds[node]))
            return float(np.maximum(distance - self.radii[node], 0.0)), float(distance + self.radii[node])
        if not len(self.bounds):
            return 0.0, np.inf
        below, above = self.bounds[node] - x, x - self.bounds[len(self.ranges) + node]
        gap, far = 0.5 * ((below + np.abs(below)) + (above + np.abs(above))), np.maximum(np.abs(below), np.abs(above))
        least, largest = (float(root(self.metric, reduced(self, each, np.zeros(len(x))))) for each in (gap, far))
        return least, largest

    def describe(self) -> str:
        tree = f", {len(self.ranges)} nodes" if len(self.ranges) > 1 else ""
        return f"{len(self.points)} rows within {self.radius:g}, {self.metric}{tree}"


class RadiusGraph(Node):
    """Distances to the neighbours, nearest first, or ones. The input is a `RadiusNeighbors`.

    Parameters
    ----------
    by_distance : bool
    sort : {"quick", "intro"}
        Decides among rows that are equally far.
    """

    by_distance: bool
    sort: str = "quick"

    op: ClassVar[str] = "radius_graph/1"
    kernel: ClassVar[str] = "radius_graph"
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return sparse(self.inputs[0].schema().width)

    def params(self) -> dict[str, Array]:
        return {
            "by_distance": np.array(self.by_distance, dtype=np.uint8),
            "sort": np.array(SORTS.index(self.sort), dtype=np.int32),
        }

    def reference(self, *inputs: Value) -> Value:
        found = inputs[0].copy()
        if not self.by_distance:
            found.data = np.ones(len(found.data))
            return found
        for begin, end in zip(found.indptr[:-1], found.indptr[1:], strict=True):
            sort_pairs(found.data[begin:end], found.indices[begin:end], self.sort)
        return found

    def describe(self) -> str:
        return "by distance" if self.by_distance else ""


class RadiusVotes(Node):
    """Weights of the neighbours of each class. The input is a `RadiusNeighbors`.

    Parameters
    ----------
    codes : int32 array of shape (n_points,)
        Class of each stored row.
    columns : int
        Classes, and one more where rows without neighbours have a separate label.
    by_distance : bool
        Weights are inverse distances; where some distance is zero, 1 for these and 0 for others. Else they are 1.
    outlier : int
        Column that is 1 for rows without neighbours, or `REJECT`.
    """

    codes: Array
    columns: int
    by_distance: bool
    outlier: int

    op: ClassVar[str] = "radius_votes/1"
    kernel: ClassVar[str] = "radius_votes"
    parity: ClassVar[Parity] = Parity.TOLERANCE  # sums of weights depend on the order of neighbours
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return dense(self.columns)

    def params(self) -> dict[str, Array]:
        return {
            "codes": self.codes,
            "by_distance": np.array(self.by_distance, dtype=np.uint8),
            "outlier": np.array(self.outlier, dtype=np.int32),
        }

    def reference(self, *inputs: Value) -> Value:
        sums = np.zeros((inputs[0].shape[0], self.columns))
        for i, (numbers, weights) in enumerate(_neighbors(inputs[0], self.by_distance)):
            np.add.at(sums[i], self.codes[numbers], weights)
            if not numbers.size:
                if self.outlier == REJECT:
                    raise InputValueError("a row without neighbours")
                sums[i, self.outlier] = 1.0
        return sums

    def describe(self) -> str:
        return f"{self.columns} columns{', by distance' if self.by_distance else ''}"


class RadiusMeans(Node):
    """Means of the targets of the neighbours, weighted as in `RadiusVotes`. The input is a `RadiusNeighbors`.

    Parameters
    ----------
    values : float64 array of shape (n_points, n_outputs)
    by_distance : bool
    otherwise : float64 array of shape (n_outputs,)
        Answer for rows without neighbours.
    """

    values: Array
    by_distance: bool
    otherwise: Array

    op: ClassVar[str] = "radius_means/1"
    kernel: ClassVar[str] = "radius_means"
    parity: ClassVar[Parity] = Parity.TOLERANCE
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return dense(self.values.shape[1])

    def params(self) -> dict[str, Array]:
        return {
            "values": self.values,
            "by_distance": np.array(self.by_distance, dtype=np.uint8),
            "otherwise": self.otherwise,
        }

    def reference(self, *inputs: Value) -> Value:
        means = np.tile(self.otherwise, (inputs[0].shape[0], 1))
        for i, (numbers, weights) in enumerate(_neighbors(inputs[0], self.by_distance)):
            if numbers.size:
                means[i] = (self.values[numbers] * weights[:, None]).sum(axis=0) / weights.sum()
        return means

    def describe(self) -> str:
        return f"{self.values.shape[1]} outputs{', by distance' if self.by_distance else ''}"


def _neighbors(found: Value, by_distance: bool) -> list[tuple[Array, Array]]:
    """Numbers and weights of the neighbours of each row."""
    rows = [slice(*each) for each in zip(found.indptr[:-1], found.indptr[1:], strict=True)]
    return [(found.indices[row], _weights(found.data[row], by_distance)) for row in rows]


def _weights(distances: Array, by_distance: bool) -> Array:
    if not by_distance:
        return np.ones(len(distances))
    if not distances.all():
        return np.asarray(distances == 0.0, dtype=np.float64)
    with np.errstate(over="ignore"):
        return np.asarray(1.0 / distances)
