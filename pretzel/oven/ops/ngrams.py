"""Counts of the n-grams of a vocabulary."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pretzel.oven.graph import Array, Node, Output, Value
from pretzel.oven.ops._text import ANALYZERS, analysis, character_classes, grams, pack, unpack
from pretzel.oven.ops.columns import TextLeaf
from pretzel.oven.registry import Unsupported, from_sklearn
from pretzel.schema import Kind, Schema

if TYPE_CHECKING:
    from collections.abc import Callable

    from pretzel.oven.graph import Methods
    from pretzel.oven.importer import Importer


class Ngrams(Node):
    """How often each term of a vocabulary stands in each document.

    Terms and stop words are packed UTF-8 (`pack`), terms in the order of their columns, stop words sorted, so that
    equal vocabularies of different models are equal arrays.
    """

    analyzer: str
    min_n: int
    max_n: int
    shortest: int
    terms: Array
    term_offsets: Array
    stop_words: Array
    stop_offsets: Array

    kernel: ClassVar[str] = "ngrams"

    def schema(self) -> Schema:
        return Schema(Kind.SPARSE, len(self.term_offsets) - 1, integral=True)

    def params(self) -> tuple[Array, ...]:
        leaf = self.inputs[0]
        assert isinstance(leaf, TextLeaf)
        settings = [ANALYZERS.index(self.analyzer), self.min_n, self.max_n, leaf.lower, self.shortest]
        return (
            self.terms,
            self.term_offsets,
            self.stop_words,
            self.stop_offsets,
            *character_classes(),
            np.array(settings, dtype=np.int32),
        )

    def reference(self, *inputs: Value) -> Value:
        columns = {term: j for j, term in enumerate(unpack(self.terms, self.term_offsets))}
        stop = frozenset(unpack(self.stop_words, self.stop_offsets))

        def entries(document: str) -> list[tuple[int, float]]:
            found = grams(document, self.analyzer, self.min_n, self.max_n, self.shortest, stop)
            return [(columns[gram], 1.0) for gram in found if gram in columns]

        return sums(inputs[0], entries, len(columns))

    def always_finite(self) -> bool:
        return True

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


def terms_of(vectorizer: Any) -> list[str]:
    """Vocabulary in the order of its columns, given or fitted."""
    vectorizer = copy.copy(vectorizer)  # the check stores a given vocabulary on the estimator
    vectorizer._check_vocabulary()
    vocabulary = vectorizer.vocabulary_
    terms = sorted(vocabulary, key=vocabulary.__getitem__)
    if [vocabulary[term] for term in terms] != list(range(len(terms))):
        raise Unsupported("vocabulary_ does not number its terms 0, 1, 2, ...")
    if not all(isinstance(term, str) for term in terms):
        raise Unsupported("the vocabulary holds terms that are not str")
    return terms


def counts(vectorizer: Any, x: Node, importer: Importer) -> Node:
    """The counts of a fitted CountVectorizer or TfidfVectorizer, before ``binary`` and idf."""
    settings = analysis(vectorizer)
    text = importer.text(x, lower=settings.lower, accents=settings.accents)
    return Ngrams(
        (text,),
        settings.analyzer,
        settings.min_n,
        settings.max_n,
        settings.shortest,
        *pack(terms_of(vectorizer)),
        *pack(settings.stop_words),
    )


@from_sklearn("sklearn.feature_extraction.text.CountVectorizer")
def count_vectorizer(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Counts of the n-grams of the vocabulary."""
    from pretzel.oven.ops.idf import NO_IDF, Tfidf

    dtype = np.dtype(estimator.dtype).name
    if dtype not in ("int64", "int32", "float64"):
        raise Unsupported(f"dtype={dtype}: what reads the counts may compute in that precision")
    node = counts(estimator, x, importer)
    if estimator.binary:
        node = Tfidf((node,), NO_IDF, None, sublinear=False, binary=True)
    return {"transform": Output(node, dtype=dtype)}
