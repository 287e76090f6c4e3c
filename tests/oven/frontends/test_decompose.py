"""Projections against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.pipeline import FeatureUnion

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
