"""Imputers and missing indicators against scikit-learn: native, interpreter, rejections."""

from __future__ import annotations

import asyncio
import math
import pickle
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.experimental import enable_iterative_imputer  # noqa: F401
from sklearn.impute import IterativeImputer, KNNImputer, MissingIndicator, SimpleImputer
from sklearn.linear_model import ARDRegression, BayesianRidge, HuberRegressor, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    MaxAbsScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)
from sklearn.svm import SVR
from sklearn.tree import DecisionTreeRegressor

import pretzel
from pretzel.errors import InputTypeError, InputValueError, OpaqueStepError
from pretzel.oven.frontends.importer import Importer
from pretzel.oven.frontends.sklearn.compat import since
from pretzel.oven.ir.interpret import interpret
from tests import releases

if TYPE_CHECKING:
    from pathlib import Path

SPECIAL = [0.0, -0.0, 5e-324, -5e-324, 1.7976931348623157e308, -1.7976931348623157e308, math.nan, -1.0, 3.5]
BATCHES = (1, 2, 1000)


def numbers(n: int, width: int = 5) -> np.ndarray:
    rng = np.random.default_rng(7)
    X = rng.normal(size=(n, width))
    X[rng.random(X.shape) < 0.3] = np.nan
    X.flat[: len(SPECIAL)] = SPECIAL[: X.size]
    return X


def native(estimator: Any, X: Any, method: str = "transform") -> Any:
    return getattr(pretzel.compile(estimator, strict=True), method)(X)


def reference(estimator: Any, X: Any, method: str = "transform") -> Any:
    output = Importer(estimator).run().methods[method]
    return interpret([output.node], X)[output.node]


def assert_same(got: Any, expected: Any) -> None:
    assert got.shape == expected.shape
    np.testing.assert_array_equal(got, expected)
    assert (np.signbit(got.astype(float)) == np.signbit(expected.astype(float))).all()


@pytest.mark.parametrize("strategy", ["mean", "median", "most_frequent", "constant"])
@pytest.mark.parametrize("indicator", [False, True])
def test_numbers_bit_for_bit(strategy: str, indicator: bool) -> None:
    estimator = SimpleImputer(strategy=strategy, add_indicator=indicator).fit(numbers(300))
    plan = pretzel.compile(estimator, strict=True)
    for n in BATCHES:
        X = numbers(n)
        if n == 0:
            assert plan.transform(X).shape == (0, len(estimator.get_feature_names_out()))
            continue
        expected = estimator.transform(X)
        assert_same(plan.transform(X), expected)
        assert_same(reference(estimator, X), expected)
        assert_same(np.vstack([plan.transform_one(row) for row in X[:20]]), expected[:20])


@pytest.mark.parametrize("missing", [-1.0, 0, 5e-324])
def test_a_number_as_the_missing_value(missing: float) -> None:
    X = np.nan_to_num(numbers(50), nan=missing)
    estimator = SimpleImputer(missing_values=missing, strategy="median", add_indicator=True).fit(X)
    assert_same(native(estimator, X), estimator.transform(X))
    assert_same(reference(estimator, X), estimator.transform(X))
    X[3, 1] = np.nan
    with pytest.raises(InputValueError, match="row 3"):
        native(estimator, X)


def test_infinity_is_rejected_as_by_the_source() -> None:
    estimator = SimpleImputer().fit(numbers(30))
    X = numbers(5)
    X[4, 2] = np.inf
    with pytest.raises(ValueError, match="infinity"):
        estimator.transform(X)
    with pytest.raises(InputValueError, match="infinity"):
        native(estimator, X)


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.filterwarnings("ignore:Skipping features")
def test_columns_without_values(keep: bool) -> None:
    X = numbers(40)
    X[:, [1, 3]] = np.nan
    estimator = SimpleImputer(keep_empty_features=keep, add_indicator=True).fit(X)
    for Z in (X, numbers(9)):
        assert_same(native(estimator, Z), estimator.transform(Z))
        assert_same(reference(estimator, Z), estimator.transform(Z))


