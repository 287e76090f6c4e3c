"""Requests of every form are read as what they hold, with scikit-learn's rules for names and shapes."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, Normalizer, OneHotEncoder, StandardScaler

import pretzel
from pretzel.errors import InputError, InputKeyError, InputShapeError, InputTypeError, InputValueError
from pretzel.input_spec import InputKind, InputSpec
from pretzel.program import Leaf, LeafKind
from pretzel.runtime.input.column_reader import as_cells
from pretzel.runtime.input.messages import UnreadForm
from pretzel.runtime.input.table_reader import _pandas_column, read
from tests import releases

BY_NAME = pytest.mark.skipif(not releases.SELECTS_POLARS, reason="scikit-learn before 1.9 does not select from polars")

NAMES = ("a", "b", "c")
TEXTS = ["x", "", "é", "日本"]


def spec(names: tuple[str, ...] | None = NAMES, width: int = 3, **changes: Any) -> InputSpec:
    fields: dict[str, Any] = {"required": tuple(range(width)), "any_order": False, "estimator": "Model", **changes}
    return InputSpec(InputKind.TABLE, width, names, **fields)


def numeric(*columns: int) -> tuple[Leaf, ...]:
    return (Leaf(LeafKind.NUMERIC, columns or (0, 1, 2), 0),)


def cells(*columns: int) -> tuple[Leaf, ...]:
    return (Leaf(LeafKind.CELLS, columns or (0, 1, 2), 0),)


def as_matrix(columns: Any) -> np.ndarray:
    if sparse.issparse(columns):
        return columns.toarray()
    return np.column_stack(columns) if isinstance(columns, list) else columns


def as_lists(columns: Any) -> list[list[Any]]:
    pairs = (column if isinstance(column, tuple) else (column, math.nan) for column in columns)
    return [
        [missing if v is None else v for v in (c.to_pylist() if hasattr(c, "to_pylist") else c)] for c, missing in pairs
    ]


X = np.array([[1.0, 2.0, 3.0], [4.0, math.nan, -0.0]])


@pytest.mark.parametrize(
    "table",
    [
        X,
        np.asfortranarray(X),
        np.repeat(X, 2, axis=0)[::2],
        np.repeat(X, 2, axis=1)[:, ::2],
        X[::-1][::-1],
        X.astype(">f8"),
        X.astype(np.float32),
        X.astype(np.float16),
        X.astype(object),
        X.tolist(),
        [tuple(row) for row in X.tolist()],
        list(X),
        [[1, 2, 3], [4, None, -0.0]],
        [[True, 2, 3], [4, None, np.float32(-0.0)]],
        sparse.csr_array(X),
        sparse.csc_matrix(X),
        sparse.coo_array(X),
    ],
    ids=lambda table: f"{type(table).__name__}-{getattr(table, 'dtype', '')}",
)
def test_numbers_without_names(table: Any) -> None:
    expected = X.copy()
    if isinstance(table, list) and table[0][0] is True:
        expected[0, 0] = 1.0
    for columns in ((0, 1, 2), (2, 0)):
        rows, (found,), (dtypes,) = read(spec(None), numeric(*columns), table)
        assert rows == 2
        np.testing.assert_array_equal(as_matrix(found), expected[:, columns])
        dtype = getattr(table, "dtype", None)
        assert (np.dtype(np.float32) in dtypes) == (dtype == np.float32)
        assert dtype is None or dtypes == {dtype if dtype.isnative else np.dtype(object)}


@pytest.mark.parametrize("dtype", [np.int8, np.uint8, np.int16, np.uint32, np.int64, np.uint64, np.bool_])
def test_integers_are_not_copied(dtype: type) -> None:
    table = np.array([[0, 1, 1], [1, 0, 1]], dtype=dtype)
    _, (found,), _ = read(spec(None), numeric(), table)
    assert all(np.shares_memory(column, table) for column in found)
    np.testing.assert_array_equal(as_matrix(found), table)


def test_float64_matrices_are_read_where_they_lie() -> None:
    frozen = X.copy()
    frozen.flags.writeable = False
    for table in (X, frozen, np.repeat(X, 2, axis=0)[::2]):
        _, (found,), _ = read(spec(None), numeric(), table)
        assert np.shares_memory(found, table)
        assert found.strides[1] == 8


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr"])
def test_sparse_duplicates_are_left_to_the_source(form: str) -> None:
    table = duplicates(form, np.array([1.0, 2.0, 5.0]))
    before = table.data.copy()
    with pytest.raises(UnreadForm, match="sparse rows with duplicate entries"):
        read(spec(None), numeric(), table)
    np.testing.assert_array_equal(table.data, before)


@pytest.mark.parametrize("form", ["csr", "csc", "coo", "bsr", "lil", "dok", "dia"])
def test_sparse_rows_without_duplicates_are_read(form: str) -> None:
    """Zeros that are stored, and entries in any order, are no duplicates."""
    table = sparse.csr_array((np.array([2.0, 0.0, 5.0]), np.array([2, 1, 0]), np.array([0, 2, 3])), shape=(2, 3))
    _, (found,), _ = read(spec(None), numeric(), table.asformat(form))
    np.testing.assert_array_equal(found.toarray(), [[0, 0, 2], [5, 0, 0]])


def duplicates(form: str, values: np.ndarray) -> Any:
    """Sparse rows with the first two values at the same place."""
    at, of, shape = np.array([1, 1, 0]), np.array([0, 2, 3]), (2, 3)
    if form == "csr":
        return sparse.csr_array((values, at, of), shape=shape)
    if form == "csc":
        return sparse.csc_array((values, np.array([0, 0, 1]), np.array([0, 2, 3, 3])), shape=shape)
    if form == "bsr":
        return sparse.bsr_array((values[:, None, None], at, of), shape=shape)
    return sparse.coo_array((values, (np.array([0, 0, 1]), at)), shape=shape)


def frame(index: str = "a") -> pd.DataFrame:
    return pd.DataFrame({"a": [1.5, math.nan], "b": TEXTS[:2], "c": [True, False]}, columns=list(NAMES))


@pytest.mark.parametrize(
    "column",
    [
        pd.array([1, None], dtype="Int64"),
        pd.array([1.0, None], dtype="Float64"),
        pd.array([True, None], dtype="boolean"),
        pd.array([1, None], dtype="int64[pyarrow]"),
        pd.array([True, None], dtype="bool[pyarrow]"),
        pd.array([1.0, None], dtype="double[pyarrow]"),
        pd.Categorical([1.0, None]),
        pd.arrays.SparseArray([1.0, math.nan]),
        np.array([1, None], dtype=object),
        np.array([True, None], dtype=object),
        pa.chunked_array([[1], [None]]),
        pa.array([True, None]),
        pa.array([1, None], pa.uint8()),
        pa.array([1.0, None], pa.float16()),
    ],
    ids=lambda column: f"{type(column).__name__}-{getattr(column, 'dtype', getattr(column, 'type', ''))}",
)
def test_numbers_of_every_column_type(column: Any) -> None:
    is_arrow = isinstance(column, pa.Array | pa.ChunkedArray)
    table = pa.table({"a": column}) if is_arrow else pd.DataFrame({"a": column})
    for leaf in (numeric(0), cells(0)):
        rows, (found,), _ = read(spec(("a",), 1), leaf, table)
        assert rows == 2
        values = [math.nan if v is pd.NA or v is None else float(v) for v in as_lists(found)[0]]
        np.testing.assert_array_equal(values, [1.0, math.nan])


@pytest.mark.parametrize("n", [4, 1000])
@pytest.mark.parametrize(
    "make",
    [
        lambda texts: pd.Series(texts),
        lambda texts: pd.Series(texts, dtype=object),
        lambda texts: pd.Series(texts, dtype="string"),
        lambda texts: pd.Series(texts, dtype="string[python]"),
        lambda texts: pd.Series(texts).astype(pd.ArrowDtype(pa.string())),
        lambda texts: pd.Series(texts, dtype="category"),
        lambda texts: pd.concat([pd.Series(texts[:2]), pd.Series(texts[2:])], ignore_index=True),
        lambda texts: pd.Series(["skipped", *texts])[1:].reset_index(drop=True),
    ],
)
def test_texts_of_every_column_type(make: Any, n: int) -> None:
    texts = [*(TEXTS * n)[: n - 1], math.nan]
    table = pd.DataFrame({"a": make(texts)})
    _, (found,), _ = read(spec(("a",), 1), cells(0), table)
    got = as_lists(found)[0]
    assert got[:-1] == texts[:-1]
    assert got[-1] is pd.NA or got[-1] != got[-1]


@pytest.mark.parametrize("n", [2, 1000])
@pytest.mark.parametrize(
    "type_", [pa.string(), pa.large_string(), pa.string_view(), pa.dictionary(pa.int8(), pa.string())]
)
def test_arrow_texts(type_: Any, n: int) -> None:
    texts: list[Any] = [*(TEXTS * n)[: n - 1], None]
    chunked = pa.chunked_array([pa.array(texts[: n // 2]).cast(type_), pa.array(texts[n // 2 :]).cast(type_)])
    for column in (chunked, pa.array(["y", *texts]).cast(type_)[1:]):
        _, (found,), _ = read(spec(("a",), 1), cells(0), pa.table({"a": column}))
        got = as_lists(found)[0]
        assert got[:-1] == texts[:-1]
        assert got[-1] != got[-1]


def test_mixed_frame_and_its_other_forms() -> None:
    leaves = (Leaf(LeafKind.NUMERIC, (0, 2), 0), Leaf(LeafKind.CELLS, (1, 2), 1))
    expected = [[1.5, 1.0], [math.nan, 0.0]]
    table = frame()
    records = [{"a": 1.5, "b": "x", "c": True}, {"c": False, "b": "", "a": None}]
    for form in (table, pa.Table.from_pandas(table), table.astype(object), records, Exported(table)):
        rows, (numbers, texts), _ = read(spec(), leaves, form)
        assert rows == 2
        np.testing.assert_array_equal(as_matrix(numbers), expected)
        assert as_lists(texts) == [["x", ""], [True, False]]


class Exported:
    """A data frame of a library that nobody has heard of, as Arrow's C stream."""

    def __init__(self, table: pd.DataFrame) -> None:
        self.table = pa.Table.from_pandas(table)

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return self.table.__arrow_c_stream__(requested_schema)


