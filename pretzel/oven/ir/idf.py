"""Tf-idf: weights of terms, norms of documents, and the linear model that reads them."""

from __future__ import annotations

import math
from dataclasses import replace as replace_fields
from typing import ClassVar

import numpy as np

from pretzel.oven.ir._dictionary import encoded
from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.oven.ir.scale import round_to_float32
from pretzel.oven.ir.value_properties import UNKNOWN, ValueProperties, of_constants, whole
from pretzel.schema import Schema, dense, fixed, rule_of

NORMS = (None, "l1", "l2")  # their numbers in the kernels


NO_IDF = np.empty(0)

LARGEST_TERM = 1e140
"""Squares of terms up to here, added up over a document, are far from an overflow."""

LARGEST_TERM_FLOAT32 = 1e16

NORM_BOUND = 2.0
"""No term of a document of norm one is larger, not even where its square underflows and loses digits."""


def _weighting(idf: Array, norm: str | None, sublinear: bool, binary: bool) -> dict[str, Array]:
    """The parameters that both kernels have."""
    values, codes = encoded(idf)
    return {
        "idf": values,
        "idf_codes": codes,
        "norm": np.array(NORMS.index(norm), dtype=np.uint8),
        "sublinear": np.array(sublinear, dtype=np.uint8),
        "binary": np.array(binary, dtype=np.uint8),
    }


def _weighted(x: Value, idf: Array, norm: str | None, sublinear: bool, binary: bool) -> Value:
    """Tf-idf of a CSR array of counts."""
    data = np.ones_like(x.data) if binary else x.data.astype(np.float64)
    with np.errstate(divide="ignore", invalid="ignore"):
        if sublinear:
            data = np.log(data) + 1.0
        if len(idf):
            data = data * idf[x.indices]
        if norm is not None:
            for start, stop in zip(x.indptr[:-1], x.indptr[1:], strict=True):
                row = data[start:stop]
                length = np.abs(row).sum() if norm == "l1" else np.sqrt((row * row).sum())
                if length != 0:
                    data[start:stop] = row / length
    return type(x)((data, x.indices, x.indptr), shape=x.shape)


class Tfidf(Node):
    """Counts of terms weighted by idf and scaled to documents of norm one.

    ``binary`` counts each stored term once, ``sublinear`` takes 1 + log(count), an empty ``idf`` weighs all terms 1.
    """

    idf: Array
    norm: str | None
    sublinear: bool
    binary: bool
    dtype: str = "float64"

    op: ClassVar[str] = "tfidf/1"
    kernel: ClassVar[str] = "tfidf"
    parity: ClassVar[Parity] = Parity.TOLERANCE  # a norm is summed in another order
    needs_rows: ClassVar[bool] = False  # `Importer.require_rows` says it of what a TfidfTransformer makes

    def schema(self) -> Schema:
        return replace_fields(self.inputs[0].schema(), dtype=fixed(self.dtype))

    def params(self) -> dict[str, Array]:
        return _weighting(self.idf, self.norm, self.sublinear, self.binary)

    def reference(self, *inputs: Value) -> Value:
        return _weighted(inputs[0], self.idf, self.norm, self.sublinear, self.binary)

    def is_exact(self) -> bool:
        """Counts stay what they are; logarithms, sums and products of float32 do not have the bits of the source."""
        return self.norm is None and not self.sublinear and not len(self.idf)

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        """Weights of counts that have no logarithm are unknown, and those of counts that may overflow."""
        counts = whole(1, 1) if self.binary else inputs[0]
        if not counts.finite or (self.sublinear and counts.low < 1.0):
            return UNKNOWN
        if self.norm is None and not len(self.idf) and not self.sublinear:
            return counts
        idf = of_constants(self.idf) if len(self.idf) else whole(1, 1)
        if self.sublinear:
            counts = ValueProperties(1.0, math.log(counts.high) + 1.001, no_nan=True)
        largest = counts.magnitude * idf.magnitude
        if not idf.no_nan or largest > LARGEST_TERM:
            return UNKNOWN
        non_negative = counts.non_negative and idf.non_negative
        bound = largest if self.norm is None else NORM_BOUND
        integral = self.norm is None and counts.integral and idf.integral
        return ValueProperties(0.0 if non_negative else -bound, bound, no_nan=True, integral=integral)

    def describe(self) -> str:
        flags = [name for name in ("sublinear", "binary") if getattr(self, name)]
        return ", ".join([*(["idf"] if len(self.idf) else []), f"norm={self.norm}", *flags])


