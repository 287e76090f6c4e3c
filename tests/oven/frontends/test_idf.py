"""Tf-idf against TfidfVectorizer and TfidfTransformer, and the node that reads it with a linear model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import (
    CountVectorizer,
    HashingVectorizer,
    TfidfTransformer,
    TfidfVectorizer,
)
from sklearn.pipeline import make_pipeline, make_union

import pretzel
from pretzel.errors import InputShapeError, InputValueError
from pretzel.oven.frontends.importer import Importer

from .texts import HARD_DOCUMENTS, check_vectorizer, documents

if TYPE_CHECKING:
    import pandas as pd

SETTINGS = st.fixed_dictionaries(
    {
        "norm": st.sampled_from([None, "l1", "l2"]),
        "use_idf": st.booleans(),
        "smooth_idf": st.booleans(),
        "sublinear_tf": st.booleans(),
    }
)


@settings(max_examples=100, deadline=None)
@given(SETTINGS, st.sampled_from(["word", "char", "char_wb"]), st.booleans(), documents(), documents())
def test_weights_equal_those_of_the_source(
    options: dict[str, Any], analyzer: str, binary: bool, fitted: list[str], new: list[str]
) -> None:
    vectorizer = TfidfVectorizer(analyzer=analyzer, ngram_range=(1, 2), binary=binary, **options)
    try:
        vectorizer.fit(fitted)
    except ValueError:
        return  # no term at all: nothing to compile
    check_vectorizer(vectorizer, [*new, *fitted])


@pytest.mark.parametrize("sublinear_tf", [False, True])
@pytest.mark.parametrize("norm", [None, "l1", "l2"])
def test_counts_beyond_the_table_of_logarithms(sublinear_tf: bool, norm: str | None) -> None:
    texts = ["word " * n + "other" for n in (1, 2, 63, 64, 65, 1000)]
    check_vectorizer(TfidfVectorizer(norm=norm, sublinear_tf=sublinear_tf).fit(texts), texts)


def test_transformer_behind_a_vectorizer() -> None:
    for first in (
        CountVectorizer(),
        CountVectorizer(binary=True),
        HashingVectorizer(n_features=97, alternate_sign=False),
    ):
        check_vectorizer(make_pipeline(first, TfidfTransformer(sublinear_tf=True)).fit(HARD_DOCUMENTS), HARD_DOCUMENTS)


def test_union() -> None:
    union = make_union(TfidfVectorizer(analyzer="char", ngram_range=(2, 3)), TfidfVectorizer(ngram_range=(1, 2)))
    check_vectorizer(union.fit(HARD_DOCUMENTS), HARD_DOCUMENTS)


def test_count_and_tfidf_vectorizers_share_their_counts() -> None:
    counts, tfidf = CountVectorizer().fit(HARD_DOCUMENTS), TfidfVectorizer().fit(HARD_DOCUMENTS)
    nodes = [Importer(v).run().methods["transform"].node for v in (counts, tfidf)]
    assert nodes[1].inputs == (nodes[0],)


def test_idf_set_by_hand() -> None:
    vectorizer = TfidfVectorizer(vocabulary=["cat", "sat"])
    vectorizer.idf_ = np.array([2.0, 3.0])
    check_vectorizer(vectorizer, ["the cat sat", "cat cat"])


@pytest.mark.filterwarnings("ignore:divide")
@pytest.mark.parametrize("norm", [None, "l2"])
def test_terms_that_no_document_of_the_fit_has(norm: str | None) -> None:
    vectorizer = TfidfVectorizer(vocabulary=["red", "fish", "whale"], smooth_idf=False, norm=norm)
    vectorizer.fit(["red fish", "red"])
    texts = ["fish red", "", "red red blue"] + (["fish whale"] if norm is None else [])
    plan = pretzel.compile(vectorizer)
    np.testing.assert_array_equal(plan.transform(texts).toarray(), vectorizer.transform(texts).toarray())


@pytest.mark.filterwarnings("ignore:divide", "ignore:invalid")
@pytest.mark.parametrize("norm", [None, "l1", "l2"])
def test_features_without_a_logarithm(norm: str | None) -> None:
    hashed = HashingVectorizer(n_features=8, norm=None)
    model = make_pipeline(hashed, TfidfTransformer(sublinear_tf=True, norm=norm)).fit(["one", "two", "three four"])
    plan = pretzel.compile(model, strict=True)
    refused = 0
    for text in ("one", "two", "three", "four", "five", "one two three four", "one two one", ""):
        try:
            expected = model.transform([text])
        except ValueError:
            refused += 1
            with pytest.raises(InputValueError):
                plan.transform([text])
        else:
            np.testing.assert_allclose(plan.transform([text]).toarray(), expected.toarray(), rtol=1e-12)
    assert (refused == 0) == (norm is None)


def test_real_texts(reviews: pd.DataFrame, womens_clothing: pd.DataFrame) -> None:
    texts = [*reviews["text"], *womens_clothing["Review Text"]][::4]
    vectorizer = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True, strip_accents="unicode").fit(texts[:4000])
    difference = vectorizer.transform(texts) - pretzel.compile(vectorizer, strict=True).transform(texts)
    assert abs(difference).max() < 1e-14


@pytest.mark.parametrize("dtype", [np.int64, np.float64])
@pytest.mark.parametrize("binary", [False, True])
def test_counts_of_no_documents(dtype, binary):
    """A CountVectorizer answers where a TfidfTransformer, whatever reads the counts, rejects."""
    counts = CountVectorizer(dtype=dtype, binary=binary).fit(HARD_DOCUMENTS)
    assert pretzel.compile(counts).transform([]).shape == counts.transform([]).shape
    both = make_pipeline(counts, TfidfTransformer()).fit(HARD_DOCUMENTS)
    with pytest.raises(ValueError, match="0 sample"):
        both.transform([])
    with pytest.raises(InputShapeError):
        pretzel.compile(both).transform([])
