"""Counts of hashed n-grams: no vocabulary, a fixed number of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pretzel.oven.graph import Array, Node, Value
from pretzel.oven.ops._text import ANALYZERS, analysis, character_classes, grams, pack, unpack
from pretzel.oven.ops.columns import TextLeaf
from pretzel.oven.ops.idf import NO_IDF, NORMS, Tfidf
from pretzel.oven.ops.ngrams import sums
from pretzel.oven.registry import Unsupported, from_sklearn
from pretzel.schema import Kind, Schema

if TYPE_CHECKING:
    from pretzel.oven.importer import Importer

INT32_MIN = -(2**31)


class HashedNgrams(Node):
    """Sums of +1, or of +1 and -1 with ``signed``, in the column that each n-gram's MurmurHash3 names.

    Entries that cancel out stay as stored zeros, as in scikit-learn, where ``binary`` makes them ones.
    """

    analyzer: str
    min_n: int
    max_n: int
    shortest: int
    stop_words: Array
    stop_offsets: Array
    n_features: int
    signed: bool

    kernel: ClassVar[str] = "hashing"

    def schema(self) -> Schema:
        return Schema(Kind.SPARSE, self.n_features)  # whole numbers, but scikit-learn returns float64

    def params(self) -> tuple[Array, ...]:
        leaf = self.inputs[0]
        assert isinstance(leaf, TextLeaf)
        analyzer = ANALYZERS.index(self.analyzer)
        settings = [analyzer, self.min_n, self.max_n, leaf.lower, self.shortest, self.n_features, self.signed]
        return (self.stop_words, self.stop_offsets, *character_classes(), np.array(settings, dtype=np.int32))

    def reference(self, *inputs: Value) -> Value:
        stop = frozenset(unpack(self.stop_words, self.stop_offsets))

        def entries(document: str) -> list[tuple[int, float]]:
            found = grams(document, self.analyzer, self.min_n, self.max_n, self.shortest, stop)
            hashes = [murmur3(gram.encode("utf-8")) for gram in found]
            return [(self._column(h), -1.0 if h < 0 and self.signed else 1.0) for h in hashes]

        return sums(inputs[0], entries, self.n_features)

    def _column(self, h: int) -> int:
        if h == INT32_MIN:  # has no absolute value in 32 bits
            return (2**31 - 1 - (self.n_features - 1)) % self.n_features
        return abs(h) % self.n_features

    def always_finite(self) -> bool:
        return True

    def describe(self) -> str:
        return f"{self.analyzer}({self.min_n}, {self.max_n}), {self.n_features} columns"


def murmur3(data: bytes) -> int:
    """MurmurHash3 (x86, 32 bits, seed 0) as a signed number."""
    mask = 0xFFFFFFFF

    def mixed(block: bytes) -> int:
        k = int.from_bytes(block, "little") * 0xCC9E2D51 & mask
        return (k << 15 | k >> 17) * 0x1B873593 & mask

    h = 0
    whole = len(data) // 4 * 4
    for i in range(0, whole, 4):
        h ^= mixed(data[i : i + 4])
        h = ((h << 13 | h >> 19) * 5 + 0xE6546B64) & mask
    h ^= mixed(data[whole:]) ^ len(data)
    for shift, factor in ((16, 0x85EBCA6B), (13, 0xC2B2AE35), (16, 1)):
        h = (h ^ h >> shift) * factor & mask
    return h - (1 << 32) if h >> 31 else h


@from_sklearn("sklearn.feature_extraction.text.HashingVectorizer")
def hashing_vectorizer(estimator: Any, x: Node, importer: Importer) -> Node:
    """Hashed n-grams, then the norm."""
    if np.dtype(estimator.dtype) != np.float64:
        raise Unsupported(f"dtype={np.dtype(estimator.dtype).name}: scikit-learn computes in that precision")
    if estimator.norm not in NORMS:
        raise Unsupported(f"norm={estimator.norm!r}")
    settings = analysis(estimator)
    hashed = HashedNgrams(
        (importer.text(x, lower=settings.lower, accents=settings.accents),),
        settings.analyzer,
        settings.min_n,
        settings.max_n,
        settings.shortest,
        *pack(settings.stop_words),
        int(estimator.n_features),
        bool(estimator.alternate_sign),
    )
    if estimator.norm is None and not estimator.binary:
        return hashed
    return Tfidf((hashed,), NO_IDF, estimator.norm, sublinear=False, binary=bool(estimator.binary))
