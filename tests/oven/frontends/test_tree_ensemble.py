"""Trees against scikit-learn: every row on a threshold and beside it, natively at every level and interpreted."""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    ExtraTreesClassifier,
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    RandomForestRegressor,
    RandomTreesEmbedding,
)
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor, ExtraTreeClassifier, ExtraTreeRegressor

import pretzel
from pretzel.errors import CompileError, InputValueError, OpaqueStepError
from pretzel.oven.frontends.importer import Importer
from pretzel.oven.frontends.registry import BrokenAttribute
from pretzel.oven.frontends.trees import Tree, join
from pretzel.oven.ir.interpret import interpret
from pretzel.oven.ir.tree_ensemble import TreeEnsemble
from pretzel.schema import METHODS
from tests import releases
from tests.answers import assert_close, with_boundary

if TYPE_CHECKING:
    from collections.abc import Iterator

ISAS = ("baseline", "x86-64-v3", "x86-64-v4")
EXACT = ("predict", "apply", "transform")
N_FEATURES = 7

FORESTS = [
    DecisionTreeRegressor(),
    DecisionTreeRegressor(max_depth=1),
    ExtraTreeRegressor(random_state=0),
    RandomForestRegressor(9, random_state=0),
    RandomForestRegressor(40, max_leaf_nodes=32, random_state=0),
    RandomForestRegressor(40, max_leaf_nodes=16, random_state=0),
    ExtraTreesRegressor(17, max_depth=6, random_state=0),
]
CLASSIFIERS = [
    DecisionTreeClassifier(max_depth=6),
    ExtraTreeClassifier(random_state=0),
    RandomForestClassifier(33, max_depth=4, random_state=0),
    ExtraTreesClassifier(20, random_state=0),
]
BOOSTED = [
    *(
        GradientBoostingRegressor(loss=loss, n_estimators=12)
        for loss in ("squared_error", "absolute_error", "huber", "quantile")
    ),
    GradientBoostingRegressor(max_depth=None, max_leaf_nodes=31, n_estimators=30, init="zero"),
    *(
        HistGradientBoostingRegressor(loss=loss, max_iter=12)
        for loss in ("squared_error", "absolute_error", "poisson", "gamma")
    ),
    HistGradientBoostingRegressor(loss="quantile", quantile=0.3, max_iter=12, max_leaf_nodes=80, min_samples_leaf=2),
]
BOOSTED_CLASSIFIERS = [
    GradientBoostingClassifier(n_estimators=12),
    GradientBoostingClassifier(n_estimators=12, init="zero", max_depth=6),
    GradientBoostingClassifier(n_estimators=12, init=DummyClassifier(strategy="most_frequent")),
    HistGradientBoostingClassifier(max_iter=15),
    HistGradientBoostingClassifier(max_iter=5, max_leaf_nodes=None, min_samples_leaf=1),
]


@pytest.fixture(params=ISAS)
def level(request: pytest.FixtureRequest) -> Iterator[str]:
    """Each instruction set that this machine has."""
    from pretzel._native import isa, set_isa

    before = isa()
    set_isa(request.param)
    if isa() != request.param:
        set_isa(before)
        pytest.skip(f"this machine has no {request.param}")
    yield request.param
    set_isa(before)


def table(n: int = 400, *, missing: bool = False, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, N_FEATURES))
    X[:, 0] = np.round(X[:, 0])
    X[:, 1] = X[:, 1].astype(np.float32)
    y = np.where(X[:, 0] > 0, X[:, 1], -X[:, 2]) + 0.3 * rng.normal(size=n)
    if missing:
        X[rng.random(X.shape) < 0.1] = np.nan
    return X, y


def ensemble_of(estimator: Any) -> TreeEnsemble:
    """The ensemble of the first method of ``estimator``."""
    for output in Importer(estimator).run().methods.values():
        node = output.node
        while node.inputs and not isinstance(node, TreeEnsemble):
            node = node.inputs[0]
        if isinstance(node, TreeEnsemble):
            return node
    raise AssertionError("no trees")


