"""Missing and odd values in every form of request: the source's answer, or an error of Pretzel where it has none."""

from __future__ import annotations

import datetime
import decimal
import enum
import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor, VotingRegressor
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import ComplementNB
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    Binarizer,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
    TargetEncoder,
)

import pretzel
from pretzel.errors import InputError, InputTypeError, InputValueError, OptionError

if TYPE_CHECKING:
    from collections.abc import Callable

pytestmark = pytest.mark.filterwarnings("ignore")


class Kind(str, enum.Enum):  # noqa: UP042
    RED = "x"
    BLUE = "y"


def series(values: list[Any], **options: Any) -> pd.DataFrame:
    return pd.DataFrame({"a": pd.Series(values, **options)})


def objects(*values: Any) -> pd.DataFrame:
    return series(list(values), dtype=object)


def same_as_source(source: Any, plan: pretzel.Plan, request: Any, *, method: str = "transform") -> None:
    """The source's answer; where the source raises, the plan may answer, but raises nothing but its own errors."""
    try:
        expected = getattr(source, method)(request)
    except (TypeError, ValueError, OverflowError):
        expected = None
    try:
        got = getattr(plan, method)(request)
    except InputError:
        if expected is None:
            return
        raise
    if expected is not None:
        got, expected = (x.toarray() if hasattr(x, "toarray") else np.asarray(x) for x in (got, expected))
        np.testing.assert_allclose(got.astype(float), expected.astype(float), rtol=1e-9)


ENCODERS: dict[str, Callable[[], Any]] = {
    "one-hot": lambda: OneHotEncoder(handle_unknown="ignore"),
    "one-hot, dense": lambda: OneHotEncoder(handle_unknown="infrequent_if_exist", min_frequency=2, sparse_output=False),
    "one-hot, error": lambda: OneHotEncoder(),
    "ordinal": lambda: OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2),
    "target": lambda: TargetEncoder(target_type="continuous"),
    "imputed": lambda: make_pipeline(
        SimpleImputer(strategy="most_frequent"),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    ),
    "None imputed": lambda: make_pipeline(
        SimpleImputer(missing_values=None, strategy="constant", fill_value="none"),
        OneHotEncoder(handle_unknown="ignore", sparse_output=False),
    ),
    "NA imputed": lambda: make_pipeline(
        SimpleImputer(missing_values=pd.NA, strategy="constant", fill_value="none"),
        OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
    ),
    "in a column transformer": lambda: make_column_transformer((OneHotEncoder(handle_unknown="ignore"), ["a"])),
}
FITS: dict[str, pd.DataFrame] = {
    "whole numbers": series([7, 8, 9, 7, 8, 9]),
    "floats": series([7.0, 8.5, math.nan] * 2),
    "bools": series([True, False] * 3),
    "texts": objects(*["x", "y", "7"] * 2),
    "texts and NaN": objects(*["x", "y", math.nan] * 2),
    "texts and None": objects(*["x", "y", None] * 2),
    "texts, None and NaN": objects("x", "y", None, math.nan, "x", "y"),
    "str": series(["x", "y", None] * 2, dtype="str"),
    "members": objects(*[Kind.RED, Kind.BLUE] * 3),
}
ODD: list[Any] = [
    "x", "7", "", " 7 ", "n/a", None, math.nan, np.float32("nan"), pd.NA, pd.NaT, math.inf, -math.inf, 7, 7.0, True,
    np.int8(7), np.float16(8.5), np.bool_(True), Kind.RED, np.str_("x"), b"x", 10**400, 2**60, decimal.Decimal(7),
    decimal.Decimal("0.1"), datetime.date(2026, 1, 1), pd.Timestamp("2026"), pd.Period("2026-01"),
    np.datetime64("2026-01"), pd.Timedelta(1), (1, 2), 7 + 0j, 1j, object(),
]  # fmt: skip
COLUMNS: dict[str, Any] = {
    "string": series(["x", None], dtype="string"),
    "str": series(["x", None], dtype="str"),
    "string[pyarrow]": series(["x", None], dtype=pd.ArrowDtype(pa.string())),
    "category": series(["x", None], dtype="category"),
    "category of numbers": series([7, 8], dtype="category"),
    "Int64": series([7, None], dtype="Int64"),
    "boolean": series([True, None], dtype="boolean"),
    "Float32": series([7.0, None], dtype="Float32"),
    "int64[pyarrow]": series([7, None], dtype="int64[pyarrow]"),
    "decimal[pyarrow]": pd.DataFrame({"a": pd.array([decimal.Decimal(7), None], pd.ArrowDtype(pa.decimal128(5, 2)))}),
    "large integers": pd.DataFrame({"a": pd.array([2**53 + 1, None], dtype="int64[pyarrow]")}),
    "infinite": series([7.0, math.inf]),
    "period": pd.DataFrame({"a": pd.period_range("2026-01", periods=2, freq="M")}),
    "interval": pd.DataFrame({"a": pd.interval_range(0, 2)}),
    "dates": pd.DataFrame({"a": pd.to_datetime(["2026-01-01", "2026-01-02"])}),
    "dates of a zone": pd.DataFrame({"a": pd.to_datetime(["2026-01-01", "2026-01-02"], utc=True)}),
    "sparse": series([7.0, 0.0], dtype="Sparse[float]"),
    "polars texts": pl.DataFrame({"a": ["x", None]}),
    "polars numbers": pl.DataFrame({"a": [7, None]}),
    "polars bools": pl.DataFrame({"a": [True, None]}),
    "polars Enum": pl.DataFrame({"a": pl.Series(["x", None], dtype=pl.Enum(["x", "y"]))}),
    "polars Categorical": pl.DataFrame({"a": pl.Series(["x", None], dtype=pl.Categorical)}),
    "polars Decimal": pl.DataFrame({"a": ["7", "8.5"]}).with_columns(pl.col("a").cast(pl.Decimal(5, 1))),
    "polars nothing": pl.DataFrame({"a": [None, None]}),
    "polars dates": pl.DataFrame({"a": [datetime.date(2026, 1, 1), None]}),
    "arrow": pa.table({"a": ["x", None]}),
    "arrow, dictionary": pa.table({"a": pa.array(["x", "y"]).dictionary_encode()}),  # to NumPy, null becomes "x"
    "arrow, string_view": pa.table({"a": pa.array(["x", None], pa.string_view())}),
    "arrow, two chunks": pa.table({"a": pa.chunked_array([["x"], [None]])}),
    "arrow, batch": pa.record_batch({"a": ["x", "y"]}),
    "arrow, batch of string_view": pa.record_batch({"a": pa.array(["x", None], pa.string_view())}),
    "array": np.array([["x"], [None]], dtype=object),
    "array of texts": np.array([["x"], ["y"]]),
    "array of numbers": np.array([[7.0], [np.nan]]),
    "list": [["x"], [None]],
    "list of numbers": [[7], [math.nan]],
}


