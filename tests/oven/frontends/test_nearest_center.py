"""Nearest centres, which bounds in float32 find: those of distances that are added up column by column in float64."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.cluster import KMeans, MeanShift

import pretzel
from pretzel._native import isa, set_isa
from pretzel.store.object_store import ObjectStore

RNG = np.random.default_rng(0)
LEVELS = ("baseline", "x86-64-v3", "x86-64-v4")


def plan_of(centers: Any) -> Any:
    model = MeanShift()
    model.cluster_centers_, model.labels_ = centers, np.arange(len(centers))
    model.n_features_in_ = centers.shape[1]
    return pretzel.compile(model, strict=True, store=ObjectStore())


def expected(X: Any, centers: Any) -> Any:
    """The first of the least ``-2 x.c + |x|^2 + |c|^2``."""
    products, norms, squares = np.zeros((len(X), len(centers))), np.zeros(len(X)), np.zeros(len(centers))
    with np.errstate(over="ignore", invalid="ignore"):
        for x, c in zip(X.T, centers.T, strict=True):
            products += x[:, None] * c
            norms += x * x
            squares += c * c
        distances = np.maximum(-2.0 * products + norms[:, None] + squares, 0.0)
    return np.where(np.isnan(distances[:, 0]), 0, np.nanargmin(np.nan_to_num(distances, nan=np.inf), axis=1))


@pytest.mark.parametrize("width", [1, 3, 8, 21])
@pytest.mark.parametrize("count", [1, 2, 16, 17, 90])
def test_rows_in_between_on_and_far_from_centres(count: int, width: int) -> None:
    centers = RNG.normal(size=(count, width))
    near = np.nextafter(centers, 9.0)
    wide, far = np.concatenate([centers, near, centers]), RNG.normal(size=(50, width))
    halves = (centers[RNG.integers(0, count, 60)] + centers[RNG.integers(0, count, 60)]) / 2.0
    active = isa()
    for places in (centers, wide, np.round(wide), np.zeros_like(centers), wide * 1e-25, wide * 1e25, wide * 1e160):
        size = abs(places).max()
        rows = np.concatenate([far * size, halves * size, places, far * 1e-30, far * 1e9, far * 1e30])
        for offset in (0.0, 1e3 * size, 1e9 * size):
            want = expected(rows + offset, places + offset)
            try:
                for level in LEVELS[: LEVELS.index(active) + 1]:
                    set_isa(level)
                    plan = plan_of(places + offset)
                    np.testing.assert_array_equal(plan.predict(rows + offset), want)
            finally:
                set_isa(active)
            assert [plan.predict_one(row) for row in (rows + offset)[:9]] == want[:9].tolist()


@pytest.mark.parametrize("scale", [1.0, 1e-25, 1e25])
def test_many_centres_of_k_means(scale: float) -> None:
    """Without the squares of the rows: products column by column, as those of a linear computation were."""
    rows = np.round(RNG.normal(size=(400, 7)) * 2.0) * scale
    model = KMeans(60, n_init=1, max_iter=2, random_state=0).fit(rows)
    for centers in (model.cluster_centers_, np.repeat(rows[:40], 2, axis=0) + 1e9 * scale):
        model.cluster_centers_ = centers
        asked = np.concatenate([rows + centers[0], centers, np.nextafter(centers, 9.0), rows * 1e20])
        products = np.zeros((len(asked), len(centers)))
        for x, c in zip(asked.T, centers.T, strict=True):
            products += x[:, None] * c
        want = np.argmin(-2.0 * products + np.einsum("ij,ij->i", centers, centers), axis=1)
        plan = pretzel.compile(model, strict=True, store=ObjectStore())
        assert "nearest_center" in str(plan.explain("json"))
        np.testing.assert_array_equal(plan.predict(asked), want)