def check(estimator: Any, X: np.ndarray, *, methods: tuple[str, ...] = METHODS) -> None:
    """Native answers for any number of rows, and the interpreter's, are the source's; trees to the bit."""
    plan = pretzel.compile(estimator)
    imported = Importer(estimator).run().methods
    for method in methods:
        if not hasattr(estimator, method):
            continue
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", RuntimeWarning)  # log of zero
            expected = getattr(estimator, method)(X)
        got = getattr(plan, method)(X)
        assert_close(got, expected, exact=method in EXACT and not isinstance(estimator, HistGradientBoostingRegressor))
        node = imported[method].node
        values = interpret([node], X)
        trees = next((n for n in values if isinstance(n, TreeEnsemble)), None)
        for n in (1, 2, 33):
            parts = getattr(plan, method)(X[:n])
            if n:
                assert_close(parts, rows_of(got, n), exact=True)
        if trees is not None and node is trees and method in ("decision_function", "predict_proba", "predict"):
            reference = values[node]
            whole = np.hstack(got) if isinstance(got, list) else np.asarray(got).reshape(reference.shape)
            np.testing.assert_array_equal(whole, reference)


def rows_of(value: Any, n: int) -> Any:
    return [part[:n] for part in value] if isinstance(value, list) else value[:n]


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("estimator", FORESTS, ids=str)
def test_regressors(estimator: Any) -> None:
    X, y = table()
    estimator.fit(X, y)
    check(estimator, with_boundary(estimator, X, ensemble_of(estimator)))


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("estimator", CLASSIFIERS, ids=str)
@pytest.mark.parametrize("missing", [False, True])
def test_classifiers(estimator: Any, missing: bool) -> None:
    if missing and "Extra" in str(estimator) and not releases.since("1.6"):
        pytest.skip("scikit-learn before 1.6: they take no missing values")
    X, y = table(missing=missing)
    labels = np.array(["no", "yes", "ä"])[np.digitize(y, [-0.5, 0.5])]
    estimator.fit(X, labels)
    check(estimator, with_boundary(estimator, X, ensemble_of(estimator)))


@pytest.mark.parametrize("estimator", [CLASSIFIERS[0], CLASSIFIERS[2]], ids=str)
def test_many_outputs_of_a_classifier(estimator: Any) -> None:
    X, y = table()
    estimator.fit(X, np.c_[np.digitize(y, [-0.5, 0.5]), y > 0])
    check(estimator, X)


@pytest.mark.parametrize("estimator", [FORESTS[0], FORESTS[3]], ids=str)
def test_many_outputs_of_a_regressor(estimator: Any) -> None:
    X, y = table()
    check(estimator.fit(X, np.c_[y, -y, y**2]), X)


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("estimator", BOOSTED, ids=str)
def test_boosted_regressors(estimator: Any) -> None:
    X, y = table()
    estimator.fit(X, y - y.min() + 0.1)
    check(estimator, with_boundary(estimator, X, ensemble_of(estimator)))


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("estimator", BOOSTED_CLASSIFIERS, ids=str)
@pytest.mark.parametrize("n_classes", [2, 4])
def test_boosted_classifiers(estimator: Any, n_classes: int) -> None:
    X, y = table()
    estimator.fit(X, np.digitize(y, np.quantile(y, np.arange(1, n_classes) / n_classes)))
    check(
        estimator,
        with_boundary(estimator, X, ensemble_of(estimator)),
        methods=("predict", "predict_proba", "predict_log_proba", "decision_function"),
    )


def test_exponential_loss() -> None:
    X, y = table()
    estimator = GradientBoostingClassifier(loss="exponential", n_estimators=12).fit(X, y > 0)
    check(estimator, X, methods=("predict", "predict_proba", "predict_log_proba", "decision_function"))