def fitted(encoder: str, fit: str) -> tuple[Any, pretzel.Plan]:
    try:
        source = ENCODERS[encoder]().fit(FITS[fit], [0.0, 1.0, 2.0, 0.5, 1.5, 2.5])
    except (TypeError, ValueError):
        pytest.skip("cannot be fitted so")
    return source, pretzel.compile(source)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("encoder", ENCODERS)
def test_tables_for_encoders(encoder: str, fit: str) -> None:
    if encoder == "imputed" and fit in ("whole numbers", "floats"):
        pytest.skip("most_frequent passes objects on as objects, which is native only where it was fitted on objects")
    source, plan = fitted(encoder, fit)
    for value in ODD:
        same_as_source(source, plan, objects(value))
        same_as_source(source, plan, objects(7, value))
        same_as_source(source, plan, objects("x", value).to_numpy())
    for column in COLUMNS.values():
        if encoder != "in a column transformer" or not isinstance(
            column, np.ndarray | list | pa.RecordBatch | pa.Table
        ):
            same_as_source(source, plan, column)


@pytest.mark.parametrize("fit", FITS)
@pytest.mark.parametrize("encoder", ["one-hot, dense", "ordinal", "target", "imputed"])
def test_rows_for_encoders(encoder: str, fit: str) -> None:
    """As the frame of one row, with a column of objects."""
    if encoder == "imputed" and fit in ("whole numbers", "floats"):
        pytest.skip("most_frequent passes objects on as objects, which is native only where it was fitted on objects")
    source, plan = fitted(encoder, fit)
    for value in ODD:
        if value is None or (value is pd.NA and encoder == "imputed"):
            continue
        expected = source.transform(objects(value))
        for row in ({"a": value}, (value,), [value]):
            np.testing.assert_allclose(plan.transform_one(row), expected[0], rtol=1e-9, err_msg=repr(value))
        np.testing.assert_allclose(plan.transform([{"a": value}]), expected, rtol=1e-9)