def test_integers_keep_the_statistic_of_their_dtype() -> None:
    X = np.array([[1, -1], [2, 7], [2, 7], [-1, 3]])
    for strategy in ("most_frequent", "mean"):
        estimator = SimpleImputer(missing_values=-1, strategy=strategy).fit(X)
        assert_same(native(estimator, X), estimator.transform(X))


def test_float32_statistics_are_rounded_as_in_fit() -> None:
    estimator = SimpleImputer(strategy="constant", fill_value=np.float32(0.1)).fit(numbers(60)[9:].astype(np.float32))
    assert_same(native(estimator, numbers(9)), estimator.transform(numbers(9)))


TEXTS = ["a", "b", "", "Ärger", "日本語", "🥨", "a longer text than eight bytes", np.nan, "a"]


@pytest.mark.parametrize(
    ("missing", "strategy", "fill"),
    [
        (np.nan, "most_frequent", None),
        (np.nan, "constant", None),
        (np.nan, "constant", "🥨🥨"),
        ("", "most_frequent", None),
        ("日本語", "constant", "Ä"),
        ("a longer text than eight bytes", "constant", "none"),
    ],
)
def test_texts(missing: Any, strategy: str, fill: Any) -> None:
    texts = [t for t in TEXTS if isinstance(t, str)] if isinstance(missing, str) else TEXTS
    frame = pd.DataFrame({"x": texts, "y": texts[::-1]}, dtype=object)
    imputer = SimpleImputer(missing_values=missing, strategy=strategy, fill_value=fill)
    estimator = make_pipeline(imputer, OneHotEncoder(sparse_output=False, handle_unknown="ignore")).fit(frame)
    expected = estimator.transform(frame)
    assert_same(native(estimator, frame), expected)
    assert_same(reference(estimator, frame), expected)
    strings = frame.astype("str") if releases.TEXTS_ARE_NA and not isinstance(missing, str) else frame
    assert_same(native(estimator, strings), expected)


def test_none_is_missing_only_where_it_was_named() -> None:
    frame = pd.DataFrame({"x": ["a", None, "b", "a"]}, dtype=object)
    for missing in (None, pd.NA):
        imputer = SimpleImputer(missing_values=missing, strategy="most_frequent")
        estimator = make_pipeline(imputer, OneHotEncoder(sparse_output=False)).fit(frame)
        assert_same(native(estimator, frame), estimator.transform(frame))
    imputer = SimpleImputer(strategy="most_frequent").fit(frame[["x"]].replace({None: np.nan}))
    estimator = make_pipeline(imputer, OneHotEncoder(sparse_output=False, handle_unknown="ignore"))
    estimator.fit(frame[:1])
    assert_same(native(estimator, frame), estimator.transform(frame))


def test_nan_is_rejected_among_texts_when_another_value_is_missing() -> None:
    frame = pd.DataFrame({"x": ["a", "?", "b"]}, dtype=object)
    imputer = SimpleImputer(missing_values="?", strategy="most_frequent")
    estimator = make_pipeline(imputer, OneHotEncoder(sparse_output=False)).fit(frame)
    bad = pd.DataFrame({"x": ["a", np.nan]}, dtype=object)
    with pytest.raises(ValueError, match="NaN"):
        estimator.transform(bad)
    with pytest.raises(InputValueError, match="NaN"):
        native(estimator, bad)
    assert_same(native(estimator, frame), estimator.transform(frame))


@pytest.mark.parametrize("features", ["missing-only", "all"])
def test_missing_indicator(features: str) -> None:
    X = numbers(50)
    X[:, 2] = 1.0
    estimator = MissingIndicator(features=features).fit(X)
    got = native(estimator, X)
    assert got.dtype == estimator.transform(X).dtype
    assert_same(got, estimator.transform(X))
    assert_same(reference(estimator, X), estimator.transform(X))


