"""Rows as sums of components with weights that are not negative, found by factors: ``NMF`` and ``MiniBatchNMF``."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from pretzel.errors import InputValueError
from pretzel.oven.ir.coordinate_descent import as_counts, components_of
from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.schema import Schema, dense

_LEAST = float(np.finfo(np.float32).eps)
_ROUNDS = 10
"""After which ``NMF`` looks at the error."""


class _Updates(Node):
    """Multiplicative updates (Lee and Seung 2001) from equal weights, until a row stops as it would alone.

    Parameters
    ----------
    components : float64 array of shape (width, n_components)
    l1, l2 : float
        Penalties of the sum of the weights, and of half of that of their squares.
    tolerance : float
    rounds : int
        At most.
    by_error : bool
        The rounds end where ten of them make the error less by a smaller part of the first one than ``tolerance``, and
        negative numbers are rejected: ``NMF``. Otherwise they end where one changes the weights by at most this part
        of them: ``MiniBatchNMF``.
    """

    components: Array
    l1: float
    l2: float
    tolerance: float
    rounds: int
    by_error: bool

    parity: ClassVar[Parity] = Parity.TOLERANCE

    def params(self) -> dict[str, Array]:
        return {
            "components": self.components,
            "l1": np.array(self.l1),
            "l2": np.array(self.l2),
            "tolerance": np.array(self.tolerance),
            "rounds": np.array(self.rounds, dtype=np.int32),
            "by_error": np.array(self.by_error, dtype=np.uint8),
        }

    def reference(self, *inputs: Value) -> Value:
        x = as_counts(inputs[0], reject=self.by_error)
        with np.errstate(all="ignore"):
            found = np.array([self._of_row(row) for row in x]).reshape(len(x), -1)
        if not self.by_error and not np.isfinite(found).all():
            raise InputValueError(f"row {np.argwhere(~np.isfinite(found))[0, 0]}: weights that are not finite")
        return found

    def _of_row(self, row: Array) -> Array:
        n = self.components.shape[1]
        weights = np.full(n, np.sqrt(row.mean() / n))
        state = self._begin(row)
        first = error = self._error(row, weights)
        for turn in range(1, self.rounds + 1):
            last, weights = weights, weights * self._factor(state, weights)
            if self.tolerance <= 0.0:
                continue
            if not self.by_error:
                if np.linalg.norm(weights - last) / np.linalg.norm(weights) <= self.tolerance:
                    break
            elif turn % _ROUNDS == 0:
                before, error = error, self._error(row, weights)
                if (before - error) / first < self.tolerance:
                    break
        return weights

    def _begin(self, row: Array) -> Any:
        raise NotImplementedError

    def _factor(self, state: Any, weights: Array) -> Array:
        raise NotImplementedError

    def _error(self, row: Array, weights: Array) -> Any:
        raise NotImplementedError

    def describe(self) -> str:
        return f"{self.components.shape[1]} components, at most {self.rounds} rounds"


class MultiplicativeUpdates(_Updates):
    """Weights with the least squared error.

    Parameters
    ----------
    components, l1, l2, tolerance, rounds, by_error
        See `_Updates`.
    gram : float64 array of shape (n_components, n_components)
        Products of the components with each other.
    """

    gram: Array

    op: ClassVar[str] = "multiplicative_updates/1"
    kernel: ClassVar[str] = "multiplicative_updates"

    def schema(self) -> Schema:
        return dense(components_of(self.inputs[0], self.components, self.gram))

    def params(self) -> dict[str, Array]:
        return {**super().params(), "gram": self.gram}

    def _begin(self, row: Array) -> Any:
        return row @ self.components

    def _factor(self, state: Any, weights: Array) -> Array:
        below = weights @ self.gram + max(self.l1, 0.0) + max(self.l2, 0.0) * weights
        found: Array = state / np.where(below == 0.0, _LEAST, below)
        return found

    def _error(self, row: Array, weights: Array) -> Any:
        return np.linalg.norm(row - self.components @ weights)


class DivergenceUpdates(_Updates):
    """Weights with the least Kullback-Leibler divergence.

    ``NMF`` adds ``l1`` once more in each round, as scikit-learn does.

    Parameters
    ----------
    components, l1, l2, tolerance, rounds, by_error
        See `_Updates`.
    totals : float64 array of shape (n_components,)
        Sums of the components.
    """

    totals: Array

    op: ClassVar[str] = "divergence_updates/1"
    kernel: ClassVar[str] = "divergence_updates"

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        if source.width != self.components.shape[0] or self.totals.shape != self.components.shape[1:]:
            raise ValueError(f"{source} meets components of shape {self.components.shape}")
        return dense(len(self.totals))

    def params(self) -> dict[str, Array]:
        return {**super().params(), "totals": self.totals}

    def _begin(self, row: Array) -> Any:
        return row, self.totals.copy()

    def _factor(self, state: Any, weights: Array) -> Array:
        row, totals = state
        below = totals if self.by_error else self.totals.copy()
        if self.l1 > 0.0:
            below += self.l1
        if self.l2 > 0.0:
            below = below + self.l2 * weights
        below[below == 0.0] = _LEAST
        found: Array = (row / np.maximum(self.components @ weights, _LEAST)) @ self.components / below
        return found

    def _error(self, row: Array, weights: Array) -> Any:
        counted = row > _LEAST
        made = np.maximum(self.components[counted] @ weights, _LEAST)
        found = row[counted] @ np.log(row[counted] / made) + weights @ self.totals - row[counted].sum()
        return np.sqrt(2.0 * max(found, 0.0))
