"""ApplyToCols of skrub against the library, in front of a model: frames of pandas and polars, rows, odd requests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

import pretzel
from pretzel.errors import InputKeyError, PretzelError, UnfittedError

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

skrub = pytest.importorskip("skrub")
s = pytest.importorskip("skrub.selectors")
if not hasattr(skrub.ApplyToCols(StandardScaler()), "keep_original"):
    pytest.skip("this release applies a transformer to each column", allow_module_level=True)
pytestmark = pytest.mark.filterwarnings("ignore")

RNG = np.random.default_rng(0)
N = 60
TABLE = pd.DataFrame(
    {
        "city": RNG.choice(["Bonn", "Paris"], N),
        "size": RNG.normal(size=N),
        "count": RNG.integers(0, 9, N),
        "short": RNG.normal(size=N).astype(np.float32),
        "when": pd.date_range("2020-01-01", periods=N, freq="31h"),
    }
)
Y = RNG.normal(size=N)


def applied(*arguments: Any, **options: Any) -> Any:
    return skrub.ApplyToCols(*arguments, **options)


def numbers() -> Any:
    return skrub.SelectCols(["size", "count", "short"])


def trees() -> Any:
    return HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=4)


def encoded() -> Any:
    return applied(OneHotEncoder(sparse_output=False, handle_unknown="ignore"), cols="city")


MODELS: dict[str, Callable[[], list[Any]]] = {
    "some": lambda: [applied(StandardScaler(), cols=["count", "size"]), skrub.DropCols(["city", "when"]), Ridge()],
    "all": lambda: [numbers(), applied(StandardScaler()), trees()],
    "others": lambda: [numbers(), applied(StandardScaler(), exclude_cols="short"), Ridge()],
    "none": lambda: [numbers(), applied(StandardScaler(), cols=[]), Ridge()],
    "two of them": lambda: [
        encoded(),
        applied(StandardScaler(), cols=s.numeric() - s.glob("city*")),
        skrub.DropCols("when"),
        Ridge(),
    ],
    "kept": lambda: [
        numbers(),
        applied(PCA(2), cols=["size", "short"], keep_original=True, rename_columns="p_{}"),
        skrub.SelectCols(["p_pca0", "count", "p_pca1", "size"]),
        Ridge(),
    ],
    "kept as they are called": lambda: [numbers(), applied(StandardScaler(), keep_original=True), Ridge()],
    "pipeline": lambda: [numbers(), applied(make_pipeline(SimpleImputer(), StandardScaler()), cols="size"), trees()],
    "ordinal": lambda: [applied(OrdinalEncoder(), cols="city"), skrub.DropCols("when"), trees()],
    "by name behind": lambda: [
        applied(StandardScaler(), cols=["count", "size"]),
        make_column_transformer((OneHotEncoder(), ["city"]), (StandardScaler(), ["size", "short"])),
        Ridge(),
    ],
    "vectorizer": lambda: [applied(skrub.TableVectorizer(), exclude_cols="size"), trees()],
    "dates": lambda: [applied(skrub.DatetimeEncoder(add_weekday=True), cols="when"), skrub.DropCols("city"), trees()],
    "rejected": lambda: [applied(skrub.DatetimeEncoder(), allow_reject=True), skrub.DropCols("city"), trees()],
}
DATED = ("dates", "rejected")


def of_library(table: pd.DataFrame, library: str) -> Any:
    return table if library == "pandas" else pl.from_pandas(table)


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("name", MODELS)
def test_answers(name: str, library: str, tmp_path: Path) -> None:
    table = of_library(TABLE, library)
    model = make_pipeline(*MODELS[name]()).fit(table, Y)
    want = model.predict(table)
    plan = pretzel.compile(model, strict=True)
    plan.save(tmp_path / "plan.pretzel")
    rows = TABLE.to_dict("records")
    for each in (plan, pretzel.load(tmp_path / "plan.pretzel")):
        if library == "pandas" or name not in DATED or each is plan:  # clocks of polars are its own
            for asked in (table, table[:1]):
                np.testing.assert_allclose(each.predict(asked), want[: len(asked)], rtol=1e-9)
        np.testing.assert_allclose(each.predict(rows), want, rtol=1e-9)
        np.testing.assert_allclose(each.predict_one(rows[3]), want[3], rtol=1e-9)
    for asked in odd(library):
        _same(model, plan, asked)
    with pytest.raises(PretzelError):
        plan.predict(TABLE.to_numpy())


def odd(library: str) -> list[Any]:
    """Requests with other types, missing values, or none."""
    found = [
        TABLE.astype({"size": np.float32}),
        TABLE.astype({"count": np.float64, "short": np.float64}),
        TABLE.assign(size=np.where(np.arange(N) % 5, TABLE["size"], np.nan)),
        TABLE.assign(city="Rome"),
        TABLE[:0],
    ]
    return [of_library(each, library) for each in found]


def _same(model: Any, plan: Any, asked: Any) -> None:
    """Both answer the same, or both reject the request."""
    try:
        want = model.predict(asked)
    except Exception:
        with pytest.raises((PretzelError, ValueError)):
            plan.predict(asked)
    else:
        np.testing.assert_allclose(plan.predict(asked), want, rtol=1e-9)


def test_frames_are_the_step_s_own() -> None:
    for library in ("pandas", "polars"):
        table = of_library(TABLE, library)
        for step in (encoded(), applied(skrub.DatetimeEncoder(), cols="when")):
            model = step.fit(table)
            assert pretzel.compile(model).transform(table).equals(model.transform(table))


def test_other_columns_are_rejected() -> None:
    """The library passes columns on that it was not fitted on, and names them by their place."""
    model = make_pipeline(numbers(), applied(StandardScaler(), cols="size"), Ridge()).fit(TABLE, Y)
    plan = pretzel.compile(model)
    np.testing.assert_allclose(plan.predict(TABLE[TABLE.columns[::-1]]), model.predict(TABLE), rtol=1e-9)
    model = make_pipeline(*MODELS["some"]()).fit(TABLE, Y)
    plan = pretzel.compile(model)
    for other in (TABLE.drop(columns="short"), TABLE.assign(more=1), TABLE[TABLE.columns[::-1]]):
        with pytest.raises(InputKeyError):
            plan.predict(other)
    with pytest.raises(InputKeyError, match="size"):
        plan.predict_one({"count": 1, "short": 2.0})


def test_a_step_without_native_form_runs_as_it_is() -> None:
    step = applied(skrub.GapEncoder(n_components=2, random_state=0), cols="city")
    for library in ("pandas", "polars"):
        table = of_library(TABLE, library)
        model = make_pipeline(step, skrub.DropCols("when"), Ridge()).fit(table, Y)
        plan = pretzel.compile(model)
        assert [each.reason for each in plan.opaque_steps] == ["GapEncoder has no native form here"]
        np.testing.assert_allclose(plan.predict(table), model.predict(table), rtol=1e-9)
        np.testing.assert_allclose(plan.predict_one(TABLE.iloc[0].to_dict()), model.predict(table[:1])[0], rtol=1e-9)


def test_what_is_set_afterwards_changes_nothing() -> None:
    model = make_pipeline(numbers(), applied(StandardScaler(), cols="size"), Ridge()).fit(TABLE, Y)
    model[1].set_params(cols="count", exclude_cols="size", keep_original=True, rename_columns="x{}")
    np.testing.assert_allclose(pretzel.compile(model).predict(TABLE), model.predict(TABLE), rtol=1e-9)


def test_unfitted() -> None:
    with pytest.raises(UnfittedError):
        pretzel.compile(applied(StandardScaler()))
