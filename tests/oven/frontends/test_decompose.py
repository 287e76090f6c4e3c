"""Projections against scikit-learn."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA, FactorAnalysis, FastICA, IncrementalPCA, TruncatedSVD
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import Ridge
from sklearn.neighbors import NeighborhoodComponentsAnalysis
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel
from tests.answers import assert_close

from .numeric import check, check_sparse, numbers

X = numbers(1000, 20, special=False) @ np.random.default_rng(1).normal(size=(20, 20)) + 3.0


@pytest.mark.parametrize("whiten", [False, True])
@pytest.mark.parametrize("components", [1, 2, 8, 11, 20])
def test_pca(components: int, whiten: bool) -> None:
    # In a union, because PCA by itself also has score_samples.
    check(FeatureUnion([("pca", PCA(components, whiten=whiten, random_state=0))]).fit(X), X, ("transform",))


def test_whitening_without_variance() -> None:
    degenerate = np.repeat(X[:, :3], 2, axis=1)
    model = PCA(whiten=True, svd_solver="full").fit(degenerate)
    got, expected = pretzel.compile(model).transform(degenerate), model.transform(degenerate)
    assert_close(got[:, :3], expected[:, :3])


@pytest.mark.parametrize("components", [1, 5])
def test_truncated_svd(components: int) -> None:
    check(TruncatedSVD(components, random_state=0).fit(X), X, ("transform",))


def test_sparse_rows() -> None:
    S = sparse.random_array((500, 40), density=0.1, rng=np.random.default_rng(0), format="csr")
    for model in (TruncatedSVD(6, random_state=0), TruncatedSVD(1, random_state=0), PCA(1, svd_solver="arpack")):
        check_sparse(model.fit(S), S)


def test_sparse_projections_side_by_side() -> None:
    S = sparse.random_array((500, 40), density=0.1, rng=np.random.default_rng(0), format="csr")
    parts = [(str(seed), TruncatedSVD(1, algorithm="randomized", random_state=seed)) for seed in range(3)]
    check_sparse(FeatureUnion(parts).fit(S), S)


LINEAR = [
    IncrementalPCA(3),
    IncrementalPCA(3, whiten=True),
    FastICA(4, tol=0.1, random_state=0),
    FastICA(whiten=False, tol=0.1, random_state=0),
    FactorAnalysis(3),
    FactorAnalysis(2, rotation="varimax"),
    NeighborhoodComponentsAnalysis(3, max_iter=5, random_state=0),
]


@pytest.mark.parametrize("model", LINEAR, ids=repr)
@pytest.mark.parametrize("fitted", ["float32", "float64"])
def test_linear_projections(model, fitted: str) -> None:
    """Requests of all dtypes, for models that were fitted on either; float32 arithmetic is BLAS' own."""
    model = clone(model)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        model.fit(X.astype(fitted), np.arange(1000) % 3)
    if fitted == "float64":
        check(FeatureUnion([("m", model)]).fit(X, np.arange(1000) % 3), X, ("transform",))
    plan = pretzel.compile(model)
    for asked in ("float16", "float32", "float64", "int8", "int64"):
        rows = X.clip(-50, 50).astype(asked)
        got, expected = plan.transform(rows), model.transform(rows)
        assert got.dtype == expected.dtype
        bound = 1e-4 if "float32" in (fitted, str(expected.dtype)) else 1e-9
        np.testing.assert_allclose(got, expected, rtol=bound, atol=bound * np.abs(expected).max())


def test_incremental_pca_of_sparse_rows() -> None:
    S = sparse.random_array((200, 12), density=0.3, rng=np.random.default_rng(0), format="csr")
    model = IncrementalPCA(2, batch_size=50).fit(S)
    plan = pretzel.compile(model)
    assert_close(plan.transform(S), model.transform(S))
    assert_close(plan.transform(S.toarray()), model.transform(S.toarray()))


def test_no_components() -> None:
    X = np.random.default_rng(0).normal(size=(30, 3))
    model = PCA(n_components=0, whiten=True).fit(X)
    assert pretzel.compile(model, strict=True).transform(X).shape == model.transform(X).shape == (30, 0)


@pytest.mark.parametrize(
    "last", [HistGradientBoostingRegressor(max_iter=8, min_samples_leaf=2), Ridge()], ids=["hgb", "ridge"]
)
def test_components_of_texts_in_float32_have_the_bits_of_the_source(last):
    """Rows of the training lie on the edges of trees."""
    rng = np.random.default_rng(0)
    texts = [" ".join(rng.choice([f"w{i}" for i in range(40)], 6)) for _ in range(300)]
    frame = pd.DataFrame({"text": texts, "size": rng.normal(size=300)})
    components = make_pipeline(TfidfVectorizer(dtype=np.float32), TruncatedSVD(6, random_state=0))
    plan = pretzel.compile(components.fit(texts), strict=True)
    np.testing.assert_array_equal(plan.transform(texts), components.transform(texts))
    steps = ColumnTransformer([("text", components, "text"), ("size", StandardScaler(), ["size"])])
    model = make_pipeline(steps, last).fit(frame, np.arange(300) % 7)
    plan = pretzel.compile(model, strict=True)
    np.testing.assert_allclose(plan.predict(frame), model.predict(frame), rtol=1e-9)