@pytest.mark.parametrize("value", [[1], {"a": 1}, np.zeros(2), {1}, bytearray(b"x")], ids=repr)
@pytest.mark.parametrize("encoder", ["one-hot", "ordinal", "target"])
def test_values_without_a_hash_are_rejected(encoder: str, value: Any) -> None:
    """scikit-learn raises TypeError."""
    _, plan = fitted(encoder, "texts")
    for call in (lambda: plan.transform(objects("x", value)), lambda: plan.transform_one({"a": value})):
        with pytest.raises(InputTypeError, match=r"'a': expected a str or a number"):
            call()


NUMBERS: dict[str, Callable[[], Any]] = {
    "scaler": StandardScaler,
    "min and max": MinMaxScaler,
    "imputer": SimpleImputer,
    "linear": LinearRegression,
    "forest": lambda: RandomForestRegressor(3, random_state=0),
    "boosting": lambda: HistGradientBoostingRegressor(max_iter=3, min_samples_leaf=2),
    "pipeline": lambda: make_pipeline(SimpleImputer(), StandardScaler(), LinearRegression()),
    "column transformer": lambda: make_pipeline(make_column_transformer((StandardScaler(), ["a"])), LinearRegression()),
}
TEXTS = ["4", " 5.5 ", "1e3", "1_0", "-0", "nan", "٣", b"4", np.str_("2.5"), decimal.Decimal("1.5")]
NO_NUMBERS = ["", "x", "1,5", "0x10", b"x", 1j, np.complex64(1 + 5j), pd.Timestamp("2026"), pd.Period("2026-01"), (1,)]


def regression(name: str) -> tuple[Any, pretzel.Plan, str]:
    X = series([1.0, 2.0, 4.0, 8.0, 3.0, 5.0])
    source = NUMBERS[name]().fit(X, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    return source, pretzel.compile(source, strict=True), "predict" if hasattr(source, "predict") else "transform"


@pytest.mark.parametrize("name", NUMBERS)
def test_numbers_written_as_text(name: str) -> None:
    source, plan, method = regression(name)
    one = getattr(plan, f"{method}_one")
    for value in TEXTS:
        request = objects(1.0, value)
        same_as_source(source, plan, request, method=method)
        same_as_source(source, plan, request[1:], method=method)
        if value != "nan":
            expected = getattr(source, method)(request)[1]
            for row in ({"a": value}, (value,), [value], np.array([value], dtype=object)):
                np.testing.assert_allclose(one(row), expected, rtol=1e-9)
            np.testing.assert_allclose(getattr(plan, method)([{"a": value}])[0], expected, rtol=1e-9)
    for dtype in ("str", "string", "category"):
        same_as_source(source, plan, series(["4", "5.5"], dtype=dtype), method=method)
    for value in NO_NUMBERS:
        for call in (
            lambda value=value: getattr(plan, method)(objects(1.0, value)),
            lambda value=value: one({"a": value}),
        ):
            with pytest.raises(InputError, match="column 'a'"):
                call()


ARRAYS_OF_TEXT: dict[str, Callable[[], Any]] = {
    "scaler": StandardScaler,
    "binarizer": Binarizer,
    "linear": LinearRegression,
    "logistic": LogisticRegression,
    "Poisson": PoissonRegressor,
    "naive Bayes": ComplementNB,
    "perceptron": lambda: MLPRegressor(hidden_layer_sizes=(2,), max_iter=5),
    "forest": lambda: RandomForestRegressor(3, random_state=0),
    "pipeline": lambda: make_pipeline(StandardScaler(), LinearRegression()),
    "search": lambda: GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2),
    "voting": lambda: VotingRegressor([("a", LinearRegression()), ("b", RandomForestRegressor(2, random_state=0))]),
    "by columns": lambda: make_column_transformer((Binarizer(), [0]), (StandardScaler(), [1])),
    "indicator": lambda: MissingIndicator(features="all"),
    "mean": SimpleImputer,
    "most frequent": lambda: SimpleImputer(strategy="most_frequent"),
    "one-hot": lambda: OneHotEncoder(handle_unknown="ignore"),
}


