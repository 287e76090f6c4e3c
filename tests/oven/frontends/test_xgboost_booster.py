"""Boosters and model files of XGBoost against ``Booster.predict``, and frames with categories, bit for bit."""

from __future__ import annotations

import json
import math
import subprocess
import sys
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import sparse

import pretzel
from pretzel.errors import CompileError, InputError, InputValueError, ModelFileError
from tests.answers import assert_identical

if TYPE_CHECKING:
    from pathlib import Path

xgboost: Any = pytest.importorskip("xgboost")
pd: Any = pytest.importorskip("pandas")

from tests.oven.frontends.test_xgboost import check, grades, levels, table  # noqa: E402


def train(X: Any, y: Any, rounds: int = 12, **params: Any) -> Any:
    options = {
        key: params.pop(key) for key in ("feature_types", "enable_categorical", "feature_names") if key in params
    }
    return xgboost.train(params, xgboost.DMatrix(X, y, **options), rounds)


def check_booster(booster: Any, X: Any, source: Any = None, **options: Any) -> None:
    """The answers of ``source``, by default the booster, are those of a fresh matrix."""
    for _ in levels():
        plan = pretzel.compile(booster if source is None else source, strict=True)
        for option in ({}, {"output_margin": True}, {"pred_leaf": True}):
            if option.get("pred_leaf") and "gblinear" in booster.save_config():
                continue
            expected = booster.predict(xgboost.DMatrix(X, **options), **option)
            assert_identical(plan.predict(X, **option), expected)
            assert_identical(plan.predict(X[:1], **option), expected[:1])


PARAMS: dict[str, dict[str, Any]] = {
    "regression": {"objective": "reg:squarederror"},
    "logistic": {"objective": "binary:logistic", "base_score": 0.3},
    "softprob": {"objective": "multi:softprob", "num_class": 3, "num_parallel_tree": 2, "subsample": 0.5},
    "softmax": {"objective": "multi:softmax", "num_class": 3},
    "vector leaves": {"objective": "multi:softprob", "num_class": 3, "multi_strategy": "multi_output_tree"},
    "dart": {"objective": "binary:logistic", "booster": "dart", "rate_drop": 0.5},
    "dart classes": {"objective": "multi:softprob", "num_class": 3, "booster": "dart", "rate_drop": 0.5},
    "linear": {"booster": "gblinear", "objective": "binary:logistic"},
    "linear classes": {"booster": "gblinear", "objective": "multi:softprob", "num_class": 3},
    "survival": {"objective": "survival:cox"},
}


def target(params: dict[str, Any], score: np.ndarray) -> np.ndarray:
    if "num_class" in params:
        return grades(score)
    return (score > 0).astype(float) if "logistic" in params["objective"] else score


@pytest.mark.parametrize("name", PARAMS)
def test_boosters_and_files(name: str, tmp_path: Path) -> None:
    X, score = table("missing")
    params = PARAMS[name]
    booster = train(X, target(params, score), **params)
    check_booster(booster, X)
    for file in ("model.json", "model.ubj", "model.deprecated"):
        booster.save_model(tmp_path / file)
        check_booster(booster, X, str(tmp_path / file))
    check_booster(booster, X, tmp_path / "model.json")


def test_a_slice_and_an_early_stop() -> None:
    """A booster predicts with all rounds, whatever the best one was."""
    X, score = table()
    params = {"objective": "reg:squarederror", "eta": 0.9}
    held = [(xgboost.DMatrix(X[250:], score[250:]), "held")]
    booster = xgboost.train(
        params, xgboost.DMatrix(X[:250], score[:250]), 60, evals=held, early_stopping_rounds=3, verbose_eval=False
    )
    assert booster.best_iteration + 1 < booster.num_boosted_rounds()
    check_booster(booster, X)
    check_booster(booster[1:4], X)


