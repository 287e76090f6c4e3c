"""Rows of the training data lie on edges; they fall where scikit-learn puts them, also behind steps that round."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import KNNImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    Normalizer,
    OrdinalEncoder,
    PowerTransformer,
    QuantileTransformer,
    StandardScaler,
)

import pretzel
from pretzel.oven.edges import keep_edges
from pretzel.oven.ir.bins import Bins
from pretzel.oven.ir.columns import NumericLeaf
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Node, Output
from pretzel.oven.ir.link import Exp
from tests import releases

BINS = KBinsDiscretizer(n_bins=4, encode="ordinal", **releases.QUANTILE_METHOD)
BOOSTING = HistGradientBoostingClassifier(max_iter=10)
STEPS = {
    "power": PowerTransformer(),
    "quantiles": QuantileTransformer(n_quantiles=40),
    "normal": QuantileTransformer(n_quantiles=40, output_distribution="normal"),
    "logarithm": FunctionTransformer(np.log1p),
    "projection": make_pipeline(StandardScaler(), PCA(2)),
    "both": make_union(PowerTransformer(), StandardScaler()),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("step", STEPS)
def test_training_rows_fall_where_scikit_learn_puts_them(step: str, dtype: type) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X, y = rng.integers(1, 12, (300, 3)).astype(dtype), rng.integers(0, 2, 300)
        for last in (BINS, BOOSTING):
            pipeline = make_pipeline(STEPS[step], last).fit(X, y)
            method = "transform" if last is BINS else "predict"
            found = getattr(pretzel.compile(pipeline), method)(X)
            np.testing.assert_array_equal(found, getattr(pipeline, method)(X))


CLASSIFIERS = {
    "normalized": (make_pipeline(Normalizer(), LogisticRegression(solver="liblinear")), "predict_proba", 0.0),
    "projected": (make_pipeline(PCA(2), LogisticRegression(C=100.0)), "predict_proba", 0.0),
    "of float32": (LogisticRegression(C=1e4), "predict_proba", 0.0),
    "far away": (RidgeClassifier(), "decision_function", 1e6),
}


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("name", CLASSIFIERS)
def test_thresholds_at_scores_of_training_rows(name: str, dtype: type) -> None:
    classifier, method, offset = CLASSIFIERS[name]
    rng = np.random.default_rng(0)
    X = rng.normal(size=(40, 5))
    y = X[:, 0] + X[:, 1] > 0
    X = (X + offset).astype(dtype)
    fitted = clone(classifier).fit(X, y)
    # One by one, because scores of a table of the source have other last bits.
    scores = np.array([getattr(fitted, method)(row[None]).ravel()[-1] for row in X])
    for row in np.argsort(np.abs(scores))[::4]:
        model = FixedThresholdClassifier(classifier, threshold=float(scores[row]), response_method=method).fit(X, y)
        model.estimator_ = fitted
        assert pretzel.compile(model).predict(X[row : row + 1]).all()


def _as_it_came(X: Any) -> Any:
    return X


@pytest.mark.parametrize("step", STEPS)
def test_training_rows_behind_a_step_in_python_fall_where_scikit_learn_puts_them(step: str) -> None:
    for seed in range(3):
        rng = np.random.default_rng(seed)
        X, y = rng.integers(1, 12, (300, 3)).astype(float), rng.integers(0, 2, 300)
        for last in (BINS, BOOSTING):
            pipeline = make_pipeline(STEPS[step], FunctionTransformer(_as_it_came), last).fit(X, y)
            method = "transform" if last is BINS else "predict"
            plan = pretzel.compile(pipeline)
            assert any("functiontransformer" in each.step for each in plan.opaque_steps)
            np.testing.assert_array_equal(getattr(plan, method)(X), getattr(pipeline, method)(X))


INTERPOLATED = KBinsDiscretizer(n_bins=3, encode="ordinal", **releases.LINEAR_QUANTILES)
MORE_STEPS = STEPS | {
    "root": FunctionTransformer(np.sqrt),
    "exponential": FunctionTransformer(np.exp),
    "decimal": FunctionTransformer(np.log10),
    "norm": Normalizer(),
    "sum": Normalizer("l1"),
    "maximum": Normalizer("max"),
    "scaled": make_pipeline(StandardScaler(), FunctionTransformer(np.cbrt), StandardScaler()),
    "nested": make_union(make_pipeline(PCA(2), FunctionTransformer(np.exp)), FunctionTransformer(np.log1p)),
}


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("last", [BINS, INTERPOLATED], ids=["values", "interpolated"])
@pytest.mark.parametrize("step", MORE_STEPS)
def test_rows_next_to_edges_fall_where_scikit_learn_puts_them(step: str, last: Any, dtype: str) -> None:
    for seed in range(2):
        X = np.abs(np.random.default_rng(seed).normal(size=(61, 4)).round(3)) + 0.01
        pipeline = make_pipeline(MORE_STEPS[step], last).fit(X)
        asked = X.astype(dtype)
        np.testing.assert_array_equal(pretzel.compile(pipeline).transform(asked), pipeline.transform(asked))


@pytest.mark.parametrize("function", [np.log1p, np.square])
@pytest.mark.parametrize("dtype", ["int16", "uint8", "int32"])
def test_bins_behind_functions_of_integers(function: Any, dtype: str) -> None:
    X = np.random.default_rng(0).integers(1, 100, (61, 4))
    pipeline = make_pipeline(FunctionTransformer(function), Normalizer("l1"), INTERPOLATED).fit(X)
    asked = X.astype(dtype)
    np.testing.assert_array_equal(pretzel.compile(pipeline).transform(asked), pipeline.transform(asked))


def test_only_steps_whose_bits_differ_are_called() -> None:
    X = np.abs(np.random.default_rng(0).normal(size=(61, 4))) + 0.01
    sums = make_pipeline(Normalizer("l1"), INTERPOLATED).fit(X)
    (step,) = pretzel.compile(sums).physical.methods["transform"].opaque
    assert (step.name, step.reason) == ("Normalizer.transform", "steps behind it depend on its last bits")
    pretzel.compile(make_pipeline(FunctionTransformer(np.sqrt), INTERPOLATED).fit(X), strict=True)
    if releases.since("1.7"):  # all releases before interpolate
        pretzel.compile(make_pipeline(Normalizer("l1"), BINS).fit(X), strict=True)


@pytest.mark.parametrize("first", [PCA(3), KNNImputer(n_neighbors=3, weights="distance")], ids=["projection", "means"])
@pytest.mark.parametrize("metric", ["hamming", "euclidean"])
def test_values_are_compared_with_those_that_the_source_stored(metric: str, first: Any) -> None:
    """The least difference of a value makes it another one for the Hamming distance."""
    X = np.random.default_rng(0).normal(size=(80, 4))
    X[::7, :2] = np.nan if isinstance(first, KNNImputer) else 0.0
    last = KNeighborsClassifier(metric=metric, weights="distance")
    pipeline = make_pipeline(first, last).fit(X, np.arange(80) % 3)
    plan = pretzel.compile(pipeline)
    np.testing.assert_allclose(plan.predict_proba(X), pipeline.predict_proba(X), rtol=1e-7, atol=1e-12)
    assert {each.method for each in plan.opaque_steps} == ({"transform"} if metric == "hamming" else set())


CODES = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("step", MORE_STEPS)
def test_categories_are_the_numbers_that_the_source_made(step: str, dtype: str) -> None:
    """The least difference of a number makes it a category that is not known."""
    X = np.random.default_rng(0).integers(1, 9, (61, 4)) / 7.0
    pipeline = make_pipeline(MORE_STEPS[step], CODES).fit(X)
    asked = X.astype(dtype)
    np.testing.assert_array_equal(pretzel.compile(pipeline).transform(asked), pipeline.transform(asked))


def test_encoders_behind_exact_steps_are_native() -> None:
    X = np.random.default_rng(0).integers(1, 9, (61, 4)) / 7.0
    pretzel.compile(make_pipeline(StandardScaler(), BINS, CODES).fit(X), strict=True)


def bins(x: Node, edges: Any) -> Bins:
    return Bins((x,), np.array(edges, dtype=np.float64), np.array([0, 1, 2], dtype=np.int32))


def moved(node: Node) -> Any:
    return keep_edges({"transform": Output(node)}, {})["transform"].node


def test_edges_behind_exact_steps_stay() -> None:
    node = bins(NumericLeaf((), (0, 1)), [1.0, 100.0])
    assert moved(node) is node


def test_only_the_columns_that_round_move() -> None:
    node = moved(bins(Concat((Exp((NumericLeaf((), (0,)),)), NumericLeaf((), (1,)))), [1.0, 100.0]))
    assert 1.0 - 1e-9 < node.edges[0] < 1.0
    assert node.edges[1] == 100.0


@pytest.mark.parametrize("encode", ["ordinal", "onehot-dense"])
def test_bins_of_float32_round_requests_before_they_compare(encode):
    X = np.random.default_rng(0).normal(size=(500, 1))
    source = KBinsDiscretizer(20, encode=encode, dtype=np.float32, **releases.QUANTILE_METHOD).fit(X)
    edges = source.bin_edges_[0]
    rows = np.concatenate([edges, np.nextafter(edges, -np.inf), np.nextafter(edges, np.inf)])[:, None]
    plan = pretzel.compile(source, strict=True)
    for table in (rows, rows.astype(np.float32)):
        found, expected = plan.transform(table), source.transform(table)
        np.testing.assert_array_equal(found, expected)
        assert found.dtype == expected.dtype
    with pytest.raises(ValueError, match="infinity or a value too large"):
        plan.transform([[1e39]])
