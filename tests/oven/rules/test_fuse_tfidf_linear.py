"""Tf-idf and the linear model behind it in one pass."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline, make_union

import pretzel
from pretzel.oven.ir.columns import SparseLeaf
from pretzel.oven.ir.graph import users
from pretzel.oven.ir.idf import NO_IDF, Tfidf, TfidfLinear
from pretzel.oven.ir.linear import Linear
from pretzel.oven.rules.fuse_tfidf_linear import fuse_tfidf_linear
from tests.answers import assert_close

if TYPE_CHECKING:
    import pandas as pd

    from pretzel.oven.ir.graph import Node

RANDOM = np.random.default_rng(0)
COUNTS = csr_array(RANDOM.poisson(0.4, size=(20, 12)).astype(np.float64))
TEXTS = ["good film", "bad film film", "", "İ é nothing", "good good good", "the worst", "the best", "bad"] * 5
LABELS = np.array(["up", "down", "flat", "flat", "up", "down", "up", "down"] * 5)


def linear(source: Node, outputs: int) -> Linear:
    return Linear((source,), RANDOM.normal(size=(12, outputs)), RANDOM.normal(size=outputs))


@pytest.mark.parametrize("outputs", [1, 3])
@pytest.mark.parametrize("norm", [None, "l1", "l2"])
@pytest.mark.parametrize("idf", [NO_IDF, RANDOM.uniform(1, 9, size=12)])
def test_it_fires_and_keeps_the_value(outputs: int, norm: str | None, idf: Any) -> None:
    tfidf = Tfidf((SparseLeaf((), 12),), idf, norm, sublinear=True, binary=False)
    before = linear(tfidf, outputs)
    after = fuse_tfidf_linear(before, users([before]))
    assert after is TfidfLinear(tfidf.inputs, tfidf.idf, norm, True, False, before.weights, before.bias)
    assert after.schema() == before.schema()
    np.testing.assert_allclose(after.reference(COUNTS), before.reference(tfidf.reference(COUNTS)), rtol=1e-12)


def test_it_does_not_fire() -> None:
    leaf = SparseLeaf((), 12)
    tfidf = Tfidf((leaf,), NO_IDF, "l2", sublinear=False, binary=False)
    plain, first, second = linear(leaf, 1), linear(tfidf, 1), linear(tfidf, 1)
    fused = fuse_tfidf_linear(first, users([first]))
    for node in (plain, tfidf, fused):
        assert fuse_tfidf_linear(node, users([node])) is None
    assert fuse_tfidf_linear(first, users([first, second])) is None  # the weighted row is read twice


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize(
    "features",
    [
        TfidfVectorizer(analyzer="char", ngram_range=(2, 3)),
        TfidfVectorizer(sublinear_tf=True, norm="l1"),
        TfidfVectorizer(use_idf=False, binary=True),
        HashingVectorizer(n_features=2**12, ngram_range=(1, 2)),
        HashingVectorizer(n_features=64, norm=None),
        CountVectorizer(analyzer="char_wb", ngram_range=(2, 4)),
        make_union(TfidfVectorizer(analyzer="char", ngram_range=(2, 3)), TfidfVectorizer(ngram_range=(1, 2))),
    ],
    ids=lambda features: type(features).__name__,
)
def test_pipelines(features: Any, classes: int) -> None:
    labels = LABELS if classes == 3 else LABELS == "up"
    for model in (LogisticRegression(), SGDClassifier(random_state=0)):
        pipeline = make_pipeline(features, model).fit(TEXTS, labels)
        plan = pretzel.compile(pipeline, strict=True)
        np.testing.assert_array_equal(plan.predict(TEXTS), pipeline.predict(TEXTS))
        expected = pipeline.decision_function(TEXTS)
        got = plan.decision_function(TEXTS)
        assert_close(got, expected)
        for i, text in enumerate(TEXTS):
            assert plan.decision_function([text]).tobytes() == got[i : i + 1].tobytes()


def test_real_texts(womens_clothing: pd.DataFrame) -> None:
    texts, stars = list(womens_clothing["Review Text"])[:8000], womens_clothing["Rating"].to_numpy()[:8000]
    pipeline = make_pipeline(
        make_union(
            TfidfVectorizer(analyzer="char", ngram_range=(2, 3)),
            TfidfVectorizer(ngram_range=(1, 2), max_features=20_000),
        ),
        SGDClassifier(loss="log_loss", max_iter=5, tol=None, random_state=0),
    ).fit(texts[:4000], stars[:4000])
    plan = pretzel.compile(pipeline, strict=True)
    np.testing.assert_array_equal(plan.predict(texts), pipeline.predict(texts))
    assert_close(plan.predict_proba(texts), pipeline.predict_proba(texts))
