"""CatBoost: sums have the bits of the library's own, whatever the trees, the columns and the loss."""

from __future__ import annotations

import json
import pathlib
from typing import Any

import numpy as np
import pytest

import pretzel
from pretzel.errors import CompileError, InputTypeError, ModelFileError, UnfittedError
from pretzel.oven.ir.city_hash import city_hash

catboost = pytest.importorskip("catboost")
pd = pytest.importorskip("pandas")

FEW: dict[str, Any] = {"iterations": 20, "thread_count": 1, "verbose": False, "allow_writing_files": False}
WIDTH = 5


def numbers() -> np.ndarray:
    """Columns with ties; all but the last have missing values."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(400, WIDTH)).round(2)
    X[:, :-1][rng.random((400, WIDTH - 1)) < 0.05] = np.nan
    return X


X = numbers()
SCORE = np.nan_to_num(X[:, 0]) * 2 + X[:, 4] * np.nan_to_num(X[:, 1])
GRADE = np.digitize(SCORE, [-0.5, 0.5])


def classifier(**options: Any) -> Any:
    return catboost.CatBoostClassifier(**{**FEW, **options})


def regressor(**options: Any) -> Any:
    return catboost.CatBoostRegressor(**{**FEW, **options})


def model_text(estimator: Any, path: Any) -> Any:
    estimator.save_model(str(path), format="json")
    return json.loads(path.read_text())


def at_borders(estimator: Any, folder: Any) -> np.ndarray:
    """Rows on both sides of borders, as float32 and as float64, and with extreme values."""
    rng, found = np.random.default_rng(1), []
    for column in model_text(estimator, folder / "borders.json")["features_info"]["float_features"]:
        for border in np.array(column["borders"] or [], dtype=np.float32)[:25]:
            near = [np.nextafter(border, np.float32(to)) for to in (-np.inf, np.inf)]
            near += [np.nextafter(float(border), to) for to in (-np.inf, np.inf)]
            found += [(column["flat_feature_index"], value) for value in (border, *near)]
    found += [(i, v) for i in range(WIDTH) for v in (np.nan, np.inf, -np.inf, 0.0, -0.0, 1e39, -1e39, 1e-40)]
    rows = rng.normal(size=(len(found), WIDTH))
    for row, (column, value) in zip(rows, found, strict=True):
        row[column] = value
    return rows


def check(estimator: Any, rows: Any) -> None:
    """Every method answers as the library does: sums have the same bits, links agree to rounding."""
    plan = pretzel.compile(estimator, strict=True, store=pretzel.ObjectStore())
    for method in plan.methods:
        want, got = getattr(estimator, method)(rows), getattr(plan, method)(rows)
        assert (got.shape, got.dtype) == (want.shape, want.dtype), method
        if want.dtype.kind == "f" and method != "predict":
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12, err_msg=method)
        elif want.dtype.kind == "f" and plan.explain().count("exp"):
            np.testing.assert_allclose(got, want, rtol=4e-15, err_msg=method)
        else:
            np.testing.assert_array_equal(got, want, err_msg=method)
        for few in (1, 13):
            np.testing.assert_array_equal(getattr(plan, method)(rows[:few]), got[:few])
        np.testing.assert_array_equal(getattr(plan, f"{method}_one")(row_of(rows, 0)), got[0])


def row_of(rows: Any, i: int) -> Any:
    return rows.iloc[i].to_dict() if hasattr(rows, "iloc") else rows[i]


@pytest.mark.parametrize("depth", [1, 3, 6, 9, 12])
@pytest.mark.parametrize("iterations", [1, 3, 37])
def test_regression(depth: int, iterations: int, tmp_path: Any) -> None:
    estimator = regressor(depth=depth, iterations=iterations).fit(X, SCORE)
    check(estimator, np.vstack([X, at_borders(estimator, tmp_path)]))


@pytest.mark.parametrize(
    "options",
    [
        {"nan_mode": "Min"},
        {"nan_mode": "Max"},
        {"grow_policy": "Depthwise"},
        {"grow_policy": "Lossguide", "nan_mode": "Max"},
        {"border_count": 1024, "iterations": 60},
        {"ignored_features": [0, 2]},
        {"boost_from_average": False},
        {"loss_function": "MAE"},
        {"loss_function": "LogLinQuantile"},
    ],
    ids=str,
)
def test_options(options: Any, tmp_path: Any) -> None:
    estimator = regressor(**options).fit(X, SCORE)
    check(estimator, np.vstack([X, at_borders(estimator, tmp_path)]))


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        ("Poisson", np.abs(SCORE)),
        ("Tweedie:variance_power=1.5", np.abs(SCORE)),
        ("RMSEWithUncertainty", SCORE),
        ("MultiRMSE", np.stack([SCORE, -SCORE], axis=1)),
        ("MultiQuantile:alpha=0.2,0.5", SCORE),
    ],
)
def test_losses_of_regressors(loss: str, y: Any) -> None:
    check(regressor(loss_function=loss).fit(X, y), X)


@pytest.mark.parametrize(
    ("loss", "y"),
    [
        ("Logloss", GRADE > 0),
        ("Logloss", np.array(["no", "yes"])[(GRADE > 0).astype(int)]),
        ("Logloss", np.where(GRADE > 0, 7, 3)),
        ("CrossEntropy", (GRADE > 0) * 0.4),
        ("MultiClass", GRADE),
        ("MultiClass", GRADE + 0.5),
        ("MultiClass", np.array(["a", "bb", "c"])[GRADE]),
        ("MultiClassOneVsAll", GRADE),
        ("MultiLogloss", np.stack([GRADE > 0, GRADE > 1], axis=1).astype(int)),
        ("MultiCrossEntropy", np.stack([GRADE > 0, GRADE > 1], axis=1) * 0.4),
    ],
)
@pytest.mark.parametrize("policy", ["SymmetricTree", "Lossguide"])
def test_classification(loss: str, y: Any, policy: str) -> None:
    check(classifier(loss_function=loss, grow_policy=policy).fit(X, y), X)


def test_what_is_set_after_the_fit() -> None:
    estimator = classifier().fit(X, GRADE > 0)
    estimator.set_probability_threshold(0.7)
    check(estimator, X)
    scaled = regressor().fit(X, SCORE)
    scaled.set_scale_and_bias(0.3, 1.7)
    check(scaled, X)
    extreme = classifier().fit(X, GRADE > 0)
    extreme.set_scale_and_bias(100.0, 0.0)
    check(extreme, X)


def test_ranker_base_and_early_stopping() -> None:
    check(catboost.CatBoost({**FEW, "loss_function": "RMSE"}).fit(X, SCORE), X)
    check(catboost.CatBoostRanker(**FEW).fit(X, GRADE, group_id=np.arange(len(X)) // 10), X)
    check(regressor(iterations=50).fit(X[:200], SCORE[:200], eval_set=(X[200:], SCORE[200:])), X)


# -- categories ------------------------------------------------------------------------------------------------------


def frame(n: int, rng: np.random.Generator, more: tuple[str, ...] = ()) -> Any:
    """Numbers, and categories of texts and whole numbers."""
    words = [f"w{i}" * (i % 7 + 1) * 3 for i in range(40)]
    return pd.DataFrame(
        {
            "a": rng.normal(size=n),
            "c": rng.choice([f"v{i}" for i in range(12)] + list(more), n),
            "d": rng.integers(-1, 3, n),
            "b": rng.normal(size=n),
            "e": rng.choice([*words, "é", "Жы", "", *more], n),
        }
    )


TABLE = frame(500, np.random.default_rng(2))
ASKED = frame(1000, np.random.default_rng(3), ("new", "other"))
TARGET = ((TABLE.d == 1) + TABLE.a + (TABLE.c == "v3") > 0.5).astype(int)
CATEGORIES: dict[str, Any] = {"cat_features": ["c", "d", "e"], "iterations": 40}


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"one_hot_max_size": 255},
        {"grow_policy": "Depthwise"},
        {"loss_function": "MultiClass"},
        *(
            {"simple_ctr": [kind], "combinations_ctr": [kind], "one_hot_max_size": 4, "max_ctr_complexity": 4}
            for kind in ("Borders", "Buckets", "Counter", "BinarizedTargetMeanValue")
        ),
    ],
    ids=str,
)
def test_categories(options: Any) -> None:
    y = TARGET + (TABLE.c == "v5") if "loss_function" in options else TARGET
    check(classifier(**CATEGORIES, **options).fit(TABLE, y), ASKED)


@pytest.mark.parametrize("loss", ["MultiRMSE", "MultiLogloss"])
def test_statistics_of_several_targets_are_not_in_the_file(loss: str, tmp_path: Any) -> None:
    make = regressor if loss == "MultiRMSE" else classifier
    estimator = make(**CATEGORIES, loss_function=loss).fit(TABLE, np.c_[TARGET, 1 - TARGET, TABLE.a > 0])
    plan = pretzel.compile(estimator)
    assert "several targets" in plan.opaque_steps[0].reason
    np.testing.assert_array_equal(plan.predict(ASKED), estimator.predict(ASKED))
    estimator.save_model(str(tmp_path / "model.cbm"))
    with pytest.raises(CompileError, match="several targets"):
        pretzel.compile(tmp_path / "model.cbm")
    counted = make(**CATEGORIES, loss_function=loss, simple_ctr=["Counter"], combinations_ctr=["Counter"])
    check(counted.fit(TABLE, np.c_[TARGET, 1 - TARGET, TABLE.a > 0]), ASKED)


def test_statistics_that_share_a_name_are_not_in_the_file() -> None:
    two = [f"Borders:TargetBorderCount={count}" for count in (1, 4)]
    first, second = (regressor(**CATEGORIES).fit(TABLE[:n], TABLE.a[:n]) for n in (500, 300))
    summed = catboost.sum_models([first, second], ctr_merge_policy="KeepAllTables")
    for estimator in (regressor(**CATEGORIES, simple_ctr=two).fit(TABLE, TABLE.a), summed):
        plan = pretzel.compile(estimator)
        assert "keeps only some" in plan.opaque_steps[0].reason
        np.testing.assert_array_equal(plan.predict(ASKED), estimator.predict(ASKED))


def test_categories_that_no_tree_reads() -> None:
    rows = pd.DataFrame({"a": [f"v{i}" for i in range(40)]})
    check(regressor(iterations=1, depth=1, cat_features=["a"], allow_const_label=True).fit(rows, np.ones(40)), rows)


def test_what_is_no_category_is_rejected_where_no_tree_reads_it() -> None:
    rows = pd.DataFrame({"a": np.arange(40.0), "c": ["v1", "v2"] * 20})
    estimator = regressor(iterations=2, depth=1, cat_features=["c"]).fit(rows, rows["a"] > 20)
    assert estimator.get_feature_importance()[1] == 0
    plan = pretzel.compile(estimator)
    check(estimator, rows)
    assert pretzel.verify(plan, estimator, rows).ok
    with pytest.raises(InputTypeError, match="row 0, column 'c'"):
        plan.predict(rows.assign(c=np.nan))


@pytest.mark.parametrize("mode", ["Min", "Max"])
def test_missing_numbers_beside_categories(mode: str) -> None:
    holes = TABLE.assign(a=TABLE.a.where(np.arange(len(TABLE)) % 5 > 0))
    estimator = regressor(**CATEGORIES, nan_mode=mode, max_ctr_complexity=4).fit(holes, TARGET)
    check(estimator, ASKED.assign(a=ASKED.a.where(ASKED.a < 0.5)))


def test_categories_alone_and_of_a_category_dtype() -> None:
    columns = ["c", "d", "e"]
    check(regressor(**CATEGORIES).fit(TABLE[columns], TARGET), ASKED[columns])
    typed = regressor(**CATEGORIES).fit(TABLE.astype({"c": "category"}), TARGET)
    check(typed, ASKED.assign(c=ASKED.c.astype("category")))


def test_array_of_objects() -> None:
    estimator = regressor(**{**CATEGORIES, "cat_features": [1, 2, 4]}).fit(TABLE.to_numpy(dtype=object), TARGET)
    check(estimator, ASKED.to_numpy(dtype=object))


@pytest.mark.parametrize("value", [1.5, None, np.nan])
def test_what_is_no_category(value: Any) -> None:
    estimator = classifier(**CATEGORIES).fit(TABLE, TARGET)
    plan, rows = pretzel.compile(estimator), ASKED.iloc[:2].assign(c=[value, "v1"])
    with pytest.raises(catboost.CatBoostError):
        estimator.predict(rows)
    with pytest.raises(InputTypeError, match="row 0, column 'c'"):
        plan.predict(rows)


def test_hash_of_categories(tmp_path: Any) -> None:
    texts = [letter * n + str(n) for n in (*range(40), 59, 62, 63, 64, 65, 66, 127, 128, 129, 300) for letter in "xж"]
    texts += ["", "-1", "5", "é"]
    pool = catboost.Pool(np.array(texts, dtype=object)[:, None], np.arange(len(texts)) % 2, cat_features=[0])
    estimator = classifier(iterations=2, one_hot_max_size=255).fit(pool)
    path = tmp_path / "model.json"
    estimator.save_model(str(path), format="json", pool=pool)
    known = json.loads(path.read_text())["features_info"]["cat_features_hash"]
    known = {each["value"]: each["hash"] for each in known}
    assert len(known) > 80
    assert {text: city_hash(text.encode()) & 0xFFFFFFFF for text in known} == known


# -- frames, pipelines, files ----------------------------------------------------------------------------------------


def test_columns_of_frames_are_found_by_name() -> None:
    named = pd.DataFrame(X, columns=list("abcde"))
    estimator = classifier().fit(named, GRADE)
    check(estimator, named)
    check(estimator, named[list("edcba")])
    plan = pretzel.compile(estimator)
    more = named.assign(z=1.0)[list("zabcde")]
    np.testing.assert_array_equal(plan.predict(more), estimator.predict(more))
    for wrong in (named.rename(columns={"a": "z"}), named[list("abcd")]):
        with pytest.raises(catboost.CatBoostError):
            estimator.predict(wrong)
        with pytest.raises(pretzel.errors.InputError):
            plan.predict(wrong)


def test_in_a_pipeline() -> None:
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    pipeline = make_pipeline(StandardScaler(), regressor()).fit(X, SCORE)
    plan = pretzel.compile(pipeline, strict=True)
    np.testing.assert_array_equal(plan.predict(X), pipeline.predict(X))


def test_saved_and_loaded(tmp_path: Any) -> None:
    plan = pretzel.compile(classifier(**CATEGORIES).fit(TABLE, TARGET))
    plan.save(tmp_path / "m.pretzel")
    loaded = pretzel.load(tmp_path / "m.pretzel")
    np.testing.assert_array_equal(loaded.predict_proba(ASKED), plan.predict_proba(ASKED))
    report = pretzel.verify(plan, classifier(**CATEGORIES).fit(TABLE, TARGET), ASKED[:50])
    assert report.ok, report.first_divergence


@pytest.mark.parametrize("form", ["json", "cbm"])
def test_model_files(form: str, tmp_path: Any) -> None:
    path = tmp_path / f"model.{form}"
    estimator = classifier(**CATEGORIES).fit(TABLE, TARGET.map({0: "no", 1: "yes"}))
    estimator.save_model(str(path), format=form)
    plan = pretzel.compile(path)
    np.testing.assert_array_equal(plan.predict(ASKED), estimator.predict(ASKED))
    np.testing.assert_allclose(plan.predict_proba(ASKED[[*"edcba"]]), estimator.predict_proba(ASKED), rtol=1e-12)
    counts = regressor(loss_function="Poisson").fit(X, np.abs(SCORE))
    counts.save_model(str(path), format=form)
    np.testing.assert_allclose(pretzel.compile(path).predict(X), counts.predict(X), rtol=4e-15)
    path.write_bytes(path.read_bytes()[:300])
    with pytest.raises(CompileError):
        pretzel.compile(path)


@pytest.mark.parametrize("less", [1, 50, 500, 1000])
def test_truncated_files(less: int, tmp_path: Any) -> None:
    path = tmp_path / "model.cbm"
    classifier(**CATEGORIES).fit(TABLE, TARGET).save_model(str(path))
    path.write_bytes(path.read_bytes()[:-less])
    with pytest.raises(ModelFileError, match=r"model\.cbm"):
        pretzel.compile(path)


def test_files_with_texts(tmp_path: Any) -> None:
    rows = pd.DataFrame({"t": ["good day", "bad day", "nice good", "awful bad"] * 20, "x": np.arange(80.0)})
    estimator = classifier(iterations=2, text_features=["t"]).fit(rows, [1, 0, 1, 0] * 20)
    estimator.save_model(str(tmp_path / "model.cbm"))
    with pytest.raises(CompileError, match="no native form"):
        pretzel.compile(tmp_path / "model.cbm")
    assert pretzel.compile(estimator).predict(rows).tolist() == estimator.predict(rows).tolist()


def test_unfitted_models_and_texts() -> None:
    with pytest.raises(UnfittedError, match="not fitted"):
        pretzel.compile(classifier())
    with pytest.raises(CompileError):
        pretzel.compile(catboost.CatBoostClassifier)


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        (lambda text: text.pop("features_info"), "it has no 'features_info'"),
        (lambda text: text["oblivious_trees"][0]["leaf_values"].pop(), "number of leaves"),
        (lambda text: text["oblivious_trees"][0]["splits"][0].update(float_feature_index=99), "column 99"),
        (lambda text: text["oblivious_trees"][0]["splits"][0].update(border=float("nan")), "NaN"),
        (lambda text: text.update(scale_and_bias=3), "cannot be read"),
    ],
)
def test_broken_models(change: Any, wrong: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    estimator = regressor().fit(X, SCORE)
    text = model_text(estimator, tmp_path / "m.json")
    change(text)
    save = lambda _, path, format: pathlib.Path(path).write_text(json.dumps(text))  # noqa: E731
    monkeypatch.setattr(catboost.CatBoostRegressor, "save_model", save)
    with pytest.raises(CompileError, match=wrong):
        pretzel.compile(estimator)
