"""Dates of feature_engine against the library, in front of trees that tell numbers apart by the last bit."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

import pretzel
from pretzel.errors import InputTypeError, InputValueError, PretzelError

if TYPE_CHECKING:
    from pathlib import Path

pytest.importorskip("feature_engine")
from feature_engine.datetime import DatetimeFeatures, DatetimeOrdinal, DatetimeSubtraction
from feature_engine.encoding import OrdinalEncoder
from feature_engine.selection import DropFeatures

pytestmark = pytest.mark.filterwarnings("ignore")

RNG = np.random.default_rng(0)
N = 200
SECONDS = RNG.integers(-(2**31), 2**31, N) * 3
TABLE = pd.DataFrame(
    {
        "size": RNG.normal(size=N),
        "when": pd.Series(SECONDS.view("M8[s]")).astype("M8[us]"),
        "grade": RNG.integers(0, 4, N),
        "there": pd.date_range("2020-03-28", periods=N, freq="37min", tz="Europe/Berlin"),
    }
)
TABLE.loc[:9, "when"] = pd.to_datetime(
    ["2020-12-31", "2021-01-01", "2024-02-29", "2023-02-28", "2020-06-30 23:59:59", "2020-07-01", "1900-03-31",
     "2000-09-30", "2021-10-01", "2021-01-03"], format="mixed"
)  # fmt: skip
HOLES = TABLE.copy()
HOLES.loc[::7, "when"] = pd.NaT
Y = RNG.normal(size=N)
TREES = HistGradientBoostingRegressor(max_iter=9, min_samples_leaf=2)
FILLED = ["month", "semester", "weekend", "month_start", "quarter_end", "leap_year", "day_of_week", "hour"]


def answers(model: Any, plan: Any, asked: Any) -> None:
    """The plan answers as its model does, or both reject the request."""
    try:
        want = model.predict(asked)
    except Exception:
        with pytest.raises((PretzelError, ValueError)):
            plan.predict(asked)
    else:
        np.testing.assert_array_equal(plan.predict(asked), want)


def native(step: Any, table: pd.DataFrame, path: Path, *more: Any) -> tuple[Any, Any]:
    """A model and its plan without an opaque step, which answers frames and rows, in process and from a file."""
    model = make_pipeline(step, *more, clone(TREES)).fit(table, Y)
    plan = pretzel.compile(model, strict=True)
    plan.save(path / "plan.pretzel")
    want = model.predict(table)
    rows = table.to_dict("records")
    for each in (plan, pretzel.load(path / "plan.pretzel")):
        for asked in (table, table[table.columns[::-1]], rows):
            np.testing.assert_array_equal(each.predict(asked), want)
        np.testing.assert_array_equal(each.predict(table[:1]), want[:1])
        np.testing.assert_array_equal([each.predict_one(row) for row in rows[:9]], want[:9])
    answers(model, plan, table[:0])
    answers(model, plan, table.iloc[:, :2])
    return model, plan


@pytest.mark.parametrize("utc", [None, True])
def test_all_features(utc: bool | None, tmp_path: Path) -> None:
    model, plan = native(DatetimeFeatures(features_to_extract="all", utc=utc), TABLE, tmp_path)
    for unit in ("s", "ns"):
        answers(model, plan, TABLE.assign(when=TABLE["when"].astype(f"M8[{unit}]")))
    for values in (["2024-02-29"], [datetime.datetime(2024, 2, 29, 3, 4)], [pd.NaT], ["x"], [7]):
        answers(model, plan, TABLE[:1].assign(when=pd.Series(values, dtype=object)))
    answers(model, plan, TABLE.assign(when=TABLE["when"].astype(str)))
    answers(model, plan, TABLE.assign(when=TABLE["when"].dt.tz_localize("Asia/Tokyo")))
    row = TABLE.iloc[0].to_dict()
    for text in ("2024-02-29", "2024-02-29T23:59:58.5", "2024-02-29 23:59:58+05:30"):
        want = model.predict(pd.DataFrame([{**row, "when": text}]))[0]
        assert plan.predict_one({**row, "when": text}) == want
    with pytest.raises(InputValueError, match="when"):
        plan.predict_one({**row, "when": None})
    with pytest.raises(InputTypeError, match="when"):
        plan.predict_one({**row, "when": 5})


@pytest.mark.parametrize("features", [None, FILLED], ids=["default", "filled"])
def test_missing_dates(features: Any, tmp_path: Path) -> None:
    step = DatetimeFeatures(features_to_extract=features, missing_values="ignore")
    _, plan = native(step, HOLES, tmp_path)
    assert plan.predict_one(HOLES.iloc[0].to_dict()) == plan.predict(HOLES[:1])[0]


def test_missing_dates_that_have_no_week(tmp_path: Path) -> None:
    for feature in ("week", "days_in_month"):
        step = DatetimeFeatures(features_to_extract=[feature], missing_values="ignore")
        model, plan = native(step, TABLE, tmp_path)
        with pytest.raises(ValueError, match=r"NA|convert"):
            model.predict(HOLES)
        with pytest.raises(InputValueError, match="when"):
            plan.predict(HOLES)


def test_dates_that_stay(tmp_path: Path) -> None:
    step = DatetimeFeatures("when", ["month", "day_of_week"], drop_original=False)
    native(step, TABLE, tmp_path, DropFeatures(["when", "there"]))


def test_features_are_categories(tmp_path: Path) -> None:
    step = DatetimeFeatures(features_to_extract=["month", "day_of_week"])
    encoder = OrdinalEncoder("arbitrary", variables=["when_month", "when_day_of_week"], ignore_format=True)
    native(step, TABLE, tmp_path, encoder)


@pytest.mark.parametrize(("form", "utc"), [("%d/%m/%Y %H:%M", None), ("%Y-%m-%dT%H:%M:%S%z", True)])
def test_texts_in_a_format(form: str, utc: bool | None, tmp_path: Path) -> None:
    when = TABLE["when"].dt.tz_localize("UTC") if utc else TABLE["when"]
    table = TABLE.drop(columns="there").assign(when=when.dt.strftime(form))
    step = DatetimeFeatures("when", "all", format=form, utc=utc)
    model, plan = native(step, table, tmp_path)
    for text in ("", "13/13/2020 00:00", "2020-01-01", "1/2/2020 3:04", None):
        answers(model, plan, table[:2].assign(when=[table["when"][0], text]))
    answers(model, plan, TABLE.drop(columns="there"))


GAPS = RNG.integers(-(10**9), 10**9, N)
PAIRS = TABLE.assign(then=pd.Series((SECONDS * 10**6 + GAPS).view("M8[us]"))).drop(columns="there")


@pytest.mark.parametrize("unit", ["D", "Y", "M", "W", "h", "m", "s", "ms", "us", "ns"])
def test_times_between_dates(unit: str) -> None:
    """All bits are the library's, also where two dates of many years are nearly the same."""
    near = PAIRS.assign(then=PAIRS["when"].astype("M8[ns]") + pd.to_timedelta(RNG.integers(-9, 9, N), unit="ns"))
    for table in (PAIRS, near, PAIRS.astype({"when": "M8[s]"})):
        step = DatetimeSubtraction(["when", "then"], ["then"], output_unit=unit, drop_original=True)
        model = make_pipeline(step, StandardScaler(with_mean=False, with_std=False)).fit(table)
        plan = pretzel.compile(model, strict=True)
        np.testing.assert_array_equal(plan.transform(table), model.transform(table))


