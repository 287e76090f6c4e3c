"""Where the nearest stored rows place a row in an embedding. The first input is a `Neighbors`."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.errors import InputValueError
from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.schema import Schema, dense


class NeighborPaths(Node):
    """``-0.5 * d ** 2`` of the shortest paths to all stored rows, which begin with a step to some neighbour.

    Parameters
    ----------
    paths : float64 array of shape (n_points, n_points)
        Lengths of the shortest paths between stored rows.
    """

    paths: Array

    op: ClassVar[str] = "neighbor_paths/1"
    kernel: ClassVar[str] = "neighbor_paths"
    parity: ClassVar[Parity] = Parity.TOLERANCE
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return dense(len(self.paths))

    def params(self) -> dict[str, Array]:
        return {"paths": self.paths}

    def reference(self, *inputs: Value) -> Value:
        distances, numbers = np.split(inputs[0], 2, axis=1)
        with np.errstate(over="ignore"):
            shortest = (self.paths[numbers.astype(np.int64)] + distances[:, :, None]).min(axis=1)
            return np.asarray(shortest * shortest * -0.5)

    def describe(self) -> str:
        return f"to {len(self.paths)} rows"


class NeighborCombination(Node):
    """What stands for the neighbours, with the weights of their sum that comes nearest to the row; they add up to 1.

    The second input is the row.

    Parameters
    ----------
    points : float64 array of shape (n_points, width)
        Stored rows.
    embedding : float64 array of shape (n_points, n_out)
        What stands for each.
    regularization : float
        Part of the trace that is added to the diagonal of the equations of the weights.
    """

    points: Array
    embedding: Array
    regularization: float

    op: ClassVar[str] = "neighbor_combination/1"
    kernel: ClassVar[str] = "neighbor_combination"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        if self.inputs[1].schema().width != self.points.shape[1] or len(self.points) != len(self.embedding):
            raise ValueError(f"{self.inputs[1].schema()} meets rows of shape {self.points.shape}")
        return dense(self.embedding.shape[1])

    def params(self) -> dict[str, Array]:
        return {
            "points": self.points,
            "embedding": self.embedding,
            "regularization": np.array(self.regularization),
        }

    def reference(self, *inputs: Value) -> Value:
        found, rows = inputs
        numbers = np.split(found, 2, axis=1)[1].astype(np.int64)
        return np.array([self._combined(*each) for each in zip(numbers, rows, strict=True)]).reshape(len(rows), -1)

    def _combined(self, numbers: Array, x: Array) -> Array:
        with np.errstate(all="ignore"):
            away = self.points[numbers] - x
            products = away @ away.T
            trace = np.trace(products)
            added = self.regularization * (trace if trace > 0 else 1.0)
        if not np.isfinite(trace + added):
            raise InputValueError("a row that is too far from its neighbours")
        weights = np.linalg.solve(products + np.diag(np.full(len(numbers), added)), np.ones(len(numbers)))
        return np.asarray(self.embedding[numbers].T @ (weights / weights.sum()))

    def describe(self) -> str:
        return f"{len(self.points)} rows, {self.embedding.shape[1]} columns"
