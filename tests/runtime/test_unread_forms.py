"""Requests in forms that no program reads as scikit-learn does: the estimator itself answers them while it exists."""

from __future__ import annotations

import array
import asyncio
import collections
import datetime
import decimal
import fractions
import time
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import (
    FunctionTransformer,
    MaxAbsScaler,
    Normalizer,
    OrdinalEncoder,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeClassifier

import pretzel
from pretzel.errors import InputError, InputKeyError, InputTypeError, InputValueError
from tests.ids import stable_id

X = np.array([[1.0, -2.0, 3.0], [0.0, 5.0, 0.0], [-4.0, 0.0, 6.0], [7.0, 8.0, 0.0]] * 3)
Y = (X[:, 0] > 0).astype(int)
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])
SCALED = ("scaled", StandardScaler(with_mean=False), [0, 1])
KEPT = ("kept", "passthrough", [2])
METHODS = ("transform", "predict", "predict_proba", "decision_function")

ESTIMATORS = [
    StandardScaler(),
    Normalizer(),
    FunctionTransformer(np.abs),
    VarianceThreshold(),
    SelectKBest(k=2),
    Ridge(),
    LogisticRegression(),
    SGDClassifier(loss="log_loss", random_state=0),
    MLPClassifier((3,), max_iter=3, random_state=0),
    RandomForestClassifier(3, random_state=0),
    make_pipeline(MaxAbsScaler(), DecisionTreeClassifier(random_state=0)),
    make_pipeline(VarianceThreshold(), Ridge()),
    make_union(StandardScaler(), SelectKBest(k=2)),
    make_union(MaxAbsScaler(), FunctionTransformer(np.abs)),
    ColumnTransformer([SCALED, KEPT]),
    ColumnTransformer([("kept", "passthrough", [0, 2])]),
    ColumnTransformer([("chosen", VarianceThreshold(), [0]), ("abs", FunctionTransformer(np.abs), [1, 2])]),
    make_pipeline(ColumnTransformer([SCALED, KEPT]), LogisticRegression()),
]


def _long_indices(made: Any) -> Any:
    made.indices, made.indptr = made.indices.astype(np.int64), made.indptr.astype(np.int64)
    return made


def _duplicates(form: str, dtype: Any) -> Any:
    """Sparse rows that hold each of their numbers twice."""
    made = sparse.coo_array(X.astype(dtype))
    rows, columns = made.coords
    twice = sparse.coo_array((np.repeat(made.data, 2), (np.repeat(rows, 2), np.repeat(columns, 2))), shape=X.shape)
    if form == "coo":
        return twice
    of = np.r_[0, np.cumsum(np.bincount(twice.row, minlength=len(X)))]
    made = sparse.csr_array((twice.data, twice.col, of), shape=X.shape)
    if form == "csr":
        return made
    if form == "csc":
        return made.tocsc()
    return sparse.bsr_array((made.data[:, None, None], made.indices, made.indptr), shape=X.shape)


FORMS = {
    **{
        f"{form.upper()} with duplicates, {dtype}": _duplicates(form, dtype)
        for form in ("csr", "csc", "coo", "bsr")
        for dtype in ("float64", "float32", "int8", "bool")
    },
    "masked": np.ma.masked_array(X, X == 5),
    "long doubles": X.astype(np.longdouble) / 3,
    "long doubles in a frame": FRAME.astype({"a": np.longdouble}),
    "big-endian float32": X.astype(">f4"),
    "durations": X.astype("timedelta64[s]"),
    "dates": abs(X).astype("datetime64[s]"),
    "large integers": [[2**70, 1, 2], [-1, 0, 3]],
    "unsigned integers": [[2**63 + 5, 1, 2], [1, 0, 3]],
    "integers": X.astype(int).tolist(),
    "lists with None": [[None, 1.0, 2.0], [1.0, 2.0, 3.0]],
    "sparse frame": FRAME.astype(pd.SparseDtype(float, 0.0)),
    "a sparse column": FRAME.assign(b=pd.arrays.SparseArray(X[:, 1], fill_value=0.0)),
    "COO": sparse.coo_matrix(X),
    "DIA": sparse.dia_matrix(X),
    "BSR": sparse.bsr_array(X),
    "CSR of long doubles": sparse.csr_matrix(X.astype(np.longdouble)),
    "CSR array, long indices": _long_indices(sparse.csr_array(X)),
    "CSR matrix, long indices": _long_indices(sparse.csr_matrix(X)),
    "polars of float32": pl.DataFrame({name: X[:, i].astype(np.float32) for i, name in enumerate("abc")}),
    "integers among booleans": FRAME.astype(int).assign(b=X[:, 1] > 0, c=X[:, 2].astype(int)),
    "integers among floats": FRAME.assign(c=X[:, 2].astype(int)),
    "nullable": FRAME.astype(int).astype("Int32"),
    "categories": FRAME.astype(int).astype("category"),
}