def test_missing_indicator_rejects_a_new_column_with_missing_values() -> None:
    X = numbers(50)
    X[:, 2] = 1.0
    Z = numbers(3)
    Z[1, 2] = np.nan
    estimator = MissingIndicator().fit(X)
    with pytest.raises(ValueError, match="no missing values in fit"):
        estimator.transform(Z)
    with pytest.raises(InputValueError):
        native(estimator, Z)
    relaxed = MissingIndicator(error_on_new=False).fit(X)
    assert_same(native(relaxed, Z), relaxed.transform(Z))


def test_what_is_not_supported_is_opaque() -> None:
    frame = pd.DataFrame({"x": ["a", np.nan, "b"]}, dtype=object)
    estimator = SimpleImputer(strategy="most_frequent", add_indicator=True).fit(frame)
    with pytest.raises(OpaqueStepError, match="add_indicator"):
        pretzel.compile(estimator, strict=True)


def test_sparse_rows_stay_sparse() -> None:
    X = np.array([["a"], ["b"], ["a"]], dtype=object)
    estimator = make_pipeline(OneHotEncoder(), SimpleImputer()).fit(X)
    with pytest.raises(OpaqueStepError, match="sparse"):
        pretzel.compile(estimator, strict=True)
    got = pretzel.compile(estimator).transform(X)
    np.testing.assert_array_equal(got.toarray(), estimator.transform(X).toarray())


BESIDE = {
    "alone": None,
    "beside numbers": (StandardScaler(), ["c"]),
    "beside texts": (OrdinalEncoder(), ["d"]),
    "beside columns as they are": ("passthrough", ["c"]),
}


@pytest.mark.parametrize("last", [RandomForestRegressor(5, random_state=0), HistGradientBoostingRegressor(max_iter=5)])
@pytest.mark.parametrize("beside", BESIDE)
@pytest.mark.parametrize("keeps", [True, False])
def test_none_among_objects_is_what_it_is_for_the_source(keeps: bool, beside: str, last: Any) -> None:
    """None is no NaN: strategies that keep objects leave it to the next step; the others make numbers first."""
    rng = np.random.default_rng(0)
    X = pd.DataFrame(
        {"a": rng.normal(size=60), "b": rng.normal(size=60), "c": rng.normal(size=60), "d": ["x", "y"] * 30}
    )
    X.loc[::7, "a"] = math.nan
    y = X.b + 9 * X.a.isna()
    for options in ({"strategy": "most_frequent"}, {"strategy": "constant", "fill_value": -1}) if keeps else ({},):
        imputer = SimpleImputer(**options)
        scaled = make_pipeline(imputer, MaxAbsScaler())
        for part in (imputer, scaled):
            parts = [(part, ["a", "b"])] + ([] if BESIDE[beside] is None else [BESIDE[beside]])
            model = make_pipeline(make_column_transformer(*parts), last).fit(X, y)
            plan, exact = pretzel.compile(model), pretzel.compile(model, none="exact")
            rows = [{**row, "a": None} for row in X[1:4].to_dict("records")]
            for request in (pd.DataFrame(rows), pd.DataFrame(rows[:1]), X.astype({"a": object})):
                np.testing.assert_allclose(plan.predict(request), model.predict(request), rtol=1e-9)
            expected = model.predict(pd.DataFrame(rows))
            np.testing.assert_allclose(exact.predict(rows), expected, rtol=1e-9)
            np.testing.assert_allclose([exact.predict_one(row) for row in rows], expected, rtol=1e-9)
            imputed = model.predict(X[1:4].assign(a=math.nan))
            np.testing.assert_allclose([plan.predict_one(row) for row in rows], imputed, rtol=1e-9)
            np.testing.assert_allclose(plan.predict(rows), imputed, rtol=1e-9)


