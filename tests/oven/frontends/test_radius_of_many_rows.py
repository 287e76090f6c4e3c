"""Rows within a radius: many rows have what each has alone, though bounds in float32 say which points are measured."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.neighbors import RadiusNeighborsClassifier, RadiusNeighborsRegressor

import pretzel
from pretzel._native import isa, set_isa
from pretzel.store.object_store import ObjectStore
from tests.answers import assert_close

RNG = np.random.default_rng(0)
LEVELS = ("baseline", "x86-64-v3", "x86-64-v4")


def same(rows: Any, points: Any, radius: float, metric: str) -> None:
    """Every point has an output of its own, whose mean tells whether the point is near, and how far away."""
    model = RadiusNeighborsRegressor(radius, weights="distance", algorithm="brute", metric=metric)
    plan = pretzel.compile(model.fit(points, np.eye(len(points))), store=ObjectStore())
    assert not plan.opaque_steps
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of rows without neighbours
        np.testing.assert_array_equal(plan.predict(rows), np.concatenate([plan.predict(row[None]) for row in rows]))


@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean"])
@pytest.mark.parametrize("width", [2, 21])
def test_rows_at_the_radius_on_and_far_from_points(width: int, metric: str) -> None:
    points = np.round(RNG.normal(size=(93, width)) * 3.0) / 2.0
    rows = np.concatenate([points[:15], points[:12] + 0.5, RNG.normal(size=(7, width)), points[:5] * 1e30])
    active = isa()
    try:
        for level in LEVELS[: LEVELS.index(active) + 1]:
            set_isa(level)
            for scale in (1.0, 1e-21, 1e25, 1e150):
                for offset in (0.0, 1e9):
                    for radius in (0.0, 0.5, 1.5):
                        size = scale**2 if metric == "sqeuclidean" else scale
                        same((rows + offset) * scale, (points + offset) * scale, radius * size, metric)
    finally:
        set_isa(active)


@pytest.mark.filterwarnings("ignore:Outlier label")
def test_answers() -> None:
    points, rows = RNG.normal(size=(500, 9)), RNG.normal(size=(301, 9))
    for radius in (2.0, 4.0, 20.0):
        model = RadiusNeighborsClassifier(radius, algorithm="brute", outlier_label=9).fit(points, np.arange(500) % 5)
        plan = pretzel.compile(model, strict=True)
        assert_close(plan.predict(rows), model.predict(rows))
        assert_close(plan.predict_proba(rows), model.predict_proba(rows))