def _same(found: Any, expected: Any) -> None:
    assert type(found) is type(expected)
    if isinstance(expected, pd.DataFrame):
        pd.testing.assert_frame_equal(found, expected)
        return
    assert found.dtype == expected.dtype
    if sparse.issparse(expected):
        found, expected = found.toarray(), expected.toarray()
    if expected.dtype.kind in "OmMUS":
        pd.testing.assert_frame_equal(pd.DataFrame(found), pd.DataFrame(expected))
    else:
        np.testing.assert_allclose(found, expected, rtol=2e-6)


def _check(plan: Any, source: Any, method: str, request: Any) -> None:
    try:
        expected = getattr(source, method)(_fresh(request))
    except Exception:
        with pytest.raises((TypeError, ValueError, NotImplementedError)):
            getattr(plan, method)(_fresh(request))
        return
    _same(getattr(plan, method)(_fresh(request)), expected)


def _fresh(request: Any) -> Any:
    """A copy of sparse rows, because some estimators add up their duplicates in place."""
    return request.copy() if sparse.issparse(request) else request


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("estimator", ESTIMATORS, ids=stable_id)
@pytest.mark.filterwarnings("ignore")
def test_forms_are_answered_as_by_the_source(estimator: Any, form: str) -> None:
    for fitted_on in (X, FRAME):
        source = clone(estimator).fit(fitted_on, Y)
        plan = pretzel.compile(source)
        for method in METHODS:
            if hasattr(source, method):
                _check(plan, source, method, FORMS[form])


def test_submitted_and_awaited() -> None:
    source = Ridge().fit(X, Y)
    request = X.astype(np.longdouble)
    with pretzel.Runtime(executors=1) as runtime:
        handle = runtime.register("ridge", source)
        for found in (
            handle.predict(request),
            handle.submit(request).result(10),
            asyncio.run(handle.apredict(request)),
        ):
            _same(found, source.predict(request))
        for call in (handle.predict, handle.submit, lambda table: asyncio.run(handle.apredict(table))):
            with pytest.raises(InputTypeError, match=r"ridge: .* expected a number, got str 'x'"):
                call(np.full((2, 3), "x", dtype=object))


def test_opaque_methods() -> None:
    source = make_pipeline(StandardScaler(), FunctionTransformer(_negated), Ridge()).fit(X, Y)
    plan = pretzel.compile(source)
    for form in ("masked", "long doubles", "durations", "large integers"):
        _check(plan, source, "predict", FORMS[form])


def _negated(values: Any) -> Any:
    return -np.asarray(values)


@pytest.mark.parametrize(
    ("estimator", "form"),
    [
        (Ridge(), "CSR with duplicates, bool"),
        (Ridge(), "long doubles"),
        (Ridge(), "big-endian float32"),
        (Ridge(), "large integers"),
        (VarianceThreshold(), "masked"),
        (DecisionTreeClassifier(), "CSR matrix, long indices"),
        (ColumnTransformer([("scaled", MaxAbsScaler(), [0, 1])]), "COO"),
        (ColumnTransformer([("scaled", MaxAbsScaler(), [0, 1])]), "sparse frame"),
    ],
)
def test_what_a_plan_says_without_its_source(estimator: Any, form: str) -> None:
    plan = pretzel.compile(clone(estimator).fit(FRAME if "frame" in form else X, Y))
    method = "predict" if hasattr(plan, "predict") else "transform"
    with pytest.raises(InputTypeError, match=r"are answered by the \w+ itself: .* keep_source=True"):
        getattr(plan, method)(FORMS[form])