def test_none_among_objects_where_another_value_is_missing() -> None:
    X = np.array([[1.0, 0.0], [0.0, 2.0], [3.0, 2.0], [1.0, 4.0]])
    model = make_pipeline(SimpleImputer(missing_values=0, strategy="most_frequent"), HistGradientBoostingRegressor())
    model.fit(X, X[:, 0])
    for request in ([[None, 0.0], [0, 2.0]], np.array([[None, 2.0]], dtype=object)):
        np.testing.assert_array_equal(pretzel.compile(model).predict(request), model.predict(request))


@pytest.mark.parametrize("regression", [None, BayesianRidge(), ARDRegression(), Ridge(), HuberRegressor()], ids=repr)
def test_rounds_of_regressions(regression: Any) -> None:
    """Regressors that return the standard deviation of a prediction are linear, too; the default is one of them."""
    rows = np.random.default_rng(0).normal(size=(80, 4)) @ np.random.default_rng(1).normal(size=(4, 4))
    rows[np.random.default_rng(2).random(rows.shape) < 0.1] = np.nan
    model = IterativeImputer(regression, max_iter=3, random_state=0).fit(rows)
    plan = pretzel.compile(model, strict=True)
    for row, answer in zip(rows, plan.transform(rows), strict=True):
        np.testing.assert_allclose(answer, model.transform(row[None])[0], rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "regression",
    [
        RandomForestRegressor(3, max_depth=4, random_state=0),
        HistGradientBoostingRegressor(max_iter=3),
        make_pipeline(StandardScaler(), KNeighborsRegressor()),
        SVR(),
    ],
    ids=lambda regression: type(regression).__name__,
)
@pytest.mark.parametrize("options", [{}, {"n_nearest_features": 2, "min_value": 0.0, "add_indicator": True}], ids=str)
def test_rounds_of_any_regressions(regression: Any, options: dict[str, Any]) -> None:
    rows = np.random.default_rng(0).normal(size=(80, 4)) @ np.random.default_rng(1).normal(size=(4, 4))
    rows[np.random.default_rng(2).random(rows.shape) < 0.2] = np.nan
    model = IterativeImputer(regression, max_iter=3, random_state=0, **options).fit(rows)
    plan = pretzel.compile(model, strict=True)
    asked = [*rows, np.full(4, np.nan), np.array([1e39, 1.0, 2.0, 3.0]), np.array([1.0, math.nan, 2.0, 3.0])]
    expected = [model.transform(row[None])[0] for row in asked]
    np.testing.assert_allclose(plan.transform(np.array(asked)), expected, rtol=1e-9, atol=1e-12)
    for row, answer in zip(asked[-9:], expected[-9:], strict=True):
        np.testing.assert_allclose(plan.transform_one(row), answer, rtol=1e-9, atol=1e-12)


def test_rounds_of_trees_see_only_rows_that_lack_a_value() -> None:
    """A tree rejects what float32 does not hold."""
    rows = np.random.default_rng(0).integers(0, 4, size=(90, 4)).astype(np.float64)
    rows[np.random.default_rng(2).random(rows.shape) < 0.2] = np.nan
    model = IterativeImputer(DecisionTreeRegressor(max_depth=3, random_state=0), max_iter=2, random_state=0).fit(rows)
    plan = pretzel.compile(model, strict=True)
    whole = np.array([[1e39, 1.0, 2.0, 3.0]])
    np.testing.assert_array_equal(plan.transform(whole), whole)
    lacking = np.array([[1e39, math.nan, 2.0, 3.0]])
    with pytest.raises(ValueError, match="too large"):
        model.transform(lacking)
    with pytest.raises(InputValueError, match="too large"):
        plan.transform(lacking)


def test_rounds_of_what_has_no_native_form_are_opaque() -> None:
    rows = np.random.default_rng(0).normal(size=(30, 3))
    rows[::7, 0] = np.nan
    member = make_pipeline(FunctionTransformer(lambda X: X * 2), Ridge())
    with pytest.raises(OpaqueStepError, match=r"IterativeImputer\(estimator=Pipeline\(...\)\), which is not native"):
        pretzel.compile(IterativeImputer(member, max_iter=1).fit(rows), strict=True)


