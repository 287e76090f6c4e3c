"""Scalers and imputers vanish into trees without one row changing sides."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import (
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.impute import SimpleImputer
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, PolynomialFeatures, RobustScaler, StandardScaler

import pretzel
from pretzel.errors import InputValueError
from pretzel.options import Options
from pretzel.oven.compiler import Compiler
from pretzel.oven.frontends.importer import Importer
from pretzel.oven.ir._bisection import largest_where
from pretzel.oven.ir.check import CheckFinite, CheckRange
from pretzel.oven.ir.graph import toposort, users
from pretzel.oven.ir.impute import Impute
from pretzel.oven.ir.interpret import interpret
from pretzel.oven.ir.scale import MulAdd, SubDiv
from pretzel.oven.ir.tree_ensemble import TreeEnsemble
from pretzel.oven.optimizer import optimize
from pretzel.oven.rules import RULES
from pretzel.oven.rules.fold_into_thresholds import fold_into_thresholds
from tests.answers import with_boundary

RULE = [rule for rule in RULES if rule.function is fold_into_thresholds]
SCALERS = [StandardScaler(), RobustScaler(), MinMaxScaler(), MaxAbsScaler(), StandardScaler(with_std=False)]
TREES = [
    GradientBoostingRegressor(n_estimators=10, max_depth=4, random_state=0),
    HistGradientBoostingRegressor(max_iter=10),
    RandomForestRegressor(10, max_leaf_nodes=30, random_state=0),
]


def table(*, missing: bool = False) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(300, 5)) * [1e-3, 1.0, 7.0, 1e6, 1.0] + [0.1, 0.0, -3.0, 1e7, 0.0]
    y = X[:, 1] + np.sin(X[:, 2]) + 0.1 * rng.normal(size=300)
    if missing:
        X[rng.random(X.shape) < 0.1] = np.nan
    return X, y


def nodes_of(estimator: Any, *, folded: bool = True) -> list[Any]:
    """The graph of ``predict``, with this rule alone or without any."""
    methods = Importer(estimator).run().methods
    optimized, _ = optimize({"predict": methods["predict"]}, Options(), rules=RULE if folded else [])
    return toposort([optimized["predict"].node])


def check(estimator: Any, X: np.ndarray) -> TreeEnsemble:
    """Folded, the graph gives the bits that it gave before, and those of the source; returns the trees."""
    nodes = nodes_of(estimator)
    trees = next(node for node in nodes if isinstance(node, TreeEnsemble))
    rows = np.vstack([X, with_boundary(estimator, X, trees, most=9000)])
    before = nodes_of(estimator, folded=False)[-1]
    expected = interpret([before], rows)[before]
    np.testing.assert_array_equal(interpret([nodes[-1]], rows)[nodes[-1]], expected)
    np.testing.assert_array_equal(pretzel.compile(estimator).predict(rows), estimator.predict(rows))
    return trees


@pytest.mark.parametrize("scaler", SCALERS, ids=str)
@pytest.mark.parametrize("model", TREES, ids=str)
def test_scaler(scaler: Any, model: Any) -> None:
    X, y = table()
    pipeline = make_pipeline(scaler, model).fit(X, y)
    assert not any(isinstance(node, SubDiv | MulAdd) for node in nodes_of(pipeline))
    assert not check(pipeline, X).float32


@pytest.mark.parametrize("model", TREES, ids=str)
def test_imputer_and_scaler(model: Any) -> None:
    X, y = table(missing=True)
    pipeline = make_pipeline(SimpleImputer(strategy="median"), StandardScaler(), model).fit(X, y)
    assert not any(isinstance(node, SubDiv | Impute) for node in nodes_of(pipeline))
    check(pipeline, X)


def test_imputer_alone_keeps_float32() -> None:
    X, y = table(missing=True)
    pipeline = make_pipeline(SimpleImputer(strategy="constant", fill_value=0.25), RandomForestRegressor(5)).fit(X, y)
    assert not any(isinstance(node, Impute) for node in nodes_of(pipeline))
    assert check(pipeline, X).float32


def test_parts_of_a_concatenation() -> None:
    X, y = table(missing=True)
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), [3, 0]), (SimpleImputer(), [1]), remainder="passthrough"
    )
    pipeline = make_pipeline(columns, HistGradientBoostingRegressor(max_iter=10)).fit(X, y)
    assert not any(isinstance(node, SubDiv | Impute) for node in nodes_of(pipeline))
    rows = np.vstack([X, X + 1e-9])
    np.testing.assert_array_equal(pretzel.compile(pipeline).predict(rows), pipeline.predict(rows))


def test_clipped_scaler() -> None:
    X, y = table()
    pipeline = make_pipeline(MinMaxScaler(clip=True), HistGradientBoostingRegressor(max_iter=10)).fit(X, y)
    rows = np.vstack([X, 3 * X, -X])
    np.testing.assert_array_equal(pretzel.compile(pipeline).predict(rows), pipeline.predict(rows))


def test_what_overflowed_is_still_rejected() -> None:
    X, y = table()
    pipeline = make_pipeline(StandardScaler(), GradientBoostingRegressor(n_estimators=5)).fit(X, y)
    (moved,) = (node for node in nodes_of(pipeline) if isinstance(node, CheckRange))
    plan = pretzel.compile(pipeline)
    for column in range(X.shape[1]):
        row = X[:1].copy()
        for bound, beyond in ((moved.low, -np.inf), (moved.high, np.inf)):
            row[0, column] = bound[column]
            np.testing.assert_array_equal(plan.predict(row), pipeline.predict(row))
            row[0, column] = np.nextafter(bound[column], beyond)
            with pytest.raises(ValueError, match="too large"):
                pipeline.predict(row)
            with pytest.raises(InputValueError):
                plan.predict(row)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_the_scaler_rejected_is_still_rejected(value: float) -> None:
    X, y = table()
    plan = pretzel.compile(make_pipeline(StandardScaler(), GradientBoostingRegressor(n_estimators=5)).fit(X, y))
    row = X[:1].copy()
    row[0, 2] = value
    with pytest.raises(InputValueError):
        plan.predict(row)


def test_stays_where_others_read_the_step() -> None:
    X, y = table()
    union = FeatureUnion([("same", "passthrough"), ("squares", PolynomialFeatures(2))])
    pipeline = make_pipeline(StandardScaler(), union, HistGradientBoostingRegressor(max_iter=5)).fit(X, y)
    assert any(isinstance(node, SubDiv) for node in nodes_of(pipeline))
    np.testing.assert_array_equal(pretzel.compile(pipeline).predict(X), pipeline.predict(X))


def test_two_steps_that_only_trees_read() -> None:
    X, y = table()
    union = FeatureUnion([("once", MinMaxScaler()), ("twice", make_pipeline(MinMaxScaler(), StandardScaler()))])
    pipeline = make_pipeline(union, HistGradientBoostingRegressor(max_iter=5)).fit(X, y)
    assert not any(isinstance(node, SubDiv | MulAdd) for node in nodes_of(pipeline))
    np.testing.assert_array_equal(pretzel.compile(pipeline).predict(X), pipeline.predict(X))


def test_steps_of_many_parts_go_in_one_firing() -> None:
    """Also where some splits compare columns that no step was in front of."""
    X, y = table()
    scalers = [(f"s{j}", StandardScaler(), [j]) for j in range(1, 5)]
    columns = ColumnTransformer([("plain", "passthrough", [0]), *scalers])
    pipeline = make_pipeline(columns, RandomForestRegressor(20, max_leaf_nodes=16, random_state=0)).fit(X, y)
    from pretzel.store.object_store import ObjectStore

    graphs = Compiler(Options(), ObjectStore()).graphs(pipeline)
    assert [change.rule for change in graphs.trace].count("fold_into_thresholds") == 1
    assert not any(isinstance(node, SubDiv) for node in toposort([graphs.optimized["predict"].node]))
    np.testing.assert_array_equal(pretzel.compile(pipeline).predict(X), pipeline.predict(X))


def test_stays_in_front_of_large_forests_and_categories() -> None:
    X, y = table()
    forest = make_pipeline(StandardScaler(), RandomForestRegressor(5)).fit(X, y)
    assert any(isinstance(node, SubDiv) for node in nodes_of(forest))
    X[:, 4] = np.arange(300) % 7
    trees = HistGradientBoostingClassifier(max_iter=5, categorical_features=[4]).fit(X, y > 0)
    node = next(n for n in nodes_of(trees) if isinstance(n, TreeEnsemble))
    assert fold_into_thresholds(node, users([node])) is None


def test_once_is_enough() -> None:
    X, y = table()
    pipeline = make_pipeline(StandardScaler(), GradientBoostingClassifier(n_estimators=5)).fit(X, y > 0)
    nodes = nodes_of(pipeline)
    assert all(fold_into_thresholds(node, users([nodes[-1]])) is None for node in nodes)
    assert sum(isinstance(node, CheckFinite) for node in nodes) == 2


@pytest.mark.parametrize("bound", [0.0, -0.0, 1.5, -1.5, 5e-324, -5e-324, 1.7976931348623157e308, np.inf, -np.inf])
def test_bisection_finds_every_double(bound: float) -> None:
    found = largest_where(lambda x: x <= bound, 1)
    assert found is not None
    assert found[0] == bound
    assert largest_where(lambda x: np.isnan(x), 1) is None