def test_numbers_that_become_float64_need_no_source() -> None:
    plan = pretzel.compile(StandardScaler().fit(X))
    for form in ("long doubles", "big-endian float32", "masked"):
        request = FORMS[form]
        _same(plan.transform(request), StandardScaler().fit(X).transform(request))


def test_rejections_are_those_of_the_plan() -> None:
    source = LogisticRegression().fit(X, Y)
    plan = pretzel.compile(source)
    with pytest.raises(InputTypeError, match="row 0, column 0: expected a number, got str 'x'"):
        plan.predict([["x", 1.0, 2.0]])
    with pytest.raises(InputTypeError, match=r"integers beyond 64 bits .* which rejects them: ufunc 'expit'"):
        plan.predict_proba(FORMS["large integers"])
    source = Ridge().fit(X, Y)
    with pytest.raises(InputValueError, match=r"long doubles .* which rejects them: Input X contains NaN"):
        pretzel.compile(source).predict(np.full((1, 3), np.nan, dtype=np.longdouble))


def test_wrong_tables_of_many_columns_are_rejected_at_once() -> None:
    wide = np.random.default_rng(0).normal(size=(20, 2000))
    source = make_pipeline(StandardScaler(), Ridge()).fit(pd.DataFrame(wide).add_prefix("c"), wide[:, 0])
    plan = pretzel.compile(source)
    wrong = pd.DataFrame(wide).add_prefix("c").assign(c7="x")
    start = time.perf_counter()
    with pytest.raises(InputTypeError, match="column 'c7': expected a number, got str 'x'"):
        plan.predict(wrong)
    assert time.perf_counter() - start < 0.5


# -- lists of rows of any type -----------------------------------------------------------------------------------------


class _Values:
    """A sequence of its own."""

    def __init__(self, values: Any) -> None:
        self.values = values

    def __len__(self) -> int:
        return len(self.values)

    def __getitem__(self, place: int) -> Any:
        return self.values[place]


class _AsArray:
    """No sequence, but something that NumPy makes an array of."""

    def __array__(self, dtype: Any = None, copy: Any = None) -> Any:
        return np.array([1.5, 2.0, 3.0], dtype=dtype)


ROW = [1.5, 2.0, 3.0]
FLOAT32_ROW = np.array(ROW, dtype=np.float32)
LISTS: dict[str, list[Any]] = {
    "series": [row for _, row in FRAME.iterrows()],
    "series without names": [pd.Series(ROW), pd.Series(ROW)],
    "series of float32": [pd.Series(ROW, dtype=np.float32)],
    "series of objects": [pd.Series([1, "2", 3.5], dtype=object)],
    "series of texts": [pd.Series(list("123"))],
    "nullable series": [pd.Series([1, None, 3], dtype="Int64")],
    "series of dates": [pd.Series(pd.to_datetime(["2020", "2021", "2022"]))],
    "categorical series": [pd.Series(list("123"), dtype="category")],
    "series and lists": [pd.Series(ROW), ROW],
    "series of other lengths": [pd.Series(ROW), pd.Series(ROW[:2])],
    "polars": [pl.Series(ROW), pl.Series([1, None, 3])],
    "polars of texts": [pl.Series(list("123"))],
    "pyarrow": [pa.array(ROW)],
    "index": [pd.Index(ROW)],
    "0-d": [[np.array(1.5), np.array(2.0), 3.0]],
    "0-d in a tuple": [(np.array(1.5), np.array(2.0), 3.0)],
    "0-d float32": [[np.array(value, dtype=np.float32) for value in ROW]],
    "0-d integers": [[np.array(1), np.array(2), np.array(3)]],
    "0-d objects": [[np.array(1, dtype=object), 2, 3]],
    "0-d texts": [[np.array("1"), 2, 3]],
    "0-d complex": [[np.array(1j), 2, 3]],
    "arrays of one": [[np.array([1.0]), np.array([2.0]), np.array([3.0])]],
    "numbers of float32": [[np.float32(1.1)] * 3],
    "numbers of float32 and floats": [[np.float32(1.1), 2.0, 3.0]],
    "numbers of int8": [[np.int8(100)] * 3],
    "long doubles": [[np.longdouble(1) / 3] * 3],
    "arrays of objects": [np.array([1, "2", 3.5], dtype=object)],
    "float32 and lists": [FLOAT32_ROW, ROW],
    "float32 and booleans": [FLOAT32_ROW, [True, False, True]],
    "float32": [FLOAT32_ROW, FLOAT32_ROW],
    "masked rows": [np.ma.array(ROW, mask=[True, False, False])],
    "matrices": [np.asmatrix(ROW)],
    "array without dimensions": [np.array(1.5)],
    "array.array": [array.array("f", ROW)],
    "memoryview": [memoryview(array.array("f", ROW))],
    "range": [range(3)],
    "deque": [collections.deque(ROW)],
    "own sequence": [_Values(ROW)],
    "as array": [_AsArray()],
    "values of a dict": [dict(enumerate(ROW)).values()],
    "decimals": [[decimal.Decimal("1.5"), 2, 3]],
    "fractions": [[fractions.Fraction(1, 3), 2, 3]],
    "dates": [[pd.Timestamp("2020")] * 3],
    "voids": [[np.void(b"1"), 2, 3]],
    "complex": [[1j, 2, 3]],
    "real complex": [[1 + 0j, 2, 3]],
    "complex and None": [[1j, None, 3]],
    "NumPy's complex": [[np.complex64(1), 2, 3]],
}


