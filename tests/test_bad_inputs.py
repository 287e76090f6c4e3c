"""Bad requests, one by one: what is raised, what the message names, and that the model answers afterwards."""

from __future__ import annotations

import functools
import math
import reprlib
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer, make_column_transformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.feature_selection import VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

import pretzel
from pretzel.errors import (
    CompileError,
    InputKeyError,
    InputShapeError,
    InputTypeError,
    InputValueError,
    PretzelError,
    UnfittedError,
)

if TYPE_CHECKING:
    from collections.abc import Callable

HUGE = "x" * 10_000_000
DOCUMENTS = ["good film", "bad film", "a good day", "", "Schöne Grüße", "bad bad day"]
ROW = {"age": 41.0, "income": 3.5, "city": "Köln"}


class Model(NamedTuple):
    """A source, its plan, and a good request of each form."""

    source: Any
    plan: Any
    good: Any
    row: Any


@functools.cache
def people(n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    frame = pd.DataFrame({"age": rng.integers(20, 80, n).astype(float), "income": rng.normal(size=n)})
    frame["city"] = rng.choice(["Bonn", "Köln", "東京"], size=n)
    frame.loc[::9, "income"] = np.nan
    return frame


def make_text() -> Model:
    source = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(DOCUMENTS, [1, 0, 1, 0, 1, 0])
    return Model(source, pretzel.compile(source, strict=True), DOCUMENTS, "good day")


def make_table(handle_unknown: str = "ignore") -> Model:
    frame = people()
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = ColumnTransformer(
        [("n", numbers, ["age", "income"]), ("c", OneHotEncoder(handle_unknown=handle_unknown), ["city"])]
    )
    source = make_pipeline(columns, LogisticRegression()).fit(frame, np.arange(60) % 2)
    return Model(source, pretzel.compile(source, strict=True), frame, ROW)


def make_dense() -> Model:
    X = np.random.default_rng(1).normal(size=(50, 3))
    source = make_pipeline(StandardScaler(), Ridge()).fit(X, X @ [1.0, 2.0, 3.0])
    return Model(source, pretzel.compile(source, strict=True), X, X[7])


def make_named() -> Model:
    frame = people()[["age", "income"]].fillna(0.0)
    source = make_pipeline(StandardScaler(), Ridge()).fit(frame, frame["age"])
    return Model(source, pretzel.compile(source, strict=True), frame, {"age": 41.0, "income": 3.5})


def make_forest() -> Model:
    X = np.random.default_rng(1).normal(size=(50, 3))
    source = RandomForestClassifier(5, random_state=0).fit(X, X[:, 0] > 0)
    return Model(source, pretzel.compile(source, strict=True), X, X[7])


MAKERS: dict[str, Callable[[], Model]] = {
    "text": make_text,
    "table": make_table,
    "exact": lambda: make_table("error"),
    "dense": make_dense,
    "named": make_named,
    "forest": make_forest,
}


@pytest.fixture(scope="module")
def models() -> dict[str, Model]:
    return {name: make() for name, make in MAKERS.items()}


def answers(model: Model) -> None:
    """The plan still says what its source says, in a batch and for one row."""
    expected = model.source.predict(model.good)
    np.testing.assert_allclose(model.plan.predict(model.good), expected, rtol=1e-9)
    table = [model.row] if isinstance(model.row, str) else None
    if isinstance(model.row, dict):
        table = pd.DataFrame([model.row])
    elif table is None:
        table = model.row.reshape(1, -1)
    np.testing.assert_allclose(model.plan.predict_one(model.row), model.source.predict(table)[0], rtol=1e-9)


def changed(**fields: Any) -> dict[str, Any]:
    return {**ROW, **fields}


def without(key: str) -> dict[str, Any]:
    return {k: v for k, v in ROW.items() if k != key}


ROWS: list[tuple[str, Any, type[PretzelError], str]] = [
    # one document
    ("text", None, InputTypeError, "expected a str, got NoneType"),
    ("text", 7, InputTypeError, "expected a str, got int"),
    ("text", math.nan, InputTypeError, "expected a str, got float"),
    ("text", ["good"], InputTypeError, "expected a str, got list"),
    ("text", {"text": "good"}, InputTypeError, "expected a str, got dict"),
    # a row with names and texts
    ("table", without("city"), InputKeyError, "missing 'city'"),
    ("table", without("age"), InputKeyError, "missing 'age'"),
    ("table", {**without("income"), "incme": 1.0}, InputKeyError, r"missing 'income'.*did you mean 'income'"),
    ("table", {}, InputKeyError, "missing 'age', 'income', 'city'"),
    ("table", changed(age=""), InputTypeError, "'age': expected a number, got str ''"),
    ("table", changed(age=b"old"), InputTypeError, "'age': expected a number, got bytes"),
    ("table", changed(age=1j), InputTypeError, "'age': expected a number, got complex"),
    ("table", changed(age=[41.0]), InputTypeError, "'age'.*got list"),
    ("table", changed(age=10**400), InputTypeError, "'age': expected a number, got int 1000"),
    ("table", changed(age=np.datetime64("2020-01-01")), InputTypeError, "'age': expected a number, got datetime64"),
    ("table", changed(age=np.datetime64("2020-01-01", "ns")), InputTypeError, "'age'.*got datetime64"),
    ("table", changed(age=np.timedelta64(1, "ns")), InputTypeError, "'age'.*got timedelta64"),
    ("table", changed(age=np.complex64(1j)), InputTypeError, "'age'.*got complex64"),
    ("table", changed(age=np.zeros(2)), InputTypeError, "'age'.*got ndarray"),
    ("table", changed(age=HUGE), InputTypeError, "'age': expected a number, got str 'xxxx"),
    ("table", changed(city=["Bonn"]), InputTypeError, "'city'.*got list"),
    ("table", changed(age=math.inf), InputValueError, "'age' holds infinity"),
    ("table", changed(age=-math.inf), InputValueError, "'age' holds infinity"),
    ("exact", changed(city="Ulm"), InputValueError, "'city' holds a category that was not seen"),
    ("exact", changed(city=""), InputValueError, "'city' holds a category that was not seen"),
    ("exact", changed(city=None), InputValueError, "'city' holds a category that was not seen"),
    ("exact", changed(city=math.nan), InputValueError, "'city' holds a category that was not seen"),
    ("exact", changed(city=7), InputValueError, "'city' holds a category that was not seen"),
    ("exact", changed(city=HUGE), InputValueError, "'city' holds a category that was not seen"),
    ("table", (1.0, 2.0), InputShapeError, "expected 3 values, got 2"),
    ("table", (1.0, 2.0, "Bonn", 4.0), InputShapeError, "expected 3 values, got 4"),
    ("table", "Bonn", InputTypeError, "got str"),
    ("table", b"Bonn", InputTypeError, "got bytes"),
    ("table", None, InputTypeError, "got NoneType"),
    ("table", 7, InputTypeError, "got int"),
    # a row of numbers
    ("dense", (1.0, 2.0), InputShapeError, "expected 3 values, got 2"),
    ("dense", [], InputShapeError, "expected 3 values, got 0"),
    ("dense", np.zeros(4), InputShapeError, "expected 3 values, got 4"),
    ("dense", np.zeros((1, 3)), InputShapeError, r"2-D data of shape \(1, 3\)"),
    ("dense", np.zeros((1, 3, 1)), InputShapeError, "3-D data"),
    ("dense", {"a": 1.0}, InputTypeError, "without column names"),
    ("dense", (1.0, None, 3.0), InputValueError, "column 1 holds NaN"),
    ("dense", (1.0, 2.0, math.nan), InputValueError, "column 2 holds NaN"),
    ("dense", (1.0, math.inf, 3.0), InputValueError, "column 1 holds infinity"),
    ("dense", (1.0, "x", 3.0), InputTypeError, "column 1: expected a number, got str"),
    ("dense", np.array([1.0, "x", 3.0], dtype=object), InputTypeError, "column 1: expected a number, got str"),
    ("dense", np.array([1.0, 2.0, None], dtype=object), InputValueError, "column 2 holds NaN"),
    ("dense", (1.0, 10**400, 3.0), InputTypeError, "column 1: expected a number, got int 1000"),
    ("dense", [1.0, 2.0, -(10**400)], InputTypeError, "column 2: expected a number, got int -1000"),
    ("dense", np.array([1, 2, 3], dtype="M8[ns]"), InputTypeError, "column 0: expected a number, got datetime64"),
    ("dense", np.array([1, 2, 3], dtype=complex), InputTypeError, "column 0: expected a number, got complex"),
    ("dense", "abc", InputTypeError, "got str"),
    ("dense", None, InputTypeError, "got NoneType"),
    ("named", {"age": 1.0}, InputKeyError, "missing 'income'"),
    ("named", {"age": 1.0, "Income": 1.0}, InputKeyError, "did you mean 'income'"),
    ("named", {"age": 1.0, "income": None}, InputValueError, "'income' holds NaN"),
    ("forest", (1.0, 2.0, math.inf), InputValueError, "column 2 holds infinity"),
    ("forest", (1.0, 2.0, 1e300), InputValueError, "column 2 holds .*too large"),
]

TABLES: list[tuple[str, Any, type[PretzelError], str]] = [
    ("text", "good film", InputTypeError, "expected an iterable of documents, got one str"),
    ("text", b"good film", InputTypeError, "got one bytes"),
    ("text", ["good", None], InputTypeError, "row 1.*expected a str, got NoneType"),
    ("text", ["good", 7], InputTypeError, "row 1.*expected a str, got int"),
    ("text", [["good"], ["bad"]], InputTypeError, "row 0.*expected a str, got list"),
    ("text", np.array([["good"]]), InputShapeError, r"shape \(1, 1\)"),
    ("text", pd.DataFrame({"text": ["good"]}), InputTypeError, "pass its text column"),
    ("text", pd.Series(["good", None]), InputTypeError, "row 1.*expected a str"),
    ("text", None, InputTypeError, "NoneType"),
    ("table", people()[["age", "income"]], InputKeyError, "missing columns: 'city'"),
    ("table", people().rename(columns={"city": "town"}), InputKeyError, "missing columns: 'city'"),
    ("table", people().assign(age="old"), InputTypeError, "row 0, column 'age': expected a number, got str 'old'"),
    ("table", people().assign(age=b"old"), InputTypeError, "row 0, column 'age': expected a number, got bytes"),
    ("table", people().assign(age=pd.Timestamp("2020")), InputTypeError, "column 'age': expected numbers.*datetime64"),
    ("table", people().assign(city=pd.Timestamp("2020")), InputTypeError, "column 'city'.*datetime64"),
    ("table", people().assign(age=1j), InputTypeError, "column 'age': expected numbers.*complex"),
    ("table", people().assign(age=math.inf), InputValueError, "row 0, column 'age' holds infinity"),
    ("table", [ROW, without("age")], InputKeyError, "row 1: missing 'age'"),
    ("table", [ROW, changed(age="x")], InputTypeError, "row 1, column 'age': expected a number"),
    ("table", [ROW, changed(city=["x"])], InputTypeError, "row 1, column 'city'.*got list"),
    ("table", [ROW, (1.0, 2.0, "Bonn")], InputTypeError, "row 1: expected a dict, got tuple"),
    ("table", ROW, InputTypeError, "got dict"),
    ("exact", people().assign(city="Ulm"), InputValueError, "row 0, column 'city' holds a category"),
    ("dense", np.zeros((2, 4)), InputShapeError, "4 features.*expecting 3"),
    ("dense", np.zeros(3), InputShapeError, r"shape \(3,\)"),
    ("dense", np.zeros((2, 3, 1)), InputShapeError, r"shape \(2, 3, 1\)"),
    ("dense", [1.0, 2.0, 3.0], InputShapeError, "predict_one"),
    ("dense", [[1.0, 2.0, 3.0], [1.0, 2.0]], InputShapeError, "row 1 has 2 features"),
    ("dense", [[1.0, 2.0, 3.0], [1.0, "x", 3.0]], InputTypeError, "row 1, column 1: expected a number, got str"),
    ("dense", np.array([[1.0, "x", 3.0]], dtype=object), InputTypeError, "row 0, column 1: expected a number"),
    ("dense", np.array([[1.0, [2], 3.0]], dtype=object), InputShapeError, "row 0, column 1 holds a list"),
    ("dense", np.array([["x", "2", "3"]]), InputTypeError, "row 0, column 0: expected a number, got str 'x'"),
    ("dense", np.zeros((2, 3), dtype=complex), InputTypeError, "complex128"),
    ("dense", np.full((2, 3), np.nan), InputValueError, "row 0, column 0 holds NaN"),
    ("dense", np.array([[1.0, 2.0, 3.0], [1.0, 2.0, np.inf]]), InputValueError, "row 1, column 2 holds infinity"),
    ("dense", np.array([[1.0, None, 3.0]], dtype=object), InputValueError, "row 0, column 1 holds NaN"),
    ("dense", sparse.csr_array((2, 4)), InputTypeError, "StandardScaler takes no sparse rows"),
    ("forest", sparse.csr_array((2, 4)), InputShapeError, "4 features"),
    ("dense", [{"a": 1.0}], InputTypeError, "without column names"),
    ("dense", "abc", InputTypeError, "got str"),
    ("dense", None, InputTypeError, "got NoneType"),
    ("named", people()[["income", "age"]].fillna(0.0), InputKeyError, "same order"),
    ("named", people().fillna(0.0), InputKeyError, r"unseen at fit time:\n- city"),
    ("named", people()[["age"]], InputKeyError, r"now missing:\n- income"),
    ("named", people()[["age", "income"]], InputValueError, "row 0, column 'income' holds NaN"),
    ("forest", np.full((1, 3), 1e300), InputValueError, "row 0, column 0"),
]


def short(case: Any) -> str:
    """Names a parameter; printing a DataFrame or ten million letters takes long."""
    return f"{type(case).__name__}{case.shape}" if hasattr(case, "shape") else reprlib.repr(case)[:40]


@pytest.mark.parametrize(("name", "row", "error", "message"), ROWS, ids=short)
def test_one_bad_row(models: dict[str, Model], name: str, row: Any, error: type[PretzelError], message: str) -> None:
    model = models[name]
    with pytest.raises(error, match=message) as caught:
        model.plan.predict_one(row)
    assert isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 500
    answers(model)


@pytest.mark.parametrize(("name", "X", "error", "message"), TABLES, ids=short)
def test_a_bad_table(models: dict[str, Model], name: str, X: Any, error: type[PretzelError], message: str) -> None:
    model = models[name]
    with pytest.raises(error, match=message) as caught:
        model.plan.predict(X)
    assert isinstance(caught.value, ValueError)
    assert len(str(caught.value)) < 500
    answers(model)


def test_integers_that_cannot_be_printed(models: dict[str, Model]) -> None:
    for call in (models["dense"].plan.predict_one, lambda row: models["dense"].plan.predict([row])):
        with pytest.raises(InputTypeError, match=r"column 2: expected a number, got int <unprintable>$"):
            call((1.0, 2.0, 10**5000))


OPAQUE_ROWS: list[tuple[str, Any, type[PretzelError], str]] = [
    ("bare", (1.0,), InputShapeError, "bare: expected 2 values, got 1"),
    ("bare", [1.0, 2.0, 3.0], InputShapeError, "bare: expected 2 values, got 3"),
    ("bare", np.zeros(3), InputShapeError, "bare: expected 2 values, got 3"),
    ("bare", {"age": 1.0, "income": 2.0}, InputTypeError, "bare: got a dict, but .* without column names"),
    ("bare", {}, InputTypeError, "bare: got a dict, but .* without column names"),
    ("named", (1.0,), InputShapeError, "named: expected 2 values, got 1"),
    ("named", [1.0, 2.0, 3.0], InputShapeError, "named: expected 2 values, got 3"),
    ("named", {"age": 1.0}, InputKeyError, "named: missing 'income'"),
    ("named", MappingProxyType({"age": 1.0}), InputKeyError, "named: missing 'income'"),
    ("named", "abc", InputTypeError, "named: expected .* got str"),
    ("named", None, InputTypeError, "named: expected .* got NoneType"),
]


@pytest.mark.parametrize(("name", "row", "error", "message"), OPAQUE_ROWS, ids=short)
def test_a_bad_row_of_an_opaque_model(name: str, row: Any, error: type[PretzelError], message: str) -> None:
    frame = people()[["age", "income"]].fillna(0.0)
    source = KNeighborsRegressor(p=3).fit(frame if name == "named" else frame.to_numpy(), frame["age"])
    good = pd.DataFrame({"age": [41.0], "income": [0.5]})
    expected = source.predict(good if name == "named" else good.to_numpy())[0]
    with pretzel.Runtime(store=pretzel.ObjectStore()) as runtime:
        model = runtime.register(name, source)
        for call in (
            lambda: model.predict_one(row),
            lambda: runtime.predict_many([(name, row)]),
            lambda: runtime.predict_all(row, [name]),
        ):
            with pytest.raises(error, match=message):
                call()
        assert model.predict_one((41.0, 0.5)) == expected


@pytest.mark.filterwarnings("ignore:X .* feature names")
@pytest.mark.parametrize(
    "value", [10**400, 10**5000, datetime(2020, 1, 1), pd.Timestamp("2020")], ids=["long", "longer", "date", "pandas"]
)
@pytest.mark.parametrize("name", ["bare", "named", "chosen", "behind"])
def test_a_value_that_is_no_number_for_an_opaque_step(name: str, value: Any) -> None:
    frame = people()[["age", "income"]].fillna(0.0)
    X = frame.to_numpy() if name == "bare" else frame
    neighbours = KNeighborsRegressor(p=3)
    source = {
        "bare": neighbours,
        "named": neighbours,
        "chosen": make_pipeline(make_column_transformer(("passthrough", ["income", "age"])), neighbours),
        "behind": make_pipeline(StandardScaler(), neighbours),
    }[name].fit(X, frame["age"])
    plan = pretzel.compile(source, name=name)
    where = "column 1" if name == "bare" else "'income'"
    requests: list[Any] = [[(41.0, value)]]
    if name != "chosen":  # by name
        requests.append(np.array([[41.0, value]], dtype=object))
    if name != "bare":
        income = pd.Series([value], dtype=object if isinstance(value, int) else None)  # pandas 2.2 wants to be told
        requests += [pd.DataFrame({"age": [41.0], "income": income}), [{"age": 41.0, "income": value}]]
    for call in (lambda: plan.predict_one((41.0, value)), *(partial(plan.predict, request) for request in requests)):
        with pytest.raises(InputTypeError, match=f"{where}: expected .*number.*, got (int|date|Time|values)"):
            call()


@pytest.mark.parametrize("name", MAKERS)
def test_no_rows(models: dict[str, Model], name: str) -> None:
    model = models[name]
    with pytest.raises(ValueError, match="0 sample"):
        model.source.predict(model.good[:0])
    with pytest.raises(InputShapeError, match="expected at least one"):
        model.plan.predict(model.good[:0])
    answers(model)


def test_no_rows_where_no_step_checks() -> None:
    """Pass-throughs, functions of NumPy and counts of words check nothing; one step behind them that does is enough."""
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3.0, 4.0], "c": ["aa bb", "bb cc"]})
    parts = [("log", FunctionTransformer(np.log1p), ["a"]), ("words", CountVectorizer(), "c")]
    free = ColumnTransformer(parts, remainder="passthrough").fit(frame)
    checked = ColumnTransformer([*parts, ("scale", StandardScaler(), ["b"])]).fit(frame)
    for source, table in ((free, frame[:0]), (FunctionTransformer(np.sqrt).fit(np.ones((2, 2))), np.ones((0, 2)))):
        found, expected = pretzel.compile(source, strict=True).transform(table), source.transform(table)
        assert (type(found), found.shape, found.dtype) == (type(expected), expected.shape, expected.dtype)
    selected = VarianceThreshold().fit(frame[["a", "b"]])  # which computes nothing, and yet checks
    for source, table in (
        (checked, frame[:0]),
        (selected, frame[["a", "b"]][:0]),
        (make_pipeline(free, LogisticRegression()).fit(frame, [0, 1]), frame[:0]),
    ):
        with pytest.raises(InputShapeError, match="at least one row"):
            getattr(pretzel.compile(source), "predict" if hasattr(source, "predict") else "transform")(table)


