"""Sums of squares: what Gaussian densities and Mahalanobis distances are made of."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.schema import Schema, dense

if TYPE_CHECKING:
    from pretzel.oven.ir._states import Fields, States


def _weighted_1(state: Array, fields: Fields) -> dict[str, Array]:
    """Centres and weights of a state of version 1, which are padded with zeros to multiples of eight."""
    width = fields["inputs"][0].schema().width
    pairs = state.view(np.float64).reshape(-1, 2, -(-width // 8) * 8)
    return {"centers": pairs[:, 0, :width], "weights": pairs[:, 1, :width]}


class WeightedSquares(Node):
    """``sum(weights * (x - center)**2)`` of a row for each centre.

    Parameters
    ----------
    centers, weights : float64 arrays of shape (n_centers, width)
    """

    centers: Array
    weights: Array

    op: ClassVar[str] = "weighted_squares/1"
    kernel: ClassVar[str] = "weighted_squares"
    parity: ClassVar[Parity] = Parity.TOLERANCE
    states: ClassVar[States] = {1: _weighted_1}

    def schema(self) -> Schema:
        if self.inputs[0].schema().width != self.centers.shape[1] or self.centers.shape != self.weights.shape:
            shapes = f"{self.centers.shape} and weights of shape {self.weights.shape}"
            raise ValueError(f"{self.inputs[0].schema()} meets centres of shape {shapes}")
        return dense(self.centers.shape[0])

    def params(self) -> dict[str, Array]:
        return {"centers": self.centers, "weights": self.weights}

    def reference(self, *inputs: Value) -> Value:
        difference = inputs[0][:, None, :] - self.centers
        return (difference * difference * self.weights).sum(axis=2)

    def describe(self) -> str:
        return f"{self.centers.shape[0]} centres"


class SquaredNorms(Node):
    """The sum of squares of each block of columns.

    Parameters
    ----------
    offsets : int32 array of shape (n_blocks + 1,)
        Where each block begins, and the width.
    """

    offsets: Array

    op: ClassVar[str] = "squared_norms/1"
    kernel: ClassVar[str] = "squared_norms"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        return dense(len(self.offsets) - 1)

    def params(self) -> dict[str, Array]:
        return {"offsets": self.offsets}

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        blocks = [x[:, start:end] for start, end in zip(self.offsets[:-1], self.offsets[1:], strict=True)]
        return np.stack([(block * block).sum(axis=1) for block in blocks], axis=1)

    def describe(self) -> str:
        return f"{len(self.offsets) - 1} blocks"


STRIP = 16
"""Rows of a matrix that lie side by side in the parameter of `TriangularSquares`."""


def strips_of(lower: Array) -> Array:
    """A lower triangular matrix in strips of rows, each of which ends at the column of its last row."""
    width = len(lower)
    padded = np.zeros((-(-width // STRIP) * STRIP, width))
    padded[:width] = np.tril(lower)
    firsts = range(0, width, STRIP)
    return np.concatenate([padded[first : first + STRIP, : first + STRIP].T for first in firsts])


class TriangularSquares(Node):
    """The sum of squares of the product of a lower triangular matrix and a row.

    Parameters
    ----------
    strips : float64 array of shape (n_columns, 16)
        The matrix as `strips_of` has it.
    """

    strips: Array

    op: ClassVar[str] = "triangular_squares/1"
    kernel: ClassVar[str] = "triangular_squares"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        width = self.inputs[0].schema().width
        expected = sum(min(first + STRIP, width) for first in range(0, width, STRIP))
        if self.strips.shape != (expected, STRIP):
            raise ValueError(f"{width} columns meet strips of shape {self.strips.shape}")
        return dense(1)

    def params(self) -> dict[str, Array]:
        return {"strips": self.strips}

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        found, begin = np.zeros((len(x), 1)), 0
        for first in range(0, x.shape[1], STRIP):
            columns = min(first + STRIP, x.shape[1])
            product = x[:, :columns] @ self.strips[begin : begin + columns]
            found += (product * product).sum(axis=1, keepdims=True)
            begin += columns
        return found

    def describe(self) -> str:
        return f"{self.inputs[0].schema().width} columns"


class QuadraticForm(Node):
    """``d @ matrix @ d`` with ``d = x - center``.

    Each sum is that of the even columns and that of the odd ones, as SciPy's Mahalanobis distances have it.

    Parameters
    ----------
    center : float64 array of shape (width,)
    transposed : float64 array of shape (width, width)
        The matrix, column by column: what the kernel reads is what travels with a plan.
    """

    center: Array
    transposed: Array

    op: ClassVar[str] = "quadratic_form/1"
    kernel: ClassVar[str] = "quadratic_form"

    def schema(self) -> Schema:
        width = self.inputs[0].schema().width
        if self.transposed.shape != (width, width) or self.center.shape != (width,):
            raise ValueError(f"{width} columns meet a matrix of shape {self.transposed.shape}")
        return dense(1)

    def params(self) -> dict[str, Array]:
        return {"center": self.center, "transposed": self.transposed}

    def reference(self, *inputs: Value) -> Value:
        difference = inputs[0] - self.center
        product = np.stack([_dot(difference, row) for row in self.transposed.T], axis=1)
        return _dot(difference, product)[:, None]

    def describe(self) -> str:
        return f"{len(self.center)} columns"


def _dot(x: Array, y: Array) -> Array:
    """The sum of the even columns of a product, and that of the odd ones."""
    products = x * y
    pairs = products[:, : products.shape[1] // 2 * 2]
    total = np.zeros(len(x))
    for step in (pairs[:, ::2], pairs[:, 1::2]):
        lane = np.zeros(len(x))
        for column in step.T:
            lane += column
        total += lane
    for column in products[:, pairs.shape[1] :].T:
        total += column
    return total
