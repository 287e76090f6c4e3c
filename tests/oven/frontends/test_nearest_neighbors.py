"""``NearestNeighbors``: distances and numbers of rows, also where many are equally far."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import make_blobs
from sklearn.neighbors import (
    KNeighborsClassifier,
    KNeighborsRegressor,
    KNeighborsTransformer,
    LocalOutlierFactor,
    NearestNeighbors,
    RadiusNeighborsRegressor,
)

import pretzel
from pretzel.oven.frontends.importer import Importer
from pretzel.oven.ir._pair_sorts import SORTS, sort_pairs
from pretzel.oven.ir.interpret import interpret
from pretzel.runtime.answer_columns import answer_columns
from pretzel.serving.arrow import of_rows
from pretzel.serving.tensors import of_answer

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(0)
X = RNG.normal(size=(80, 3))
GRID = RNG.integers(0, 4, size=(300, 2)).astype(np.float64)
"""Rows, most of which occur several times."""

ASKED = np.vstack([X[:10], RNG.normal(size=(30, 3)), np.full((1, 3), 1e150)])
TREES = [{"algorithm": name, "metric": metric, "leaf_size": 5}
         for name in ("kd_tree", "ball_tree") for metric in ("euclidean", "manhattan", "chebyshev")]  # fmt: skip


def same(found: Any, expected: Any) -> None:
    assert type(found) is tuple
    assert [(each.shape, each.dtype) for each in found] == [(each.shape, each.dtype) for each in expected]
    np.testing.assert_array_equal(found[1], expected[1])
    np.testing.assert_allclose(found[0], expected[0], rtol=1e-12)


@pytest.mark.parametrize("weights", ["uniform", "distance"])
@pytest.mark.parametrize("metric", ["euclidean", "manhattan", "chebyshev", "braycurtis"])
def test_equal_distances_without_a_tree(metric: str, weights: str) -> None:
    """Threads of the source search parts of the rows for a single row, which decides among those that are as far."""
    stored, asked = (RNG.integers(0, 2, size=(count, 18)).astype(np.float64) for count in (700, 25))
    model = KNeighborsRegressor(5, algorithm="brute", metric=metric, weights=weights).fit(stored, np.arange(700.0))
    plan = pretzel.compile(model, strict=True)
    expected = np.concatenate([model.predict(asked[[row]]) for row in range(25)])
    np.testing.assert_allclose(plan.predict(asked), expected, rtol=1e-12)
    assert plan.methods["predict"].rows_left(asked) == []
    assert pretzel.verify(plan, model, asked, boundary=False).ok


@pytest.mark.parametrize("options", TREES, ids=str)
def test_distances_and_numbers(options: dict[str, Any]) -> None:
    model = NearestNeighbors(n_neighbors=4, **options).fit(X)
    plan = pretzel.compile(model, strict=True)
    for rows in (ASKED, ASKED[:1], ASKED[:20].astype(np.float32), (10 * ASKED[:20]).astype(int)):
        same(plan.kneighbors(rows), model.kneighbors(rows))
    distances, numbers = plan.kneighbors_one(list(ASKED[3]))
    same((distances[None], numbers[None]), model.kneighbors(ASKED[3:4]))


@pytest.mark.parametrize("options", TREES, ids=str)
def test_rows_that_are_equally_far_have_the_order_of_the_source(options: dict[str, Any]) -> None:
    rows = np.vstack([GRID[:40], GRID[:40] + 0.5, [[1e150, 0.0]]])
    for k in (1, 2, 3, 4, 7, 15, 16, 17, 40, 150, 300):
        model = NearestNeighbors(n_neighbors=k, **options).fit(GRID)
        same(pretzel.compile(model).kneighbors(rows), model.kneighbors(rows))


@pytest.mark.parametrize("rows", [GRID[:30], GRID])
def test_rows_that_are_infinitely_far(rows: Any) -> None:
    """Of trees with one node and with several."""
    asked = [[1e200, 0.0], [1.0, -1e300]]
    model = NearestNeighbors(n_neighbors=3, algorithm="kd_tree").fit(rows)
    same(pretzel.compile(model).kneighbors(asked), model.kneighbors(asked))


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize("algorithm", ["kd_tree", "ball_tree", "brute"])
@pytest.mark.parametrize("rows", [GRID[:25], GRID], ids=["one node", "several"])
def test_answers_of_rows_that_are_infinitely_far(rows: Any, algorithm: str) -> None:
    """Distances overflow to infinity in a tree, but not in a brute-force search."""
    asked = np.array([[1e200, 0.0], [1.0, -1e300], [1e155, 1e155]])
    for model in (
        KNeighborsRegressor(algorithm=algorithm),
        KNeighborsRegressor(algorithm=algorithm, weights="distance"),
        KNeighborsClassifier(algorithm=algorithm),
    ):
        model.fit(rows, np.arange(len(rows)) % 3)
        np.testing.assert_allclose(pretzel.compile(model, strict=True).predict(asked), model.predict(asked), rtol=1e-12)
    detector = LocalOutlierFactor(algorithm=algorithm, novelty=True).fit(rows)
    found = pretzel.compile(detector, strict=True).score_samples(asked)
    np.testing.assert_allclose(found, detector.score_samples(asked), rtol=1e-12)


@pytest.mark.parametrize("newer", [False, True])
def test_sorts_of_older_and_newer_releases(newer: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """Kernels and references of both, and references beside what a sort is."""
    monkeypatch.setattr("pretzel.oven.frontends.sklearn._nearest.since", lambda release: newer)
    rows = np.vstack([GRID[:20], GRID[:20] + 0.5])
    for k in (3, 17, 120):
        model = NearestNeighbors(n_neighbors=k).fit(GRID)
        found = pretzel.compile(model).kneighbors(rows)
        node = Importer(model).run().methods["kneighbors"].node
        reference = interpret([node], rows)[node]
        np.testing.assert_array_equal(np.hstack(found), reference)
    for size in (0, 1, 2, 3, 4, 16, 17, 100, 400):
        keys = RNG.integers(0, 9, size=size).astype(np.float64)
        values = keys + np.arange(size) / 1000.0
        sort_pairs(keys, values, SORTS[newer])
        assert (np.diff(keys) >= 0).all()
        np.testing.assert_array_equal(keys, np.floor(values))


def test_arguments(tmp_path: Path) -> None:
    model = NearestNeighbors(n_neighbors=3).fit(X)
    plan = pretzel.compile(model)
    np.testing.assert_array_equal(
        plan.kneighbors(ASKED, return_distance=False), model.kneighbors(ASKED, return_distance=False)
    )
    same(plan.kneighbors(ASKED, return_distance=True), model.kneighbors(ASKED))
    same(plan.kneighbors(ASKED, n_neighbors=5), model.kneighbors(ASKED, 5))
    same(plan.kneighbors(), model.kneighbors())
    plan.save(tmp_path / "neighbors.pretzel")
    loaded = pretzel.load(tmp_path / "neighbors.pretzel")
    same(loaded.kneighbors(ASKED), model.kneighbors(ASKED))
    np.testing.assert_array_equal(loaded.kneighbors(ASKED, return_distance=False), model.kneighbors(ASKED)[1])
    with pytest.raises(TypeError, match="n_neighbors"):
        loaded.kneighbors(ASKED, n_neighbors=2)
    with pytest.raises(TypeError, match="answered by"):
        loaded.kneighbors()


COUNTS = RNG.integers(0, 3, size=(200, 4)).astype(np.float64)
"""Rows of small numbers and zeros, of which many are equally far."""

BY_NAME: list[tuple[str, str, dict[str, Any]]] = [
    *((metric, algorithm, {}) for metric in ("l1", "l2", "canberra", "braycurtis") for algorithm in ("auto", "brute")),
    *((metric, "kd_tree", {}) for metric in ("cityblock", "infinity", "l2")),
    *((metric, "auto", {}) for metric in ("hamming", "jaccard", "rogerstanimoto", "sokalmichener", "russellrao")),
    ("infinity", "ball_tree", {}),
    ("sqeuclidean", "brute", {}),
    ("seuclidean", "auto", {"V": COUNTS.var(axis=0)}),
    ("mahalanobis", "auto", {"V": np.cov(COUNTS.T)}),
]
"""Metrics that are native without a tree, and those of trees."""


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(("metric", "algorithm", "numbers"), BY_NAME, ids=[f"{each[0]}-{each[1]}" for each in BY_NAME])
def test_metrics_by_name(metric: str, algorithm: str, numbers: dict[str, Any]) -> None:
    """Whatever is found depends on the bits of distances, and on the bounds of a tree where a metric is none."""
    options: dict[str, Any] = {"metric": metric, "algorithm": algorithm, "metric_params": numbers, "leaf_size": 5}
    rows = np.vstack([COUNTS[:30], COUNTS[:30] + 0.5, np.zeros((1, 4)), 100.0 * COUNTS[:9]])
    targets = np.arange(len(COUNTS))
    for model, method in (
        (KNeighborsRegressor(7, weights="distance", **options), "predict"),
        (KNeighborsClassifier(4, **options), "predict_proba"),
        (RadiusNeighborsRegressor(0.5, **options), "predict"),
        (LocalOutlierFactor(9, novelty=True, **options), "score_samples"),
    ):
        model.fit(COUNTS, targets % 3 if method == "predict_proba" else targets)
        plan = pretzel.compile(model, strict=True)
        for asked in (rows, rows[:1], rows.astype(np.int32), rows.astype(np.float32)):
            expected = getattr(model, method)(asked)
            np.testing.assert_allclose(getattr(plan, method)(asked), expected, rtol=1e-9)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"p": 3}, "the metric 'minkowski', whose powers"),
        ({"p": 2, "metric_params": {"w": [1.0, 2.0, 3.0]}}, "the metric 'minkowski', whose powers"),
        ({"metric": "dice"}, "0/0"),
        ({"metric": "hamming", "algorithm": "brute"}, "the metric 'hamming' without a tree"),
        ({"metric": "mahalanobis", "metric_params": {"VI": -np.eye(3)}}, "not positive definite"),
    ],
    ids=["power", "weights", "dice", "brute", "indefinite"],
)
def test_metrics_without_native_form(options: dict[str, Any], reason: str) -> None:
    model = KNeighborsRegressor(**options).fit(X, X[:, 0])
    plan = pretzel.compile(model)
    assert [reason in step.reason for step in plan.opaque_steps] == [True]
    np.testing.assert_array_equal(plan.predict(ASKED[:9]), model.predict(ASKED[:9]))


@pytest.mark.parametrize(
    "model",
    [
        KNeighborsClassifier(4, leaf_size=5),
        KNeighborsRegressor(4, metric="canberra"),
        KNeighborsTransformer(n_neighbors=4),
        LocalOutlierFactor(4, novelty=True),
    ],
    ids=lambda model: type(model).__name__,
)
def test_who_answers_with_more_than_neighbours_finds_them_too(model: Any, tmp_path: Path) -> None:
    model = clone(model).fit(GRID, np.arange(len(GRID)) % 3)
    pretzel.compile(model, strict=True).save(tmp_path / "found.pretzel")
    loaded = pretzel.load(tmp_path / "found.pretzel")
    for rows in (GRID[:30], GRID[:30] + 0.5, GRID[:1].astype(int)):
        same(loaded.kneighbors(rows), model.kneighbors(rows))
        np.testing.assert_array_equal(loaded.kneighbors(rows, return_distance=False), model.kneighbors(rows)[1])
    assert pretzel.verify(pretzel.compile(model), model, GRID).ok


def test_neighbours_whose_order_is_not_known_are_left_to_the_source() -> None:
    model = KNeighborsClassifier(4, algorithm="brute", metric="manhattan").fit(X, np.arange(len(X)) % 3)
    plan = pretzel.compile(model, strict=True)
    assert list(plan.methods) == ["predict", "predict_proba"]
    same(plan.kneighbors(ASKED[:9]), model.kneighbors(ASKED[:9]))


def test_set_after_the_fit() -> None:
    model = NearestNeighbors().fit(X).set_params(n_neighbors=2)
    same(pretzel.compile(model, strict=True).kneighbors(ASKED), model.kneighbors(ASKED))


BRUTE = {"algorithm": "brute", "metric": "manhattan"}


@pytest.mark.parametrize("options", [BRUTE, {"n_neighbors": 81}], ids=str)
def test_what_stays_with_the_source(options: dict[str, Any]) -> None:
    model = NearestNeighbors(**{"n_neighbors": 4, **options}).fit(X)
    plan = pretzel.compile(model)
    assert plan.opaque_steps
    if "n_neighbors" in options:
        with pytest.raises(ValueError, match="n_neighbors"):
            plan.kneighbors(ASKED)
        return
    same(plan.kneighbors(ASKED[:40]), model.kneighbors(ASKED[:40]))


def test_verification_and_schema() -> None:
    rows, _ = make_blobs(60, 2, random_state=0)
    model = NearestNeighbors(n_neighbors=2).fit(rows)
    plan = pretzel.compile(model)
    report = pretzel.verify(plan, model, rows)  # with neighbours within a radius, of which each row has others
    assert report.ok, report
    assert "kneighbors -> list of float64[n, 2], int64[n, 2]" in str(plan.input_schema)


def test_columns_and_tensors() -> None:
    plan = pretzel.compile(NearestNeighbors(n_neighbors=2).fit(X))
    columns = answer_columns("kneighbors", plan.kneighbors(ASKED), None)
    assert {name: column.dtype.name for name, column in columns.items()} == {
        "kneighbors_0_0": "float64",
        "kneighbors_0_1": "float64",
        "kneighbors_1_0": "int64",
        "kneighbors_1_1": "int64",
    }
    found = [(each.name, each.datatype) for each in of_answer("kneighbors", plan.kneighbors(ASKED))]
    assert found == [("kneighbors_0", "FP64"), ("kneighbors_1", "INT64")]
    outputs = plan.input_schema.to_open_inference()["outputs"]
    assert [(each["name"], each["datatype"]) for each in outputs[:2]] == found
    assert of_rows([plan.kneighbors_one(row) for row in ASKED])[1].tolist() == plan.kneighbors(ASKED)[1].tolist()
