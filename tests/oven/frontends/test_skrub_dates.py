"""Dates in a TableVectorizer of skrub, and in front of a DatetimeEncoder alone, against the library, to the bit."""

from __future__ import annotations

import datetime
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel
from pretzel.errors import CorruptStoreError, InputTypeError, InputValueError, PretzelError
from pretzel.store.plan_check import check_plan

if TYPE_CHECKING:
    from pathlib import Path

skrub = pytest.importorskip("skrub")
pytestmark = pytest.mark.filterwarnings("ignore")

N = 60
RNG = np.random.default_rng(0)
FIRST, LAST = -62_135_500_000, 253_402_200_000  # seconds of years 1 to 9999
SECONDS = RNG.integers(FIRST, LAST, N)
MIDDLES = (1_700_000_000 // 64 + np.arange(N)) * 64  # halfway between two numbers of float32
COLUMNS = {
    "seconds": pd.Series(SECONDS.view("M8[s]")),
    "milliseconds": pd.Series((SECONDS * 1_000 + 567).view("M8[ms]")),
    "microseconds": pd.Series((SECONDS * 1_000_000 + 567_891).view("M8[us]")),
    "nanoseconds": pd.Series(RNG.integers(-(2**62), 2**62, N).view("M8[ns]")),
    "middles": pd.Series((MIDDLES * 10**9 + RNG.integers(-3, 4, N)).view("M8[ns]")),
    "days": pd.Series(pd.date_range("1899-01-01", periods=N, freq="371D")),
    "Paris": pd.Series(pd.date_range("1899-01-01", periods=N, freq="23771h", tz="UTC").tz_convert("Europe/Paris")),
    "an offset": pd.Series(pd.date_range("1969-12-30", periods=N, freq="17min").tz_localize("+05:30")),
}
FEATURES = {"resolution": "nanosecond", "add_weekday": True, "add_day_of_year": True}


def as_they_are() -> Any:
    """A step that changes no number, behind which a vectorizer is native."""
    return StandardScaler(with_mean=False, with_std=False)


def of_library(column: Any, library: str) -> Any:
    """A frame of one column, with a missing value."""
    frame = pd.DataFrame({"when": column.copy()})
    frame.loc[3, "when"] = pd.NaT
    return frame if library == "pandas" else pl.from_pandas(frame)


def agree(plan: Any, model: Any, frame: Any) -> None:
    """Numbers and dtype are the library's."""
    found, want = np.asarray(plan.transform(frame)), np.asarray(model.transform(frame))
    assert found.dtype == want.dtype
    np.testing.assert_array_equal(found, want)


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("name", COLUMNS)
def test_features(name: str, library: str) -> None:
    if library == "polars" and name in ("seconds", "an offset"):
        pytest.skip("polars has no such dates")
    frame = of_library(COLUMNS[name], library)
    for periodic in (None, "circular", "spline")[: 3 if name == "Paris" else 1]:
        encoder = skrub.DatetimeEncoder(**FEATURES, periodic_encoding=periodic)
        model = make_pipeline(skrub.TableVectorizer(datetime=encoder), as_they_are()).fit(frame)
        plan = pretzel.compile(model, strict=True)
        agree(plan, model, frame)
        rows = frame.to_dict("records") if library == "pandas" else frame.to_dicts()
        if library == "polars" and name in ("nanoseconds", "middles"):
            continue  # which Python's dates do not have
        want = np.asarray(model.transform(frame))
        np.testing.assert_array_equal(plan.transform(rows), want)
        np.testing.assert_array_equal([plan.transform_one(row) for row in rows[:6]], want[:6])
        np.testing.assert_array_equal([plan.transform_one((row["when"],)) for row in rows[:6]], want[:6])


@pytest.mark.parametrize("options", [{"resolution": None}, {"resolution": "day", "add_total_seconds": False}], ids=str)
def test_few_features(options: Any) -> None:
    frame = of_library(COLUMNS["Paris"], "pandas")
    encoder = skrub.DatetimeEncoder(**options, add_weekday=True)
    model = make_pipeline(skrub.TableVectorizer(datetime=encoder), as_they_are()).fit(frame)
    agree(pretzel.compile(model, strict=True), model, frame)


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("fitted", ["microseconds", "nanoseconds", "days", "Paris"])
def test_other_dates_than_those_of_the_fit(fitted: str, library: str) -> None:
    """They become the unit and the time zone of the fit, as `ToDatetime` makes them."""
    given = of_library(COLUMNS[fitted], library)
    if library == "polars" and fitted == "days":
        given = given.select(pl.col("when").cast(pl.Date))
    model = make_pipeline(skrub.TableVectorizer(datetime=skrub.DatetimeEncoder(**FEATURES)), as_they_are()).fit(given)
    plan = pretzel.compile(model)
    for name in ("middles", "days", "Paris"):
        agree(plan, model, of_library(COLUMNS[name], library))
    agree(plan, model, of_library(COLUMNS["days"][:5].dt.tz_localize("America/New_York"), library)[:1])


DATED = of_library(COLUMNS["microseconds"], "pandas")
MODEL = make_pipeline(skrub.TableVectorizer(), as_they_are()).fit(DATED)
OTHERS = {
    "texts": ["2020-01-01T00:00:00+02:00", "x", None],
    "whole numbers": [1, 2],
    "numbers": [np.nan, 1.5],
    "objects": pd.Series([datetime.date(2020, 1, 1), "x"], dtype=object),
    "years beyond Python's": pd.Series(np.array(["12000-12-31", "-0401-01-01"], dtype="M8[s]")),
    "categories": COLUMNS["days"].astype("category"),
    "periods": COLUMNS["days"].dt.to_period("D"),
    "arrow": COLUMNS["days"].astype("timestamp[us][pyarrow]"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_the_library_answers_for_columns_of_another_type(name: str, tmp_path: Path) -> None:
    frame = pd.DataFrame({"when": OTHERS[name]})
    plan = pretzel.compile(MODEL, strict=True)
    agree(plan, MODEL, frame)
    plan.save(tmp_path / "dates.pretzel")
    with pytest.raises(InputTypeError, match="'when'"):
        pretzel.load(tmp_path / "dates.pretzel").transform(frame)


def test_columns_of_objects() -> None:
    plan = pretzel.compile(MODEL, strict=True)
    moment = datetime.datetime(2020, 1, 1, 2, tzinfo=datetime.timezone(datetime.timedelta(hours=2)))
    values = [datetime.date(2020, 1, 1), None, datetime.datetime(2020, 1, 1), pd.NaT, moment, pd.Timestamp(5), np.nan]
    for objects in (values, [None, None], ["2020-01-01T00:00:00+02:00"]):
        agree(plan, MODEL, pd.DataFrame({"when": pd.Series(objects, dtype=object)}))
    agree(plan, MODEL, pd.DataFrame({"when": [np.nan, np.nan]}))


def test_frames_that_are_parts_of_others() -> None:
    plan = pretzel.compile(MODEL, strict=True)
    agree(plan, MODEL, DATED[::3])
    agree(plan, MODEL, DATED[::-1])
    agree(plan, MODEL, pd.concat([DATED, DATED]))
    with pytest.raises(ValueError, match=r"."):
        MODEL.transform(DATED[:0])
    with pytest.raises(ValueError, match=r"."):
        plan.transform(DATED[:0])


def test_arrays_of_dates() -> None:
    X = DATED.to_numpy()
    model = make_pipeline(skrub.TableVectorizer(), as_they_are()).fit(X)
    plan = pretzel.compile(model, strict=True)
    agree(plan, model, X)
    agree(plan, model, X[:4].astype("datetime64[s]"))
    np.testing.assert_array_equal(plan.transform_one(X[0]), model.transform(X[:1])[0])


def test_rows_with_texts() -> None:
    plan = pretzel.compile(MODEL, strict=True)
    moment = datetime.datetime(2024, 2, 29, 23, 59, 58)
    want = plan.transform_one({"when": moment})
    for text in ("2024-02-29T23:59:58", "2024-02-29 23:59:58Z", "2024-03-01T01:59:58+02:00"):
        np.testing.assert_array_equal(plan.transform_one({"when": text}), want)
        np.testing.assert_array_equal(plan.transform([{"when": text}])[0], want)
        np.testing.assert_array_equal(MODEL.transform(pd.DataFrame({"when": [text]}))[0], want)
    for missing in (None, float("nan"), pd.NaT, pd.NA, np.datetime64("NaT")):
        assert np.isnan(plan.transform_one({"when": missing})).all()


@pytest.mark.parametrize("value", ["29.2.2024", "2024-02-30", "", 3, 1.5, b"2024-02-29", [], datetime.timedelta(1)])
def test_rows_without_dates_are_refused(value: Any, tmp_path: Path) -> None:
    pretzel.compile(MODEL, strict=True).save(tmp_path / "dates.pretzel")
    plan = pretzel.load(tmp_path / "dates.pretzel")
    with pytest.raises(InputTypeError, match="column 'when': expected a date, or its text as in ISO 8601"):
        plan.transform_one({"when": value})
    with pytest.raises(InputTypeError, match="row 1, column 'when': expected a date"):
        plan.transform([{"when": "2024-02-29"}, {"when": value}])


def test_dates_that_no_unit_holds_are_refused() -> None:
    model = make_pipeline(skrub.TableVectorizer(), as_they_are()).fit(of_library(COLUMNS["nanoseconds"], "pandas"))
    plan = pretzel.compile(model, strict=True)
    frame = pd.DataFrame({"when": pd.Series(np.array(["9999-01-01"], dtype="M8[us]"))})
    with pytest.raises(ValueError, match=r"."):
        model.transform(frame)
    with pytest.raises(PretzelError):
        plan.transform(frame)
    with pytest.raises(InputValueError, match=r"'when'.* outside of the years 1678 to 2261"):
        plan.transform_one({"when": datetime.date(9999, 1, 1)})


@pytest.mark.parametrize("periodic", [None, "circular"])
def test_encoders_of_a_column_transformer(periodic: str | None) -> None:
    """Dates stay in their own time zones; the library answers for frames of polars."""
    table = pd.DataFrame({"when": COLUMNS["days"], "there": COLUMNS["Paris"], "x": np.arange(N) * 1.5})
    table.loc[3, ["when", "there"]] = pd.NaT
    encoder = skrub.DatetimeEncoder(add_weekday=True, periodic_encoding=periodic)
    columns = make_column_transformer((encoder, ["when"]), (clone(encoder), "there"), ("passthrough", ["x"]))
    model = make_pipeline(columns, as_they_are()).fit(table)
    plan = pretzel.compile(model, strict=True)
    agree(plan, model, table)
    agree(plan, model, table[5:6])
    agree(plan, model, table.assign(when=table["there"].dt.tz_convert("Asia/Kolkata"), there=table["when"]))
    agree(plan, model, pl.from_pandas(table))
    np.testing.assert_array_equal(plan.transform_one(table.iloc[0].to_dict()), model.transform(table[:1])[0])
    for values in (table["when"].astype(str), table["x"]):
        with pytest.raises((ValueError, AttributeError)):
            model.transform(table.assign(when=values))
        with pytest.raises((ValueError, TypeError)):
            plan.transform(table.assign(when=values))


def test_a_whole_pipeline(tmp_path: Path) -> None:
    table = DATED.assign(city=RNG.choice(["Bonn", "Rome"], N), size=RNG.normal(size=N))
    y = np.arange(N) * 1.5
    for regressor in ("regressor", HistGradientBoostingRegressor(max_iter=9)):
        model = skrub.tabular_pipeline(regressor).fit(table, y)
        plan = pretzel.compile(model, strict=True)
        np.testing.assert_allclose(plan.predict(table), model.predict(table), rtol=1e-9)
        report = pretzel.verify(plan, model, table)
        assert report.ok, report.first_divergence
    plan.save(tmp_path / "dates.pretzel")
    saved = pretzel.load(tmp_path / "dates.pretzel")
    np.testing.assert_array_equal(saved.predict(table), plan.predict(table))
    row = {"when": "2024-02-29", "city": "Bonn", "size": 1.0}
    assert saved.predict_one(row) == plan.predict([row])[0]


@pytest.mark.parametrize(
    "damage",
    [{"zone": "Nowhere"}, {"zone": "../../etc/passwd"}, {"unit": "fortnight"}, {"columns": (0, 0)}, {"columns": (1,)}],
    ids=str,
)
def test_damaged_leaves_are_rejected(damage: Any) -> None:
    physical = pretzel.compile(MODEL).physical
    method = physical.methods["transform"]
    assert method.program is not None
    check_plan(physical)
    shape = method.program.shape
    leaves = (replace(shape.leaves[0], **damage), *shape.leaves[1:])
    program = replace(method.program, shape=replace(shape, leaves=leaves))
    with pytest.raises(CorruptStoreError):
        check_plan(replace(physical, methods={"transform": replace(method, program=program)}))


def test_requests_are_described() -> None:
    import pydantic

    column = pretzel.compile(MODEL).input_schema.columns[0]
    assert (column.kind, column.dtype, column.nullable) == ("date", "datetime64[us]", True)
    schema = pretzel.compile(MODEL).input_schema
    assert schema.to_json_schema()["properties"]["when"] == {"type": ["string", "null"], "format": "date-time"}
    assert str(schema.to_arrow().field("when").type) == "timestamp[us]"
    assert schema.to_open_inference()["inputs"][0]["datatype"] == "BYTES"
    row = schema.to_pydantic().model_validate_json('{"when": "2024-02-29"}')
    assert row.model_dump() == {"when": datetime.date(2024, 2, 29)}
    with pytest.raises(pydantic.ValidationError):
        schema.to_pydantic().model_validate({"when": "29.2.2024"})
