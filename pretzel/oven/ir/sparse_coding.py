"""Rows as sums of few atoms of a dictionary: ``SparseCoder`` and ``DictionaryLearning``."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.schema import Schema, dense

_LEAST = np.finfo(np.float64).eps


class MatchingPursuit(Node):
    """Orthogonal matching pursuit, of the products of a row with each atom (Rubinstein, Zibulevsky and Elad 2008).

    Each round adds the atom whose product with what remains of the row is largest, and finds the coefficients of all
    added atoms by least squares. Among equal products the first one counts, in the order that scikit-learn's exchanges
    of atoms leave. The rounds end early where what remains is nothing, or the atom depends on those that were added.

    Parameters
    ----------
    gram : float64 array of shape (n_atoms, n_atoms)
        Products of the atoms with each other.
    rounds : int
        At most: the number of coefficients that are not zero.
    """

    gram: Array
    rounds: int

    op: ClassVar[str] = "matching_pursuit/1"
    kernel: ClassVar[str] = "matching_pursuit"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        width = self.inputs[0].schema().width
        if self.gram.shape != (width, width):
            raise ValueError(f"{self.inputs[0].schema()} meets products of shape {self.gram.shape}")
        return dense(width)

    def params(self) -> dict[str, Array]:
        return {"gram": self.gram, "rounds": np.array(self.rounds, dtype=np.int32)}

    def reference(self, *inputs: Value) -> Value:
        with np.errstate(all="ignore"):
            return np.array([self._of_row(row) for row in inputs[0]]).reshape(inputs[0].shape)

    def _of_row(self, products: Array) -> Array:
        order, remains = np.arange(len(products)), products
        factor, halfway = np.zeros((self.rounds, self.rounds)), np.zeros(self.rounds)
        found = np.zeros(len(products))
        for n in range(min(self.rounds, len(products))):
            place = int(np.abs(remains[order]).argmax())
            atom = order[place]
            if place < n or remains[atom] ** 2 < _LEAST:
                break
            for i in range(n):
                factor[n, i] = (self.gram[atom, order[i]] - factor[n, :i] @ factor[i, :i]) / factor[i, i]
            square = self.gram[atom, atom] - factor[n, :n] @ factor[n, :n]
            if n and square <= _LEAST:
                break
            factor[n, n] = np.sqrt(square)
            order[[n, place]] = order[[place, n]]
            halfway[n] = (products[atom] - factor[n, :n] @ halfway[:n]) / factor[n, n]
            solution = halfway[: n + 1].copy()
            for i in range(n, -1, -1):
                solution[i] = (solution[i] - factor[i + 1 : n + 1, i] @ solution[i + 1 :]) / factor[i, i]
            found[order[: n + 1]] = solution
            remains = products - solution @ self.gram[order[: n + 1]]
        return found

    def describe(self) -> str:
        return f"{self.rounds} of {len(self.gram)} atoms"