class TfidfFloat32(Node):
    """`Tfidf` of counts of float32: each value is rounded, and the sum of a norm is one of float64."""

    idf: Array
    norm: str | None
    sublinear: bool
    binary: bool

    op: ClassVar[str] = "tfidf_float32/1"
    kernel: ClassVar[str] = "tfidf_float32"
    parity: ClassVar[Parity] = Parity.TOLERANCE  # of a logarithm
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return replace_fields(self.inputs[0].schema(), dtype=fixed("float32"))

    def params(self) -> dict[str, Array]:
        return _weighting(self.idf, self.norm, self.sublinear, self.binary)

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        data = np.ones_like(x.data) if self.binary else round_to_float32(x.data)
        with np.errstate(divide="ignore", invalid="ignore"):
            if self.sublinear:
                data = round_to_float32(round_to_float32(np.log(data)) + 1.0)
            if len(self.idf):
                data = round_to_float32(data * self.idf[x.indices])
            if self.norm is not None:
                parts = np.abs(data) if self.norm == "l1" else round_to_float32(data * data)
                for start, stop in zip(x.indptr[:-1], x.indptr[1:], strict=True):
                    length = sum(parts[start:stop].tolist())
                    if length != 0:
                        length = length if self.norm == "l1" else math.sqrt(length)
                        data[start:stop] = round_to_float32(data[start:stop] / length)
        return type(x)((data, x.indices, x.indptr), shape=x.shape)

    def is_exact(self) -> bool:
        """Only NumPy's logarithms of float32 have other bits."""
        return not self.sublinear

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        """As of `Tfidf`, where squares of float32 do not overflow."""
        found = Tfidf(self.inputs, self.idf, None, self.sublinear, self.binary).value_properties(*inputs)
        if not found.finite or found.magnitude > LARGEST_TERM_FLOAT32:
            return UNKNOWN
        if self.norm is not None:
            bound = NORM_BOUND
            return ValueProperties(0.0 if found.non_negative else -bound, bound, no_nan=True)
        low, high = round_to_float32(np.array([found.low, found.high])).tolist()
        return ValueProperties(low, high, found.no_nan, found.integral)

    def describe(self) -> str:
        flags = [name for name in ("sublinear", "binary") if getattr(self, name)]
        return ", ".join([*(["idf"] if len(self.idf) else []), f"norm={self.norm}", *flags])


def weighted(source: Node, idf: Array, norm: str | None, sublinear: bool, binary: bool) -> Node:
    """`Tfidf` in the precision of the counts."""
    cls = TfidfFloat32 if source.schema().dtype == fixed("float32") else Tfidf
    return cls((source,), idf, norm, sublinear, binary)


class TfidfLinear(Node):
    """``Linear(Tfidf(counts))`` in one pass over the entries of a row, without the weighted row.

    idf and weights stay two arrays: models with one vectorizer share its idf.
    """

    idf: Array
    norm: str | None
    sublinear: bool
    binary: bool
    weights: Array  # (terms, outputs)
    bias: Array
    result: str = "float64"

    op: ClassVar[str] = "tfidf_linear/1"
    kernel: ClassVar[str] = "tfidf_linear"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        return dense(self.weights.shape[1], rule_of(self.result))

    def params(self) -> dict[str, Array]:
        weighting = _weighting(self.idf, self.norm, self.sublinear, self.binary)
        values, codes = encoded(self.weights)
        return {**weighting, "weights": values, "weight_codes": codes, "bias": self.bias}

    def reference(self, *inputs: Value) -> Value:
        x = _weighted(inputs[0], self.idf, self.norm, self.sublinear, self.binary)
        return np.asarray(x @ self.weights) + self.bias

    def describe(self) -> str:
        return f"norm={self.norm}, {self.weights.shape[0]} terms -> {self.weights.shape[1]}"
