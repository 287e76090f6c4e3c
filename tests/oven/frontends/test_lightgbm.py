"""Boosters of LightGBM against the library: raw scores and leaves to the bit, on every threshold and beside it."""

from __future__ import annotations

import gc
import pickle
import warnings
import weakref
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.ensemble import AdaBoostRegressor, BaggingRegressor, StackingRegressor
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OrdinalEncoder, StandardScaler

import pretzel
from pretzel._native import live
from pretzel.oven.frontends.importer import Importer
from pretzel.oven.frontends.lightgbm.model_text import read_model_text
from pretzel.oven.ir.interpret import interpret
from tests.answers import assert_close

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

lgb = pytest.importorskip("lightgbm")

ISAS = ("baseline", "x86-64-v3", "x86-64-v4")
TINY = 1.0000000180025095e-35
ODD = (0.0, -0.0, 1e-36, -1e-36, TINY, -TINY, *np.nextafter(TINY, [0.0, 1.0]), *np.nextafter(-TINY, [0.0, -1.0]),
       5e-324, np.nan, np.inf, -np.inf, 1e39, -1e39, 1e300)  # fmt: skip
CATEGORIES = (-1.0, -0.5, -0.999, 0.9, 1.9, 31, 32, 39, 40, 255, 256, 1999, 2000, 16777215, 16777216, 2.0**31,
              2.0**32 + 3, 1e18, np.nan, np.inf, -np.inf)  # fmt: skip
SMALL = {"verbosity": -1, "num_threads": 1, "min_data_in_leaf": 5, "seed": 1, "deterministic": True}


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


def data(kind: str, n: int = 400) -> tuple[np.ndarray, np.ndarray]:
    """Rows of one kind, and a target of them."""
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n, 5))
    if kind == "whole":
        X = np.floor(rng.uniform(0, 5, size=(n, 5)))
    if kind == "halves":
        X[rng.random(X.shape) < 0.5] = 0.0
    if kind in ("categories", "many categories"):
        X[:, 0] = rng.integers(0, 40 if kind == "categories" else 2000, n)
        X[:, 1] = rng.integers(0, 3, n)
    y = X[:, 0] % 7 - 2 * np.abs(X[:, 2]) + X[:, 1] + 0.1 * rng.normal(size=n)
    if kind == "missing":
        X[rng.random(X.shape) < 0.1] = np.nan
    return X, y


def edge_rows(booster: Any, X: np.ndarray) -> np.ndarray:
    """Rows of ``X``, and rows with a threshold, a neighbour of one or an odd value in one column."""
    model = read_model_text(booster.model_to_string())
    rng = np.random.default_rng(0)
    rows = [X[:60]]
    for column in range(X.shape[1]):
        found = [tree.threshold[(tree.feature == column) & (tree.decision & 1 == 0)] for tree in model.trees]
        cuts = np.unique(np.concatenate(found))
        cuts = rng.permutation(cuts)[:40]
        near = np.concatenate([cuts, np.nextafter(cuts, np.inf), np.nextafter(cuts, -np.inf),
                               cuts.astype(np.float32).astype(np.float64)])  # fmt: skip
        values = np.concatenate([near, ODD, CATEGORIES if column in model.categorical else []])
        block = X[rng.integers(len(X), size=len(values))].copy()
        block[:, column] = values
        rows.append(block)
    return np.concatenate(rows)


def train(params: dict[str, Any], kind: str, rounds: int = 12, **options: Any) -> tuple[Any, np.ndarray]:
    X, y = data(kind)
    booster = lgb.train({**SMALL, **params}, lgb.Dataset(X, y, **options), rounds)
    return booster, edge_rows(booster, X)


