"""SelectCols and DropCols of skrub against the library, whatever stands before and behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import pretzel
from pretzel.errors import InputKeyError

if TYPE_CHECKING:
    from pathlib import Path

skrub = pytest.importorskip("skrub")
s = pytest.importorskip("skrub.selectors")
pytestmark = pytest.mark.filterwarnings("ignore")

RNG = np.random.default_rng(0)
N = 40
TABLE = pd.DataFrame(
    {
        "city": RNG.choice(["Bonn", "Paris"], N),
        "size": RNG.normal(size=N),
        "count": RNG.integers(0, 9, N),
        "short": RNG.normal(size=N).astype(np.float32),
    }
)
Y = RNG.normal(size=N)
NUMBERS = ["size", "count", "short"]
MODELS: dict[str, tuple[Any, list[str]]] = {
    "names": ([skrub.SelectCols(["count", "size"]), StandardScaler()], ["size", "count"]),
    "one name": ([skrub.SelectCols("city"), OneHotEncoder()], ["city"]),
    "selector": ([skrub.SelectCols(s.numeric() - "short"), StandardScaler()], ["size", "count"]),
    "dropped": ([skrub.DropCols(s.string()), StandardScaler()], NUMBERS),
    "set afterwards": ([skrub.DropCols("city"), StandardScaler()], NUMBERS),
    "selected twice": ([skrub.DropCols("size"), skrub.SelectCols(["short", "count"])], ["city", "short", "count"]),
    "union": (
        [
            make_union(
                make_pipeline(skrub.SelectCols(["short", "size"]), StandardScaler()),
                make_pipeline(skrub.SelectCols("city"), OneHotEncoder()),
            )
        ],
        ["city", "size", "short"],
    ),
    "parts by name": (
        [
            skrub.DropCols("count"),
            make_column_transformer((OneHotEncoder(), ["city"]), remainder=StandardScaler()),
        ],
        ["city", "size", "short"],
    ),
    "inside": (
        [make_column_transformer((skrub.SelectCols(["count"]), ["size", "count"]), (OneHotEncoder(), ["city"]))],
        ["city", "size", "count"],
    ),
    "behind a frame": (
        [StandardScaler().set_output(transform="pandas"), skrub.SelectCols(["short", "size"])],
        NUMBERS,
    ),
}


def of_library(table: pd.DataFrame, library: str) -> Any:
    return table if library == "pandas" else pl.from_pandas(table)


@pytest.mark.parametrize("library", ["pandas", "polars"])
@pytest.mark.parametrize("name", MODELS)
def test_columns(name: str, library: str, tmp_path: Path) -> None:
    if library == "polars" and name in ("inside", "behind a frame"):
        pytest.skip("the library finds no columns of polars in what scikit-learn makes")
    steps, read = MODELS[name]
    given = TABLE[NUMBERS] if name == "behind a frame" else TABLE
    model = clone(make_pipeline(*steps, Ridge())).fit(of_library(given, library), Y)
    if name == "set afterwards":
        model[0].set_params(cols=["size"])
    plan = pretzel.compile(model, strict=True)
    plan.save(tmp_path / "plan.pretzel")
    want = model.predict(of_library(given, library))
    few = given[read]
    for each in (plan, pretzel.load(tmp_path / "plan.pretzel")):
        for asked in (given, given[:1], few):
            got = each.predict(of_library(asked, library))
            np.testing.assert_allclose(got, want[: len(asked)], rtol=1e-9)
        if name != "behind a frame":  # whose scaler compares names
            np.testing.assert_allclose(each.predict(of_library(given[given.columns[::-1]], library)), want, rtol=1e-9)
        np.testing.assert_allclose(each.predict(few.to_dict("records")), want, rtol=1e-9)
        np.testing.assert_allclose(each.predict_one(few.iloc[3].to_dict()), want[3], rtol=1e-9)
        with pytest.raises(InputKeyError, match=read[-1]):
            each.predict(of_library(few[read[:-1]].assign(other=1), library))
    if name != "behind a frame":
        with pytest.raises((TypeError, ValueError)):
            model.predict(few.to_numpy())
        with pytest.raises(InputKeyError, match="by name"):
            plan.predict(few.to_numpy())


def test_a_selection_of_the_request_costs_nothing() -> None:
    model = make_pipeline(skrub.SelectCols(["size", "count"]), StandardScaler(), Ridge()).fit(TABLE, Y)
    alone = make_pipeline(StandardScaler(), Ridge()).fit(TABLE[["size", "count"]], Y)
    found = [pretzel.compile(each).explain() for each in (model, alone)]
    calls = [[line for line in text.splitlines() if "->" in line] for text in found]
    assert calls[0] == calls[1] != []


def test_frames_are_the_selection_s_own() -> None:
    for library in ("pandas", "polars"):
        table = of_library(TABLE, library)
        model = skrub.SelectCols(["count", "city"]).fit(table)
        plan = pretzel.compile(model)
        assert plan.transform(table).equals(model.transform(table))
    vectors = make_pipeline(skrub.TableVectorizer(), skrub.SelectCols(["count", "size"])).fit(TABLE)
    pd.testing.assert_frame_equal(pretzel.compile(vectors).transform(TABLE), vectors.transform(TABLE))


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_beside_a_vectorizer(library: str) -> None:
    table = of_library(TABLE, library)
    for steps in (
        [skrub.DropCols("size"), skrub.TableVectorizer()],
        [skrub.TableVectorizer(), skrub.DropCols("size"), StandardScaler()],
    ):
        model = make_pipeline(*steps, Ridge()).fit(table, Y)
        plan = pretzel.compile(model, strict=True)
        np.testing.assert_allclose(plan.predict(table), model.predict(table), rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(plan.predict(table[:1]), model.predict(table[:1]), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_precision(library: str) -> None:
    """scikit-learn sees no float32 in frames of polars, whatever has selected their columns."""
    table = of_library(TABLE.assign(long=TABLE["short"] * 1000 + 1e4).astype({"long": np.float32}), library)
    for steps in ([skrub.SelectCols(["long", "short"])], [skrub.DropCols("city"), skrub.SelectCols("long")]):
        model = make_pipeline(*steps, StandardScaler()).fit(table)
        want, got = model.transform(table), pretzel.compile(model, strict=True).transform(table)
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


def test_behind_an_opaque_step() -> None:
    step = FunctionTransformer(_changed)
    model = make_pipeline(step, skrub.SelectCols(["twice", "size"]), StandardScaler(), Ridge()).fit(TABLE, Y)
    plan = pretzel.compile(model)
    assert [call.step for call in plan.opaque_steps] == ["Pipeline.functiontransformer"]
    np.testing.assert_allclose(plan.predict(TABLE), model.predict(TABLE), rtol=1e-9)


class Doubled(BaseEstimator, TransformerMixin):
    """A step that says nothing about its columns."""

    def fit(self, X: Any, y: Any = None) -> Doubled:
        self.fitted_ = True
        return self

    def transform(self, X: Any) -> Any:
        return X[["count"]] * 2


def test_beside_a_step_that_reads_other_columns() -> None:
    model = make_pipeline(make_union(skrub.SelectCols("size"), Doubled()), Ridge()).fit(TABLE, Y)
    plan = pretzel.compile(model)
    np.testing.assert_allclose(plan.predict(TABLE), model.predict(TABLE), rtol=1e-9)
    np.testing.assert_allclose(plan.predict(TABLE[:1]), model.predict(TABLE[:1]), rtol=1e-9)


def _changed(table: pd.DataFrame) -> pd.DataFrame:
    return table.assign(twice=table["count"] * 2)


def test_a_column_that_is_selected_twice() -> None:
    model = skrub.SelectCols(["size", "size"]).fit(TABLE)
    plan = pretzel.compile(model)
    assert "selected twice" in plan.opaque_steps[0].reason
    pd.testing.assert_frame_equal(plan.transform(TABLE), model.transform(TABLE))
