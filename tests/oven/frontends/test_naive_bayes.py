"""Naive Bayes over counts against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.naive_bayes import BernoulliNB, ComplementNB, GaussianNB, MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer

import pretzel
from pretzel.errors import InputValueError
from tests.answers import assert_close

from .numeric import check

X = np.random.default_rng(0).poisson(0.7, size=(200, 9)).astype(float)
Y = np.array(["a", "b", "c"])[np.digitize(X[:, 0] - X[:, 1], [-0.5, 0.5])]
METHODS = ("predict", "predict_proba", "predict_log_proba", "predict_joint_log_proba")
MODELS = [
    MultinomialNB(),
    MultinomialNB(fit_prior=False, alpha=0.1),
    MultinomialNB(class_prior=[0.1, 0.2, 0.7]),
    ComplementNB(),
    ComplementNB(norm=True),
]


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_counts(model) -> None:
    check(model.fit(X, Y), X, METHODS)


@pytest.mark.parametrize("model", MODELS, ids=repr)
@pytest.mark.parametrize("vectorizer", [CountVectorizer(), TfidfVectorizer()], ids=repr)
def test_documents(model, vectorizer) -> None:
    texts = [" ".join(f"word{j}" for j in range(9) for _ in range(int(row[j]))) or "nothing" for row in X]
    estimator = make_pipeline(vectorizer, model).fit(texts, Y)
    plan = pretzel.compile(estimator, strict=True)
    for method in METHODS[:3]:  # a pipeline has no other
        assert_close(getattr(plan, method)(texts), getattr(estimator, method)(texts))
        assert_close(getattr(plan, f"{method}_one")(texts[0]), getattr(estimator, method)(texts[:1])[0])


@pytest.mark.parametrize("model", MODELS[:1] + MODELS[3:], ids=repr)
@pytest.mark.parametrize("labels", [np.zeros(200), (X[:, 0] > 0).astype(int)], ids=["one class", "two"])
def test_few_classes(model, labels) -> None:
    check(model.fit(X, labels), X, METHODS)
    rows = sparse.csr_matrix(X)
    plan = pretzel.compile(model, strict=True)
    for method in METHODS:
        assert_close(getattr(plan, method)(rows), getattr(model, method)(rows))


def test_logarithms_of_probabilities_that_are_zero() -> None:
    """In a document of a thousand words, the probability of the other class underflows, but its logarithm does not."""
    counts = np.array([[1000.0, 0.0], [0.0, 1000.0]])
    model = MultinomialNB().fit(counts, [0, 1])
    plan = pretzel.compile(model, strict=True)
    assert (plan.predict_proba(counts) == [[1.0, 0.0], [0.0, 1.0]]).all()
    np.testing.assert_allclose(plan.predict_log_proba(counts), model.predict_log_proba(counts), rtol=1e-9)
    assert plan.predict_log_proba(counts).min() < -5000


def test_missing_values_are_rejected() -> None:
    plan = pretzel.compile(MultinomialNB().fit(X, Y))
    with pytest.raises(InputValueError, match="NaN"):
        plan.predict(np.full((1, 9), np.nan))


@pytest.mark.parametrize("vectorizer", [CountVectorizer(), CountVectorizer(binary=True, dtype=np.float64)], ids=repr)
@pytest.mark.parametrize("model", [BernoulliNB(), BernoulliNB(binarize=np.float64(0.5))], ids=repr)
def test_words_that_are_there(model, vectorizer) -> None:
    texts = [" ".join(f"word{j}" for j in range(9) for _ in range(int(row[j]))) or "nothing" for row in X]
    estimator = make_pipeline(vectorizer, model).fit(texts, Y)
    plan = pretzel.compile(estimator, strict=True)
    for method in METHODS[:3]:
        assert_close(getattr(plan, method)(texts), getattr(estimator, method)(texts))
    binary = make_pipeline(vectorizer, Binarizer()).fit(texts)
    found, expected = pretzel.compile(binary, strict=True).transform(texts), binary.transform(texts)
    assert (found != expected).nnz == 0
    assert found.dtype == expected.dtype


def test_words_that_are_there_twice() -> None:
    """Which words those are decides; so a model reads rows that hold all words, and a binarizer is called."""
    texts = [" ".join(f"word{j}" for j in range(9) for _ in range(int(row[j]))) or "nothing" for row in X]
    estimator = make_pipeline(CountVectorizer(), BernoulliNB(binarize=1)).fit(texts, Y)
    plan = pretzel.compile(estimator, strict=True)
    for method in METHODS[:3]:
        assert_close(getattr(plan, method)(texts), getattr(estimator, method)(texts))
    assert pretzel.compile(make_pipeline(CountVectorizer(), Binarizer(threshold=1.0)).fit(texts, Y)).opaque_steps


def test_variances_in_float32_are_the_sources() -> None:
    """Of which it makes logarithms in float32."""
    model = GaussianNB().fit(X, Y)
    model.var_ = model.var_.astype(np.float32)
    plan = pretzel.compile(model)
    assert plan.opaque_steps
    np.testing.assert_array_equal(plan.predict_proba(X), model.predict_proba(X))
