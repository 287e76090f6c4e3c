"""Rows scaled to unit norm, and values cut at a threshold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pretzel.oven.graph import Array, Node, Parity, Value
from pretzel.oven.ops.idf import NO_IDF, Tfidf
from pretzel.oven.ops.link import Threshold
from pretzel.oven.ops.scale import dense_only
from pretzel.oven.registry import Unsupported, from_sklearn
from pretzel.schema import Kind, Schema, dense

if TYPE_CHECKING:
    from pretzel.oven.importer import Importer

NORMS = ("l1", "l2", "max")  # their numbers in the kernel
SMALLEST = 10 * float(np.finfo(np.float64).eps)  # norms below are taken for zero


class UnitNorm(Node):
    """Every row of a dense value divided by its norm, unless that is next to nothing.

    What counts as next to nothing is scikit-learn's bound for float64; for arrays of float32 its bound is higher.
    """

    norm: str

    kernel: ClassVar[str] = "unit_norm"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return dense(source.width, keeps_float32=source.keeps_float32)

    def params(self) -> tuple[Array, ...]:
        return (np.array(NORMS.index(self.norm), dtype=np.int32), np.array(SMALLEST))

    def reference(self, *inputs: Value) -> Value:
        x = inputs[0]
        with np.errstate(over="ignore"):
            if self.norm == "l2":
                norms = np.sqrt((x * x).sum(axis=1))
            else:
                norms = np.abs(x).sum(axis=1) if self.norm == "l1" else np.abs(x).max(axis=1)
        return x / np.where(norms < SMALLEST, 1.0, norms)[:, None]

    def describe(self) -> str:
        return self.norm


@from_sklearn("sklearn.preprocessing.Normalizer")
def normalizer(estimator: Any, x: Node, importer: Importer) -> Node:
    """Sparse rows are divided as tf-idf divides documents, dense ones with a bound for norms near zero."""
    x = importer.finite(importer.numeric(x), estimator)
    if x.schema().kind is Kind.DENSE:
        return UnitNorm((x,), estimator.norm)
    if estimator.norm == "max":
        raise Unsupported("Normalizer(norm='max') on sparse rows")
    return Tfidf((x,), NO_IDF, estimator.norm, False, False)


@from_sklearn("sklearn.preprocessing.Binarizer")
def binarizer(estimator: Any, x: Node, importer: Importer) -> Node:
    """1 above the threshold, else 0; the threshold is not rounded to float32 for arrays of that type."""
    dense_only(x, estimator)
    return Threshold((importer.finite(importer.dense(x), estimator),), float(estimator.threshold))
