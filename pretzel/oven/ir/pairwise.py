"""What a row has in common with each of some reference rows: kernels of products and of distances."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.schema import Kind, Schema, dense

if TYPE_CHECKING:
    from pretzel.oven.ir._states import Fields, States

FUNCTIONS = ("dot", "polynomial", "sigmoid", "rbf", "laplacian", "matern1", "matern3", "matern5",
             "rational_quadratic", "periodic")  # fmt: skip
"""Functions in the order of the kernel's enumeration."""

OF_PRODUCTS = ("dot", "polynomial", "sigmoid")
"""Functions of the product of two rows. ``laplacian`` is a function of absolute differences, all others of squares."""

OF_SPARSE = (*OF_PRODUCTS, "rbf")
"""The functions that `SparsePairwise` has."""

BLOCK = 32
"""References that lie side by side in a state."""


def _references_1(state: Array, fields: Fields) -> dict[str, Array]:
    """References of a state of version 1, which stand in blocks of 32, column by column."""
    width = fields["inputs"][0].schema().width
    blocks = state.view(np.float64).reshape(-1, width, BLOCK)
    found = blocks.transpose(0, 2, 1).reshape(-1, width)
    return {"references": found[: fields["count"]]}


class Pairwise(Node):
    """A function of a dense row and each reference.

    Sums go column by column, where scikit-learn expands the square of a distance: without its cancellation for rows
    that are near a reference, and the same to the last digits elsewhere.

    Parameters
    ----------
    references : float64 array of shape (count, width)
    count : int
    function : str
        One of `FUNCTIONS`. With the product ``p`` or the distance ``d`` of two rows: ``p``,
        ``(gamma p + coef0)^degree``, ``tanh(gamma p + coef0)``, ``exp(-gamma d^2)``, ``exp(-gamma d)`` where ``d`` is
        the sum of absolute differences, the Matérn kernels of order 1/2, 3/2 and 5/2,
        ``(1 + gamma d^2)^-coef0``, ``exp(-2 (sin(gamma d) / coef0)^2)``.
    gamma, coef0 : float
    degree : int
    """

    references: Array
    count: int
    function: str
    gamma: float = 1.0
    coef0: float = 0.0
    degree: int = 1

    op: ClassVar[str] = "pairwise/1"
    kernel: ClassVar[str] = "pairwise"
    parity: ClassVar[Parity] = Parity.TOLERANCE
    states: ClassVar[States] = {1: _references_1}

    def schema(self) -> Schema:
        if self.references.shape != (self.count, self.inputs[0].schema().width):
            raise ValueError(f"{self.inputs[0].schema()} meets references of shape {self.references.shape}")
        return dense(self.count)

    def params(self) -> dict[str, Array]:
        return {"references": self.references, **_settings(self)}

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        found = np.zeros((len(x), self.count))
        with np.errstate(all="ignore"):
            for column, reference in zip(x.T[:, :, None], self.references.T, strict=True):
                if self.function in OF_PRODUCTS:
                    found += column * reference
                elif self.function == "laplacian":
                    found += np.abs(column - reference)
                else:
                    found += (column - reference) ** 2
        return _finished(self, found)

    def describe(self) -> str:
        return f"{self.function}, {self.count} references"