def test_blocks_are_what_the_public_way_gives() -> None:
    table = pd.concat(
        [frame(), pd.DataFrame({"d": [1, 2], "e": pd.array([1, None], dtype="Int64"), "f": [0.5, 1]})], axis=1
    )
    table.insert(1, "g", [1.0, 2.0])
    for each in (table, table.iloc[[1]], table[::-1], table[["f", "a", "b"]]):
        for i in range(each.shape[1]):
            assert list(map(str, _pandas_column(spec(None), each, i))) == list(map(str, each.iloc[:, i].array))


def test_another_pandas_is_read_in_its_public_ways() -> None:
    class Other:
        def __init__(self, table: pd.DataFrame) -> None:
            self.columns, self.shape, self.ndim, self.iloc = table.columns, table.shape, 2, table.iloc

    leaves = (Leaf(LeafKind.NUMERIC, (0, 2), 0), Leaf(LeafKind.CELLS, (1,), 1))
    _, (numbers, texts), _ = read(spec(), leaves, Other(frame()))
    np.testing.assert_array_equal(as_matrix(numbers), [[1.5, 1.0], [math.nan, 0.0]])
    assert as_lists(texts) == [["x", ""]]


# -- names and shapes ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        (["a", "c", "b"], "must be in the same order"),
        (["a", "b"], r"yet now missing:\n- c"),
        (["a", "b", "c", "d"], r"unseen at fit time:\n- d"),
        (["a", "b", "cc"], r"unseen at fit time:\n- cc\nFeature names seen at fit time, yet now missing:\n- c"),
    ],
)
def test_names_must_match(columns: list[str], message: str) -> None:
    table = pd.DataFrame(np.zeros((2, len(columns))), columns=columns)
    with pytest.raises(InputKeyError, match=message):
        read(spec(), numeric(), table)