ARROW = {
    "booleans": {"a": [True, None, False], "b": [True, False, None]},
    "floats": {"a": [True, None, False], "b": [1.0, None, 2.0]},
    "integers": {"a": [True, None, False], "b": [1, None, 2]},
    "no nulls": {"a": [True, True, False], "b": [True, False, False]},
    "no booleans": {"a": [1, None, 0], "b": [1.0, None, 2.0]},
}


@pytest.mark.parametrize("library", ["pyarrow", "polars"])
@pytest.mark.parametrize("columns", ARROW)
def test_nulls_of_booleans_are_none_for_what_takes_objects(columns: str, library: str) -> None:
    packages = pytest.importorskip("pyarrow"), pytest.importorskip(library)
    table: Any = packages[0].table(ARROW[columns])
    if library == "polars":
        table = packages[1].from_arrow(table)
    everything, most = MissingIndicator(features="all"), SimpleImputer(strategy="most_frequent")
    for estimator in (
        everything,
        most,
        make_union(everything, SimpleImputer()),
        make_pipeline(everything, Binarizer()),
    ):
        fitted = clone(estimator).fit(np.array([[1.0, np.nan], [0.0, 1.0], [np.nan, 1.0]]))
        plan = pretzel.compile(fitted)
        try:
            expected = fitted.transform(table)
        except ValueError:
            with pytest.raises(ValueError, match="bool"):
                plan.transform(table)
            continue
        answer = plan.transform(table)
        assert answer.dtype == expected.dtype
        np.testing.assert_array_equal(answer, expected)


# ---- KNNImputer ------------------------------------------------------------------------------------------------------


def _with_holes(rows: np.ndarray, seed: int) -> np.ndarray:
    return np.where(np.random.default_rng(seed).random(rows.shape) < 0.2, np.nan, rows)


NEIGHBORS = [
    {},
    {"weights": "distance"},
    {"n_neighbors": 1},
    {"n_neighbors": 500, "weights": None},
    {"keep_empty_features": True, "add_indicator": True, "weights": "distance"},
]