@pytest.mark.usefixtures("level")
def test_missing_values_in_histogram_boosting() -> None:
    X, y = table(missing=True)
    X[:, 3] = np.where(y > 0, X[:, 3], np.nan)  # splits that part missing values from all others
    estimator = HistGradientBoostingClassifier(max_iter=15).fit(X, y > 0)
    assert np.isinf(ensemble_of(estimator).threshold).any()
    check(estimator, np.vstack([X, with_boundary(estimator, X, ensemble_of(estimator))]))


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("max_leaf_nodes", [31, 100])
def test_categorical_splits(max_leaf_nodes: int) -> None:
    X, y = table(1500)
    rng = np.random.default_rng(0)
    X[:, 4] = rng.integers(0, 40, len(X)) * 3 - 7
    X[:, 5] = rng.integers(0, 5, len(X))
    y = y + np.sin(X[:, 4]) + (X[:, 5] == 3)
    X[rng.random(len(X)) < 0.1, 4] = np.nan
    estimator = HistGradientBoostingRegressor(
        categorical_features=[4, 5], max_iter=12, max_leaf_nodes=max_leaf_nodes, min_samples_leaf=5
    ).fit(X, y)
    rows = X.copy()
    rows[:200, 4] = rng.integers(-50, 500, 200)  # unknown ones
    rows[200:300, 5] = np.nan
    check(estimator, rows)


def test_categories_of_a_frame() -> None:
    X, y = table(600)
    rng = np.random.default_rng(0)
    colours = rng.choice(["red", "green", "blue", "grün"], len(X))
    frame = pd.DataFrame(X, columns=list("abcdefg")).assign(colour=pd.Categorical(colours))
    y = y + (colours == "red")
    estimator = HistGradientBoostingClassifier(max_iter=10, categorical_features="from_dtype").fit(frame, y > 0)
    plan = pretzel.compile(estimator, strict=True)
    np.testing.assert_allclose(plan.predict_proba(frame), estimator.predict_proba(frame), rtol=1e-9)
    np.testing.assert_array_equal(plan.predict(frame), estimator.predict(frame))


@pytest.mark.parametrize("sparse_output", [True, False])
def test_random_trees_embedding(sparse_output: bool) -> None:
    X, _ = table()
    check(RandomTreesEmbedding(12, sparse_output=sparse_output, random_state=0).fit(X), X)


@pytest.mark.usefixtures("level")
def test_trees_behind_a_wide_union() -> None:
    X, y = table()
    union = FeatureUnion([("leaves", RandomTreesEmbedding(60, random_state=0)), ("scaled", MinMaxScaler())])
    pipeline = make_pipeline(StandardScaler(), union, RandomForestRegressor(20, random_state=0)).fit(X, y)
    assert pretzel.compile(pipeline, strict=True) is not None
    check(pipeline, X)


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("n_features", [130, 250, 600])
def test_more_columns_than_one_vector_of_keys(n_features: int) -> None:
    from sklearn.datasets import make_classification

    X, y = make_classification(150, n_features, n_informative=20, random_state=0)
    check(
        RandomForestClassifier(30, max_depth=4, max_features=3, random_state=0).fit(X, y), X, methods=("predict_proba",)
    )
    check(HistGradientBoostingClassifier(max_iter=10).fit(X, y), X, methods=("decision_function",))


@functools.cache
def forest_of_small_trees(trees: int, leaves: int) -> tuple[RandomForestClassifier, np.ndarray, np.ndarray]:
    X, y = table(missing=True)
    forest = RandomForestClassifier(trees, max_leaf_nodes=leaves, random_state=0).fit(X, y > 0)
    assert max(tree.get_n_leaves() for tree in forest.estimators_) == leaves
    X = np.vstack([X, with_boundary(forest, X, ensemble_of(forest), most=300)])
    return forest, X, forest.predict_proba(X)


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("leaves", [2, 8, 9, 16, 17, 32, 33])
@pytest.mark.parametrize("trees", [8, 11, 131])
def test_small_trees_of_every_size(trees: int, leaves: int) -> None:
    forest, X, expected = forest_of_small_trees(trees, leaves)
    plan = pretzel.compile(forest)
    for n in (1, 15, 16, 17, 257, len(X)):
        np.testing.assert_allclose(plan.predict_proba(X[:n]), expected[:n], rtol=1e-12)
    for i in range(40):
        np.testing.assert_allclose(plan.predict_proba_one(X[-i]), expected[-i], rtol=1e-12)


