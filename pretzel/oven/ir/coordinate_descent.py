"""Rows as sums of components with weights that are not negative, found one weight after the other: ``NMF``."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.errors import InputValueError
from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.schema import Schema, dense


class CoordinateDescent(Node):
    """Weights that are not negative, by cyclic coordinate descent from zero (Cichocki and Phan 2009).

    scikit-learn stops where the weights of all rows of a request hardly change; here each row stops where it would
    stop alone.

    Parameters
    ----------
    components : float64 array of shape (width, n_components)
    gram : float64 array of shape (n_components, n_components)
        Products of the components with each other, and the penalty of squares on the diagonal.
    l1 : float
        Penalty of the sum of the weights.
    tolerance : float
        The rounds end where the projected gradient is at most this part of that of the first round.
    rounds : int
        At most.
    """

    components: Array
    gram: Array
    l1: float
    tolerance: float
    rounds: int

    op: ClassVar[str] = "coordinate_descent/1"
    kernel: ClassVar[str] = "coordinate_descent"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        return dense(components_of(self.inputs[0], self.components, self.gram))

    def params(self) -> dict[str, Array]:
        return {
            "components": self.components,
            "gram": self.gram,
            "l1": np.array(self.l1),
            "tolerance": np.array(self.tolerance),
            "rounds": np.array(self.rounds, dtype=np.int32),
        }

    def reference(self, *inputs: Value) -> Value:
        x = as_counts(inputs[0])
        with np.errstate(all="ignore"):
            return np.array([self._of_row(row @ self.components - self.l1) for row in x]).reshape(len(x), -1)

    def _of_row(self, products: Array) -> Array:
        found, first = np.zeros(len(products)), 0.0
        for turn in range(self.rounds):
            violation = 0.0
            for t, row in enumerate(self.gram):
                slope = row @ found - products[t]
                violation += 0.0 if found[t] == 0.0 and slope >= 0.0 else abs(slope)
                if row[t]:
                    found[t] = max(found[t] - slope / row[t], 0.0)
            first = violation if turn == 0 else first
            if first == 0.0 or violation / first <= self.tolerance:
                break
        return found

    def describe(self) -> str:
        return f"{self.components.shape[1]} components, at most {self.rounds} rounds"


def components_of(x: Node, components: Array, gram: Array) -> int:
    """How many components there are, which fit the input."""
    source, (width, n) = x.schema(), components.shape
    if source.width != width or gram.shape != (n, n):
        raise ValueError(f"{source} meets components of shape {components.shape}, products of shape {gram.shape}")
    return int(n)


def as_counts(x: Value, *, reject: bool = True) -> Array:
    """Dense rows; none of their numbers is negative."""
    rows: Array = x.toarray() if hasattr(x, "toarray") else x
    if reject and (rows < 0.0).any():
        row, column = np.argwhere(rows < 0.0)[0]
        raise InputValueError(f"row {row}, column {column}: {rows[row, column]} is negative")
    return rows