def test_a_column_transformer_takes_any_order_and_more() -> None:
    own = spec(required=(0, 1), any_order=True)
    table = pd.DataFrame({"z": [9.0], "b": [2.0], "a": [1.0]})
    _, (found,), _ = read(own, numeric(0, 1), table)
    np.testing.assert_array_equal(as_matrix(found), [[1.0, 2.0]])
    with pytest.raises(InputKeyError, match="missing columns: 'a'"):
        read(own, numeric(0, 1), table.drop(columns="a"))
    with pytest.raises(InputKeyError, match="duplicate columns: 'b'"):
        read(own, numeric(0, 1), pd.DataFrame([[1.0, 2.0, 3.0]], columns=["a", "b", "b"]))


def test_warnings_about_names_are_those_of_scikit_learn() -> None:
    with pytest.warns(
        UserWarning, match="X does not have valid feature names, but Model was fitted with feature names"
    ):
        read(spec(), numeric(), X)
    with pytest.warns(UserWarning, match="X does not have valid feature names"):
        read(spec(), numeric(), pd.DataFrame(X))
    with pytest.warns(UserWarning, match="X has feature names, but Model was fitted without feature names"):
        read(spec(None), numeric(), pd.DataFrame(X, columns=list(NAMES)))


@pytest.mark.parametrize(
    ("table", "error", "message"),
    [
        (np.zeros((2, 4)), InputShapeError, "X has 4 features, but Model is expecting 3 features"),
        (sparse.csr_array((2, 4)), InputShapeError, "X has 4 features"),
        (pd.DataFrame(np.zeros((2, 4))), InputShapeError, "X has 4 features"),
        (np.zeros(3), InputShapeError, r"3 columns, got an array of shape \(3,\). Reshape your data.*predict_one"),
        (np.zeros((2, 3, 1)), InputShapeError, r"shape \(2, 3, 1\)"),
        (np.zeros(()), InputShapeError, r"shape \(\)"),
        (pd.Series([1.0, 2.0, 3.0]), InputShapeError, "Series"),
        ([1.0, 2.0, 3.0], InputShapeError, "holds float 1.0.*predict_one"),
        ([[1.0, 2.0, 3.0], [1.0, 2.0]], InputShapeError, "row 1 has 2 features"),
        ([[[1.0], [2.0], [3.0]]], InputShapeError, "row 0, column 0 holds a list"),
        (["abc"], InputShapeError, "holds str 'abc'"),
        ([(1.0, 2.0, 3.0), {1.0, 2.0, 3.0}], InputTypeError, "expected a tuple or 1-D array of 3 values, got set"),
        ([{"a": 1}], InputTypeError, "without column names"),
        ([[1.0, "x", 3.0]], InputTypeError, "row 0, column 1: expected a number, got str 'x'"),
        ([[1.0, b"x", 3.0]], InputTypeError, "row 0, column 1: expected a number, got bytes"),
        ([[1.0, 1j, 3.0]], InputTypeError, "expected a number, got complex"),
        ([[1.0, 10**400, 3.0]], InputTypeError, "expected a number, got int"),
        (np.array([["x", "1", "2"]]), InputTypeError, "row 0, column 0: expected a number, got str 'x'"),
        (X.astype(complex), InputTypeError, "Complex data not supported.*complex128"),
        (np.matrix(X), InputTypeError, "numpy.matrix"),
        (pd.DataFrame(X, columns=["a", "b", "a"]), InputKeyError, "duplicate columns: 'a'"),
        (np.zeros((2, 3), dtype="M8[D]"), InputTypeError, "datetime64"),
        (sparse.csr_array(X.astype(complex)), InputTypeError, "complex128"),
        (pd.DataFrame({0: [1.0], 1: pd.to_datetime(["2020"]), 2: [1.0]}), InputTypeError, "column 1.*datetime64"),
        (pd.DataFrame({0: [1.0], 1: ["x"], 2: [1.0]}), InputTypeError, "row 0, column 1.*got str 'x'"),
        (pd.DataFrame({0: [1.0], 1: [1.0], "c": [1.0]}), InputTypeError, "some column names are strings"),
        (pa.table({"0": [1], "1": pa.array([b"x"]), "2": [1]}), InputTypeError, "row 0, column 1.*got bytes"),
        ({"a": 1.0, "b": 2.0, "c": 3.0}, InputTypeError, "expected a table, got dict; for one row use predict_one"),
        (7, InputTypeError, "expected a table, got int"),
        (None, InputTypeError, "expected a table, got NoneType"),
    ],
)
@pytest.mark.filterwarnings("ignore:X has feature names")
def test_what_is_not_a_table_of_numbers(table: Any, error: type[InputError], message: str) -> None:
    with pytest.raises(error, match=message) as caught:
        read(spec(None), numeric(), table)
    assert "Model" in str(caught.value)


