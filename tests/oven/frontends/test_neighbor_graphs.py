"""``KNeighborsTransformer`` and ``RadiusNeighborsTransformer``: sparse rows of distances or ones, the nearest first."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.manifold import Isomap
from sklearn.neighbors import KNeighborsClassifier, KNeighborsTransformer, RadiusNeighborsTransformer
from sklearn.pipeline import make_pipeline

import pretzel
from pretzel.oven.frontends.importer import Importer
from pretzel.oven.ir.interpret import interpret

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3))
GRID = RNG.integers(0, 4, size=(300, 2)).astype(np.float64)
"""Rows, most of which occur several times."""

ASKED = np.vstack([X[:10], RNG.normal(size=(30, 3)), np.full((1, 3), 50.0)])  # rows of the fit, and one far away


@pytest.mark.parametrize("kind", [KNeighborsTransformer, RadiusNeighborsTransformer])
@pytest.mark.parametrize("mode", ["distance", "connectivity"])
@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree", "brute"])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_entries_are_those_of_the_source(kind, mode, algorithm, metric):
    if algorithm == "brute" and (kind is KNeighborsTransformer or (mode, metric) == ("distance", "euclidean")):
        pytest.skip("opaque")
    estimator = kind(mode=mode, algorithm=algorithm, metric=metric, leaf_size=5).fit(X)
    expected, found = estimator.transform(ASKED), pretzel.compile(estimator, strict=True).transform(ASKED)
    assert (type(found), found.shape, found.dtype) == (type(expected), expected.shape, expected.dtype)
    np.testing.assert_array_equal(found.indptr, expected.indptr)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.data, expected.data, rtol=1e-12, atol=1e-12)


@pytest.mark.filterwarnings("error::sklearn.exceptions.EfficiencyWarning")
@pytest.mark.parametrize("mode", ["distance", "connectivity"])
@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree", "brute"])
@pytest.mark.parametrize(
    ("graph", "reader"),
    [
        (KNeighborsTransformer(n_neighbors=40), KNeighborsClassifier(25, metric="precomputed")),
        (KNeighborsTransformer(n_neighbors=17), KNeighborsClassifier(3, metric="precomputed")),
        (RadiusNeighborsTransformer(radius=2.5), KNeighborsClassifier(5, metric="precomputed")),
        (KNeighborsTransformer(n_neighbors=60), Isomap(n_neighbors=45, metric="precomputed")),
    ],
    ids=["many", "few", "radius", "isomap"],
)
def test_readers_of_distances_get_them_in_the_order_of_the_source(graph, reader, mode, algorithm):
    """Estimators that read a graph take the first entries of each row, even if others are equally far."""
    if isinstance(reader, Isomap) and mode == "connectivity":
        pytest.skip("not connected")
    graph = clone(graph).set_params(mode=mode, algorithm=algorithm, metric="manhattan", leaf_size=5)
    estimator = make_pipeline(graph, clone(reader)).fit(GRID, np.arange(len(GRID)) % 7)
    plan = pretzel.compile(estimator)
    method = "transform" if isinstance(reader, Isomap) else "predict"
    for rows in (GRID[:30], GRID[:30] + 0.5, GRID[:1]):
        np.testing.assert_allclose(getattr(plan, method)(rows), getattr(estimator, method)(rows), atol=1e-9)


@pytest.mark.parametrize("newer", [False, True])
def test_sorts_of_older_and_newer_releases(newer, monkeypatch):
    monkeypatch.setattr("pretzel.oven.frontends.sklearn._nearest.since", lambda release: newer)
    estimator = RadiusNeighborsTransformer(radius=3.0).fit(GRID)
    node = Importer(estimator).run().methods["transform"].node
    expected, found = interpret([node], GRID[:30])[node], pretzel.compile(estimator).transform(GRID[:30])
    np.testing.assert_array_equal(found.indices, expected.indices)


@pytest.mark.parametrize("algorithm", ["kd_tree", "brute"])
@pytest.mark.parametrize("kind", [KNeighborsTransformer, RadiusNeighborsTransformer])
def test_rows_of_other_dtypes(kind, algorithm):
    """Without a tree, the source finds rows in float32 by other ways, so that it answers."""
    estimator = kind(algorithm=algorithm, metric="manhattan").fit(X)
    rows = ASKED.astype(np.float32)
    expected, found = estimator.transform(rows), pretzel.compile(estimator).transform(rows)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.data, expected.data, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", [KNeighborsTransformer, RadiusNeighborsTransformer])
def test_distances_of_subtracted_squares_are_those_of_the_source(kind):
    estimator = kind(algorithm="brute").fit(X)
    plan = pretzel.compile(estimator)
    assert [("without a tree" in step.reason) for step in plan.opaque_steps] == [True]
    np.testing.assert_array_equal(plan.transform(X).data, estimator.transform(X).data)


def test_more_neighbours_than_rows():
    estimator = KNeighborsTransformer(n_neighbors=80).fit(X)
    with pytest.raises(ValueError, match="n_neighbors"):
        estimator.transform(ASKED)
    plan = pretzel.compile(estimator)
    assert plan.opaque_steps
    with pytest.raises(ValueError, match="n_neighbors"):
        plan.transform(ASKED)


@pytest.mark.parametrize("kind", [KNeighborsTransformer, RadiusNeighborsTransformer])
def test_a_graph_has_as_many_columns_as_the_source_says(kind):
    estimator = kind(mode="connectivity", algorithm="kd_tree").fit(X)
    estimator.n_samples_fit_ = 90
    assert pretzel.compile(estimator).transform(ASKED).shape == estimator.transform(ASKED).shape == (len(ASKED), 90)
