"""Distances to centres and nearest centres against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans, MiniBatchKMeans

import pretzel

from .numeric import check, numbers

METHODS = ("predict", "transform")


@pytest.mark.parametrize("width", [1, 7, 8, 40])
@pytest.mark.parametrize("clusters", [1, 3, 9])
def test_k_means(width: int, clusters: int) -> None:
    X = numbers(1000, width, special=False)
    check(KMeans(clusters, n_init=1, random_state=0).fit(X), X, METHODS)


def test_mini_batches() -> None:
    X = numbers(1000, 5, special=False)
    check(MiniBatchKMeans(4, n_init=1, random_state=0).fit(X), X, METHODS)


def test_rows_on_centres() -> None:
    X = numbers(500, 6, special=False)
    model = KMeans(5, n_init=1, random_state=0).fit(X)
    plan = pretzel.compile(model, strict=True)
    np.testing.assert_array_equal(plan.predict(model.cluster_centers_), np.arange(5))
    np.testing.assert_array_equal(np.diag(plan.transform(model.cluster_centers_)), np.zeros(5))