@pytest.mark.parametrize("name", ARRAYS_OF_TEXT)
def test_arrays_and_lists_of_text(name: str) -> None:
    """Some estimators parse NumPy's own texts, most reject them, though they parse texts among objects."""
    X, y = np.arange(12.0).reshape(6, 2), np.array([1, 2, 1, 2, 1, 2])
    source = ARRAYS_OF_TEXT[name]().fit(X, y)
    plan = pretzel.compile(source, strict=True)
    method = "predict" if hasattr(source, "predict") else "transform"
    for request in (X.astype(str), X.astype("S"), X.astype(str).tolist(), [[b"1", 2.0], [3.0, 4.0]]):
        if name in ("most frequent", "one-hot") and isinstance(request, list):
            continue  # texts stay texts
        try:
            expected = getattr(source, method)(request)
        except ValueError:
            with pytest.raises(InputTypeError):
                getattr(plan, method)(request)
            continue
        same(getattr(plan, method)(request), expected)


def same(found: Any, expected: Any) -> None:
    found, expected = (each.toarray() if hasattr(each, "toarray") else each for each in (found, expected))
    np.testing.assert_allclose(found, expected, rtol=1e-9)


@pytest.mark.parametrize("name", NUMBERS)
def test_columns_of_numbers(name: str) -> None:
    source, plan, method = regression(name)
    for label, column in COLUMNS.items():
        if (
            "dates" not in label
            and label != "interval"
            and not (name == "column transformer" and isinstance(column, np.ndarray | list))
        ):
            same_as_source(source, plan, column, method=method)
    for missing in (None, math.nan, pd.NA, pd.NaT):
        same_as_source(source, plan, objects(1.0, missing), method=method)


def test_missing_values_of_pandas_are_rejected_among_numbers() -> None:
    """In a table, as the source does; a single row may come from a column of Int64."""
    plan = pretzel.compile(StandardScaler().fit(series([1.0, 2.0])))
    for missing in (pd.NA, pd.NaT):
        with pytest.raises(InputTypeError, match=r"row 1, column 'a': expected a number"):
            plan.transform(objects(1.0, missing))
        assert np.isnan(plan.transform_one({"a": missing}))
        assert np.isnan(plan.transform([{"a": missing}]))


# -- None in single rows ---------------------------------------------------------------------------------------------

ORDINAL = {"handle_unknown": "use_encoded_value", "unknown_value": -1, "encoded_missing_value": -2}


class OwnImputer(SimpleImputer):
    """Without a native form, because a subclass may override anything."""


KNOWN: dict[str, tuple[Any, pd.DataFrame, Any, Any]] = {
    # estimator, fit, what None means, what it is exactly
    "NaN among numbers": (OrdinalEncoder(**ORDINAL), series([1.0, 2.0, math.nan]), -2, -1),
    "NaN among texts": (OrdinalEncoder(**ORDINAL), objects("x", "y", math.nan), -2, -1),
    "None among texts": (OrdinalEncoder(**ORDINAL), objects("x", "y", None), 2, 2),
    "neither": (OrdinalEncoder(**ORDINAL), objects("x", "y", "z"), -1, -1),
    "imputed": (
        make_pipeline(SimpleImputer(strategy="most_frequent"), OrdinalEncoder(**ORDINAL)),
        objects("x", "x", math.nan),
        0,
        -1,
    ),
    "None that an imputer leaves": (
        make_pipeline(SimpleImputer(strategy="most_frequent"), OrdinalEncoder(**ORDINAL)),
        objects("x", "y", None),
        2,
        2,
    ),
    "a number": (SimpleImputer(missing_values=-1), series([1, 3, -1]), 2.0, InputValueError),
    "a text": (
        make_pipeline(SimpleImputer(missing_values="?", strategy="most_frequent"), OrdinalEncoder(**ORDINAL)),
        objects("x", "x", "?"),
        0,
        -1,
    ),
    "mean": (SimpleImputer(), series([1.0, 3.0, math.nan]), 2.0, 2.0),
    "opaque": (OwnImputer(missing_values=-1), series([1.0, 3.0, -1]), 2.0, ValueError),
}