def test_a_threshold_of_minus_infinity(tmp_path: Path) -> None:
    X, score = table("missing")
    booster = train(X, score, rounds=4)
    text = json.loads(bytes(booster.save_raw("json")))
    for tree in text["learner"]["gradient_booster"]["model"]["trees"]:
        tree["split_conditions"][0] = -math.inf
        tree["split_conditions"][1] = math.inf
        tree["split_conditions"][2] = -3.4028234663852886e38
    (tmp_path / "model.json").write_text(json.dumps(text))
    booster = xgboost.Booster(model_file=tmp_path / "model.json")
    plan = pretzel.compile(tmp_path / "model.json", strict=True)
    assert_identical(plan.predict(X), booster.predict(xgboost.DMatrix(X)))
    X[::7, 1] = -math.inf
    X[::5, 0] = math.inf
    with pytest.raises(InputValueError, match="infinity"):
        plan.predict(X)


def test_files_without_xgboost(tmp_path: Path) -> None:
    X, score = table("missing", 60)
    booster = train(X, score)
    booster.save_model(tmp_path / "model.ubj")
    np.save(tmp_path / "X.npy", X)
    np.save(tmp_path / "expected.npy", booster.predict(xgboost.DMatrix(X)))
    code = f"""
import sys
sys.modules["xgboost"] = None
import numpy as np, pretzel
plan = pretzel.compile({str(tmp_path / "model.ubj")!r}, strict=True)
assert np.array_equal(plan.predict(np.load({str(tmp_path / "X.npy")!r})), np.load({str(tmp_path / "expected.npy")!r}))
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)


def test_names_of_a_file(tmp_path: Path) -> None:
    X, score = table("missing")
    frame = pd.DataFrame(X, columns=list("abcdefg"))
    booster = train(frame, score)
    booster.save_model(tmp_path / "model.json")
    expected = booster.predict(xgboost.DMatrix(frame))
    for source in (booster, tmp_path / "model.json"):
        plan = pretzel.compile(source)
        assert_identical(plan.predict(frame), expected)
        assert plan.predict_one(frame.iloc[5].to_dict()) == expected[5]
        with pytest.raises(InputError):
            plan.predict(frame[frame.columns[::-1]])


def test_sparse_rows_of_a_booster() -> None:
    X, score = table("zeros")
    rows = sparse.csr_matrix(X)
    booster = train(rows, score)
    assert_identical(pretzel.compile(booster).predict(rows), booster.predict(xgboost.DMatrix(rows)))


@pytest.mark.parametrize("data", [b'{"learner": 3}', b"{L\0\0\0\0\0\0\0\x07learner", b'{"learner": {}}'])
def test_damaged_files(data: bytes, tmp_path: Path) -> None:
    (tmp_path / "model").write_bytes(data)
    with pytest.raises(ModelFileError, match="XGBoost model cannot be read"):
        pretzel.compile(tmp_path / "model")


def test_an_unknown_objective(tmp_path: Path) -> None:
    X, score = table()
    text = json.loads(bytes(train(X, score).save_raw("json")))
    text["learner"]["objective"]["name"] = "reg:new"
    (tmp_path / "model.json").write_text(json.dumps(text))
    with pytest.raises(CompileError, match="objective 'reg:new'"):
        pretzel.compile(tmp_path / "model.json")


def test_options_of_wrappers() -> None:
    X, score = table("missing")
    for estimator in (
        xgboost.XGBClassifier(n_estimators=9).fit(X, grades(score)),
        xgboost.XGBClassifier(n_estimators=9).fit(X, score > 0),
        xgboost.XGBRegressor(n_estimators=9, booster="dart", rate_drop=0.5).fit(X, score),
    ):
        plan = pretzel.compile(estimator, strict=True)
        assert_identical(plan.predict(X, output_margin=True), estimator.predict(X, output_margin=True))
        assert_identical(plan.predict(X, iteration_range=(0, 2)), estimator.predict(X, iteration_range=(0, 2)))


def test_options_for_what_the_source_answers() -> None:
    X, score = table("floats")
    wide = X.astype(np.longdouble)
    estimator, booster = xgboost.XGBRegressor(n_estimators=3).fit(X, score), train(X, score)
    expected = estimator.predict(wide, output_margin=True)
    assert_identical(pretzel.compile(estimator).predict(wide, output_margin=True), expected)
    expected = booster.predict(xgboost.DMatrix(wide), output_margin=True)
    assert_identical(pretzel.compile(booster).predict(wide, output_margin=True), expected)


def test_a_booster_without_trees() -> None:
    X, score = table("floats")
    booster = train(X, score, 0, base_score=0.25)
    plan = pretzel.compile(booster)
    assert_identical(plan.predict(X), booster.predict(xgboost.DMatrix(X)))
    assert "pred_leaf" not in plan.methods


@pytest.mark.parametrize("rounds", [1, 2])
def test_leaves_of_one_tree_are_a_vector(rounds: int) -> None:
    X, score = table("floats")
    booster = train(X, score, rounds)
    assert_identical(pretzel.compile(booster).pred_leaf(X), booster.predict(xgboost.DMatrix(X), pred_leaf=True))
    estimator = xgboost.XGBRegressor(n_estimators=rounds).fit(X, score)
    assert_identical(pretzel.compile(estimator).apply(X), estimator.apply(X))


# ---- categories ------------------------------------------------------------------------------------------------------

ODD_CODES = (-1.0, -0.5, -0.999, 0.9, 1.9, 31.0, 32.0, 255.0, 256.0, 16777215.0, 16777216.0, 2.0**31, 1e18, math.nan)


@pytest.mark.parametrize("n_categories", [3, 40, 2000])
@pytest.mark.parametrize("most", [1, 10])
def test_codes(n_categories: int, most: int) -> None:
    """Listed categories go right, invalid ones go left, and NaN goes where the split says."""
    rng = np.random.default_rng(0)
    X = np.c_[rng.integers(0, n_categories, 1500), rng.integers(0, 3, 1500), rng.normal(size=1500)].astype(float)
    score = np.sin(X[:, 0]) + X[:, 1] * X[:, 2]
    X[rng.random(1500) < 0.1, 0] = math.nan
    types = {"feature_types": ["c", "c", "q"], "enable_categorical": True}
    booster = train(X, score, max_cat_to_onehot=most, **types)
    rows = np.repeat(X[:40], len(ODD_CODES) + 2, axis=0)
    rows[:, 0] = np.tile([*ODD_CODES, n_categories - 1, n_categories], 40)
    check_booster(booster, np.vstack([X, rows]), **types)


def frame_of(rng: np.random.Generator, n: int = 400) -> Any:
    return pd.DataFrame(
        {
            "kind": pd.Categorical(rng.choice(["x", "y", "z", "a b"], n), categories=["z", "x", "a b", "y"]),
            "size": rng.normal(size=n),
            "grade": pd.Categorical(rng.integers(0, 30, n) * 3),
        }
    )


def categorical(**options: Any) -> tuple[Any, Any]:
    frame = frame_of(np.random.default_rng(0))
    frame.loc[::9, "kind"] = None
    score = frame.kind.cat.codes + np.sin(frame.grade.astype(float)) + frame["size"]
    model = xgboost.XGBRegressor(n_estimators=15, enable_categorical=True, **options)
    return model.fit(frame, score), frame


def test_frames_with_categories() -> None:
    estimator, frame = categorical(max_cat_to_onehot=2)
    plan = pretzel.compile(estimator, strict=True)
    expected = estimator.predict(frame)
    assert_identical(plan.predict(frame), expected)
    assert_identical(plan.apply(frame), estimator.apply(frame))
    other = frame.assign(kind=frame.kind.cat.reorder_categories(["a b", "y", "z", "x"]))
    assert_identical(plan.predict(other), expected)
    few = frame[frame.kind == "x"].assign(kind=lambda f: f.kind.cat.remove_unused_categories())
    assert_identical(plan.predict(few), estimator.predict(few))
    codes = np.c_[frame.kind.cat.codes, frame["size"], frame.grade.cat.codes]
    assert_identical(plan.predict(codes), estimator.predict(codes))
    for i in range(0, 400, 31):
        row = frame.iloc[i].to_dict()
        assert plan.predict_one(row) == expected[i]
    assert_identical(plan.predict(frame.head(20).to_dict("records")), expected[:20])


def test_unseen_categories() -> None:
    """XGBoost takes some of them for a neighbour in the order of names."""
    estimator, frame = categorical()
    plan = pretzel.compile(estimator)
    frame["kind"] = frame.kind.cat.add_categories(["zz"])
    assert_identical(
        plan.predict(frame), estimator.predict(frame.assign(kind=frame.kind.cat.remove_categories(["zz"])))
    )
    frame.loc[3, "kind"] = "zz"
    with pytest.raises(xgboost.core.XGBoostError, match="not in the training set"):
        estimator.predict(frame)
    with pytest.raises(InputValueError, match="'zz' is no category of the training"):
        plan.predict(frame)
    with pytest.raises(InputValueError, match="no category"):
        plan.predict_one(frame.iloc[3].to_dict())
    with pytest.raises(ValueError, match="category"):
        plan.predict(frame.assign(kind=frame.kind.astype(str)))


def test_names_of_categories_that_are_cut() -> None:
    frame = frame_of(np.random.default_rng(0))
    frame["kind"] = frame.kind.cat.rename_categories({"x": "é"})
    estimator = xgboost.XGBRegressor(n_estimators=5, enable_categorical=True).fit(frame, frame["size"])
    plan = pretzel.compile(estimator)
    assert all("'kind' that are not ASCII" in step.reason for step in plan.opaque_steps)
    assert_identical(plan.predict(frame), estimator.predict(frame))


def test_categories_in_a_pipeline() -> None:
    from sklearn.compose import make_column_transformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    frame = frame_of(np.random.default_rng(0))
    score = frame.kind.cat.codes + frame["size"]
    model = xgboost.XGBRegressor(n_estimators=15, enable_categorical=True)
    transformer = make_column_transformer(
        (StandardScaler(), ["size"]), remainder="passthrough", verbose_feature_names_out=False
    ).set_output(transform="pandas")
    for steps in ((model,), (transformer, model)):
        pipeline = make_pipeline(*steps).fit(frame, score)
        plan = pretzel.compile(pipeline)
        expected = pipeline.predict(frame)
        assert_identical(plan.predict(frame), expected)
        for i in (0, 7, 100):
            assert plan.predict_one(frame.iloc[i].to_dict()) == expected[i]


def test_saved_plans_know_categories(tmp_path: Path) -> None:
    estimator, frame = categorical()
    pretzel.compile(estimator).save(tmp_path / "model.pretzel")
    assert_identical(pretzel.load(tmp_path / "model.pretzel").predict(frame), estimator.predict(frame))
    estimator.save_model(tmp_path / "model.json")
    plan = pretzel.compile(tmp_path / "model.json", strict=True)
    assert_identical(
        plan.predict(frame), estimator.get_booster().predict(xgboost.DMatrix(frame, enable_categorical=True))
    )


def test_codes_in_a_wrapper() -> None:
    rng = np.random.default_rng(0)
    X = np.c_[rng.integers(0, 40, 500), rng.normal(size=500)].astype(float)
    estimator = xgboost.XGBClassifier(n_estimators=9, feature_types=["c", "q"], enable_categorical=True)
    check(estimator.fit(X, np.sin(X[:, 0]) + X[:, 1] > 0), X)


def test_a_booster_answers_what_has_no_native_form() -> None:
    X, score = table("missing")
    booster = train(pd.DataFrame(X, columns=list("abcdefg")), score)
    plan = pretzel.compile(booster)
    matrix = xgboost.DMatrix(X, feature_names=list("abcdefg"))
    assert_identical(plan.predict(X, pred_contribs=True), booster.predict(matrix, pred_contribs=True))
    assert_identical(plan.predict(X, iteration_range=(0, 2)), booster.predict(matrix, iteration_range=(0, 2)))
    assert_identical(pretzel.compile(booster).predict(matrix), booster.predict(matrix))
    report = pretzel.verify(plan, booster, X[:60])
    assert report.ok, str(report)