@functools.cache
def ensembles_over_thresholds(distinct: int) -> list[tuple[Any, np.ndarray, np.ndarray]]:
    rng = np.random.default_rng(0)
    X = np.c_[np.arange(3000) % (distinct + 1), rng.integers(0, 2, 3000)].astype(float)
    y = rng.normal(size=3000)
    found = []
    for model in (
        RandomForestRegressor(60, max_depth=5, max_features=1, random_state=0).fit(X, y),
        HistGradientBoostingRegressor(max_iter=60, min_samples_leaf=1).fit(X, y),
    ):
        rows = np.vstack([X[:300], with_boundary(model, X, ensemble_of(model))])
        found.append((model, rows, model.predict(rows)))
    return found


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("distinct", [1, 15, 16, 17, 255, 272, 273, 1000])
def test_columns_with_few_and_many_thresholds(distinct: int) -> None:
    for model, X, expected in ensembles_over_thresholds(distinct):
        plan = pretzel.compile(model)
        assert_close(plan.predict(X), expected)
        assert [plan.predict_one(row) for row in X[::7]] == plan.predict(X)[::7].tolist()


@pytest.mark.parametrize("leaves", [2, 8, 16, 32])
def test_states_of_another_level(level: str, leaves: int) -> None:
    from pretzel._native import set_isa

    forest, X, expected = forest_of_small_trees(11, leaves)
    runtime = pretzel.Runtime()
    set_isa(ISAS[-1])  # or the best there is
    runtime.register("before", forest)
    set_isa(level)
    model = runtime.register("after", forest)  # with a state of its own where the level matters
    np.testing.assert_allclose(model.predict_proba(X), expected, rtol=1e-12)
    np.testing.assert_allclose(model.predict_proba_one(X[0]), expected[0], rtol=1e-12)


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("missing", [False, True])
@pytest.mark.parametrize("depth", [1, 5, None])
@pytest.mark.parametrize("columns", [1, N_FEATURES, 40])
def test_few_trees_by_values_and_by_keys(columns: int, depth: int | None, *, missing: bool) -> None:
    """One to three trees of few or many columns, by rows with NaN, infinities of float32 and both zeros."""
    rng = np.random.default_rng(0)
    X = np.round(rng.normal(size=(200, columns)), 1)
    X[rng.random(X.shape) < 0.1] = -0.0
    y = X[:, 0] + rng.normal(size=200)
    if missing:
        X[rng.random(X.shape) < 0.1] = np.nan
    for model in (
        DecisionTreeRegressor(max_depth=depth, random_state=0),
        RandomForestRegressor(3, max_depth=depth, random_state=0),
        HistGradientBoostingRegressor(max_iter=2, max_depth=depth, min_samples_leaf=1),
    ):
        model.fit(X, y)
        rows = with_boundary(model, X, ensemble_of(model), most=300)
        rows = np.vstack([X, rows, np.where(rng.random(rows.shape) < 0.1, np.nan, rows), 3e38 * np.sign(X)])
        expected = model.predict(rows)
        plan = pretzel.compile(model)
        for n in (1, 15, 33, len(rows)):
            np.testing.assert_allclose(plan.predict(rows[:n]), expected[:n], rtol=1e-12)
        np.testing.assert_allclose([plan.predict_one(row) for row in rows[::7]], expected[::7], rtol=1e-12)


def test_leaves_are_numbered_from_left_to_right() -> None:
    X, y = table()
    best_first = DecisionTreeRegressor(max_leaf_nodes=20).fit(X, y)
    assert (np.diff(best_first.tree_.children_left[best_first.tree_.children_left >= 0]) != 1).any()
    for tree in (best_first, DecisionTreeRegressor(max_depth=5).fit(X, y), DecisionTreeRegressor().fit(X, 0 * y)):
        seen, open_nodes = [], [int(ensemble_of(tree).roots[0])]
        children = ensemble_of(tree).children
        while open_nodes:
            node = open_nodes.pop()
            if node < 0:
                seen.append(~node)
            else:
                open_nodes += [int(children[node, 1]), int(children[node, 0])]
        assert seen == list(range(tree.get_n_leaves()))


def test_trees_that_do_not_split() -> None:
    X, _ = table()
    check(RandomForestRegressor(10).fit(X, np.full(len(X), 2.5)), X)
    check(DecisionTreeClassifier().fit(X, np.zeros(len(X), dtype=int)), X)
    check(HistGradientBoostingRegressor(max_iter=3).fit(X, np.full(len(X), 2.5)), X)