@pytest.mark.parametrize("form", LISTS)
@pytest.mark.filterwarnings("ignore")
def test_lists_are_what_numpy_makes_of_them(form: str) -> None:
    for estimator in (
        Ridge(),
        LinearRegression(),
        LogisticRegression(),
        StandardScaler(),
        Normalizer(),
        VarianceThreshold(),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
        ColumnTransformer([SCALED, KEPT]),
        DecisionTreeClassifier(random_state=0),
    ):
        for fitted_on in (X, FRAME):
            source = clone(estimator).fit(fitted_on, Y)
            plan = pretzel.compile(source)
            _check(plan, source, "predict" if hasattr(source, "predict") else "transform", LISTS[form])


def test_lists_of_series_have_no_names() -> None:
    plan = pretzel.compile(ColumnTransformer([("scaled", StandardScaler(), ["a"])]).fit(FRAME))
    with pytest.raises(InputKeyError, match="columns are selected by name"):
        plan.transform(LISTS["series"])


@pytest.mark.parametrize("number", [1j, 1 + 0j, np.complex64(1j)])
def test_complex_numbers_among_categories_are_rejected(number: Any) -> None:
    source = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit([[0.0], [1.0]])
    plan = pretzel.compile(source)
    for request in ([[number], [0]], [(number,)]):
        with pytest.raises(InputValueError, match=r"lists with complex numbers .* Complex data not supported"):
            plan.transform(request)
    with pytest.raises(InputTypeError, match="column 0: expected a str or a number, got complex"):
        plan.transform_one((number,))


# -- columns of types that pyarrow does not read, and subclasses of arrays ---------------------------------------------

ODD_COLUMNS = {
    "Int128": pl.Series([1, 2, 2**70] * 4, dtype=pl.Int128),
    "Int128 with null": pl.Series([1, None, 3] * 4, dtype=pl.Int128),
    "Decimal": pl.Series([decimal.Decimal("1.5")] * 12),
    "Duration": pl.Series([datetime.timedelta(1)] * 12),
    "Time": pl.Series([datetime.time(1)] * 12),
    "Object": pl.Series([object()] * 12, dtype=pl.Object),
    "List": pl.Series([[1]] * 12),
    "Struct": pl.Series([{"x": 1}] * 12),
    "Array": pl.Series([[1, 2]] * 12, dtype=pl.Array(pl.Int64, 2)),
    "Null": pl.Series([None] * 12),
}
PLACES = pa.array([0, 1] * 6)
ODD_ARRAYS = {
    "dictionary of lists": pa.DictionaryArray.from_arrays(PLACES, pa.array([[1], [2]])),
    "dictionary of views": pa.DictionaryArray.from_arrays(PLACES, pa.array([b"1", b"2"], pa.binary_view())),
    "list": pa.array([[1]] * 12),
    "struct": pa.array([{"x": 1}] * 12),
    "map": pa.array([[("x", 1)]] * 12, pa.map_(pa.string(), pa.int64())),
    "run ends": pa.RunEndEncodedArray.from_arrays([1, 12], [1, 2]),
    "union": pa.UnionArray.from_sparse(pa.array([0] * 12, pa.int8()), [pa.array(range(12))]),
    "interval": pa.array([(1, 2, 3)] * 12, pa.month_day_nano_interval()),
}
READERS_OF_COLUMNS = [
    LinearRegression(),
    OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    ColumnTransformer([("scaled", StandardScaler(), ["a", "b"])]),
]