@pytest.mark.parametrize("name", KNOWN)
def test_none_in_a_row_is_missing(name: str) -> None:
    estimator, frame, missing, exact = KNOWN[name]
    source = estimator.fit(frame, [0.0, 1.0, 2.0])
    for plan, expected in (
        (pretzel.compile(source), missing),
        (pretzel.compile(source, none="missing"), missing),
        (pretzel.compile(source, none="exact"), exact),
    ):
        forms = [{"a": None}, (None,)] + ([[None], np.array([None])] if name != "opaque" else [])
        for row in forms:
            if isinstance(expected, type):
                with pytest.raises(expected):
                    plan.transform_one(row)
            else:
                assert np.asarray(plan.transform_one(row)).tolist() == [expected]
        if not isinstance(expected, type) and name != "opaque":
            assert plan.transform([{"a": None}, {"a": None}]).ravel().tolist() == [expected, expected]


def test_none_in_a_table_is_what_it_is_for_the_source() -> None:
    for estimator, frame, _, exact in (case for name, case in KNOWN.items() if name != "opaque"):
        source = estimator.fit(frame, [0.0, 1.0, 2.0])
        plan = pretzel.compile(source)
        for request in (objects(None), np.array([[None]], dtype=object), [[None]]):
            same_as_source(source, plan, request)
            if not isinstance(exact, type):
                assert plan.transform(request).tolist() == [[exact]]


@pytest.mark.parametrize("missing", [None, math.nan])
@pytest.mark.parametrize("rest", ["drop", "passthrough"])
@pytest.mark.parametrize("container", ["default", "pandas"])
@pytest.mark.parametrize("imputed", [False, True])
def test_a_row_without_its_only_text(container: str, rest: str, missing: Any, imputed: bool) -> None:
    """The column is one of texts nevertheless, also for steps that are called from Python."""
    frame = pd.DataFrame({"n": [1.0, 2.0, 3.0], "city": ["Bonn", "Ulm", None], "text": list("abc")})
    encoder: Any = OneHotEncoder(sparse_output=False, handle_unknown="ignore")
    if imputed:
        encoder = make_pipeline(SimpleImputer(strategy="most_frequent", missing_values=frame.city[2]), encoder)
    source = make_column_transformer((encoder, ["city"]), remainder=rest).set_output(transform=container).fit(frame)
    plan = pretzel.compile(source)
    expected = np.asarray(source.transform(frame), dtype=object)[2].tolist()
    row = {"n": 3.0, "city": missing, "text": "c"}
    assert list(plan.transform_one(row)) == expected
    for found in np.asarray(plan.transform([row, row]), dtype=object):
        assert found.tolist() == expected


def test_none_is_one_of_two_words() -> None:
    with pytest.raises(OptionError, match="none is 'missing' or 'exact', got 'nan'"):
        pretzel.compile(SimpleImputer().fit([[1.0]]), none="nan")  # type: ignore[arg-type]


# -- documents -------------------------------------------------------------------------------------------------------

VECTORIZERS: dict[str, Any] = {
    "counts": CountVectorizer(),
    "latin-1": TfidfVectorizer(encoding="latin-1", strip_accents="unicode"),
    "ignore": CountVectorizer(decode_error="ignore", lowercase=False),
    "replace": HashingVectorizer(n_features=32, decode_error="replace", analyzer="char"),
}
DOCUMENTS = [b"red sky", "Gr\xfcn und blau".encode("latin-1"), "東京 red".encode(), b"", np.bytes_(b"blue")]


@pytest.mark.parametrize("name", VECTORIZERS)
def test_documents_of_bytes(name: str) -> None:
    source = VECTORIZERS[name].fit(["red sky", "grun und blue", "東京"])
    plan = pretzel.compile(source, strict=True)
    for document in DOCUMENTS:
        for request in ([document], [document, "red"], np.array([document], dtype=object), pd.Series([document])):
            try:
                expected = source.transform(request)
            except UnicodeDecodeError:
                with pytest.raises(InputValueError, match="cannot be decoded as utf-8"):
                    plan.transform(request)
                continue
            np.testing.assert_allclose(plan.transform(request).toarray(), expected.toarray(), rtol=1e-9)
            np.testing.assert_allclose(plan.transform_one(document).toarray(), expected.toarray()[:1], rtol=1e-9)


