"""Counts of the n-grams of a vocabulary."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pretzel.oven.ir._text import grams, text_params, unpack
from pretzel.oven.ir._text_state import ngrams_2, ngrams_3
from pretzel.oven.ir.graph import Array, Node, Value
from pretzel.oven.ir.value_properties import ValueProperties, whole
from pretzel.schema import Schema, fixed, sparse

if TYPE_CHECKING:
    from collections.abc import Callable

    from pretzel.oven.ir._states import States


MOST_TERMS = 2.0**63
"""No document that fits in memory has more terms."""


class Ngrams(Node):
    """How often each term of a vocabulary occurs in each document.

    Terms and stop words are packed UTF-8 (`pack`), terms in the order of their columns, stop words sorted, so that
    equal vocabularies of different models are equal arrays. ``letters`` and ``whole_words`` are as in
    `character_classes`. ``pattern`` finds tokens that are no runs of one class of characters, and may hold spaces where
    n-grams are single tokens.
    """

    analyzer: str
    min_n: int
    max_n: int
    shortest: int
    terms: Array
    term_offsets: Array
    stop_words: Array
    stop_offsets: Array
    dtype: str = "int64"
    letters: tuple[int, ...] = ()
    whole_words: bool = False
    pattern: str = ""

    op: ClassVar[str] = "ngrams/1"
    kernel: ClassVar[str] = "ngrams"
    needs_rows: ClassVar[bool] = False
    states: ClassVar[States] = {2: ngrams_2, 3: ngrams_3}

    def schema(self) -> Schema:
        return sparse(len(self.term_offsets) - 1, dtype=fixed(self.dtype))

    def params(self) -> dict[str, Array]:
        return {"terms": self.terms, "term_offsets": self.term_offsets, **text_params(self)}

    def reference(self, *inputs: Value) -> Value:
        columns = {term: j for j, term in enumerate(unpack(self.terms, self.term_offsets))}

        def entries(document: str) -> list[tuple[int, float]]:
            return [(columns[gram], 1.0) for gram in grams(self, document) if gram in columns]

        return sums(inputs[0], entries, len(columns))

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return whole(1, MOST_TERMS)

    def describe(self) -> str:
        return f"{self.analyzer}({self.min_n}, {self.max_n}), {len(self.term_offsets) - 1} terms"


def sums(cells: Value, entries: Callable[[str], list[tuple[int, float]]], width: int) -> Value:
    """CSR with the values of each document's ``(column, value)`` entries added up, in order of first occurrence."""
    from scipy.sparse import csr_array

    index: list[int] = []
    data: list[float] = []
    starts = [0]
    for document in cells[:, 0]:
        row: dict[int, float] = {}
        for column, value in entries(document):
            row[column] = row.get(column, 0.0) + value
        index.extend(row)
        data.extend(row.values())
        starts.append(len(index))
    return csr_array((np.array(data, dtype=np.float64), index, starts), shape=(len(cells), width))
