"""Rows of unit norm and thresholds against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, Normalizer

import pretzel
from pretzel.errors import InputValueError, OpaqueStepError
from tests.answers import assert_close

from .numeric import check, numbers

NORMS = ["l1", "l2", "max"]


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("width", [1, 3, 8, 21])
def test_normalizer(norm: str, width: int) -> None:
    X = numbers(1000, width)
    X[20:40] *= 1e-16  # norms on both sides of what scikit-learn takes for zero
    X[40:60] *= 1e-14
    X[60:65] = 0.0
    X[65:70] = -0.0
    X[70:75] *= 1e160  # squares overflow
    X[75, 0] = -1.7976931348623157e308
    check(Normalizer(norm=norm).fit(X), X, ("transform",), exact=norm == "max")


@pytest.mark.parametrize("norm", NORMS)
def test_requests_of_sparse_rows(norm: str) -> None:
    S = sparse.random_array((300, 40), density=0.1, rng=np.random.default_rng(0), format="csr")
    model = Normalizer(norm=norm).fit(S)
    assert_close(pretzel.compile(model, strict=norm != "max").transform(S), model.transform(S))


@pytest.mark.parametrize("norm", NORMS)
def test_documents(norm: str) -> None:
    texts = ["a b c", "b c c d", "", "x y", "a a a", "d é"] * 3
    y = np.arange(len(texts)) % 2
    model = make_pipeline(CountVectorizer(token_pattern=r"(?u)\b\w+\b"), Normalizer(norm=norm), LogisticRegression())
    model.fit(texts, y)
    if norm == "max":
        with pytest.raises(OpaqueStepError, match="sparse"):
            pretzel.compile(model, strict=True)
    plan = pretzel.compile(model, strict=norm != "max")
    assert_close(plan.predict_proba(texts), model.predict_proba(texts))
    assert_close(plan.predict_proba(["nothing known", "c"]), model.predict_proba(["nothing known", "c"]))


@pytest.mark.parametrize("threshold", [0.0, -0.0, 0.5, -1, 5e-324, 1e10])
def test_binarizer(threshold: float) -> None:
    X = numbers(1000, 5)
    X.flat[20:23] = [np.nextafter(threshold, -np.inf), threshold, np.nextafter(threshold, np.inf)]
    check(Binarizer(threshold=threshold).fit(X), X, ("transform",), exact=True)


@pytest.mark.parametrize("model", [Normalizer(), Binarizer()])
def test_rejections(model: Normalizer | Binarizer) -> None:
    X = numbers(10, 3)
    plan = pretzel.compile(model.fit(X), strict=True)
    for value in (np.nan, np.inf, -np.inf):
        X[4, 1] = value
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            model.transform(X)
        with pytest.raises(InputValueError, match="row 4"):
            plan.transform(X)