def test_what_trees_reject_in_sparse_rows() -> None:
    """Indices of 64 bits, and NaN whatever they do with it in dense rows; scalers before them check for themselves."""
    X = np.random.default_rng(0).normal(size=(40, 3))
    X[::5, 1] = np.nan
    dense = np.nan_to_num(X)
    forest = RandomForestRegressor(3, random_state=0).fit(X, dense[:, 0])
    plan = pretzel.compile(forest, strict=True)
    np.testing.assert_array_equal(plan.predict(X), forest.predict(X))
    rows = sparse.csr_array(dense)
    np.testing.assert_array_equal(plan.predict(rows), forest.predict(rows))
    with pytest.raises(InputValueError, match="row 0 holds NaN, which the source estimator rejects in sparse rows"):
        plan.predict(sparse.csr_array(X))
    rows.indices, rows.indptr = rows.indices.astype(np.int64), rows.indptr.astype(np.int64)
    for table in (rows, sparse.coo_array(([1.0], ([0], [1])), shape=(1, 3))):
        with pytest.raises(ValueError, match="No support for"):
            forest.predict(table)
        with pytest.raises(InputValueError, match="indices of 64 bits"):
            plan.predict(table)
    scaler = StandardScaler(with_mean=False).fit(X)
    np.testing.assert_array_equal(pretzel.compile(scaler).transform(rows).toarray(), scaler.transform(rows).toarray())


