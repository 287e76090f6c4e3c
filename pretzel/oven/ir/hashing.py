"""Counts of hashed n-grams: no vocabulary, a fixed number of columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pretzel.oven.ir._text import grams, text_params
from pretzel.oven.ir._text_state import hashing_2
from pretzel.oven.ir.graph import Array, Node, Value
from pretzel.oven.ir.ngrams import MOST_TERMS, sums
from pretzel.oven.ir.value_properties import ValueProperties, whole
from pretzel.schema import Schema, fixed, sparse

if TYPE_CHECKING:
    from pretzel.oven.ir._states import States

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
    letters: tuple[int, ...] = ()
    whole_words: bool = False
    dtype: str = "float64"
    pattern: str = ""

    op: ClassVar[str] = "hashed_ngrams/1"
    kernel: ClassVar[str] = "hashing"
    states: ClassVar[States] = {2: hashing_2}

    def schema(self) -> Schema:
        return sparse(self.n_features, dtype=fixed(self.dtype))

    def params(self) -> dict[str, Array]:
        return {
            **text_params(self),
            "n_columns": np.array(self.n_features, dtype=np.int32),
            "signed": np.array(self.signed, dtype=np.uint8),
        }

    def reference(self, *inputs: Value) -> Value:
        def entries(document: str) -> list[tuple[int, float]]:
            hashes = [murmur3(gram.encode("utf-8")) for gram in grams(self, document)]
            return [(column_of_hash(h, self.n_features), -1.0 if h < 0 and self.signed else 1.0) for h in hashes]

        return sums(inputs[0], entries, self.n_features)

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return whole(-MOST_TERMS if self.signed else 1, MOST_TERMS)

    def describe(self) -> str:
        return f"{self.analyzer}({self.min_n}, {self.max_n}), {self.n_features} columns"


def column_of_hash(h: int, n_features: int) -> int:
    """The column of a signed hash, as a FeatureHasher finds it."""
    if h == INT32_MIN:  # has no absolute value in 32 bits
        return (2**31 - 1 - (n_features - 1)) % n_features
    return abs(h) % n_features


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
