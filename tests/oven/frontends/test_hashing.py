"""Hashed n-grams against HashingVectorizer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import HashingVectorizer
from sklearn.utils import murmurhash3_32

import pretzel
from pretzel.errors import InputError, InputValueError
from pretzel.oven.ir.hashing import INT32_MIN, column_of_hash, murmur3

from .texts import HARD_DOCUMENTS, check_vectorizer, documents

if TYPE_CHECKING:
    import pandas as pd

ENCODABLE = [text for text in HARD_DOCUMENTS if not any("\ud800" <= c < "\ue000" for c in text)]


@settings(max_examples=150, deadline=None)
@given(
    st.fixed_dictionaries(
        {
            "analyzer": st.sampled_from(["word", "char", "char_wb"]),
            "ngram_range": st.tuples(st.integers(1, 5), st.integers(0, 3)).map(lambda r: (r[0], r[0] + r[1])),
            "n_features": st.sampled_from([1, 7, 64, 1000, 2**18, 2**31 - 2]),
            "alternate_sign": st.booleans(),
            "binary": st.booleans(),
            "norm": st.sampled_from([None, "l1", "l2"]),
            "lowercase": st.booleans(),
            "strip_accents": st.sampled_from([None, "ascii", "unicode"]),
        }
    ),
    documents(surrogates=False),
)
def test_hashes_equal_those_of_the_source(options: dict[str, Any], texts: list[str]) -> None:
    check_vectorizer(HashingVectorizer(**options).fit(texts), texts)


@pytest.mark.filterwarnings("ignore:Your stop_words may be inconsistent")
@pytest.mark.parametrize("stop_words", ["english", ["cat", "naïve", "two words", ""]])
def test_stop_words_do_not_part_an_ngram(stop_words: Any) -> None:
    vectorizer = HashingVectorizer(n_features=2**10, ngram_range=(1, 3), stop_words=stop_words).fit([])
    check_vectorizer(vectorizer, [*ENCODABLE, "the naïve cat and the two words"])


def test_entries_that_cancel_out_stay() -> None:
    vectorizer = HashingVectorizer(n_features=1, norm=None).fit([])
    text = next(
        f"{a} {b}" for a in "abcdefgh" for b in "abcdefgh" if murmur3((a * 2).encode()) < 0 < murmur3((b * 2).encode())
    )
    check_vectorizer(vectorizer, [" ".join(word * 2 for word in text.split())])


@given(st.binary(max_size=20))
def test_reference_hash(data: bytes) -> None:
    assert murmur3(data) == murmurhash3_32(data, seed=0)


@pytest.mark.parametrize("n_features", [1, 2, 3, 1000, 2**20, 2**31 - 1])
def test_column_of_the_hash_without_absolute_value(n_features: int) -> None:
    assert column_of_hash(INT32_MIN, n_features) == (2147483647 - (n_features - 1)) % n_features == 2**31 % n_features


def test_lone_surrogates_are_rejected_where_the_source_cannot_encode_them() -> None:
    words, chars = HashingVectorizer(n_features=64).fit([]), HashingVectorizer(n_features=64, analyzer="char").fit([])
    check_vectorizer(words, ["lone \ud800 surrogate"])  # not part of a token
    with pytest.raises(UnicodeEncodeError):
        chars.transform(["lone \ud800"])
    plan = pretzel.compile(chars, strict=True)
    with pytest.raises(InputValueError, match=r"row 1.*surrogate"):
        plan.transform(["fine", "lone \ud800"])
    pairs = HashingVectorizer(n_features=64, analyzer="char", ngram_range=(2, 2)).fit([])
    check_vectorizer(pairs, ["\ud800"])  # too short for any n-gram


def test_real_texts(reviews: pd.DataFrame) -> None:
    vectorizer = HashingVectorizer(n_features=2**18, ngram_range=(1, 2)).fit([])
    texts = list(reviews["text"])
    difference = vectorizer.transform(texts) - pretzel.compile(vectorizer, strict=True).transform(texts)
    assert abs(difference).max() < 1e-14


def split(text: str) -> list[Any]:
    """Tokens of which some are empty, and some hold spaces."""
    return text.split(",")


@pytest.mark.parametrize("more", [{}, {"norm": None, "alternate_sign": False}, {"binary": True}, {"n_features": 3}])
def test_tokens_from_python_are_hashed_natively(more: dict[str, Any]) -> None:
    vectorizer = HashingVectorizer(**{"analyzer": split, "n_features": 64} | more)
    plan, texts = pretzel.compile(vectorizer), ["a b,c", "", ",,a b, ,\x01 x", "é😀,a\x00b"]
    expected, found = vectorizer.transform(texts), plan.transform(texts)
    for part in ("data", "indices", "indptr"):
        np.testing.assert_array_equal(getattr(found, part), getattr(expected, part))
    assert [step.step.rpartition(".")[2] for step in plan.opaque_steps] == ["analyzer"]


def odd(text: str) -> Any:
    return {"text": text, "number": [1], "bytes": [text.encode(), "a"], "surrogate": ["a", "\udfff"]}[text]


def test_tokens_from_python_that_are_no_texts() -> None:
    vectorizer = HashingVectorizer(analyzer=odd, n_features=64)
    plan = pretzel.compile(vectorizer)
    assert (plan.transform(["bytes"]) != vectorizer.transform(["bytes"])).nnz == 0
    for text, kind in (("text", ValueError), ("number", TypeError), ("surrogate", ValueError)):
        for model in (vectorizer, plan):
            with pytest.raises(kind):
                model.transform([text])


@pytest.mark.parametrize("options", [{}, {"analyzer": split}, {"dtype": np.float32}, {"analyzer": split, "dtype": int}])
def test_no_documents_are_rejected(options: dict[str, Any]) -> None:
    vectorizer = HashingVectorizer(n_features=64, **options)
    with pytest.raises(StopIteration):
        vectorizer.transform([])
    with pytest.raises(InputError, match="at least one"):
        pretzel.compile(vectorizer).transform([])
