"""Methods that are nothing but the source's: requests and answers pass as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.kernel_approximation import Nystroem
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import LinearRegression
from sklearn.neighbors import RadiusNeighborsClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, MinMaxScaler, OrdinalEncoder, PolynomialFeatures, StandardScaler

import pretzel
from pretzel.errors import InputError, InputShapeError, InputTypeError
from tests.ids import stable_id

TABLE = pa.table({"a": [1.0, 2.0], "b": [3.0, 4.0]})


@pytest.mark.parametrize("table", [TABLE, TABLE.to_batches()[0]], ids=["table", "batch"])
def test_arrow_tables_come_as_they_are(table: Any) -> None:
    plan = pretzel.compile(FunctionTransformer().fit(np.ones((2, 2))))
    assert plan.transform(table) is table


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_an_array_as_a_row_keeps_its_dtype_beside_names(dtype: str) -> None:
    frame = pd.DataFrame(np.eye(3), columns=list("abc"))
    plan = pretzel.compile(Squeezing().fit(frame))
    assert plan.transform_one(np.ones(3, dtype)).dtype == np.dtype(dtype)


def test_no_rows_do_not_end_the_process() -> None:
    """By a division of scikit-learn by their number, in threads of its own."""
    source = RadiusNeighborsClassifier(algorithm="brute", p=3).fit(np.eye(2), [0, 1])
    plan = pretzel.compile(source)
    assert plan.opaque_steps
    for X in (np.empty((0, 2)), pd.DataFrame(np.empty((0, 2)))):
        for method in (plan.predict, plan.predict_proba):
            with pytest.raises(InputShapeError, match="expected at least one row, got none"):
                method(X)


def test_missing_values_are_an_error_before_the_width() -> None:
    source = Nystroem(kernel=np.dot, n_components=2).fit(np.eye(6))
    plan = pretzel.compile(source)
    with pytest.raises(ValueError, match="contains NaN"):
        plan.transform(np.full((2, 3), np.nan))
    with pytest.raises(InputShapeError, match="X has 3 features, but Nystroem is expecting 6"):
        plan.transform(np.ones((2, 3)))


class Squeezing(TransformerMixin, BaseEstimator):
    """Answers a single row with a vector, as `MiniBatchSparsePCA` does, or with too many rows."""

    def __init__(self, times: int = 1) -> None:
        self.times = times

    def fit(self, X: Any, y: Any = None) -> Squeezing:
        self.n_features_in_ = X.shape[1]
        if hasattr(X, "columns"):
            self.feature_names_in_ = np.array(X.columns, dtype=object)
        return self

    def transform(self, X: Any) -> Any:
        return np.tile(X, (self.times, 1)).squeeze()


def test_the_vector_of_a_single_row() -> None:
    plan = pretzel.compile(Squeezing().fit(np.ones((2, 3))))
    np.testing.assert_array_equal(plan.transform_one((1.0, 2.0, 3.0)), [1.0, 2.0, 3.0])
    with pytest.raises(InputShapeError, match="the answer for one row has 2 rows"):
        pretzel.compile(Squeezing(2).fit(np.ones((2, 3)))).transform_one((1.0, 2.0, 3.0))


FRAME = pd.DataFrame(
    {"a": np.linspace(0.1, 7.3, 60), "b": np.geomspace(0.01, 900, 60), "k": np.arange(60) % 7, "t": [True, False] * 30}
)
NUMBERS = FRAME[["a", "b"]]
TARGET = np.sin(FRAME["a"])


def extended(frame: Any) -> Any:
    return frame.assign(ratio=frame["a"] / frame["b"])


def halved(values: Any) -> Any:
    return values / 2


def widened(values: Any) -> Any:
    return np.asarray(values, np.float64) / 2


def narrowed(values: Any) -> Any:
    return np.asarray(values, np.float32) / 3


def check_like(source: Any, X: Any, method: str = "transform") -> None:
    plan = pretzel.compile(source)
    found, expected = getattr(plan, method)(X), getattr(source, method)(X)
    assert found.dtype == expected.dtype
    if expected.dtype == object:
        assert found.tolist() == expected.tolist()
        assert [*map(type, found[0])] == [*map(type, expected[0])]
    else:
        np.testing.assert_allclose(found, expected, rtol=1e-12, atol=0)
    row = getattr(plan, f"{method}_one")(X.to_numpy()[0] if hasattr(X, "to_numpy") else X[0])
    assert np.shape(row) == np.shape(expected[0])


@pytest.mark.parametrize("dtype", ["float32", "float16", "float64", "int64"])
@pytest.mark.parametrize("scaler", [StandardScaler(), MinMaxScaler(), PolynomialFeatures(3)])
@pytest.mark.parametrize("function", [halved, widened, narrowed, extended])
def test_steps_behind_a_function_compute_in_the_dtype_of_its_result(function: Any, scaler: Any, dtype: str) -> None:
    table = NUMBERS if function is extended else NUMBERS.to_numpy()
    source = make_pipeline(FunctionTransformer(function), scaler).fit(table)
    check_like(source, table.clip(1, 40).astype(dtype))


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_frames_of_polars_that_a_step_makes_are_read_as_the_source_reads_them(dtype: str) -> None:
    pl = pytest.importorskip("polars")

    def framed(values: Any) -> Any:
        return pl.DataFrame(np.asarray(values, dtype))

    check_like(make_pipeline(FunctionTransformer(framed), StandardScaler()).fit(NUMBERS.to_numpy()), NUMBERS.to_numpy())


def test_trees_behind_a_function_of_a_frame() -> None:
    columns = ColumnTransformer([("scaled", StandardScaler(), ["a", "ratio"])], remainder="passthrough")
    source = make_pipeline(FunctionTransformer(extended), columns, RandomForestRegressor(5, random_state=0))
    check_like(source.fit(NUMBERS, TARGET), NUMBERS.astype("float32"), "predict")


@pytest.mark.parametrize("function", [widened, narrowed])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_values_of_several_dtypes_side_by_side_are_those_of_the_source(function: Any, dtype: str) -> None:
    scaled = make_pipeline(FunctionTransformer(function), StandardScaler())
    source = make_union(scaled, StandardScaler()).fit(NUMBERS.to_numpy())
    check_like(source, NUMBERS.to_numpy().astype(dtype))


def test_functions_behind_each_other_are_asked_once() -> None:
    calls = []

    def counted(values: Any) -> Any:
        calls.append(values)
        return values / 2

    parts = [FunctionTransformer(counted), StandardScaler(), FunctionTransformer(narrowed), StandardScaler()]
    source = make_pipeline(*parts).fit(NUMBERS.to_numpy())
    plan, X = pretzel.compile(source), NUMBERS.to_numpy().astype("float32")
    calls.clear()
    found = plan.transform(X)
    assert len(calls) == 1
    np.testing.assert_array_equal(found, source.transform(X))


@pytest.mark.parametrize("columns", [["a", "k"], ["a", "t"], ["a", "k", "t"], ["a", "b"]])
def test_columns_passed_on_behind_a_function_keep_their_dtypes(columns: list[str]) -> None:
    function = FunctionTransformer(lambda frame: frame.assign(twice=frame[columns[1]] * 2))
    selected = ColumnTransformer([("scaled", StandardScaler(), ["a"])], remainder="passthrough")
    check_like(make_pipeline(function, selected).fit(FRAME[columns]), FRAME[columns])


@pytest.mark.parametrize("dtype", ["uint8", "int8", "bool", "int16", "uint16", "int32"])
@pytest.mark.parametrize("last", [LinearRegression(), RandomForestRegressor(5, random_state=0)])
@pytest.mark.parametrize("between", [[StandardScaler()], [PolynomialFeatures(2), MinMaxScaler()], []])
def test_steps_behind_functions_of_narrow_integers_round_as_they_do(dtype: str, last: Any, between: list[Any]) -> None:
    X = np.random.default_rng(0).integers(0, 100, (60, 3))
    source = make_pipeline(FunctionTransformer(np.sqrt), *between, last).fit(X, X[:, 0] % 3)
    check_like(source, X.astype(dtype), "predict")


def test_what_only_a_source_answers_needs_it() -> None:
    source = make_pipeline(FunctionTransformer(np.sqrt), StandardScaler()).fit(np.ones((2, 2)))
    plan = pretzel.compile(source)
    del source
    assert plan.transform(np.ones((2, 2), "int16")).dtype == np.float32
    with pytest.raises(InputTypeError, match="no longer exists"):
        plan.transform(np.ones((2, 2), "uint8"))


class Odd:
    """No table."""


NO_TABLES = [
    1.0,
    None,
    True,
    "text",
    b"bytes",
    1j,
    np.float64(1),
    np.array(1.0),
    Odd(),
    {1, 2},
    {},
    ...,
    int,
    Odd,
    slice(2),
]
MODELS_OF_FUNCTIONS = [
    make_pipeline(FunctionTransformer(np.sqrt), LinearRegression()),
    make_pipeline(FunctionTransformer(np.asarray), LinearRegression()),
    make_pipeline(FunctionTransformer(lambda X: X * 2), StandardScaler(), LinearRegression()),
    make_pipeline(Nystroem("cosine", n_components=2), LinearRegression()),
    make_pipeline(ColumnTransformer([("own", FunctionTransformer(np.asarray), [0])]), LinearRegression()),
    KernelRidge(kernel=np.dot),
]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", MODELS_OF_FUNCTIONS, ids=stable_id)
@pytest.mark.parametrize("named", [False, True], ids=["array", "frame"])
def test_what_is_no_table_is_one_error_that_says_so(model: Any, named: bool) -> None:
    X = np.abs(np.random.default_rng(0).normal(size=(6, 2)))
    plan = pretzel.compile(model.fit(pd.DataFrame(X, columns=["a", "b"]) if named else X, X[:, 0]), name="prices")
    others = [np.ones(2), np.ones((2, 2, 2)), [], [1.0, 2.0], [None], pd.Series([1.0, 2.0]), (1.0, 2.0), range(2)]
    for request in (*NO_TABLES, *others):
        with pytest.raises((TypeError, ValueError, AttributeError)):
            model.predict(request)
        with pytest.raises(InputError):
            plan.predict(request)
    with pytest.raises(InputError, match=r"prices: expected a table.*, got float"):
        plan.predict(1.0)


@pytest.mark.filterwarnings("ignore:X does not have valid feature names")
@pytest.mark.parametrize("container", ["pandas", "polars"])
@pytest.mark.parametrize(
    "behind", [[], [LinearRegression()], [FunctionTransformer(lambda frame: frame)]], ids=stable_id
)
def test_tuples_are_rows_in_the_order_of_the_fit_where_frames_are_made(container: str, behind: list[Any]) -> None:
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": ["x", "y", "x"]})
    columns = ColumnTransformer([("n", StandardScaler(), ["a"]), ("c", OrdinalEncoder(), ["b"])])
    model = make_pipeline(columns.set_output(transform=container), *behind).fit(frame, [1.0, 2.0, 3.0])
    plan = pretzel.compile(model)
    method = "predict" if hasattr(model, "predict") else "transform"
    got, expected = getattr(plan, method)([(1.0, "x"), (2.0, "y")]), getattr(model, method)(frame[:2])
    assert type(got) is type(expected)
    np.testing.assert_allclose(np.asarray(got), np.asarray(expected))