@pytest.mark.parametrize("column", ["b", "c"])
@pytest.mark.parametrize("kind", [*ODD_COLUMNS, *ODD_ARRAYS])
@pytest.mark.filterwarnings("ignore")
def test_columns_of_odd_types_are_answered_by_the_source_or_rejected(kind: str, column: str) -> None:
    if kind in ODD_COLUMNS:
        request: Any = pl.DataFrame(FRAME.to_dict("list")).with_columns(ODD_COLUMNS[kind].alias(column))
    else:
        columns = {name: pa.array(FRAME[name]) for name in FRAME} | {column: ODD_ARRAYS[kind]}
        request = pa.table(columns)
    for estimator in READERS_OF_COLUMNS:
        source = clone(estimator).fit(FRAME, Y)
        method = "predict" if hasattr(source, "predict") else "transform"
        plan = pretzel.compile(source)
        try:
            found = getattr(plan, method)(request)
        except InputError:
            continue
        try:
            expected = getattr(source, method)(request)
        except Exception:
            assert not kind.startswith("Int128")
            continue
        assert found.shape == expected.shape
        if expected.dtype != object:
            np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_polars_columns_that_no_library_reads_are_those_of_the_source() -> None:
    source = LinearRegression().fit(FRAME, Y)
    request = pl.DataFrame(FRAME.to_dict("list")).with_columns(ODD_COLUMNS["Int128"].alias("b"))
    _same(pretzel.compile(source).predict(request), source.predict(request))
    plan = pretzel.compile(LinearRegression().fit(FRAME, Y))
    with pytest.raises(InputTypeError, match=r"columns that pyarrow does not read .* keep_source=True"):
        plan.predict(request)


class _Shouting(np.ndarray):
    """An array whose items are other texts than those that it holds."""

    def __iter__(self) -> Any:
        return (str(item).upper() for item in np.asarray(self))


@pytest.mark.parametrize(
    "documents",
    [
        np.char.array(["der ", "d "]),
        np.array(["der ", "d "]),
        np.array(["der ", "d "], dtype=object).view(_Shouting),
        np.ma.array(["der ", "d "]),
        np.array(["der ", "d "]).view(np.recarray),
    ],
    ids=lambda documents: type(documents).__name__,
)
def test_documents_are_the_items_of_an_array(documents: Any) -> None:
    source = CountVectorizer(analyzer="char", lowercase=False).fit(["der D"])
    plan = pretzel.compile(source)
    np.testing.assert_array_equal(plan.transform(documents).toarray(), source.transform(documents).toarray())


# -- columns that are selected by name ---------------------------------------------------------------------------------

BY_NAME = [
    ColumnTransformer([("scaled", StandardScaler(), ["a", "b"]), ("kept", "passthrough", ["c"])]),
    ColumnTransformer([("scaled", StandardScaler(), ["a"])], remainder="passthrough"),
    ColumnTransformer([("scaled", StandardScaler(), slice("a", "b"))]),
    ColumnTransformer([("scaled", StandardScaler(), make_column_selector(dtype_include=float))]),
    make_union(ColumnTransformer([("scaled", StandardScaler(), ["a"])]), StandardScaler()),
    make_pipeline(ColumnTransformer([("scaled", StandardScaler(), ["b", "a"])]), LogisticRegression()),
    ColumnTransformer([("own", FunctionTransformer(_negated), ["a", "b"])]),
]
NAMELESS = {
    "array": X,
    "float32": X.astype(np.float32),
    "objects": X.astype(object),
    "list of lists": X.tolist(),
    "list of arrays": list(X),
    "tuple of lists": tuple(X.tolist()),
    "CSR": sparse.csr_array(X),
    "numbered": pd.DataFrame(X),
    "numbered backwards": pd.DataFrame(X, columns=[2, 1, 0]),
    "two levels": FRAME.set_axis(pd.MultiIndex.from_product([["x"], list("abc")]), axis=1),
}


