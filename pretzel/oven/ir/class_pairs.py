"""Pairs of classes as libsvm compares them: scores, votes, and probabilities that fit those of all pairs best.

Pairs stand in the order (0, 1), (0, 2), ..., (1, 2), ... A positive score is a vote for the first class of its pair.
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.oven.ir.value_properties import ValueProperties, whole
from pretzel.schema import Schema, dense, fixed


class PairDecisions(Node):
    """A score for each pair of classes, from values of samples that stand class by class.

    Parameters
    ----------
    coefficients : float64 array of shape (n_classes - 1, n_samples)
        Row ``m`` has the coefficients of each sample against the ``m``-th of the other classes.
    starts : int32 array of shape (n_classes + 1,)
        Where the samples of each class begin.
    bias : float64 array of shape (n_pairs,)
    """

    coefficients: Array
    starts: Array
    bias: Array

    op: ClassVar[str] = "pair_decisions/1"
    kernel: ClassVar[str] = "pair_decisions"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        others, samples = self.coefficients.shape
        if self.inputs[0].schema().width != samples or self.starts[-1] != samples:
            raise ValueError(f"{self.inputs[0].schema()} meets coefficients of {samples} samples")
        if len(self.starts) != others + 2 or len(self.bias) != others * (others + 1) // 2:
            raise ValueError(f"{len(self.bias)} pairs of {len(self.starts) - 1} classes")
        return dense(len(self.bias))

    def params(self) -> dict[str, Array]:
        return {"coefficients": self.coefficients, "starts": self.starts, "bias": self.bias}

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        ends = list(zip(self.starts[:-1], self.starts[1:], strict=True))
        first, second = np.triu_indices(len(ends), 1)
        columns = []
        for i, j in zip(first, second, strict=True):
            in_i, in_j = slice(*ends[i]), slice(*ends[j])
            columns.append(x[:, in_i] @ self.coefficients[j - 1, in_i] + x[:, in_j] @ self.coefficients[i, in_j])
        return np.stack(columns, axis=1) + self.bias

    def describe(self) -> str:
        return f"{len(self.starts) - 1} classes, {self.coefficients.shape[1]} samples"


class PairVotes(Node):
    """Index of the class that wins most pairs, the first of equals."""

    classes: int

    op: ClassVar[str] = "pair_votes/1"
    kernel: ClassVar[str] = "pair_votes"
    discrete: ClassVar[bool] = True

    def schema(self) -> Schema:
        return dense(1, fixed("int64"))

    def params(self) -> dict[str, Array]:
        return {"classes": np.array(self.classes, dtype=np.int32)}

    def reference(self, *inputs: Value) -> Value:
        first, second = np.triu_indices(self.classes, 1)
        votes = np.zeros((len(inputs[0]), self.classes))
        for scores, i, j in zip(inputs[0].T, first, second, strict=True):
            votes[np.arange(len(scores)), np.where(scores > 0.0, i, j)] += 1
        return np.argmax(votes, axis=1)[:, None].astype(np.float64)

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return whole(0, max(self.classes - 1, 0))

    def describe(self) -> str:
        return f"{self.classes} classes"


class PairCoupling(Node):
    """Probabilities of classes from scores of pairs, by the second method of Wu, Lin and Weng (2004) as libsvm ends it.

    Parameters
    ----------
    classes : int
    slopes, intercepts : float64 array of shape (n_pairs,)
        ``1 / (1 + exp(slope * score + intercept))`` is the probability of the first class of a pair.
    """

    classes: int
    slopes: Array
    intercepts: Array

    op: ClassVar[str] = "pair_coupling/1"
    kernel: ClassVar[str] = "pair_coupling"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        return dense(self.classes)

    def params(self) -> dict[str, Array]:
        return {
            "classes": np.array(self.classes, dtype=np.int32),
            "slopes": self.slopes,
            "intercepts": self.intercepts,
        }

    def reference(self, *inputs: Value) -> Value:
        least = 1e-7
        with np.errstate(all="ignore"):
            x = inputs[0] * self.slopes + self.intercepts
            e = np.exp(np.where(x < 0.0, x, -x))
            p = np.where(x >= 0.0, e, 1.0) / (1.0 + e)
            p = np.where(p > least, p, least)
            p = np.where(p < 1.0 - least, p, 1.0 - least)
        first, second = np.triu_indices(self.classes, 1)
        r = np.zeros((len(p), self.classes, self.classes))
        r[:, first, second], r[:, second, first] = p, 1.0 - p
        return np.array([_coupled(each) for each in r]).reshape(len(p), self.classes)

    def describe(self) -> str:
        return f"{self.classes} classes"


def _coupled(r: Array) -> Array:
    """Probabilities that fit those of pairs best, as far as libsvm iterates."""
    k = len(r)
    q = -r.T * r
    np.fill_diagonal(q, (r * r).sum(axis=0))
    p = np.full(k, 1.0 / k)
    for _ in range(max(100, k)):
        qp = q @ p
        pqp = p @ qp
        if np.abs(qp - pqp).max() < 0.005 / k:
            break
        for t in range(k):
            step = (pqp - qp[t]) / q[t, t]
            p[t] += step
            pqp = (pqp + step * (step * q[t, t] + 2.0 * qp[t])) / (1.0 + step) ** 2
            qp = (qp + step * q[t]) / (1.0 + step)
            p /= 1.0 + step
    return p
