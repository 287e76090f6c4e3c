"""XGBoost against its own predictions, bit for bit: every row on a threshold and beside it, at every level."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import sparse

import pretzel
from pretzel import _native
from pretzel.errors import InputKeyError, InputValueError, UnfittedError
from pretzel.oven.frontends.importer import Importer
from pretzel.oven.ir.graph import toposort
from pretzel.oven.ir.tree_ensemble import TreeEnsemble
from pretzel.store.object_store import ObjectStore
from tests.answers import assert_identical, with_boundary

if TYPE_CHECKING:
    from collections.abc import Iterator

xgboost: Any = pytest.importorskip("xgboost")

from xgboost import XGBClassifier, XGBRanker, XGBRegressor, XGBRFClassifier, XGBRFRegressor  # noqa: E402

LEVELS = ("baseline", "x86-64-v3", "x86-64-v4")
METHODS = ("predict", "predict_proba", "apply")


def table(kind: str = "floats", n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Rows of one kind, and a target for them."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, 7))
    X[:, 0] = np.round(X[:, 0])
    if kind == "whole":
        X = rng.integers(0, 5, X.shape).astype(float)
    if kind == "zeros":
        X[rng.random(X.shape) < 0.5] = 0.0
    score = X[:, 0] + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=n)
    if kind == "missing":
        X[rng.random(X.shape) < 0.1] = math.nan
    return X, score


def grades(score: np.ndarray, n: int = 3) -> np.ndarray:
    """Classes of equal size."""
    return np.digitize(score, np.quantile(score, np.arange(1, n) / n))


def levels() -> Iterator[str]:
    """Each instruction set of this machine while it is active."""
    before = _native.isa()
    try:
        for level in LEVELS:
            _native.set_isa(level)
            if _native.isa() == level:
                yield level
    finally:
        _native.set_isa(before)


def trees_of(estimator: Any) -> TreeEnsemble:
    output = Importer(estimator).run().methods["predict"]
    return next(node for node in toposort([output.node]) if isinstance(node, TreeEnsemble))


def check(estimator: Any, X: Any, *, loose: tuple[str, ...] = ()) -> None:
    """The answers of all methods are the source's to the bit, whole, in small batches, and row by row."""
    methods = [name for name in METHODS if hasattr(estimator, name)]
    expected = {}
    for name in methods:
        finite = X
        if name == "apply" and not sparse.issparse(X) and not hasattr(X, "iloc"):
            with np.errstate(over="ignore"):
                finite = X[~np.isinf(X.astype(np.float32)).any(axis=1)]  # a `DMatrix` rejects infinity
        expected[name] = finite, getattr(estimator, name)(finite)
    for level in levels():
        plan = pretzel.compile(estimator, strict=True, store=ObjectStore())
        for name, (rows, answer) in expected.items():
            call = getattr(plan, name)
            got = call(rows)
            if name in loose:
                assert (got.dtype, got.shape) == (answer.dtype, answer.shape)
                np.testing.assert_allclose(got, answer, rtol=1e-6)
            else:
                assert_identical(got, answer)
            for size in (1, 2, 33):
                assert_identical(call(rows[:size]), got[:size])
            if not sparse.issparse(X) and not hasattr(X, "iloc"):
                one = getattr(plan, f"{name}_one")
                for i in range(0, len(rows), 97):
                    assert_identical(np.asarray(one(rows[i]), got.dtype), np.asarray(got[i]))
        assert level in LEVELS


