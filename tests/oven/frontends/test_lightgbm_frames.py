"""Category dtypes of pandas in front of boosters: they become the codes of the training, in every form of request."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import VotingRegressor
from sklearn.linear_model import LinearRegression

import pretzel
from pretzel.errors import InputKeyError, InputTypeError

lgb = pytest.importorskip("lightgbm")
pd = pytest.importorskip("pandas")

FEW = {"n_estimators": 8, "verbosity": -1, "min_child_samples": 3, "min_data_per_group": 1, "cat_smooth": 1}


def frame(n: int = 300, seed: int = 0) -> Any:
    """A column of numbers, and categories that are texts, whole numbers, booleans and an order."""
    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "size": rng.normal(size=n),
            "colour": pd.Categorical.from_codes(rng.integers(-1, 5, n), list("abcde")),
            "shop": pd.Categorical(rng.choice([30, 7, 12, 100], n)),
            "flag": pd.Categorical(rng.random(n) < 0.5),
        }
    )


def target(X: Any) -> Any:
    numbers = X["colour"].cat.codes * 0.7 + (X["shop"].astype(int) % 5) + X["size"] * X["flag"].astype(int)
    return numbers.to_numpy(dtype=float)


@pytest.fixture(scope="module")
def model() -> Any:
    X = frame()
    return lgb.LGBMRegressor(**FEW).fit(X, target(X))


def check(plan: Any, model: Any, X: Any) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = model.predict(X)
    np.testing.assert_array_equal(plan.predict(X), expected)


def test_frames(model: Any) -> None:
    """Categories in another order, fewer, more, unseen ones, and names that are others."""
    X = frame(200, seed=1)
    turned = X.assign(colour=X["colour"].cat.set_categories(list("edcba")))
    fewer = X.assign(colour=X["colour"].cat.set_categories(list("bd")))
    more = X.assign(colour=X["colour"].cat.rename_categories({"a": "z"}), shop=X["shop"].cat.add_categories([5]))
    ordered = X.assign(colour=X["colour"].cat.as_ordered())
    for source in (model, model.booster_):
        plan = pretzel.compile(source, strict=True)
        for given in (X, turned, fewer, more, ordered, X[:1], X.set_axis(list("wxyz"), axis=1)):
            check(plan, source, given)


def test_frames_with_other_dtypes_are_rejected_as_by_the_library(model: Any) -> None:
    plan = pretzel.compile(model)
    for given in (frame(5).assign(flag=True), frame(5).assign(size=pd.Categorical(["u"] * 5))):
        with pytest.raises(ValueError, match="do not match"):
            model.predict(given)
        with pytest.raises(InputTypeError, match="category dtype"):
            plan.predict(given)


def test_frames_are_verified(model: Any) -> None:
    """With rows on both sides of thresholds, and with categories that no training has seen."""
    labels = lgb.LGBMClassifier(**FEW).fit(frame(), target(frame()) > 2)
    for source in (model, labels):
        for given in (frame(60, seed=1), frame(60, seed=1)[["size", "colour", "shop", "flag"][::-1]].iloc[:, ::-1]):
            report = pretzel.verify(pretzel.compile(source), source, given)
            assert report.ok, report
            assert report.boundary_rows > 0
    X = frame(60, seed=1).drop(columns="flag").assign(colour=lambda X: X["colour"].cat.as_ordered())
    ordered = lgb.LGBMRegressor(**FEW).fit(X, target(X.assign(flag=True)))
    assert pretzel.verify(pretzel.compile(ordered), ordered, X).ok


def test_arrow_tables_hold_categories(model: Any) -> None:
    """The library itself rejects them; texts and dictionaries are the categories that single rows have."""
    pa = pytest.importorskip("pyarrow")
    X = frame(40, seed=2)
    plan = pretzel.compile(model)
    table = pa.Table.from_pandas(X, preserve_index=False)
    texts = table.set_column(1, "colour", table.column("colour").cast(pa.string()))
    chunks = pa.concat_tables([texts[:7], texts[7:]])
    for given in (table, texts, chunks):
        np.testing.assert_array_equal(plan.predict(given), model.predict(X))
    unseen = texts.set_column(1, "colour", pa.array(["unseen"] * 40))
    missing = texts.set_column(1, "colour", pa.nulls(40, pa.string()))
    np.testing.assert_array_equal(plan.predict(unseen), plan.predict(missing))


def test_arrow_tables_that_hold_no_numbers_are_rejected_by_name(model: Any) -> None:
    pa = pytest.importorskip("pyarrow")
    table = pa.Table.from_pandas(frame(5).assign(size="large"), preserve_index=False)
    with pytest.raises(InputTypeError, match="'size'"):
        pretzel.compile(model).predict(table)


def test_arrays_hold_codes(model: Any) -> None:
    X = np.random.default_rng(0).integers(-1, 6, size=(50, 4)).astype(float)
    check(pretzel.compile(model), model, X)
    check(pretzel.compile(model), model, X.tolist())


def test_single_rows_hold_categories(model: Any) -> None:
    X = frame(40, seed=2)
    plan = pretzel.compile(model)
    expected = model.predict(X)
    rows = X.astype(object).where(X.notna(), None).to_dict("records")
    for row, answer in zip(rows, expected, strict=True):
        assert plan.predict_one(row) == answer
        assert plan.predict_one(tuple(row.values())) == answer
    np.testing.assert_array_equal(plan.predict(rows), expected)
    assert plan.predict_one({**rows[0], "colour": "unseen"}) == plan.predict_one({**rows[0], "colour": None})


def test_saved_plans_know_the_categories(model: Any, tmp_path: Any) -> None:
    X = frame(40, seed=2)
    pretzel.compile(model).save(tmp_path / "m.pretzel")
    model.booster_.save_model(tmp_path / "m.txt")
    for plan in (pretzel.load(tmp_path / "m.pretzel"), pretzel.compile(tmp_path / "m.txt")):
        check(plan, model, X)
        row = {"size": 0.5, "colour": "b", "shop": 12, "flag": True}
        one = X[:1].assign(size=0.5)
        one = one.assign(**{name: pd.Categorical([row[name]], X[name].cat.categories) for name in list(row)[1:]})
        assert plan.predict_one(row) == model.predict(one)[0]


def test_ordered_categories_are_numbers() -> None:
    X = frame()
    X["colour"] = X["colour"].cat.as_ordered()
    model = lgb.LGBMRegressor(**FEW).fit(X, target(X))
    plan = pretzel.compile(model)
    check(plan, model, X)
    check(plan, model, frame(100, seed=3))


def test_single_rows_of_a_model_with_ordered_categories_are_rejected() -> None:
    """The model does not say which columns hold codes."""
    codes = np.random.default_rng(0).choice([7, 8, 9, 0], 150)
    X = pd.DataFrame({"size": np.arange(150.0), "class": pd.Categorical(codes, ordered=True)})
    plan = pretzel.compile(lgb.LGBMRegressor(**FEW).fit(X, codes))
    for row in ({"size": 1.0, "class": 7}, (1.0, 7)):
        with pytest.raises(InputTypeError, match="which columns had a category dtype"):
            plan.predict_one(row)
    with pytest.raises(InputTypeError, match="which columns had a category dtype"):
        plan.predict([{"size": 1.0, "class": 7}])


def test_booleans_are_no_categories_among_numbers() -> None:
    shops = np.random.default_rng(0).choice([0, 1, 2], 300)
    model = lgb.LGBMRegressor(**FEW).fit(pd.DataFrame({"shop": pd.Categorical(shops)}), shops == 1)
    check(pretzel.compile(model), model, pd.DataFrame({"shop": pd.Categorical([True, False, True])}))


def test_a_frame_of_categories_for_a_model_of_an_array() -> None:
    X = frame()
    codes = X.assign(**{name: X[name].cat.codes for name in ("colour", "shop", "flag")}).to_numpy(dtype=float)
    model = lgb.LGBMRegressor(**FEW).fit(codes, target(X))
    check(pretzel.compile(model), model, X)


@pytest.mark.parametrize("remainder", ["passthrough", "steps"])
def test_behind_a_column_transformer(remainder: str) -> None:
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    X = frame()
    names = ["colour", "shop", "flag"]
    steps = [("numbers", StandardScaler(), ["size"])]
    if remainder == "steps":
        steps = [("categories", "passthrough", names), *steps]
    columns = ColumnTransformer(steps, remainder="passthrough" if remainder == "passthrough" else "drop")
    pipeline = make_pipeline(columns.set_output(transform="pandas"), lgb.LGBMRegressor(**FEW)).fit(X, target(X))
    plan = pretzel.compile(pipeline)
    rows = frame(60, seed=4)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = pipeline.predict(rows)
    np.testing.assert_array_equal(plan.predict(rows), expected)
    assert not [step for step in plan.opaque_steps if step.method == "predict"]
    row = rows.astype(object).where(rows.notna(), None).to_dict("records")[5]
    assert plan.predict_one(row) == expected[5]


@pytest.mark.parametrize("turned", [False, True])
def test_names_of_a_table_beside_a_step_that_compares_them(turned: bool) -> None:
    """LightGBM writes spaces as underscores; the other member knows the names of the table."""
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(80, 2)), columns=["a", "b c"])
    members = [("trees", lgb.LGBMRegressor(**FEW)), ("line", LinearRegression())]
    source = VotingRegressor(members[::-1] if turned else members).fit(X, X["b c"])
    plan = pretzel.compile(source, strict=True)
    np.testing.assert_allclose(plan.predict(X), source.predict(X), rtol=1e-9)
    np.testing.assert_allclose(plan.predict(X[:3].to_dict("records")), source.predict(X[:3]), rtol=1e-9)
    assert plan.predict_one(X.iloc[0].to_dict()) == plan.predict(X[:1])[0]
    with pytest.raises(InputKeyError, match="should match"):
        plan.predict(X.set_axis(["a", "b_c"], axis=1))


@pytest.mark.parametrize("turned", [False, True])
def test_an_array_has_no_names_beside_a_step_that_compares_them(turned: bool) -> None:
    """LightGBM itself names the columns of an array."""
    X = np.random.default_rng(0).normal(size=(80, 2))
    members = [("trees", lgb.LGBMRegressor(**FEW)), ("line", LinearRegression())]
    source = VotingRegressor(members[::-1] if turned else members).fit(X, X[:, 0])
    plan = pretzel.compile(source, strict=True)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        expected = plan.predict(X)
    with pytest.warns(UserWarning, match="X has feature names"):
        np.testing.assert_array_equal(plan.predict(pd.DataFrame(X, columns=["p", "q"])), expected)


@pytest.mark.parametrize("source", ["native", "booster", "calibrated"])
def test_single_rows_with_spaces_in_names(source: str) -> None:
    """LightGBM knows the names of the table with underscores alone; it rejects tables in which both are."""
    X = frame(200).rename(columns={"size": "the size", "colour": "a  colour"})
    if source == "calibrated":
        X = X[["the size"]].assign(other=-X["the size"])
    y = X["the size"] > 0
    model: Any = lgb.LGBMClassifier(**FEW)
    model = CalibratedClassifierCV(model, cv=2) if source == "calibrated" else model
    model.fit(X, y)
    method = "predict" if source == "booster" else "predict_proba"
    plan = pretzel.compile(model.booster_ if source == "booster" else model)
    expected = getattr(plan, method)(X)
    rows = X.astype(object).to_dict("records")
    underscored = [{key.replace(" ", "_"): value for key, value in row.items()} for row in rows]
    turned = [dict(reversed(row.items())) for row in rows]
    for given in (rows, underscored, turned, [*rows[:50], *underscored[50:100], *turned[100:]]):
        np.testing.assert_array_equal(getattr(plan, method)(given), expected)
        for row, answer in zip(given[:5], expected, strict=False):
            np.testing.assert_array_equal(getattr(plan, f"{method}_one")(row), answer)
    row = {**X.iloc[0].to_dict(), "size": 1.0}
    with pytest.raises(InputKeyError, match="unknown 'the size'"):
        getattr(plan, f"{method}_one")(row)


def test_rows_of_an_opaque_model_with_spaces_in_names() -> None:
    X = pd.DataFrame(np.random.default_rng(0).normal(size=(80, 3)), columns=["a b", "c", "d e"])
    model = lgb.LGBMClassifier(**FEW, pred_early_stop=True).fit(X, X["d e"] > 0)
    plan = pretzel.compile(model)
    assert plan.opaque_steps
    rows = [dict(reversed(row.items())) for row in X.to_dict("records")]
    np.testing.assert_array_equal(plan.predict_proba(rows), model.predict_proba(X))
    np.testing.assert_array_equal(plan.predict_proba_one(rows[0]), model.predict_proba(X)[0])
