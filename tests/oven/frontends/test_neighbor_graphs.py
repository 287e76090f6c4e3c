"""``KNeighborsTransformer`` and ``RadiusNeighborsTransformer``: sparse rows of distances or ones.

A plan answers with entries by column, where the source has the nearest first.
"""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier, KNeighborsTransformer, RadiusNeighborsTransformer
from sklearn.pipeline import make_pipeline

import pretzel

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3))
ASKED = np.vstack([X[:10], RNG.normal(size=(30, 3)), np.full((1, 3), 50.0)])  # rows of the fit, and one far away


@pytest.mark.parametrize("kind", [KNeighborsTransformer, RadiusNeighborsTransformer])
@pytest.mark.parametrize("mode", ["distance", "connectivity"])
@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree", "brute"])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_entries_are_those_of_the_source(kind, mode, algorithm, metric):
    if (mode, algorithm, metric) == ("distance", "brute", "euclidean"):
        pytest.skip("the distance of a row to itself is rounding")
    estimator = kind(mode=mode, algorithm=algorithm, metric=metric, leaf_size=5).fit(X)
    expected, found = estimator.transform(ASKED), pretzel.compile(estimator, strict=True).transform(ASKED)
    expected.sort_indices()
    assert (type(found), found.shape, found.dtype) == (type(expected), expected.shape, expected.dtype)
    np.testing.assert_array_equal(found.indptr, expected.indptr)
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.data, expected.data, rtol=1e-12, atol=1e-12)


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.EfficiencyWarning")
def test_what_reads_distances_sorts_them():
    labels = np.arange(80) % 3
    estimator = make_pipeline(KNeighborsTransformer(n_neighbors=6), KNeighborsClassifier(4, metric="precomputed"))
    plan = pretzel.compile(estimator.fit(X, labels))
    assert plan.opaque_steps
    np.testing.assert_array_equal(plan.predict(ASKED), estimator.predict(ASKED))


@pytest.mark.parametrize("algorithm", ["kd_tree", "brute"])
def test_rows_of_other_dtypes(algorithm):
    """Without a tree, the source finds rows in float32 by other ways, so that it answers."""
    estimator = KNeighborsTransformer(algorithm=algorithm).fit(X)
    rows = ASKED.astype(np.float32)
    expected, found = estimator.transform(rows), pretzel.compile(estimator).transform(rows)
    for each in (expected, found):
        each.sort_indices()
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found.indices, expected.indices)
    np.testing.assert_allclose(found.data, expected.data, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("kind", [KNeighborsTransformer, RadiusNeighborsTransformer])
def test_distances_of_subtracted_squares_are_those_of_the_source(kind):
    estimator = kind(algorithm="brute").fit(X)
    plan = pretzel.compile(estimator)
    assert ["Euclidean distances without a tree" in step.reason for step in plan.opaque_steps] == [True]
    np.testing.assert_array_equal(plan.transform(X).data, estimator.transform(X).data)


def test_more_neighbours_than_rows():
    estimator = KNeighborsTransformer(n_neighbors=80).fit(X)
    with pytest.raises(ValueError, match="n_neighbors"):
        estimator.transform(ASKED)
    plan = pretzel.compile(estimator)
    assert plan.opaque_steps
    with pytest.raises(ValueError, match="n_neighbors"):
        plan.transform(ASKED)
