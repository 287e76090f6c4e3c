"""What the nearest stored rows say: graphs, votes, means, densities. The input is a `Neighbors`."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.schema import Schema, dense, sparse


class NeighborGraph(Node):
    """Distances to the neighbours, nearest first, or ones: sparse rows with a column for each stored row.

    Parameters
    ----------
    n_points : int
    by_distance : bool
    """

    n_points: int
    by_distance: bool

    op: ClassVar[str] = "neighbor_graph/1"
    kernel: ClassVar[str] = "neighbor_graph"
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return sparse(self.n_points)

    def params(self) -> dict[str, Array]:
        return {"by_distance": np.array(self.by_distance, dtype=np.uint8)}

    def reference(self, *inputs: Value) -> Value:
        from scipy import sparse as matrices

        distances, numbers = _parts(inputs[0])
        values = distances if self.by_distance else np.ones(distances.shape)
        ends = np.arange(len(distances) + 1) * distances.shape[1]
        return matrices.csr_matrix((values.ravel(), numbers.ravel(), ends), (len(distances), self.n_points))

    def describe(self) -> str:
        return f"{self.n_points} columns{', by distance' if self.by_distance else ''}"


class NeighborVotes(Node):
    """Weights of the neighbours of each class.

    Parameters
    ----------
    codes : int32 array of shape (n_points,)
        Class of each stored row.
    classes : int
    by_distance : bool
        Weights are inverse distances; where some distance is zero, 1 for these and 0 for others. Else they are 1.
    as_numpy : bool
        Add up as NumPy adds up a row, with zeros for the votes for other classes, because labels that weigh the same
        are told apart by the last bits. Else in the order of the neighbours.
    """

    codes: Array
    classes: int
    by_distance: bool
    as_numpy: bool = False

    op: ClassVar[str] = "neighbor_votes/1"
    kernel: ClassVar[str] = "neighbor_votes"
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return dense(self.classes)

    def params(self) -> dict[str, Array]:
        return {
            "codes": self.codes,
            "by_distance": np.array(self.by_distance, dtype=np.uint8),
            "as_numpy": np.array(self.as_numpy, dtype=np.uint8),
        }

    def reference(self, *inputs: Value) -> Value:
        distances, numbers = _parts(inputs[0])
        weights = _weights(distances, self.by_distance)
        codes = self.codes[numbers]
        sums = np.zeros((len(codes), self.classes))
        if self.as_numpy:
            for c in range(self.classes):
                sums[:, c] = ((codes == c) * weights).sum(axis=1)
            return sums
        for i in range(codes.shape[1]):
            sums[np.arange(len(codes)), codes[:, i]] += weights[:, i]
        return sums

    def describe(self) -> str:
        return f"{self.classes} classes{', by distance' if self.by_distance else ''}"


class NeighborMeans(Node):
    """Means of the targets of the neighbours, weighted as in `NeighborVotes`.

    Parameters
    ----------
    values : float64 array of shape (n_points, n_outputs)
    by_distance : bool
    """

    values: Array
    by_distance: bool

    op: ClassVar[str] = "neighbor_means/1"
    kernel: ClassVar[str] = "neighbor_means"
    parity: ClassVar[Parity] = Parity.TOLERANCE
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return dense(self.values.shape[1])

    def params(self) -> dict[str, Array]:
        return {"values": self.values, "by_distance": np.array(self.by_distance, dtype=np.uint8)}

    def reference(self, *inputs: Value) -> Value:
        distances, numbers = _parts(inputs[0])
        weights = _weights(distances, self.by_distance)
        return (self.values[numbers] * weights[:, :, None]).sum(axis=1) / weights.sum(axis=1)[:, None]

    def describe(self) -> str:
        return f"{self.values.shape[1]} outputs{', by distance' if self.by_distance else ''}"


class NeighborDensity(Node):
    """Minus the mean local density of the neighbours, in parts of that of the row: below -1 for outliers.

    Parameters
    ----------
    reach : float64 array of shape (n_points,)
        Distance of each stored row to the farthest of that row's neighbours.
    density : float64 array of shape (n_points,)
        Local density of each.
    """

    reach: Array
    density: Array

    op: ClassVar[str] = "neighbor_density/1"
    kernel: ClassVar[str] = "neighbor_density"
    parity: ClassVar[Parity] = Parity.TOLERANCE
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return dense(1)

    def params(self) -> dict[str, Array]:
        return {"reach": self.reach, "density": self.density}

    def reference(self, *inputs: Value) -> Value:
        distances, numbers = _parts(inputs[0])
        of_row = 1.0 / (np.maximum(distances, self.reach[numbers]).mean(axis=1, keepdims=True) + 1e-10)
        return -(self.density[numbers] / of_row).mean(axis=1, keepdims=True)

    def describe(self) -> str:
        return f"{len(self.reach)} rows"


def _parts(found: Array) -> tuple[Array, Array]:
    """Distances and numbers."""
    distances, numbers = np.split(found, 2, axis=1)
    return distances, numbers.astype(np.int64)


def _weights(distances: Array, by_distance: bool) -> Array:
    if not by_distance:
        return np.ones(distances.shape)
    with np.errstate(divide="ignore"):
        weights = 1.0 / distances
    infinite = np.isinf(weights)
    return np.where(infinite.any(axis=1, keepdims=True), infinite, weights)