def boundary(estimator: Any, X: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return with_boundary(estimator, X, trees_of(estimator), most=600)


@pytest.mark.parametrize("kind", ["floats", "whole", "missing", "zeros"])
@pytest.mark.parametrize(
    "options",
    [
        {"tree_method": "hist", "max_depth": 6},
        {"tree_method": "exact", "max_depth": 3},
        {"tree_method": "approx", "max_depth": 4, "gamma": 0.3},
        {"grow_policy": "lossguide", "max_leaves": 9, "max_depth": 0},
        {"max_depth": 2},
        {"max_depth": 4, "n_estimators": 300},
    ],
    ids=str,
)
def test_trees(kind: str, options: dict[str, Any]) -> None:
    X, y = table(kind)
    estimator = XGBRegressor(**{"n_estimators": 20, **options}).fit(X, y)
    check(estimator, boundary(estimator, X))


OBJECTIVES: dict[str, Any] = {
    "reg:squarederror": lambda y: y,
    "reg:squaredlogerror": lambda y: np.abs(y) + 0.1,
    "reg:pseudohubererror": lambda y: y,
    "reg:absoluteerror": lambda y: y,
    "reg:logistic": lambda y: 1 / (1 + np.exp(-y)),
    "count:poisson": lambda y: np.round(np.abs(y)),
    "reg:gamma": lambda y: np.abs(y) + 0.1,
    "reg:tweedie": lambda y: np.abs(y),
    "survival:cox": lambda y: y,
}


@pytest.mark.parametrize("base", [None, 0.3, 0.7])
@pytest.mark.parametrize("objective", OBJECTIVES)
def test_objectives(objective: str, base: float | None) -> None:
    X, y = table()
    estimator = XGBRegressor(objective=objective, base_score=base, n_estimators=15)
    check(estimator.fit(X, OBJECTIVES[objective](y)), X)


@pytest.mark.parametrize("base", [None, 0.3])
@pytest.mark.parametrize("objective", ["binary:logistic", "binary:logitraw", "binary:hinge"])
def test_two_classes(objective: str, base: float | None) -> None:
    X, y = table("missing")
    estimator = XGBClassifier(objective=objective, base_score=base, n_estimators=15).fit(X, y > 0)
    check(estimator, boundary(estimator, X))


@pytest.mark.parametrize("options", [{}, {"num_parallel_tree": 2, "subsample": 0.5}], ids=str)
@pytest.mark.parametrize("objective", ["multi:softprob", "multi:softmax"])
def test_classes(objective: str, options: dict[str, Any]) -> None:
    X, y = table("missing")
    estimator = XGBClassifier(objective=objective, n_estimators=8, **options).fit(X, grades(y))
    check(estimator, X, loose=("predict_proba",) if objective == "multi:softmax" else ())


def test_two_classes_of_a_multiclass_objective() -> None:
    X, y = table()
    check(XGBClassifier(objective="multi:softprob", num_class=2, n_estimators=8).fit(X, y > 0), X)


@pytest.mark.parametrize("label", [0.0, False, 0])
def test_one_class(label: Any) -> None:
    X, _ = table()
    check(XGBClassifier(n_estimators=3).fit(X, np.full(len(X), label)), X)


@pytest.mark.parametrize("strategy", ["one_output_per_tree", "multi_output_tree"])
def test_several_outputs(strategy: str) -> None:
    X, y = table()
    options = {"multi_strategy": strategy, "n_estimators": 10}
    check(XGBRegressor(**options).fit(X, np.c_[y, -y, y**2]), X)
    check(XGBClassifier(**options).fit(X, np.c_[y > 0, y < 0.5, y > 1].astype(int)), X)
    check(XGBClassifier(**options).fit(X, np.c_[y > 0, y < 0.5].astype(int)), X)
    check(XGBClassifier(**options).fit(X, grades(y)), X)


def test_quantiles() -> None:
    X, y = table()
    options = {"objective": "reg:quantileerror", "n_estimators": 10}
    check(XGBRegressor(quantile_alpha=[0.1, 0.5, 0.9], **options).fit(X, y), X)
    check(XGBRegressor(quantile_alpha=0.3, **options).fit(X, y), X)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_dart(n_classes: int) -> None:
    X, y = table("missing")
    estimator = XGBClassifier(booster="dart", rate_drop=0.5, n_estimators=20).fit(X, grades(y, n_classes))
    check(estimator, X)


@pytest.mark.parametrize("n_classes", [2, 3])
def test_linear(n_classes: int) -> None:
    X, y = table("missing")
    estimator = XGBClassifier(booster="gblinear", n_estimators=5).fit(X, grades(y, n_classes))
    plan = pretzel.compile(estimator, strict=True)
    assert_identical(plan.predict_proba(X), estimator.predict_proba(X))
    assert_identical(plan.predict(X), estimator.predict(X))
    X[3, 2] = math.inf
    with pytest.raises(InputValueError):
        plan.predict(X)


def test_forests_and_ranking() -> None:
    X, y = table("missing")
    check(XGBRFRegressor(n_estimators=9).fit(X, y), X)
    check(XGBRFClassifier(n_estimators=9).fit(X, grades(y)), X)
    for objective in ("rank:pairwise", "rank:ndcg", "rank:map"):
        target = (y > 0).astype(int)
        check(XGBRanker(objective=objective, n_estimators=9).fit(X, target, qid=np.arange(400) // 20), X)


def test_an_objective_of_ones_own() -> None:
    X, y = table()

    def squared(target: np.ndarray, predicted: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return predicted - target, np.ones_like(target)

    check(XGBRegressor(objective=squared, n_estimators=9).fit(X, y), X)
    check(XGBClassifier(objective=squared, n_estimators=9).fit(X, y > 0), X)


def test_the_best_rounds_count() -> None:
    X, y = table()
    estimator = XGBClassifier(n_estimators=60, early_stopping_rounds=3, learning_rate=0.9, num_parallel_tree=2)
    estimator.fit(X[:250], grades(y)[:250], eval_set=[(X[250:], grades(y)[250:])], verbose=False)
    assert estimator.best_iteration + 1 < estimator.get_booster().num_boosted_rounds()
    check(estimator, X)


@pytest.mark.parametrize("missing", [-999.0, 0.0, 0.1, math.inf])
def test_the_missing_value(missing: float) -> None:
    X, y = table()
    rng = np.random.default_rng(3)
    X[rng.random(X.shape) < 0.2] = missing
    X[rng.random(X.shape) < 0.05] = math.nan
    X[rng.random(X.shape) < 0.05] = -0.0
    estimator = XGBRegressor(n_estimators=15, missing=missing).fit(X, y)
    check(estimator, X)


def test_infinity() -> None:
    X, y = table("missing")
    estimator = XGBRegressor(n_estimators=15).fit(X, y)
    for value in (math.inf, -math.inf, 1e39, -1e300):
        X[np.random.default_rng(1).random(X.shape) < 0.1] = value
    with np.errstate(over="ignore"):
        check(estimator, X)
    with pytest.raises(InputValueError, match="infinity"):
        pretzel.compile(estimator).apply(X)


@pytest.mark.parametrize("missing", [math.nan, 0.0])
@pytest.mark.parametrize("make", [sparse.csr_matrix, sparse.csc_matrix, sparse.csr_array])
def test_sparse_rows(make: Any, missing: float) -> None:
    """Entries that are not stored are missing; stored zeros are numbers."""
    X, y = table("zeros")
    estimator = XGBRegressor(n_estimators=15, missing=missing).fit(X, y)
    rows = sparse.coo_array(X)
    rows.data[::5] = 0.0
    rows = make(rows)
    expected = estimator.predict(sparse.csr_matrix(rows))
    plan = pretzel.compile(estimator, strict=True)
    assert_identical(plan.predict(rows), expected)
    assert (expected != estimator.predict(rows.toarray())).any() or missing == 0.0
    assert_identical(plan.apply(rows), estimator.apply(rows))


@pytest.mark.parametrize("dtype", [np.float32, np.float16, np.int64, np.int8, np.uint16, bool])
def test_dtypes(dtype: Any) -> None:
    X, y = table("whole")
    estimator = XGBRegressor(n_estimators=15).fit(X, y)
    check(estimator, (X * 3).astype(dtype))


def test_whole_numbers_beyond_float32() -> None:
    X = np.arange(2**24, 2**24 + 400).reshape(-1, 1)
    estimator = XGBRegressor(n_estimators=5, max_depth=8, min_child_weight=0).fit(X, np.arange(400.0) % 7)
    check(estimator, X)


def test_frames() -> None:
    import pandas as pd

    X, y = table("missing")
    frame = pd.DataFrame(X, columns=[f"c {i}" for i in range(7)]).astype({"c 1": "float32", "c 2": "Float64"})
    estimator = XGBRegressor(n_estimators=15).fit(frame, y)
    plan = pretzel.compile(estimator, strict=True)
    expected = estimator.predict(frame)
    assert_identical(plan.predict(frame), expected)
    assert plan.predict_one(frame.iloc[3].to_dict()) == expected[3]
    with pytest.raises(ValueError, match="feature_names mismatch"):
        estimator.predict(frame[frame.columns[::-1]])
    with pytest.raises(InputKeyError, match="same order"):
        plan.predict(frame[frame.columns[::-1]])


def test_in_a_pipeline() -> None:
    import pandas as pd
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, StandardScaler

    X, y = table("missing")
    frame = pd.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": np.where(y > 0, "x", "y"), "d": grades(X[:, 2]).astype(str)})
    scaler, encoder = (StandardScaler(), ["a", "b"]), (OneHotEncoder(), ["c", "d"])
    for transformer in (
        make_column_transformer(scaler, encoder, sparse_threshold=0.0),
        make_column_transformer(scaler, encoder, sparse_threshold=1.0),  # zeros are missing
    ):
        pipeline = make_pipeline(transformer, XGBClassifier(n_estimators=15)).fit(frame, y + X[:, 2] > 0)
        plan = pretzel.compile(pipeline, strict=True)
        expected = pipeline.predict_proba(frame)
        assert_identical(plan.predict_proba(frame), expected)
        assert_identical(plan.predict_proba_one(frame.iloc[5].to_dict()), expected[5])
    dense = make_pipeline(StandardScaler(), XGBRegressor(n_estimators=30, max_depth=3)).fit(X, y)
    check(dense, X)


def test_saved_plans_answer_without_xgboost(tmp_path: Any) -> None:
    X, y = table("missing")
    estimator = XGBClassifier(n_estimators=15).fit(X, grades(y))
    plan = pretzel.compile(estimator, strict=True)
    plan.save(tmp_path / "model.pretzel")
    loaded = pretzel.load(tmp_path / "model.pretzel")
    assert_identical(loaded.predict_proba(X), estimator.predict_proba(X))
    report = pretzel.verify(plan, estimator, X[:50], boundary=True)
    assert report.ok, str(report)


def test_unfitted() -> None:
    with pytest.raises(UnfittedError):
        pretzel.compile(XGBRegressor())


@pytest.mark.parametrize(
    "make",
    [
        lambda X, y: XGBClassifier(n_estimators=2).fit(X, y > 0),
        lambda X, y: XGBClassifier(n_estimators=2).fit(X, grades(y, 3)),
        lambda X, y: XGBClassifier(n_estimators=2, objective="multi:softmax").fit(X, grades(y, 5)),
        lambda X, y: XGBRFClassifier(n_estimators=2).fit(X, grades(y, 3)),
        lambda X, y: XGBClassifier(n_estimators=2).fit(X, np.c_[y > 0, y < 0.5, y > 1].astype(int)),
        lambda X, y: XGBRegressor(n_estimators=2).fit(X, y),
        lambda X, y: XGBRegressor(n_estimators=2).fit(X, np.c_[y, -y, y**2]),
    ],
    ids=["two classes", "three classes", "softmax", "forest", "several labels", "regressor", "several targets"],
)
def test_no_rows_have_the_columns_of_any_other_answer(make: Any) -> None:
    """The library gives `(0, 2)` for any number of classes, and `(0,)` for leaves and several targets."""
    X, y = table()
    estimator = make(X, y)
    plan = pretzel.compile(estimator, strict=True)
    for name in METHODS:
        if hasattr(estimator, name):
            one = getattr(estimator, name)(X[:1])
            none = getattr(plan, name)(X[:0])
            assert (none.shape, none.dtype) == ((0, *one.shape[1:]), one.dtype)
