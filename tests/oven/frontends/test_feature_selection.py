"""Feature selectors against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectFromModel, SelectKBest, SelectPercentile, VarianceThreshold, chi2
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.pipeline import make_pipeline

import pretzel
from pretzel.errors import InputValueError
from tests.answers import assert_close

from .numeric import check, numbers

X = numbers(1000, 10)
Y = (X[:, 2] + X[:, 7] > 0).astype(int)


@pytest.mark.parametrize(
    "selector",
    [SelectKBest(k=3), SelectPercentile(percentile=40), VarianceThreshold(), SelectFromModel(Lasso(0.01))],
    ids=lambda s: type(s).__name__,
)
def test_selection(selector: Any) -> None:
    check(selector.fit(X, Y), X, ("transform",), exact=True)


def test_dropped_columns_are_checked_too() -> None:
    model = SelectKBest(k=1).fit(X, Y)
    bad = X[:2].copy()
    bad[1, int(np.flatnonzero(~model.get_support())[0])] = np.inf
    with pytest.raises(InputValueError):
        pretzel.compile(model, strict=True).transform(bad)


def test_nan_passes_a_variance_threshold() -> None:
    model = VarianceThreshold().fit(X)
    bad = X[:2].copy()
    bad[0, 0], bad[1, 1] = np.nan, np.inf
    np.testing.assert_array_equal(pretzel.compile(model, strict=True).transform(bad), model.transform(bad))


def test_terms_of_documents() -> None:
    texts = ["red wine red", "white wine", "", "green tea tea", "black tea", "fast red car"] * 5
    y = [len(t) % 3 for t in texts]
    selected = make_pipeline(CountVectorizer(), SelectKBest(chi2, k=4)).fit(texts, y)
    got = pretzel.compile(selected, strict=True).transform(texts)
    assert sparse.issparse(got)
    np.testing.assert_array_equal(got.toarray(), selected.transform(texts).toarray())
    estimator = make_pipeline(TfidfVectorizer(), SelectKBest(chi2, k=4), LogisticRegression()).fit(texts, y)
    plan = pretzel.compile(estimator, strict=True)
    np.testing.assert_array_equal(plan.predict(texts), estimator.predict(texts))
    assert_close(plan.predict_proba(texts), estimator.predict_proba(texts))
