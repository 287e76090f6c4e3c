"""Cleaner of skrub against the library, in front of encoders and a model: every type of column, rows, odd values."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

import pretzel
from pretzel.errors import PretzelError, UnfittedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

skrub = pytest.importorskip("skrub")
s = pytest.importorskip("skrub.selectors")
if not hasattr(skrub.ApplyToCols(StandardScaler()), "keep_original"):
    pytest.skip("this release applies a transformer to each column", allow_module_level=True)
pytestmark = pytest.mark.filterwarnings("ignore")

RNG = np.random.default_rng(0)
N = 80
TABLE = pd.DataFrame(
    {
        "city": RNG.choice(["Bonn", "Paris", "Köln"], N),
        "size": RNG.normal(size=N),
        "count": RNG.integers(0, 9, N),
        "kind": RNG.choice(["u", "v", None, "N/A", " \t"], N),
        "when": pd.date_range("2020-01-01", periods=N, freq="31h"),
        "day": [f"2020-01-{1 + i % 28:02}" for i in range(N)],
        "grade": pd.Categorical(RNG.choice(["low", "high"], N)),
        "same": "x",
        "empty": None,
    }
)
TABLE.loc[::9, "size"] = np.nan
Y = RNG.normal(size=N)
ODD = ["Rome", "", "  ", "\t\n", "\u00a0", "\x1c", "NA", "null", "?", "nan", "N/A", "N/A ", "日本", None]


def trees() -> Any:
    return HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=4)


def encoded(columns: Any) -> Any:
    encoder = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
    return skrub.ApplyToCols(encoder, cols=columns)


def dated(*columns: str) -> Any:
    return skrub.ApplyToCols(skrub.DatetimeEncoder(add_weekday=True), cols=list(columns))


CLEANED = ["city", "kind", "grade", "same"]
MODELS: dict[str, Callable[[], list[Any]]] = {
    "all": lambda: [encoded(CLEANED), dated("when", "day"), trees()],
    "texts": lambda: [skrub.SelectCols(["kind", "city"]), encoded(["kind", "city"]), Ridge()],
    "numbers": lambda: [skrub.SelectCols(["count", "size"]), StandardScaler(), trees()],
    "dates": lambda: [skrub.SelectCols(["day", "when"]), dated("day", "when"), trees()],
    "ordinal": lambda: [
        skrub.SelectCols(["city", "count"]),
        skrub.ApplyToCols(
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            cols=["city"],
        ),
        trees(),
    ],
    "categories": lambda: [skrub.SelectCols(["grade", "size"]), trees()],
}
OPTIONS: dict[str, dict[str, Any]] = {
    "texts of all": {"cast_to_str": True},
    "float32": {"cast_to_float32": True},
    "null strings": {"null_strings": ["Bonn"]},
    "format": {"datetime_format": "%Y-%m-%d"},
}


def of_library(table: pd.DataFrame, library: str) -> Any:
    return table if library == "pandas" else pl.from_pandas(table, schema_overrides={"empty": pl.String})


def rows_of(table: pd.DataFrame) -> list[dict[str, Any]]:
    return table.astype({"grade": str}).to_dict("records")


def native(model: Any, library: str, path: Path, table: pd.DataFrame = TABLE) -> Any:
    """The plan of a model, which answers in process and from a file as it does."""
    given = of_library(table, library)
    model.fit(given, Y)
    want = model.predict(given)
    plan = pretzel.compile(model, strict=True)
    plan.save(path / "plan.pretzel")
    for each in (plan, pretzel.load(path / "plan.pretzel")):
        for asked in (given, given[:1]):
            np.testing.assert_allclose(each.predict(asked), want[: len(asked)], rtol=1e-6)
        np.testing.assert_allclose(each.predict(rows_of(table)), want, rtol=1e-6)
        np.testing.assert_allclose(each.predict_one(rows_of(table)[3]), want[3], rtol=1e-6)
    return plan


def same(model: Any, plan: Any, asked: Any) -> None:
    """Both answer the same, or both reject the request."""
    try:
        want = model.predict(asked)
    except Exception:
        with pytest.raises((PretzelError, ValueError, TypeError)):
            plan.predict(asked)
    else:
        np.testing.assert_allclose(plan.predict(asked), want, rtol=1e-6)


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("name", MODELS)
def test_columns(name: str, library: str, tmp_path: Path) -> None:
    model = make_pipeline(skrub.Cleaner(), *MODELS[name]())
    plan = native(model, library, tmp_path)
    for column in ("city", "kind"):
        values = ODD if library == "pandas" else ODD[:-1]
        changed = pd.concat([TABLE[:1]] * len(values), ignore_index=True).assign(**{column: values})
        same(model, plan, of_library(changed, library))
    for changed in (
        TABLE.assign(size=TABLE["size"].astype(np.float32)),
        TABLE.assign(count=TABLE["count"].astype(float)),
        TABLE.assign(when=TABLE["when"].dt.tz_localize("Asia/Tokyo")),
        TABLE.assign(when=TABLE["when"].astype("M8[ns]"), day="2020-02-30"),
        TABLE.assign(when=pd.NaT, city="Rome"),
        TABLE[:0],
    ):
        same(model, plan, of_library(changed, library))


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("name", OPTIONS)
def test_options(name: str, library: str, tmp_path: Path) -> None:
    plan = native(make_pipeline(skrub.Cleaner(**OPTIONS[name]), *MODELS["all"]()), library, tmp_path)
    assert "empty" not in [column.name for column in plan.input_schema.columns if column.kind == "text"]


def test_columns_that_are_dropped(tmp_path: Path) -> None:
    steps = [encoded(["city", "grade"]), dated("when", "day"), trees()]
    model = make_pipeline(skrub.Cleaner(drop_if_constant=True, drop_null_fraction=0.3), *steps)
    native(model, "pandas", tmp_path)
    model[0].set_params(drop_null_fraction=None, null_strings="Bonn", cast_to_str=True, datetime_format="%d", n_jobs=1)
    np.testing.assert_allclose(pretzel.compile(model).predict(TABLE), model.predict(TABLE), rtol=1e-6)


def test_objects_among_texts() -> None:
    model = make_pipeline(skrub.Cleaner(), *MODELS["texts"]()).fit(TABLE, Y)
    plan = pretzel.compile(model)
    for values in ([None, pd.NA, "u"], [3, 2.5], [True], [b"u"], [datetime.date(2020, 1, 1), "u"], [np.nan, None]):
        same(model, plan, TABLE[: len(values)].assign(kind=pd.Series(values, dtype=object)))
    row = rows_of(TABLE)[0]
    with pytest.raises(PretzelError, match="kind"):
        plan.predict_one({**row, "kind": 3})
    missing = {**row, "kind": None}
    want = model.predict(TABLE.iloc[[1, 0]].assign(kind=["u", None]))[1]
    np.testing.assert_allclose(plan.predict_one(missing), want, rtol=1e-9)
    np.testing.assert_allclose(plan.predict([row, missing])[1], want, rtol=1e-9)
    for dtype in ("category", "string"):
        same(model, plan, TABLE[:20].assign(city=TABLE["city"][:20].astype(dtype)))


def test_other_tables_are_rejected() -> None:
    model = make_pipeline(skrub.Cleaner(), *MODELS["numbers"]()).fit(TABLE, Y)
    plan = pretzel.compile(model)
    for other in (TABLE.drop(columns="size"), TABLE.assign(more=1), TABLE[TABLE.columns[::-1]], TABLE.to_numpy()):
        with pytest.raises((ValueError, TypeError)):
            model.predict(other)
        with pytest.raises(PretzelError):
            plan.predict(other)


def test_arrays() -> None:
    X = RNG.normal(size=(N, 3))
    model = make_pipeline(skrub.Cleaner(), StandardScaler(), Ridge()).fit(X, Y)
    np.testing.assert_allclose(pretzel.compile(model, strict=True).predict(X), model.predict(X), rtol=1e-9)


def test_what_runs_as_it_is() -> None:
    """Numbers that were texts have no native form."""
    table = TABLE.assign(kind=TABLE["count"].astype(str))
    model = make_pipeline(skrub.Cleaner(parse_numbers=True), skrub.SelectCols(["kind", "size"]), trees()).fit(table, Y)
    plan = pretzel.compile(model)
    assert [each.reason for each in plan.opaque_steps] == ["numbers that were texts"]
    np.testing.assert_allclose(plan.predict(table), model.predict(table), rtol=1e-9)
    cleaner = skrub.Cleaner().fit(TABLE)
    pd.testing.assert_frame_equal(pretzel.compile(cleaner).transform(TABLE), cleaner.transform(TABLE))
    with pytest.raises(UnfittedError):
        pretzel.compile(skrub.Cleaner())
