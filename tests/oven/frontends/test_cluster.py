"""Distances to centres and nearest centres against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.cluster import KMeans, MiniBatchKMeans
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import pretzel

from .numeric import check, check_sparse, numbers

METHODS = ("predict", "transform")


@pytest.mark.parametrize("width", [1, 7, 8, 40])
@pytest.mark.parametrize("clusters", [1, 3, 9])
def test_k_means(width: int, clusters: int) -> None:
    X = numbers(1000, width, special=False)
    check(KMeans(clusters, n_init=1, random_state=0).fit(X), X, METHODS)


def test_many_means() -> None:
    """`transform` of a centre that is a row differs in the last digits of the square."""
    X = numbers(1000, 7, special=False)
    check(KMeans(60, n_init=1, random_state=0).fit(X), X, ("predict",))


def test_mini_batches() -> None:
    X = numbers(1000, 5, special=False)
    check(MiniBatchKMeans(4, n_init=1, random_state=0).fit(X), X, METHODS)


@pytest.mark.parametrize("width", [1, 7, 40, 1000])
@pytest.mark.parametrize("clusters", [1, 3, 9])
def test_sparse_rows(width: int, clusters: int) -> None:
    rows = sparse.random_array(
        (300, width), density=0.2, rng=np.random.default_rng(width), format="csr"
    ) - sparse.eye_array(300, width, format="csr")
    check_sparse(KMeans(clusters, n_init=1, random_state=0).fit(rows), rows)
    check_sparse(MiniBatchKMeans(clusters, n_init=1, random_state=0).fit(rows), rows)


@pytest.mark.parametrize("fitted", ["float32", "float64"])
@pytest.mark.parametrize("dtype", ["bool", "int64", "float32", "float64"])
def test_sparse_rows_of_other_dtypes(fitted: str, dtype: str) -> None:
    rows = sparse.csr_array(np.random.default_rng(0).poisson(0.4, size=(60, 9)).astype(dtype))
    model = KMeans(3, n_init=1, random_state=0).fit(rows.astype(fitted))
    if (fitted, dtype) != ("float32", "float32"):
        return check_sparse(model, rows)
    found, expected = pretzel.compile(model, strict=True).transform(rows), model.transform(rows)
    np.testing.assert_array_max_ulp(found, expected, 1, np.float32)  # the source rounds the square, too
    assert found.dtype == expected.dtype


def test_sparse_rows_on_centres_and_far_away() -> None:
    rows = sparse.csr_array(np.array([[0.1, 0.0, 0.7], [1e200, 0.0, 1e-200], [0.0, 0.0, 0.0], [0.3, 0.3, 0.3]]))
    model = KMeans(2, n_init=1, random_state=0).fit(rows[[0, 3]])
    check_sparse(model, rows)


def test_sparse_rows_of_an_encoder() -> None:
    rows = np.random.default_rng(0).integers(0, 5, size=(80, 4))
    model = make_pipeline(OneHotEncoder(), KMeans(3, n_init=1, random_state=0)).fit(rows)
    np.testing.assert_array_equal(pretzel.compile(model, strict=True).transform(rows), model.transform(rows))


def test_rows_on_centres() -> None:
    X = numbers(500, 6, special=False)
    model = KMeans(5, n_init=1, random_state=0).fit(X)
    plan = pretzel.compile(model, strict=True)
    np.testing.assert_array_equal(plan.predict(model.cluster_centers_), np.arange(5))
    np.testing.assert_array_equal(np.diag(plan.transform(model.cluster_centers_)), np.zeros(5))


PRECISIONS = ("float32", "float64")


@pytest.mark.parametrize("fitted", PRECISIONS)
@pytest.mark.parametrize("scaled", [False, True])
def test_tables_of_another_precision_than_the_centres_are_the_sources(fitted: str, scaled: bool) -> None:
    X = numbers(200, 4, special=False)
    last = KMeans(3, n_init=1, random_state=0)
    model = (make_pipeline(StandardScaler(), last) if scaled else last).fit(X.astype(fitted))
    plan = pretzel.compile(model)
    assert not plan.explain("json")["physical"]["predict"]["opaque"]
    for dtype in (*PRECISIONS, "int64", "float16", "int8"):
        table = X.astype(dtype)
        assert plan.transform(table).dtype == model.transform(table).dtype
        try:
            expected = model.predict(table)
        except ValueError:
            with pytest.raises(ValueError, match="dtype"):
                plan.predict(table)
        else:
            np.testing.assert_array_equal(plan.predict(table), expected)
    assert plan.predict_one(tuple(X[0].tolist())) == model.predict(X[:1].astype(fitted))[0]