def test_empty_and_huge_texts_are_texts(models: dict[str, Model]) -> None:
    text, table = models["text"], models["table"]
    for document in ("", " ", HUGE, "good " * 2_000_000, "\ud800", "\x00"):
        expected = text.source.predict_proba([document])
        np.testing.assert_allclose(text.plan.predict_proba([document]), expected, rtol=1e-9)
        np.testing.assert_allclose(text.plan.predict_proba_one(document), expected[0], rtol=1e-9)
        expected = table.source.predict_proba(pd.DataFrame([changed(city=document)], dtype=object))
        np.testing.assert_allclose(table.plan.predict_proba_one(changed(city=document)), expected[0], rtol=1e-9)
    answers(text)
    answers(table)


def test_missing_values_where_the_source_takes_them(models: dict[str, Model]) -> None:
    model = models["table"]
    for missing in (None, math.nan, pd.NA, np.float32("nan")):
        expected = model.source.predict_proba(pd.DataFrame([changed(income=math.nan)]))
        np.testing.assert_allclose(model.plan.predict_proba_one(changed(income=missing)), expected[0], rtol=1e-9)
        np.testing.assert_allclose(model.plan.predict_proba([changed(income=missing)]), expected, rtol=1e-9)
    expected = model.source.predict_proba(pd.DataFrame([changed(city=None)], dtype=object))
    np.testing.assert_allclose(model.plan.predict_proba_one(changed(city=None)), expected[0], rtol=1e-9)


