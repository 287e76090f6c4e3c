"""Topics of documents: ``LatentDirichletAllocation``."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.errors import InputValueError
from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.schema import Schema, dense

_EULER = 0.577215664901532860606512090082402431


class Topics(Node):
    """Shares of the topics of a document, from the counts of its words (Hoffman, Blei and Bach 2010, algorithm 1).

    Parameters
    ----------
    words : float64 array of shape (width, n_topics)
        ``exp`` of the expected logarithm of the probability of each word.
    first : float64 array of shape (n_topics,)
        What the rounds of each document begin with: ``exp`` of the expected logarithms of equal shares.
    prior : float
    tolerance : float
        The rounds end with a mean change below it.
    rounds : int
        At most.
    """

    words: Array
    first: Array
    prior: float
    tolerance: float
    rounds: int

    op: ClassVar[str] = "topics/1"
    kernel: ClassVar[str] = "topics"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        if source.width != self.words.shape[0] or self.first.shape != self.words.shape[1:]:
            raise ValueError(f"{source} meets topics of shape {self.words.shape}")
        return dense(len(self.first))

    def params(self) -> dict[str, Array]:
        return {
            "words": self.words,
            "first": self.first,
            "prior": np.array(self.prior),
            "tolerance": np.array(self.tolerance),
            "rounds": np.array(self.rounds, dtype=np.int32),
        }

    def reference(self, *inputs: Value) -> Value:
        x = inputs[0].toarray() if hasattr(inputs[0], "toarray") else inputs[0]
        if (x < 0.0).any():
            row, column = np.argwhere(x < 0.0)[0]
            raise InputValueError(f"row {row}, column {column}: {x[row, column]} is no count")
        return np.array([self._of_document(row) for row in x]).reshape(len(x), len(self.first))

    def _of_document(self, counts: Array) -> Array:
        present = counts != 0.0
        words, found, weights = self.words[present], np.ones(len(self.first)), self.first
        for _ in range(self.rounds):
            last = found
            found = weights * ((counts[present] / (words @ weights + np.finfo(np.float64).eps)) @ words) + self.prior
            weights = np.exp([_digamma(each) - _digamma(found.sum()) for each in found])
            if np.abs(last - found).mean() < self.tolerance:
                break
        shares: Array = found / found.sum()
        return shares

    def describe(self) -> str:
        return f"{self.words.shape[0]} words, {self.words.shape[1]} topics"


def _digamma(x: float) -> float:
    """The logarithmic derivative of the gamma function, as scikit-learn approximates it (Bernardo 1976, AS 103)."""
    if x <= 1e-6:
        return -_EULER - 1.0 / x if x else -np.inf
    result = 0.0
    while x < 6.0:
        result -= 1.0 / x
        x += 1.0
    r = 1.0 / x
    result += float(np.log(x)) - 0.5 * r
    r = r * r
    return result - r * ((1.0 / 12.0) - r * ((1.0 / 120.0) - r * (1.0 / 252.0)))