class SparsePairwise(Node):
    """A function of a dense or sparse row and each reference, which goes with the entries of both.

    Squares of distances are ``max(|x|^2 - 2 x.y + |y|^2, 0)``.

    Parameters
    ----------
    starts : int32 array of shape (width + 1,)
        Where the entries of each column begin.
    places : int32 array
        To which reference an entry belongs.
    values : float64 array
    norms : float64 array of shape (n_references,)
        ``|y|^2``.
    function : str
        One of `OF_SPARSE`.
    gamma, coef0, degree
        As in `Pairwise`.
    """

    starts: Array
    places: Array
    values: Array
    norms: Array
    function: str
    gamma: float = 1.0
    coef0: float = 0.0
    degree: int = 1

    op: ClassVar[str] = "sparse_pairwise/1"
    kernel: ClassVar[str] = "sparse_pairwise"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        rows = self.inputs[0].schema()
        if rows.kind is Kind.CELLS or rows.width != len(self.starts) - 1 or self.function not in OF_SPARSE:
            raise ValueError(f"{rows} meets references of {len(self.starts) - 1} columns")
        return dense(len(self.norms))

    def params(self) -> dict[str, Array]:
        arrays = {"starts": self.starts, "places": self.places, "values": self.values, "norms": self.norms}
        return {**arrays, **_settings(self)}

    def reference(self, *inputs: Value) -> Value:
        from scipy.sparse import csc_array, csr_array

        x = inputs[0].tocsr() if hasattr(inputs[0], "tocsr") else csr_array(np.where(inputs[0] == 0.0, 0.0, inputs[0]))
        shape = (len(self.norms), len(self.starts) - 1)
        references = csc_array((self.values, self.places, self.starts), shape=shape)
        with np.errstate(all="ignore"):
            found = np.asarray((x @ references.T).toarray(), dtype=np.float64)
            if self.function == "rbf":
                rows = np.repeat(np.arange(x.shape[0]), np.diff(x.indptr))
                norms = np.bincount(rows, x.data * x.data, x.shape[0])
                found = np.maximum(-2.0 * found + norms[:, None] + self.norms, 0.0)
        return _finished(self, found)

    def describe(self) -> str:
        return f"{self.function}, {len(self.norms)} references"


class Product(Node):
    """Dense values of one width multiplied in order."""

    op: ClassVar[str] = "product/1"
    kernel: ClassVar[str] = "product"

    def schema(self) -> Schema:
        (width,) = {node.schema().width for node in self.inputs}
        return dense(width)

    def reference(self, *inputs: Value) -> Value:
        found = inputs[0]
        with np.errstate(all="ignore"):
            for each in inputs[1:]:
                found = found * each
        return found

    def describe(self) -> str:
        return f"{len(self.inputs)} values"


def _settings(node: Pairwise | SparsePairwise) -> dict[str, Array]:
    return {
        "function": np.array(FUNCTIONS.index(node.function), dtype=np.uint8),
        "gamma": np.array(node.gamma),
        "coef0": np.array(node.coef0),
        "degree": np.array(node.degree, dtype=np.int32),
    }


def _finished(node: Pairwise | SparsePairwise, x: Value) -> Value:
    """What the function makes of products or distances."""
    gamma, coef0 = node.gamma, node.coef0
    with np.errstate(all="ignore"):
        match node.function:
            case "polynomial":
                return _power(gamma * x + coef0, node.degree)
            case "sigmoid":
                return np.tanh(gamma * x + coef0)
            case "rbf" | "laplacian":
                return np.exp(-gamma * x)
            case "matern1":
                return np.exp(-np.sqrt(x))
            case "matern3":
                scaled = np.sqrt(x) * math.sqrt(3.0)
                return (1.0 + scaled) * np.exp(-scaled)
            case "matern5":
                scaled = np.sqrt(x) * math.sqrt(5.0)
                return (1.0 + scaled + scaled * scaled / 3.0) * np.exp(-scaled)
            case "rational_quadratic":
                return np.exp(-coef0 * np.log1p((1.0 + gamma * x) - 1.0))  # the sum is rounded as in the source
            case "periodic":
                return np.exp(-2.0 * (np.sin(gamma * np.sqrt(x)) / coef0) ** 2)
            case _:
                return x


def _power(base: Value, exponent: int) -> Value:
    """By repeated squares, as libsvm does."""
    found = np.ones_like(base)
    while exponent > 0:
        if exponent % 2:
            found = found * base
        base = base * base
        exponent //= 2
    return found