def test_input_as_the_source_checks_it() -> None:
    X, y = table()
    forest = pretzel.compile(RandomForestRegressor(5).fit(X, y))
    boosted = pretzel.compile(GradientBoostingRegressor(n_estimators=5).fit(X, y))
    for plan, values in ((forest, (np.inf, 1e39)), (boosted, (np.nan, -np.inf, 1e39))):
        for value in values:
            rows = X[:3].copy()
            rows[1, 2] = value
            with pytest.raises(InputValueError):
                plan.predict(rows)
        assert plan.predict(X[:3]).shape == (3,)


def test_inputs_of_every_type() -> None:
    X, y = table()
    X = np.round(X * 3)
    forest = RandomForestRegressor(5, random_state=0).fit(X, y)
    plan = pretzel.compile(forest)
    expected = forest.predict(X)
    wide = np.zeros((len(X), 2 * N_FEATURES))
    wide[:, ::2] = X
    for given in (X.astype(np.float32), X.astype(int), np.asfortranarray(X), wide[:, ::2], sparse.csr_array(X)):
        np.testing.assert_array_equal(plan.predict(given), expected)


def test_initial_estimator_that_reads_the_row_is_opaque() -> None:
    X, y = table()
    estimator = GradientBoostingClassifier(n_estimators=3, init=LogisticRegression()).fit(X, y > 0)
    np.testing.assert_array_equal(pretzel.compile(estimator).predict(X), estimator.predict(X))
    with pytest.raises(OpaqueStepError, match="depends on the row"):
        pretzel.compile(estimator, strict=True)


@pytest.mark.parametrize("leaf_nodes", [None, 12])  # numbered depth first, and best first
@pytest.mark.parametrize("side", ["children_left", "children_right"])
@pytest.mark.parametrize("child", ["root", "itself", "twin", "far"])
def test_nodes_that_form_no_tree_are_named(leaf_nodes: int | None, side: str, child: str) -> None:
    from sklearn.datasets import make_classification

    X, y = make_classification(300, n_informative=4, n_classes=3, random_state=0)
    pipeline = make_pipeline(
        StandardScaler(), DecisionTreeClassifier(max_leaf_nodes=leaf_nodes, random_state=0).fit(X, y)
    )
    pipeline[0].fit(X)
    tree = pipeline[1].tree_
    split = np.flatnonzero(tree.children_left >= 0)[-1]
    getattr(tree, side)[split] = {"root": 0, "itself": split, "twin": 1, "far": 10**6}[child]
    with pytest.raises(
        CompileError, match=r"Pipeline\.decisiontreeclassifier .*: tree_: the nodes of tree 0 do not form"
    ):
        pretzel.compile(pipeline)


def test_a_circle_apart_from_the_root_is_named() -> None:
    """Each node but the root is the child of one split, but the nodes form no tree."""
    tree = Tree(
        feature=np.zeros(7, dtype=np.int64),
        threshold=np.zeros(7),
        left=np.array([1, -1, -1, 4, 3, -1, -1]),
        right=np.array([2, -1, -1, 5, 6, -1, -1]),
        missing_left=np.zeros(7),
    )
    with pytest.raises(BrokenAttribute, match="trees_: the nodes of tree 0 do not form a tree: some children form a"):
        join([tree], "trees_")


def test_apply_of_boosted_trees_takes_nan_and_predict_does_not() -> None:
    X = np.random.default_rng(0).normal(size=(90, 3))
    X[::3, 1] = np.abs(X[::3, 1])
    model = GradientBoostingRegressor(n_estimators=9, random_state=0).fit(X, X[:, 0] + X[:, 1])
    plan = pretzel.compile(model, strict=True)
    X[::2, 1] = np.nan
    np.testing.assert_array_equal(plan.apply(X), model.apply(X))
    np.testing.assert_array_equal(plan.apply_one(X[0]), model.apply(X[:1])[0])
    with pytest.raises(InputValueError, match="NaN"):
        plan.predict(X)