@pytest.mark.parametrize("form", NAMELESS)
@pytest.mark.parametrize("estimator", BY_NAME, ids=stable_id)
def test_tables_without_names_are_rejected(estimator: Any, form: str) -> None:
    source = clone(estimator).fit(FRAME, Y)
    plan = pretzel.compile(source)
    method = "predict" if hasattr(source, "predict") else "transform"
    with pytest.raises((ValueError, TypeError)):
        getattr(source, method)(NAMELESS[form])
    with pytest.raises(ValueError) as caught:  # noqa: PT011  # sparse rows, and opaque steps, are the source's
        getattr(plan, method)(NAMELESS[form])
    if form != "CSR" and "own" not in repr(estimator):
        assert isinstance(caught.value, InputKeyError)
        assert "columns are selected by name" in str(caught.value)


@pytest.mark.parametrize("estimator", BY_NAME, ids=stable_id)
def test_rows_and_tables_that_are_read_by_name(estimator: Any) -> None:
    """Tuples are rows of Pretzel's own: alone or in a list, in the order of the fit."""
    source = clone(estimator).fit(FRAME, Y)
    plan = pretzel.compile(source)
    method = "predict" if hasattr(source, "predict") else "transform"
    expected = np.asarray(getattr(source, method)(FRAME))
    one, many = getattr(plan, f"{method}_one"), getattr(plan, method)
    rows = [tuple(row) for row in X.tolist()]
    for table in (FRAME, pl.from_pandas(FRAME), rows, FRAME.to_dict("records")):
        np.testing.assert_allclose(np.asarray(many(table)), expected, rtol=1e-12)
    if isinstance(estimator, ColumnTransformer):
        for table in (pa.Table.from_pandas(FRAME), FRAME[["c", "b", "a"]]):
            np.testing.assert_allclose(many(table), expected, rtol=1e-12)
    for row in (rows[2], X[2], list(rows[2]), FRAME.to_dict("records")[2]):
        np.testing.assert_allclose(np.asarray(one(row)), expected[2], rtol=1e-12)


@pytest.mark.parametrize("columns", [[0, 1], [True, False, True], slice(0, 2)])
@pytest.mark.filterwarnings("ignore")
def test_columns_that_are_selected_by_position(columns: Any) -> None:
    source = ColumnTransformer([("scaled", StandardScaler(), columns)]).fit(FRAME)
    plan = pretzel.compile(source)
    for request in NAMELESS.values():
        _check(plan, source, "transform", request)


@pytest.mark.parametrize("form", [np.asarray, pd.DataFrame, np.ndarray.tolist])
def test_a_none_that_a_selector_drops_is_no_matter(form: Any) -> None:
    X = np.random.default_rng(0).normal(size=(60, 4))
    source = make_pipeline(SelectKBest(k=2), RobustScaler()).fit(X, X[:, 1] + X[:, 2] > 0)
    rows = X[:5].astype(object)
    rows[0, 0] = None
    np.testing.assert_allclose(pretzel.compile(source).transform(form(rows)), source.transform(form(rows)))
    rows[0, :] = None
    np.testing.assert_allclose(pretzel.compile(source).transform(form(rows)), source.transform(form(rows)))


def test_lists_of_float32_are_float64_for_the_steps_that_ask_for_floats() -> None:
    X = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    for source in (
        FeatureUnion([("s", StandardScaler()), ("p", "passthrough")]),
        make_pipeline(FeatureUnion([("s", StandardScaler()), ("p", "passthrough")]), StandardScaler()),
    ):
        expected = source.fit(X).transform(list(X))
        found = pretzel.compile(source).transform(list(X))
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-12)