def test_one_document_of_bytes_for_a_classifier() -> None:
    source = make_pipeline(CountVectorizer(), LogisticRegression()).fit(["red sky", "blue sea"] * 3, [0, 1] * 3)
    plan = pretzel.compile(source, strict=True)
    assert plan.predict_one(b"red sea") == source.predict([b"red sea"])[0]
    np.testing.assert_array_equal(plan.predict([b"red sky", b"blue"]), [0, 1])
    for request in (b"\xff", [b"\xff"], pa.array([b"blue", b"\xff"])):
        with pytest.raises(InputValueError, match=r"^Pipeline: document: it cannot be decoded as utf-8"):
            plan.predict_one(request) if isinstance(request, bytes) else plan.predict(request)
    frame = pd.DataFrame({"word": ["red sky", "blue sea"] * 3})
    columns = make_column_transformer((CountVectorizer(), "word")).fit(frame)
    with pytest.raises(InputValueError, match=r"^ColumnTransformer: column 'word': it cannot be decoded as utf-8"):
        pretzel.compile(columns).transform_one({"word": b"\xff"})


@pytest.mark.parametrize("type_", [pa.string(), pa.large_string(), pa.string_view(), pa.binary()], ids=str)
def test_arrow_arrays_of_documents(type_: Any) -> None:
    documents = ["good film", "bad film", "Schöne Grüße"]
    source = CountVectorizer().fit(documents)
    plan = pretzel.compile(source, strict=True)
    for array in (pa.array(documents, type_), pa.chunked_array([documents[:1], documents[1:]], type_)):
        assert (plan.transform(array) != source.transform(documents)).nnz == 0


# -- names -----------------------------------------------------------------------------------------------------------


def test_additional_keys_of_a_row() -> None:
    """They are answered where a frame with these columns is."""
    frame = pd.DataFrame({"a": [1.0, 2.0, 3.0, 4.0], "b": [3.0, 1.0, 5.0, 2.0]})
    row = {"id": "k-17", "b": 2.0, "a": 1.0}
    model = make_pipeline(make_column_transformer((StandardScaler(), ["a", "b"])), LinearRegression())
    source = model.fit(frame, frame["a"])
    plan = pretzel.compile(source, strict=True)
    expected = source.predict(pd.DataFrame([row]))
    np.testing.assert_allclose([plan.predict_one(row), *plan.predict([row]), *plan.predict([row] * 2)], expected[0])
    plain = pretzel.compile(make_pipeline(StandardScaler(), LinearRegression()).fit(frame, frame["a"]), strict=True)
    with pytest.raises(InputError, match="unknown 'id'"):
        plain.predict_one(row)


@pytest.mark.parametrize("estimator", [StandardScaler(), OrdinalEncoder(), SimpleImputer()], ids=repr)
def test_columns_with_two_levels_of_names(estimator: Any) -> None:
    frame = pd.DataFrame([[1.0, 2.0], [3.0, 4.0]], columns=pd.MultiIndex.from_tuples([("a", "x"), ("a", "y")]))
    source = estimator.fit(frame)
    plan = pretzel.compile(source, strict=True)
    np.testing.assert_allclose(plan.transform(frame), source.transform(frame))
    np.testing.assert_allclose(plan.transform_one((1.0, 2.0)), source.transform(frame)[0])


# -- any values at all -----------------------------------------------------------------------------------------------

_VALUES = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.binary(max_size=3), st.dates(),
    st.decimals(allow_nan=False, allow_infinity=False), st.sampled_from([pd.NA, pd.NaT, "x", 7, math.nan]),
)  # fmt: skip
_PAIRS = [fitted(encoder, fit) for encoder in ("ordinal", "one-hot, dense") for fit in ("floats", "texts and NaN")]


@settings(max_examples=100, deadline=None)
@given(st.lists(_VALUES, min_size=1, max_size=4))
def test_any_objects(values: list[Any]) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for source, plan in _PAIRS:
            same_as_source(source, plan, objects(*values))