def test_arrays_of_dates_are_counted_in_their_unit() -> None:
    """Where the source asks for a float type. It takes NaT for a number, which a caller cannot mean."""
    X = np.arange(12.0).reshape(6, 2)
    dates = X.astype("datetime64[D]")
    for source in (StandardScaler(), make_pipeline(StandardScaler(), LinearRegression())):
        plan = pretzel.compile(source.fit(X, X[:, 0]), strict=True)
        method = "predict" if hasattr(source, "predict") else "transform"
        for request in (dates, dates.astype("datetime64[s]"), dates - dates[0]):
            np.testing.assert_allclose(getattr(plan, method)(request), getattr(source, method)(request), atol=1e-9)
    dates[2, 1] = np.datetime64("NaT")
    with pytest.raises(InputValueError, match="row 2 holds NaT"):
        pretzel.compile(StandardScaler().fit(X)).transform(dates)
    selector = SelectKBest(k=1).fit(X, X[:, 0] > 4)
    assert pretzel.compile(selector).transform(X.astype("datetime64[D]")).dtype == "<M8[D]"
    for refusing in (LinearRegression(), OneHotEncoder()):
        plan = pretzel.compile(refusing.fit(X, X[:, 0] > 4), strict=True)
        with pytest.raises(InputTypeError):
            getattr(plan, "predict" if hasattr(refusing, "predict") else "transform")(dates)


def test_a_list_of_arrays_has_their_common_dtype() -> None:
    """Unless the source asks for a float type, which lists have to be converted to."""
    X = np.arange(6, dtype=np.float32).reshape(2, 3)
    for source in (Normalizer(), MaxAbsScaler(), LinearRegression()):
        plan = pretzel.compile(source.fit(X.astype(float), X[:, 0].astype(float)), strict=True)
        method = "predict" if hasattr(source, "predict") else "transform"
        found, expected = getattr(plan, method)(list(X)), getattr(source, method)(list(X))
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_errors_name_the_column() -> None:
    with pytest.raises(InputTypeError, match="row 1, column 'b': expected a number, got str 'x'"):
        read(spec(), numeric(), [{"a": 1, "b": 1, "c": 1}, {"a": 1, "b": "x", "c": 1}])
    with pytest.raises(InputKeyError, match=r"missing 'c'.*unknown 'cc'.*did you mean 'c'"):
        read(spec(), numeric(), [{"a": 1, "b": 1, "cc": 1}])


@pytest.mark.parametrize("table", [np.zeros((0, 3)), pd.DataFrame(np.zeros((0, 3))), [], sparse.csr_array((0, 3))])
def test_no_rows(table: Any) -> None:
    for leaf in (numeric(), numeric(1)):
        rows, (found,), _ = read(spec(None), leaf, table)
        assert rows == 0
        assert as_matrix(found).shape == (0, len(leaf[0].columns))


# -- documents -------------------------------------------------------------------------------------------------------

DOCUMENTS = InputSpec(InputKind.TEXT, 1, None, (0,), False, "Model")
TEXT = (Leaf(LeafKind.TEXT, (0,), 0), Leaf(LeafKind.TEXT, (0,), 1))


@pytest.mark.parametrize("n", [4, 400])
def test_documents(n: int) -> None:
    texts = (TEXTS * n)[:n]
    for form in (
        texts,
        tuple(texts),
        (text for text in texts),
        np.array(texts),
        np.array(texts, dtype=object),
        pd.Series(texts),
        pd.Series(texts, dtype=object),
        pa.array(texts),
        pa.chunked_array([texts[:2], texts[2:]]),
    ):
        rows, found, _ = read(DOCUMENTS, TEXT, form)
        assert rows == n
        assert len(found) == 2
        assert as_lists(found[1]) == [texts]
    assert read(DOCUMENTS, TEXT, [])[0] == 0