@pytest.mark.parametrize("options", NEIGHBORS, ids=str)
@pytest.mark.parametrize("kind", ["numbers", "whole", "near duplicates", "far from zero", "another missing value"])
def test_means_of_neighbors(options: dict[str, Any], kind: str) -> None:
    rng = np.random.default_rng(0)
    rows, asked = _with_holes(rng.normal(size=(80, 5)), 1), _with_holes(rng.normal(size=(30, 5)), 2)
    rows[:, 1], asked[0] = np.nan, np.nan
    if kind == "whole":
        rows, asked = np.round(rows), np.round(asked)
    elif kind == "near duplicates":
        rows, asked = np.vstack([rows, rows[:20]]), np.vstack([rows[:10], rows[10:20] * (1.0 + 1e-9), asked])
    elif kind == "far from zero":
        rows, asked = rows + 1e6, asked + 1e6
    elif kind == "another missing value":
        options = {**options, "missing_values": -1}
        rows, asked = np.nan_to_num(rows, nan=-1.0), np.nan_to_num(asked, nan=-1.0)
    model = KNNImputer(**options).fit(rows)
    plan = pretzel.compile(model, strict=since("1.6") or options.get("weights") == "distance")
    alone = np.vstack([model.transform(row[None]) for row in asked])
    np.testing.assert_allclose(plan.transform(asked), alone, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose([plan.transform_one(tuple(row)) for row in asked], alone, rtol=1e-9, atol=1e-12)
    if kind in ("numbers", "whole"):  # otherwise the source's rounding depends on the other rows
        np.testing.assert_allclose(plan.transform(asked), model.transform(asked), rtol=1e-9, atol=1e-12)
    assert pretzel.verify(plan, model, asked).ok


@pytest.mark.parametrize("options", [*NEIGHBORS, {"missing_values": -1}, {"missing_values": 0.1}], ids=str)
@pytest.mark.parametrize("fitted", ["float32", "float64"])
def test_means_of_neighbors_in_float32(fitted: str, options: dict[str, Any]) -> None:
    """Rows of float32 and stored ones of float64 are compared in float64, and means are rounded."""
    rng = np.random.default_rng(0)
    rows, asked = _with_holes(rng.normal(size=(80, 5)), 1), _with_holes(rng.normal(size=(30, 5)), 2)
    if (missing := options.get("missing_values")) is not None:
        rows, asked = (np.nan_to_num(each, nan=missing) for each in (rows, asked))
    asked = asked.astype(np.float32)
    model = KNNImputer(**options).fit(rows.astype(fitted))
    plan = pretzel.compile(model)
    alone = np.vstack([model.transform(row[None]) for row in asked])
    found = plan.transform(asked)
    assert found.dtype == alone.dtype == np.float32
    np.testing.assert_allclose(found, alone, rtol=1e-7)
    if fitted == "float64" and missing != 0.1 and not plan.opaque_steps:
        without_source = pickle.loads(pickle.dumps(plan))
        np.testing.assert_array_equal(without_source.transform(asked), found)
    behind = make_pipeline(model, Ridge()).fit(rows, rng.normal(size=80))
    np.testing.assert_allclose(pretzel.compile(behind).predict(asked), behind.predict(asked), rtol=1e-5, atol=1e-7)


TIES = np.array([[1.0, 0.0], [2.0, 0.0], [7.0, 2.0], [5.0, 2.0]])


def test_tied_rows_are_left_to_the_source(tmp_path: Path) -> None:
    model = KNNImputer(n_neighbors=1).fit(TIES)
    asked = np.array([[np.nan, 0.0], [3.0, 1.0], [np.nan, 1.0]])
    expected = model.transform(asked)
    frame = pd.DataFrame(asked, columns=["a", "b"])
    plan = pretzel.compile(model)  # which keeps the estimator
    for table in (asked, asked.tolist(), np.asfortranarray(asked), asked.astype(np.float32)):
        np.testing.assert_array_equal(plan.transform(table), expected)
        assert plan.transform(table).dtype == model.transform(table).dtype
    np.testing.assert_array_equal(plan.transform_one((None, 0.0)), expected[0])
    stored = pd.DataFrame(TIES, columns=["a", "b"])
    named = pretzel.compile(KNNImputer(n_neighbors=1).set_output(transform="pandas").fit(stored))
    pd.testing.assert_frame_equal(named.transform(frame), pd.DataFrame(expected, columns=["a", "b"]))
    np.testing.assert_array_equal(named.transform_one({"a": None, "b": 0.0}), expected[0])
    plan.save(tmp_path / "plan")
    with pytest.raises(InputTypeError, match="row 0, column 0: stored rows are equally far"):
        pretzel.load(tmp_path / "plan").transform(asked)


def test_tied_rows_in_a_runtime() -> None:
    model = make_pipeline(KNNImputer(n_neighbors=1), Ridge()).fit(TIES, [1.0, 2.0, 3.0, 5.0])
    asked = np.array([[3.0, 1.0], [np.nan, 0.0]])
    expected = model.predict(asked)
    with pretzel.Runtime() as runtime:
        runtime.register("ties", model)
        handle = runtime["ties"]

        async def awaited() -> tuple[Any, Any]:
            return await handle.apredict(asked), await handle.apredict_one((None, 0.0))

        whole, one = asyncio.run(awaited())
        many = runtime.predict_many([("ties", (None, 0.0))])
        np.testing.assert_allclose(handle.submit(asked).result(), expected)
        np.testing.assert_allclose(whole, expected)
        np.testing.assert_allclose([one, *many, *runtime.predict_all((None, 0.0), ["ties"])], expected[1])
