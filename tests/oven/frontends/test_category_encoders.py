"""Encoders of category_encoders against the library, in front of a model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier

import pretzel
from pretzel.errors import InputTypeError, PretzelError
from pretzel.oven.frontends.category_encoders.encoders import MODULES

if TYPE_CHECKING:
    from pathlib import Path

encoders = pytest.importorskip("category_encoders")
pytestmark = pytest.mark.filterwarnings("ignore")

RNG = np.random.default_rng(0)
N = 300
TABLE = pd.DataFrame(
    {
        "city": RNG.choice(["Bonn", "Paris", "a b", ""], N),
        "size": RNG.normal(size=N),
        "kind": RNG.choice(["u", "v", None], N),
        "grade": RNG.integers(0, 4, N),
    }
)
Y = (TABLE["city"] == "Bonn").to_numpy() ^ (RNG.random(N) < 0.2)
NEW = TABLE[:40].copy()
NEW.loc[::7, "city"] = "Rome"
NEW.loc[::5, "kind"] = None
NEW.loc[3, "grade"] = 99
NAMES = sorted(MODULES.values())


def check(encoder: Any, table: pd.DataFrame = TABLE, new: pd.DataFrame = NEW) -> Any:
    """Probabilities behind an encoder, of frames and of rows; and the plan."""
    model = make_pipeline(encoder, LogisticRegression()).fit(table, Y)
    plan = pretzel.compile(model)
    for asked in (table, new, new[:1]):
        np.testing.assert_allclose(plan.predict_proba(asked), model.predict_proba(asked), rtol=1e-9)
    row = new.iloc[0].to_dict()
    np.testing.assert_allclose(plan.predict_proba_one(row), model.predict_proba(new[:1])[0], rtol=1e-9)
    return plan


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("columns", [None, ["city", "grade"], ["grade", "kind", "city"]], ids=str)
def test_encoders(name: str, columns: list[str] | None) -> None:
    table, new = (each.assign(kind=each["kind"].fillna("none")) if columns == ["city", "grade"] else each
                  for each in (TABLE, NEW))  # fmt: skip
    if columns == ["city", "grade"]:  # the others are numbers
        table, new = (each.assign(kind=each["kind"].str.len()) for each in (table, new))
    assert not check(getattr(encoders, name)(cols=columns), table, new).opaque_steps


@pytest.mark.parametrize("name", ["TargetEncoder", "OneHotEncoder", "CountEncoder"])
def test_unknown_and_missing_values_are_rejected(name: str) -> None:
    encoder = getattr(encoders, name)(cols=["city"], handle_unknown="error", handle_missing="error")
    model = make_pipeline(encoder, LogisticRegression()).fit(TABLE[["city", "size"]], Y)
    plan = pretzel.compile(model, strict=True)
    for value in ("Rome", None, np.nan):
        with pytest.raises(ValueError, match=r"."):
            model.predict(pd.DataFrame({"city": [value], "size": [1.0]}))
        with pytest.raises(PretzelError, match="city"):
            plan.predict_one({"city": value, "size": 1.0})


@pytest.mark.parametrize("name", ["TargetEncoder", "OrdinalEncoder", "OneHotEncoder", "WOEEncoder"])
@pytest.mark.parametrize("option", ["handle_unknown", "handle_missing"])
def test_missing_numbers_for_unknown_and_missing_values(name: str, option: str) -> None:
    model = make_pipeline(getattr(encoders, name)(**{option: "return_nan"}), DecisionTreeClassifier()).fit(TABLE, Y)
    plan = pretzel.compile(model, strict=True)
    assert (plan.predict(NEW) == model.predict(NEW)).all()


ODD = ["Rome", 7, 7.5, None, np.nan, b"Bonn", np.inf]
"""Values that are unknown in every column."""


@pytest.mark.parametrize("column", ["city", "kind", "grade", "size"])
@pytest.mark.parametrize(
    "option",
    [
        {},
        {"handle_unknown": "return_nan"},
        {"handle_unknown": "error"},
        {"handle_missing": "return_nan"},
        {"handle_missing": "error"},
    ],
    ids=str,
)
@pytest.mark.parametrize("name", ["CatBoostEncoder", "LeaveOneOutEncoder", "TargetEncoder", "OneHotEncoder"])
def test_a_column_takes_values_of_every_type_as_in_the_library(name: str, option: dict[str, str], column: str) -> None:
    table = TABLE.assign(size=TABLE["grade"] / 2)[[column]]
    if option == {"handle_missing": "error"}:
        table = table.fillna("none") if column == "kind" else table
    encoder = getattr(encoders, name)(cols=[column], return_df=False, **option).fit(table, Y)
    plan = pretzel.compile(encoder, strict=True)
    known = table[column].dropna().iloc[0]
    for value in ODD:
        asked = pd.DataFrame({column: pd.Series([value, known], dtype=object)})
        try:
            expected = encoder.transform(asked)
        except (ValueError, TypeError):
            with pytest.raises(PretzelError, match=column):
                plan.transform(asked)
        else:
            np.testing.assert_array_equal(plan.transform(asked), expected, err_msg=repr(value))


def test_booleans_that_are_no_known_numbers_are_opaque() -> None:
    table = TABLE[["grade"]] > 1
    encoder = encoders.LeaveOneOutEncoder(cols=["grade"], return_df=False).fit(table, Y)
    plan = pretzel.compile(encoder)
    np.testing.assert_array_equal(plan.transform(table), encoder.transform(table))
    assert "booleans" in plan.opaque_steps[0].reason
    assert not pretzel.compile(encoders.TargetEncoder(cols=["grade"], return_df=False).fit(table, Y)).opaque_steps


@pytest.mark.parametrize("name", ["OrdinalEncoder", "CountEncoder", "TargetEncoder", "OneHotEncoder"])
@pytest.mark.parametrize("option", ["error", "value"])
@pytest.mark.parametrize("dtype", ["float64", "int64"])
def test_booleans_are_no_known_numbers(name: str, option: str, dtype: str) -> None:
    table = TABLE[["grade", "size"]].assign(flag=(TABLE["grade"] > 1).astype(dtype))
    encoder = getattr(encoders, name)(cols=["flag", "grade"], handle_unknown=option).fit(table, Y)
    model = make_pipeline(encoder, LogisticRegression()).fit(table, Y)
    plan = pretzel.compile(model, strict=True)
    for asked in (table, table.astype({"size": np.float32}), table.astype(np.float32)):
        np.testing.assert_allclose(plan.predict_proba(asked), model.predict_proba(asked), rtol=1e-5)
    for flags in ("bool", "boolean", "bool[pyarrow]"):
        asked = table.astype({"flag": bool}).astype({"flag": flags})
        for each in (asked, asked[:1]):
            if option == "error":
                for asks in (model, plan):
                    with pytest.raises(ValueError, match=r"."):
                        asks.predict_proba(each)
            else:
                np.testing.assert_allclose(plan.predict_proba(each), model.predict_proba(each), rtol=1e-9)


@pytest.mark.parametrize("name", ["TargetEncoder", "CountEncoder", "OrdinalEncoder", "CatBoostEncoder"])
def test_booleans_of_python_are_no_known_numbers(name: str) -> None:
    table = TABLE[["size"]].assign(flag=(TABLE["grade"] > 1).astype(int))
    model = make_pipeline(getattr(encoders, name)(cols=["flag"]), HistGradientBoostingRegressor()).fit(table, Y)
    plan = pretzel.compile(model, strict=name != "CatBoostEncoder")  # which makes floats of its categories
    rows = [(1.5, True), (2.5, False), (0.5, 1), (3.5, None)]
    for row in rows:
        (expected,) = model.predict(pd.DataFrame([row], columns=["size", "flag"]))
        item = dict(zip(("size", "flag"), row, strict=True))
        for answer in (plan.predict_one(row), plan.predict_one(item), plan.predict([item])[0]):
            assert answer == pytest.approx(expected, rel=1e-9)
    frame = pd.DataFrame(rows, columns=["size", "flag"])
    expected = model.predict(frame)
    assert len(set(expected)) > 1
    np.testing.assert_allclose(plan.predict(frame), expected, rtol=1e-9)
    items = frame.astype(object).to_dict("records")
    np.testing.assert_allclose(plan.predict(items), expected, rtol=1e-9)
    opaque = make_pipeline(model[0], FunctionTransformer(lambda X: X), model[1])
    np.testing.assert_allclose(pretzel.compile(opaque).predict(frame), expected, rtol=1e-9)


def test_dropped_and_constant_columns() -> None:
    same = TABLE.assign(always="x", kind="y")
    check(encoders.TargetEncoder(drop_invariant=True), same, same)
    check(encoders.OrdinalEncoder(), same, same)
    encoder = encoders.CountEncoder(cols=["kind", "always"], drop_invariant=True).fit(same[["kind", "always"]])
    assert pretzel.compile(encoder).transform(same[["kind", "always"]]).shape == (len(same), 0)


def test_arrays_and_category_dtypes() -> None:
    model = make_pipeline(encoders.TargetEncoder(cols=[0, 2]), LogisticRegression())
    table = TABLE[["city", "size", "grade"]].to_numpy(dtype=object)
    model.fit(table, Y)
    np.testing.assert_allclose(pretzel.compile(model).predict_proba(table), model.predict_proba(table), rtol=1e-9)
    categories = TABLE.assign(city=TABLE["city"].astype("category"))
    check(encoders.TargetEncoder(), categories, categories)


@pytest.mark.parametrize(
    "options",
    [{"min_group_size": 80}, {"handle_unknown": lambda value, mapping: 3.0}, {"composite_cols": [("city", "kind")]}],
    ids=["groups", "a function", "pairs"],
)
def test_what_depends_on_more_is_opaque(options: dict[str, Any]) -> None:
    try:
        encoder = encoders.TargetEncoder(**options)
    except TypeError:
        pytest.skip("an older release")
    assert check(encoder).opaque_steps


def test_a_frame_is_returned_as_the_library_does() -> None:
    encoder = encoders.TargetEncoder().fit(TABLE, Y)
    pd.testing.assert_frame_equal(pretzel.compile(encoder).transform(NEW), encoder.transform(NEW))


@pytest.mark.parametrize("name", ["OrdinalEncoder", "TargetEncoder"])
def test_a_plan_from_a_file_says_what_it_expects_in_place_of_na(name: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"city": ["a", "b"] * 10, "kind": ["x", "y", "z", "x"] * 5}, dtype=object)
    model = make_pipeline(getattr(encoders, name)(), LogisticRegression()).fit(frame, [0, 1, 1, 0] * 5)
    plan = pretzel.compile(model, strict=True)
    frame.loc[2, "kind"] = pd.NA
    np.testing.assert_allclose(plan.predict_proba(frame), model.predict_proba(frame), rtol=1e-9)
    plan.save(tmp_path / "encoded.pretzel")
    saved = pretzel.load(tmp_path / "encoded.pretzel")
    with pytest.raises(InputTypeError, match=r"row 2, column 'kind' holds pandas.NA, .*: expected a value, or None or"):
        saved.predict(frame)
    frame.loc[2, "kind"] = None
    np.testing.assert_allclose(saved.predict_proba(frame), model.predict_proba(frame), rtol=1e-9)