@pytest.mark.parametrize(
    ("form", "error"),
    [
        ("one text", InputTypeError),
        (b"bytes", InputTypeError),
        ({"a": "text"}, InputTypeError),
        (pd.DataFrame({"a": TEXTS}), InputTypeError),
        (np.array([TEXTS]), InputShapeError),
        (7, InputTypeError),
    ],
)
def test_what_is_not_a_list_of_documents(form: Any, error: type[InputError]) -> None:
    with pytest.raises(error, match="Model"):
        read(DOCUMENTS, TEXT, form)


def test_no_library_is_imported_for_it() -> None:
    code = (
        "import sys\n"
        "from pretzel.input_spec import InputKind, InputSpec\n"
        "from pretzel.program import Leaf, LeafKind\n"
        "from pretzel.runtime.input.table_reader import read\n"
        "spec = InputSpec(InputKind.TABLE, 2, None, (0, 1), False, 'Model')\n"
        "read(spec, (Leaf(LeafKind.NUMERIC, (0, 1), 0),), [[1.0, 2.0]])\n"
        "assert not {'pandas', 'scipy', 'pyarrow', 'sklearn'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("dictionary", [False, True])
@pytest.mark.parametrize("rows", [3, 300])
def test_text_of_pandas_as_arrow_holds_it(rows: int, dictionary: bool) -> None:
    values = ["a", "b", None] * (rows // 3)
    array = pa.chunked_array([pa.array(values, type=pa.large_string())])

    class ArrowStringArray:  # some versions of pandas keep dictionaries
        def __arrow_array__(self) -> Any:
            return array.dictionary_encode() if dictionary else array

    spec = InputSpec(InputKind.TABLE, 1, ("k",), (0,), False, "Model")
    cells = as_cells(spec, 0, ArrowStringArray())
    if not isinstance(cells, list):
        assert type(cells).__name__ == "LargeStringArray"
        cells = [math.nan if value is None else value for value in cells.to_pylist()]
    assert [value if isinstance(value, str) else None for value in cells] == values


@pytest.mark.parametrize(
    "model",
    [
        StandardScaler(),
        VarianceThreshold(),
        FunctionTransformer(np.abs, validate=True),
        make_pipeline(VarianceThreshold(), StandardScaler()),
        pytest.param(make_column_transformer((StandardScaler(), ["a", "b"]), ("passthrough", ["c"])), marks=BY_NAME),
        pytest.param(make_column_transformer(("passthrough", ["c", "a"])), marks=BY_NAME),
    ],
    ids=str,
)
def test_float32_of_other_frames_is_what_it_is_for_the_source(model):
    X = pl.DataFrame(np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32), schema=list(NAMES))
    plan = pretzel.compile(model.fit(X))
    for frame in (X, X.with_columns((pl.col("b") * 9).cast(pl.Int8)), X.with_columns((pl.col("b") * 9).cast(pl.Int32))):
        got, expected = plan.transform(frame), model.transform(frame)
        assert getattr(got, "dtype", None) == getattr(expected, "dtype", None)
        np.testing.assert_allclose(got, expected, rtol=1e-12 if expected.dtype == np.float64 else 1e-6)


def test_nulls_leave_float32_as_it_is():
    X = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    model = VarianceThreshold().fit(pl.DataFrame(X, schema=list(NAMES)))
    frame = pl.DataFrame({name: [None, *column.tolist()] for name, column in zip(NAMES, X.T, strict=True)})
    frame = frame.cast(pl.Float32)
    got, expected = pretzel.compile(model).transform(frame), model.transform(frame)
    assert got.dtype == expected.dtype == np.float32
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("row", [[1.5, None, 3], [2**70, 1, 2], [2**64, 1.5, None]], ids=str)
@pytest.mark.parametrize("model", [SelectKBest(k=2), VarianceThreshold()], ids=str)
def test_lists_that_are_objects_for_numpy_are_passed_on_as_objects(model, row):
    X = np.random.default_rng(0).normal(size=(20, 3))
    plan = pretzel.compile(model.fit(X, X[:, 0] > 0))
    rows = [row, [1, 2, 3]]
    got, expected = plan.transform(rows), model.transform(rows)
    assert got.dtype == expected.dtype == object
    assert got.tolist() == expected.tolist()
    assert plan.transform([[2**63, 1, 2]]).dtype == model.transform([[2**63, 1, 2]]).dtype == np.float64
