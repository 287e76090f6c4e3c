"""Bins against scikit-learn, with values on every edge and beside it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer

import pretzel
from pretzel.errors import InputValueError
from tests import releases
from tests.answers import assert_close

from .numeric import check, numbers


def fitted(X: np.ndarray, **options: object) -> KBinsDiscretizer:
    return KBinsDiscretizer(**releases.QUANTILE_METHOD, random_state=0, **options).fit(X)


def on_edges(estimator: KBinsDiscretizer, X: np.ndarray) -> np.ndarray:
    """``X`` with every edge of every column, and its neighbours, in its first rows."""
    X = X.copy()
    for j, edges in enumerate(estimator.bin_edges_):
        values = np.concatenate([edges, np.nextafter(edges, np.inf), np.nextafter(edges, -np.inf), [1e308, -1e308]])
        X[20 : 20 + len(values), j] = values
    return X


@pytest.mark.filterwarnings("ignore:Bins whose width", "ignore:Number of distinct clusters")
@pytest.mark.parametrize("strategy", ["uniform", "quantile", "kmeans"])
@pytest.mark.parametrize("n_bins", [2, 5, 40])
def test_ordinal(strategy: str, n_bins: int) -> None:
    X = numbers(1000, 3, special=False)
    X[:, 2] = np.round(X[:, 2])  # quantiles that coincide are dropped
    estimator = fitted(X, n_bins=n_bins, strategy=strategy, encode="ordinal")
    Z = on_edges(estimator, X)
    plan = check(estimator, Z, ("transform",), exact=True)
    single = np.clip(Z, -1e30, 1e30).astype(np.float32)
    assert_close(plan.transform(single), estimator.transform(single), exact=True)


@pytest.mark.parametrize("encode", ["onehot", "onehot-dense"])
def test_one_hot(encode: str) -> None:
    X = numbers(1000, 4, special=False)
    estimator = fitted(X, n_bins=[2, 3, 7, 4], encode=encode)
    Z = on_edges(estimator, X)
    got, expected = pretzel.compile(estimator, strict=True).transform(Z), estimator.transform(Z)
    if encode == "onehot":
        got, expected = got.toarray(), expected.toarray()
    assert_close(got, expected, exact=True)
    model = make_pipeline(estimator, LogisticRegression()).fit(X, X[:, 0] > X[:, 1])
    check(model, Z, ("predict", "predict_proba"))


def test_rejections() -> None:
    X = numbers(50, 3, special=False)
    estimator = fitted(X, encode="ordinal")
    plan = pretzel.compile(estimator, strict=True)
    for value in (np.nan, np.inf, -np.inf):
        X[4, 1] = value
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            estimator.transform(X)
        with pytest.raises(InputValueError, match="row 4"):
            plan.transform(X)


def test_another_precision() -> None:
    X = numbers(50, 3, special=False)
    estimator = fitted(X, encode="ordinal", dtype=np.float32)
    found, expected = pretzel.compile(estimator, strict=True).transform(X), estimator.transform(X)
    assert found.dtype == expected.dtype == np.float32
    np.testing.assert_array_equal(found, expected)