def test_pairs_of_dates(tmp_path: Path) -> None:
    model, plan = native(DatetimeSubtraction(drop_original=True, output_unit="h"), PAIRS, tmp_path)
    assert "2 dates: when, then" in plan.explain()
    answers(model, plan, PAIRS.assign(when=PAIRS["when"].astype(str)))
    zones = {name: PAIRS[name].dt.tz_localize("America/New_York", nonexistent="NaT") for name in ("when", "then")}
    answers(model, plan, PAIRS.assign(**zones))
    named = DatetimeSubtraction("when", "then", ["apart"], missing_values="raise", utc=True)
    model, plan = native(named, PAIRS, tmp_path, DropFeatures(["when", "then"]))
    with pytest.raises(InputValueError, match="when"):
        plan.predict(PAIRS.assign(when=pd.NaT))
    answers(model, plan, PAIRS.assign(when=pd.NaT))
    answers(model, plan, PAIRS.assign(when=PAIRS["when"].dt.tz_localize("Asia/Tokyo")))


def test_missing_dates_of_pairs(tmp_path: Path) -> None:
    native(DatetimeSubtraction("when", "then", drop_original=True), HOLES.assign(then=PAIRS["then"]), tmp_path,
           DropFeatures(["there"]))  # fmt: skip


def test_times_that_overflow(tmp_path: Path) -> None:
    """The library's integers overflow beyond 292 years, and it answers with what is left of them."""
    _, plan = native(DatetimeSubtraction("when", "then", drop_original=True), PAIRS, tmp_path)
    far = PAIRS[:1].assign(when=pd.Series(["0100-01-01"], dtype="M8[us]"))
    for each in (plan, pretzel.load(tmp_path / "plan.pretzel")):
        with pytest.raises(InputValueError, match=r"DatetimeSubtraction.*beyond the range"):
            each.predict(far)


@pytest.mark.parametrize("start", [None, "2020-01-31"])
def test_days(start: str | None, tmp_path: Path) -> None:
    model, plan = native(DatetimeOrdinal(start_date=start), TABLE, tmp_path)
    with pytest.raises(InputValueError, match="when"):
        plan.predict(HOLES)
    answers(model, plan, TABLE[:1].assign(when="2024-02-29"))
    numbers = make_pipeline(DatetimeOrdinal("when", start_date=start), StandardScaler(with_mean=False, with_std=False))
    given = TABLE[["when", "size"]]
    np.testing.assert_array_equal(pretzel.compile(numbers.fit(given)).transform(given), numbers.transform(given))


REASONS = {
    "begin with the day": DatetimeFeatures("when", dayfirst=True),
    "may be missing": DatetimeFeatures("when", format="%Y-%m-%d", missing_values="ignore"),
    "in the format": DatetimeFeatures("when", format="%a %Y-%m-%d"),
    "index": DatetimeFeatures("index"),
    "no model reads": DatetimeOrdinal("when", missing_values="ignore"),
    "has many": DatetimeSubtraction("when", "when", ["none"], output_unit="ps", drop_original=True),
}


@pytest.mark.parametrize("reason", REASONS)
def test_what_is_not_native(reason: str) -> None:
    table = TABLE[["size", "when"]].set_index(pd.DatetimeIndex(TABLE["when"], name="at"))
    form = getattr(REASONS[reason], "format", None)
    given = table.assign(when=table["when"].dt.strftime(form)) if form else table
    if reason == "index":
        given = given.drop(columns="when")
    model = make_pipeline(REASONS[reason], DecisionTreeRegressor(max_depth=3)).fit(given, Y)
    plan = pretzel.compile(model)
    assert reason in plan.opaque_steps[0].reason
    np.testing.assert_array_equal(plan.predict(given), model.predict(given))