@pytest.mark.parametrize(
    ("estimator", "error"),
    [
        (Ridge(), UnfittedError),
        (make_pipeline(StandardScaler(), Ridge()), UnfittedError),
        (make_pipeline(TfidfVectorizer(), LogisticRegression()), UnfittedError),
        (Ridge, CompileError),
        ("model", CompileError),
        (None, CompileError),
    ],
    ids=repr,
)
def test_what_cannot_be_compiled(estimator: Any, error: type[CompileError]) -> None:
    with pytest.raises(error):
        pretzel.compile(estimator)


def test_a_column_keeps_its_name_behind_every_step_that_works_by_column() -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [0.0, 1.0, 2.0, 1.0]})
    squared = make_pipeline(FunctionTransformer(np.square), Ridge()).fit(frame, [0.0, 1.0, 2.0, 3.0])
    with pytest.raises(InputValueError, match=r"Ridge.*row 1, column 'b' holds infinity"):
        pretzel.compile(squared, disable_rules=["fuse_finite_check_into_linear"]).predict(
            frame.assign(b=[0, 1e200, 1, 2])
        )


def test_a_column_keeps_its_name_behind_a_concatenation() -> None:
    """It is another column of the step's input."""
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [0.0, 1.0, 2.0, 1.0]})
    parts = ColumnTransformer([("b", FunctionTransformer(np.square), ["b"]), ("a", StandardScaler(), ["a"])])
    model = make_pipeline(parts, Ridge()).fit(frame, [0.0, 1.0, 2.0, 3.0])
    disabled = ["fuse_finite_check_into_linear", "push_linear_through_concat", "fold_affine"]
    with pytest.raises(InputValueError, match=r"Ridge.*row 1, column 'b' holds infinity"):
        pretzel.compile(model, disable_rules=disabled).predict(frame.assign(b=[0, 1e200, 1, 2]))