def check(booster: Any, X: np.ndarray, **exactly: Any) -> None:
    """All methods in batches and row by row, and the graph in NumPy."""
    plan = pretzel.compile(booster, strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        raw, leaves = booster.predict(X, raw_score=True), booster.predict(X, pred_leaf=True)
        predicted = booster.predict(X)
    np.testing.assert_array_equal(plan.raw_score(X), raw)
    np.testing.assert_array_equal(plan.predict(X, raw_score=True), raw)
    np.testing.assert_array_equal(plan.predict(X, pred_leaf=True), leaves)
    assert plan.pred_leaf(X).dtype == leaves.dtype
    assert_close(plan.predict(X), predicted)
    for i in range(0, len(X), 7):
        np.testing.assert_array_equal(plan.raw_score(X[i : i + 1]), raw[i : i + 1])
        np.testing.assert_array_equal(plan.raw_score_one(X[i]), raw[i])
    node = Importer(booster).run().methods["raw_score"].node
    values = interpret([node], X)[node]
    np.testing.assert_array_equal(values.reshape(raw.shape), raw)
    again = pretzel.compile(read_model_text(booster.model_to_string()))
    np.testing.assert_array_equal(again.raw_score(X), raw)


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("kind", ["normal", "whole", "missing", "halves"])
@pytest.mark.parametrize(
    "params", [{"num_leaves": 15, "min_data_in_bin": 1}, {"use_missing": False}, {"zero_as_missing": True}], ids=str
)
def test_numeric_splits(params: dict[str, Any], kind: str) -> None:
    check(*train(params, kind))


@pytest.mark.usefixtures("level")
@pytest.mark.parametrize("kind", ["categories", "many categories"])
@pytest.mark.parametrize("most_alone", [1, 10])
def test_category_sets(kind: str, most_alone: int) -> None:
    params = {"max_cat_to_onehot": most_alone, "min_data_per_group": 1, "cat_smooth": 1, "min_data_in_leaf": 2}
    check(*train({**params, "num_leaves": 20}, kind, categorical_feature=[0, 1]))


@pytest.mark.parametrize("objective", ["regression", "binary", "multiclass"])
def test_random_forests_average_before_the_link(objective: str) -> None:
    X, y = data("normal")
    target = y if objective == "regression" else np.digitize(y, [0.0] if objective == "binary" else [-1.0, 1.0])
    params = {"objective": objective, "boosting": "rf", "bagging_fraction": 0.6, "bagging_freq": 1}
    if objective == "multiclass":
        params["num_class"] = 3
    booster = lgb.train({**SMALL, **params}, lgb.Dataset(X, target), 5)
    check(booster, X)
    first = lgb.Booster(model_str=booster.model_to_string(num_iteration=2))
    np.testing.assert_array_equal(
        pretzel.compile(first).raw_score(X), booster.predict(X, num_iteration=2, raw_score=True)
    )
    assert_close(pretzel.compile(first).predict(X), booster.predict(X, num_iteration=2))


@pytest.mark.parametrize(
    "params",
    [
        {"boosting": "dart", "drop_rate": 0.5, "skip_drop": 0.0},
        {"data_sample_strategy": "goss"},
        {"extra_trees": True},
        {"use_quantized_grad": True},
        {"monotone_constraints": [1, 0, -1, 0, 0]},
        {"linear_tree": True, "min_data_in_leaf": 20},
    ],
    ids=str,
)
@pytest.mark.parametrize("kind", ["missing", "normal"])
def test_ways_to_boost(params: dict[str, Any], kind: str) -> None:
    check(*train(params, kind))


OBJECTIVES = [
    {"objective": "regression", "reg_sqrt": True},
    {"objective": "regression_l1", "reg_sqrt": True},
    *({"objective": name} for name in ("regression_l1", "huber", "fair", "quantile", "mape")),
    *({"objective": name} for name in ("poisson", "gamma", "tweedie")),
    *({"objective": name} for name in ("cross_entropy", "cross_entropy_lambda")),
    {"objective": "binary"},
    {"objective": "binary", "sigmoid": 0.7},
    {"objective": "binary", "sigmoid": 2.0, "is_unbalance": True},
    {"objective": "multiclass", "num_class": 3},
    {"objective": "multiclassova", "num_class": 3, "sigmoid": 0.7},
    {"objective": "multiclass", "num_class": 2},
]


def target_for(params: dict[str, Any], y: np.ndarray) -> np.ndarray:
    name = params["objective"]
    if name in ("cross_entropy", "cross_entropy_lambda"):
        return (y - y.min()) / np.ptp(y)
    if name == "binary":
        return y > 0
    if name.startswith("multiclass"):
        return np.digitize(y, np.linspace(-1, 1, params["num_class"] - 1))
    return y - y.min() + 0.1 if name in ("poisson", "gamma", "tweedie", "mape") else y


@pytest.mark.parametrize("params", OBJECTIVES, ids=str)
@pytest.mark.parametrize("constant", [False, True])
def test_links(params: dict[str, Any], constant: bool) -> None:
    X, y = data("normal")
    target = target_for(params, y).astype(float)
    if constant:
        target = np.full_like(target, np.floor(target.max()) if "multi" in params["objective"] else target[0])
    check(lgb.train({**SMALL, **params}, lgb.Dataset(X, target), 6), X)


def test_a_class_without_rows_and_a_custom_objective() -> None:
    X, y = data("normal")
    labels = np.where(y > 0, 2, 0)
    booster = lgb.train({**SMALL, "objective": "multiclass", "num_class": 3}, lgb.Dataset(X, labels), 4)
    assert {len(tree.values) for tree in read_model_text(booster.model_to_string()).trees} >= {1}
    check(booster, X)

    def squared(scores: np.ndarray, rows: Any) -> tuple[np.ndarray, np.ndarray]:
        return scores - rows.get_label(), np.ones_like(scores)

    check(lgb.train({**SMALL, "objective": squared}, lgb.Dataset(X, y), 4), X)


def test_ranking() -> None:
    X, y = data("normal")
    model = lgb.LGBMRanker(n_estimators=5, verbosity=-1).fit(X, np.digitize(y, [-1, 1]), group=[100] * 4)
    plan = pretzel.compile(model, strict=True)
    np.testing.assert_array_equal(plan.predict(X), model.predict(X))
    check(model.booster_, X)


@pytest.mark.parametrize("keep", [False, True])
def test_the_best_iteration(keep: bool) -> None:
    X, y = data("missing")
    y = np.random.default_rng(0).normal(size=len(y))
    rows = lgb.Dataset(X[:300], y[:300])
    booster = lgb.train(
        {**SMALL, "learning_rate": 0.5}, rows, 40, valid_sets=[lgb.Dataset(X[300:], y[300:], reference=rows)],
        keep_training_booster=keep, callbacks=[lgb.early_stopping(5, verbose=False)],
    )  # fmt: skip
    assert 0 < booster.best_iteration < 40
    check(booster, X)
    check(pickle.loads(pickle.dumps(booster)), X)


def test_continued_training_and_refit() -> None:
    X, y = data("missing")
    whole, _ = data("normal")
    first = lgb.train(SMALL, lgb.Dataset(whole, y), 3)
    both = lgb.train(SMALL, lgb.Dataset(X, y), 3, init_model=first)
    zero = lgb.train({**SMALL, "zero_as_missing": True}, lgb.Dataset(data("halves")[0], y), 3, init_model=first)
    for booster in (both, zero, first.refit(X, y)):
        check(booster, edge_rows(booster, X))


@pytest.mark.parametrize(
    "labels",
    [np.array(["no", "yes"]), np.array([False, True]), np.array([1, 2]), np.array([0, 2]), np.array(["a", "b", "c"])],
    ids=str,
)
@pytest.mark.parametrize("objective", [None, "multiclass", "cross_entropy"])
def test_classifiers(labels: np.ndarray, objective: str | None) -> None:
    X, y = data("missing")
    if objective == "cross_entropy" and len(labels) > 2:
        pytest.skip("one score")
    target = labels[np.digitize(y, np.linspace(-0.5, 0.5, len(labels) - 1))]
    more = {"num_class": len(labels)} if objective == "multiclass" else {}
    model = lgb.LGBMClassifier(n_estimators=6, objective=objective, verbosity=-1, **more).fit(X, target)
    plan = pretzel.compile(model, strict=True)
    rows = edge_rows(model.booster_, X)
    for method in ("predict", "predict_proba", "decision_function"):
        if hasattr(model, method):
            assert_close(getattr(plan, method)(rows), getattr(model, method)(rows), exact=method != "predict_proba")
    np.testing.assert_array_equal(plan.predict(rows, raw_score=True), model.predict(rows, raw_score=True))
    np.testing.assert_array_equal(plan.predict_proba(rows, pred_leaf=True), model.predict(rows, pred_leaf=True))
    assert plan.predict_one(rows[3]) == model.predict(rows[3:4])[0]


def test_undecided_scores() -> None:
    """Scores so small that the probability rounds to a half are the first class."""
    X, y = data("normal")
    booster = lgb.train({**SMALL, "objective": "binary", "boost_from_average": False}, lgb.Dataset(X, y > 0), 1)
    text = booster.model_to_string()
    values = next(line for line in text.split("\n") if line.startswith("leaf_value="))
    n = len(values.split(" "))
    scores = [0.0, -0.0, 5e-324, 1.1e-16, 1.6e-16, 1.66e-16, 1.67e-16, 1.7e-16, 2.2e-16, 2.3e-16, -1.1e-16, -2.3e-16]
    changed = "leaf_value=" + " ".join(repr(scores[i % len(scores)]) for i in range(n))
    model = lgb.LGBMClassifier(n_estimators=1, verbosity=-1).fit(X, y > 0)
    lines = ["" if line.startswith("tree_sizes=") else changed if line == values else line for line in text.split("\n")]
    model._Booster = lgb.Booster(model_str="\n".join(lines))
    assert len(set(model.predict(X, raw_score=True))) > 8
    np.testing.assert_array_equal(pretzel.compile(model).predict(X), model.predict(X))


def test_one_class() -> None:
    X, _ = data("normal")
    model = lgb.LGBMClassifier(n_estimators=3, verbosity=-1).fit(X, np.full(len(X), 5))
    plan = pretzel.compile(model)
    np.testing.assert_array_equal(plan.predict(X), model.predict(X))
    assert_close(plan.predict_proba(X), model.predict_proba(X))


def test_a_callable_objective_predicts_raw_scores() -> None:
    X, y = data("normal")

    def logistic(y_true: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        p = 1 / (1 + np.exp(-scores))
        return p - y_true, p * (1 - p)

    model = lgb.LGBMClassifier(n_estimators=3, objective=logistic, verbosity=-1).fit(X, y > 0)
    plan = pretzel.compile(model, strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        np.testing.assert_array_equal(plan.predict(X), model.predict(X))
        np.testing.assert_array_equal(plan.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("dtype", [np.int64, np.int8, np.uint16, np.float32, np.float16, bool])
@pytest.mark.parametrize("wrapped", [False, True])
def test_dtypes_of_tables(dtype: Any, wrapped: bool) -> None:
    pd = pytest.importorskip("pandas")
    X, y = data("whole")
    X[:, 0] *= 2.0**24 + 1 if dtype is np.int64 else 1
    rows = X.astype(dtype)
    if dtype is np.int64:
        rows[:, 0] += np.arange(len(rows)) % 3
    model: Any = lgb.LGBMRegressor(n_estimators=6, verbosity=-1).fit(rows.astype(float), y)
    model = model if wrapped else model.booster_
    plan = pretzel.compile(model)
    frame = pd.DataFrame(rows, columns=list("abcde"))
    for given in (rows, frame, rows.tolist(), rows[:1], np.asfortranarray(rows)):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = model.predict(given)
        np.testing.assert_array_equal(plan.predict(given), expected)


@pytest.mark.parametrize("step", ["imputer", "imputer of frames", "scaler", "columns", "frequent", "selected", "coded"])
def test_whole_numbers_that_a_step_has_made_floats(step: str, tmp_path: Path) -> None:
    """A saved plan answers frames with whole numbers, which are not rounded behind such a step."""
    pd = pytest.importorskip("pandas")
    steps = {
        "imputer": SimpleImputer(),
        "imputer of frames": SimpleImputer().set_output(transform="pandas"),
        "scaler": StandardScaler(),
        "columns": make_column_transformer((StandardScaler(), ["age"]), remainder="passthrough"),
        "frequent": SimpleImputer(strategy="most_frequent"),
        "selected": VarianceThreshold(),
        "coded": make_column_transformer(
            (OrdinalEncoder(dtype=np.int64), ["small"]), remainder="passthrough"
        ).set_output(transform="pandas"),
    }
    at = np.arange(300)
    frame = pd.DataFrame({"age": np.sin(at), "time": 2**24 + at, "small": (at % 7).astype(np.int32)})
    y = (at > 71) + 2.0 * (at % 2)
    model = make_pipeline(steps[step], lgb.LGBMRegressor(n_estimators=9, **SMALL)).fit(frame, y)
    plan = pretzel.compile(model, strict=True)
    plan.save(tmp_path / "plan.pretzel")
    loaded = pretzel.load(tmp_path / "plan.pretzel")
    for given in (frame, frame.iloc[:1], frame.astype(float)):
        np.testing.assert_array_equal(loaded.predict(given), model.predict(given))
    whole, keeps = frame.assign(age=at), step == "frequent"  # an array of integers, which is rounded
    np.testing.assert_array_equal((plan if keeps else loaded).predict(whole), model.predict(whole))
    single, objects = (frame.astype({"age": dtype}) for dtype in (np.float32, object))
    for given in (single, objects)[: 1 if step == "coded" else 2]:  # the library rejects objects
        np.testing.assert_array_equal(plan.predict(given), model.predict(given))


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("dtype", [np.int64, float])
@pytest.mark.parametrize(
    "step",
    ["selected", "selected of frames", "passed on", "of branches", "polars", "bagging", "boosted", "stacked"],
)
def test_whole_numbers_in_every_form(step: str, dtype: Any, tmp_path: Path) -> None:
    """Arrays of whole numbers are rounded, frames and columns beside floats are not."""
    pd, pl = pytest.importorskip("pandas"), pytest.importorskip("polars")
    at = np.arange(300)
    frame = pd.DataFrame({"time": 2**24 + at, "late": 2**25 + 3 * at, "small": at % 7}).astype(dtype)
    y = (at > 71) + 2.0 * (at % 2) + at % 5
    member = lgb.LGBMRegressor(n_estimators=9, **SMALL)
    models = {
        "selected": make_pipeline(VarianceThreshold(), member),
        "selected of frames": make_pipeline(VarianceThreshold().set_output(transform="pandas"), member),
        "passed on": make_pipeline(make_column_transformer(("passthrough", ["small", "time"])), member),
        "of branches": make_pipeline(
            make_column_transformer((FunctionTransformer(), ["time"]), remainder="passthrough"), member
        ),
        "polars": make_pipeline(VarianceThreshold().set_output(transform="polars"), member),
        "bagging": BaggingRegressor(member, n_estimators=2, max_features=2, random_state=0),
        "boosted": AdaBoostRegressor(member, n_estimators=2, random_state=0),
        "stacked": StackingRegressor([("a", member)], passthrough=True, final_estimator=member, cv=2),
    }
    model = models[step].fit(frame, y)
    plan = pretzel.compile(model, strict=True)
    plan.save(tmp_path / "plan.pretzel")
    loaded = pretzel.load(tmp_path / "plan.pretzel")
    whole, named = frame.astype(np.int64), step in ("passed on", "of branches")
    requests = [whole, whole[:1], whole.astype(np.uint32), whole.astype({"small": np.int8}), whole.astype(float) + 0.3]
    requests += [whole.assign(small=whole["small"] + 0.5), whole.assign(time=whole["time"] + 0.5)]
    requests += [] if step in ("bagging", "boosted") else [pl.from_pandas(whole)]
    requests += [] if named else [whole.to_numpy(), np.asfortranarray(whole.to_numpy()), whole[:5].values.tolist()]
    for given in requests:
        expected = model.predict(given)
        np.testing.assert_allclose(plan.predict(given), expected, rtol=1e-12)
        if step in ("selected", "selected of frames", "passed on"):
            np.testing.assert_array_equal(loaded.predict(given), expected)


@pytest.mark.parametrize("dtype", [object, np.longdouble])
def test_arrays_that_are_rounded(dtype: Any) -> None:
    X = np.tile([0.1, 0.2, 0.3, 0.4], 10)[:, None]
    options = {"verbosity": -1, "min_data_in_leaf": 1, "min_data_in_bin": 1, "num_leaves": 4}
    booster = lgb.train(options, lgb.Dataset(X, 10 * X[:, 0]), 1)
    edges = booster.trees_to_dataframe().threshold.dropna().unique()
    rows = np.concatenate([edges, np.nextafter(edges, 9)])[:, None].astype(dtype)
    plan = pretzel.compile(booster)
    np.testing.assert_array_equal(plan.predict(rows), booster.predict(rows))
    for option in ("raw_score", "pred_leaf"):
        np.testing.assert_array_equal(plan.predict(rows, **{option: True}), booster.predict(rows, **{option: True}))


def test_columns_of_frames_are_taken_by_position() -> None:
    pd = pytest.importorskip("pandas")
    X, y = data("normal")
    frame = pd.DataFrame(X, columns=["a b", "c", "d=e", "f#", "ü"])
    model = lgb.LGBMRegressor(n_estimators=4, verbosity=-1).fit(frame, y)
    plan = pretzel.compile(model)
    for given in (frame, frame[frame.columns[::-1]], frame.set_axis(range(5), axis=1), X):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            expected = model.predict(given)
        np.testing.assert_array_equal(plan.predict(given), expected)
    row = dict(zip(model.booster_.feature_name(), X[3].tolist(), strict=True))
    assert plan.predict_one(row) == model.predict(X[3:4])[0]
    with pytest.raises(pretzel.errors.InputShapeError):
        plan.predict(frame.iloc[:, :4])


def test_sparse_rows_keep_what_is_tiny() -> None:
    X, y = data("halves")
    booster = lgb.train({**SMALL, "min_data_in_bin": 1}, lgb.Dataset(X, y), 8)
    rows = edge_rows(booster, X)
    rows = rows[np.isfinite(rows).all(axis=1)]
    plan = pretzel.compile(booster)
    for given in (sparse.csr_matrix(rows), sparse.csr_array(rows)):
        np.testing.assert_array_equal(plan.raw_score(given), booster.predict(given, raw_score=True))
    assert (booster.predict(sparse.csr_matrix(rows)) != booster.predict(rows)).any()


def test_columns_of_sparse_rows_lose_what_is_tiny() -> None:
    X = np.tile([-1.0, 0.0, 1.0], 20)[:, None]
    options = {"verbosity": -1, "min_data_in_leaf": 1, "min_data_in_bin": 1}
    booster = lgb.train(options, lgb.Dataset(X, np.tile([0.0, 5.0, 9.0], 20)), 1)
    plan, rows = pretzel.compile(booster), sparse.csr_matrix([[-1.0000000180025095e-35], [-1.0], [1.0]])
    for given in (rows, rows.tocsc()):
        np.testing.assert_array_equal(plan.predict(given), booster.predict(given))


def test_early_stopping_of_rows_is_opaque() -> None:
    X, y = data("normal")
    stop = {"pred_early_stop": True, "pred_early_stop_margin": 0.5, "pred_early_stop_freq": 2}
    model = lgb.LGBMClassifier(n_estimators=30, verbosity=-1, **stop).fit(X, y > 0)
    np.testing.assert_array_equal(pretzel.compile(model).predict_proba(X), model.predict_proba(X))
    with pytest.raises(pretzel.errors.OpaqueStepError, match="pred_early_stop"):
        pretzel.compile(model, strict=True)


def test_a_method_answers_its_options_without_the_plan(tmp_path: Path) -> None:
    booster, X = train({"objective": "binary"}, "normal", 3)
    pretzel.compile(booster).save(tmp_path / "model.pretzel")
    gc.collect()
    gc.disable()
    try:
        before = live()
        plan = pretzel.load(tmp_path / "model.pretzel")
        left, predict = weakref.ref(plan), plan.predict
        del plan
        assert left() is None
        np.testing.assert_array_equal(predict(X, raw_score=True), booster.predict(X, raw_score=True))
        np.testing.assert_array_equal(predict(X, pred_leaf=True), booster.predict(X, pred_leaf=True))
        assert_close(predict(X, raw_score=False), booster.predict(X))
        del predict
        assert live() == before
    finally:
        gc.enable()
