"""Encoders of categories against scikit-learn: native, interpreter, one row, rejections."""

from __future__ import annotations

import itertools
import math
from fractions import Fraction
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.impute import SimpleImputer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, TargetEncoder

import pretzel
from pretzel.errors import InputValueError, OpaqueStepError
from pretzel.oven.frontends.importer import Importer
from pretzel.oven.ir.interpret import interpret
from tests import releases
from tests.answers import assert_close

pytestmark = pytest.mark.filterwarnings("ignore:Found unknown categories")

TEXTS = [
    *("", "a", "b", "ab", "abc", "abcd", "abcdefgh", "abcdefghi", "abcdefghijklmnopqrstuvwxyz" * 3, "1", "1.0", "nan"),
    *("é", "ÿ", "Ā", "日本", "🥨", "🥨" * 70, "a\x00", "a\x00b", "\x00", "None", "e\u0301", "\ud800", "Straße"),
]
OTHERS = ["c", "abcdefgi", "abcdefghj", "ab\x00", "É", "日", "🥧", "x" * 1000, "日" * 500, " a", "A"]


def dense(x: Any) -> Any:
    return x.toarray() if sparse.issparse(x) else x


def check(estimator: Any, X: Any) -> None:
    """Natively, by the interpreter, and row by row: the same bits as the source."""
    expected = estimator.transform(X)
    plan = pretzel.compile(estimator, strict=True)
    assert_close(plan.transform(X), expected, exact=True)
    output = Importer(estimator).run().methods["transform"]
    np.testing.assert_array_equal(dense(interpret([output.node], X)[output.node]), dense(expected))


def objects(*columns: Any) -> np.ndarray:
    out = np.empty((len(columns[0]), len(columns)), dtype=object)
    for j, column in enumerate(columns):
        for i, value in enumerate(column):
            out[i, j] = value
    return out


@pytest.mark.parametrize("encoder", [OneHotEncoder(handle_unknown="ignore"), OneHotEncoder(sparse_output=False)])
def test_texts(encoder: OneHotEncoder) -> None:
    X = objects(TEXTS, TEXTS[::-1])
    check(encoder.fit(X), X)
    check(encoder, X[:1])
    if encoder.handle_unknown == "ignore":
        check(encoder, objects(OTHERS, OTHERS[::-1]))


def test_texts_of_every_source_are_one_category() -> None:
    texts = [t for t in TEXTS if "\x00" not in t and t != "\ud800"]
    encoder = OneHotEncoder(handle_unknown="ignore").fit(objects(texts))
    check(encoder, np.array(texts).reshape(-1, 1))
    frame = pd.DataFrame({"x": [*texts, *OTHERS]})
    named = OneHotEncoder(handle_unknown="ignore").fit(frame[:-5])
    check(named, frame)
    check(named, frame.astype("category"))
    check(named, frame.astype(object))
    named = OneHotEncoder(handle_unknown="ignore", sparse_output=False).fit(frame[:-5])
    plan = pretzel.compile(named, strict=True)
    for text in frame.x:
        np.testing.assert_array_equal(plan.transform_one({"x": text}), named.transform(pd.DataFrame({"x": [text]}))[0])


def test_numpy_strings_as_categories() -> None:
    X = np.array([["a", "bb"], ["ccc", "d"], ["", "dd"]])
    encoder = OneHotEncoder(handle_unknown="ignore").fit(X)
    assert encoder.categories_[0].dtype.kind == "U"
    check(encoder, X)
    check(encoder, np.array([["ccccc", "d"], ["cc", "bbb"]]))
    check(encoder, X.astype(object))
    check(encoder, X.astype("U1000"))


NUMBERS = [0.0, 1.0, -1.0, 0.1, 0.1 + 0.2, 0.3, 5e-324, 1e300, float(2**53 - 1), np.nextafter(1.0, 2.0), math.nan]


@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int8, np.bool_])
def test_numbers(dtype: type) -> None:
    values = np.array([v for v in NUMBERS if abs(v) < 100 or np.dtype(dtype).kind == "f"])
    with np.errstate(all="ignore"):
        X = values.astype(dtype).reshape(-1, 1)
    X = X[~np.isinf(X).ravel()]
    encoder = OneHotEncoder(handle_unknown="ignore").fit(X)
    check(encoder, X)
    others = [[-0.0], [0.0], [2.0], [np.nextafter(0.0, 1.0)], [np.nextafter(1.0, 0.0)], [0.1], [math.nan]]
    check(encoder, np.array(others))
    check(encoder, np.array([[0], [1], [7]]))
    check(encoder, np.array([[True], [False]]))


def test_infinity_is_rejected_among_numbers() -> None:
    encoder = OneHotEncoder(handle_unknown="ignore").fit([[1.0], [2.0]])
    with pytest.raises(ValueError, match="infinity"):
        encoder.transform([[math.inf]])
    with pytest.raises(InputValueError, match="infinity"):
        pretzel.compile(encoder, strict=True).transform(np.array([[math.inf]]))


def test_objects_compare_as_in_python() -> None:
    values = [1, 1.0, True, np.int8(1), np.float32(2.5), "1", "1.0", False, 0, None, math.nan, np.float64("nan"), "x"]
    for known in ([1, 2.5, None, math.nan], ["1", "x", None, math.nan], [True, 0.0]):
        encoder = OneHotEncoder(handle_unknown="ignore").fit(objects(known))
        assert encoder.categories_[0].dtype == object
        check(encoder, objects(values))


def test_missing_values_are_categories_of_their_own() -> None:
    for missing in ([None], [math.nan], [None, math.nan]):
        encoder = OneHotEncoder(handle_unknown="ignore").fit(objects(["a", "b", *missing]))
        check(encoder, objects(["a", "c", None, math.nan]))


@pytest.mark.parametrize(
    "handle", ["ignore", "infrequent_if_exist", "error", pytest.param("warn", marks=releases.needs("1.6", "no 'warn'"))]
)
@pytest.mark.parametrize("drop", [None, "first", "if_binary"])
@pytest.mark.parametrize("group", [{}, {"min_frequency": 3}, {"max_categories": 3}, {"min_frequency": 0.2}])
def test_drop_and_infrequent(handle: str, drop: str | None, group: dict[str, Any]) -> None:
    rows = [list("abxc"), list("abyc"), list("acxd"), list("adxe"), list("aaxe"), list("baxe"), list("caxf")]
    X = np.array(rows, dtype=object)
    encoder = OneHotEncoder(handle_unknown=handle, drop=drop, **group).fit(X)
    check(encoder, X)
    if handle != "error":
        check(encoder, np.array([list(w) for w in itertools.product("az", "bz", "xz", "ez")], dtype=object))


def test_drop_of_named_categories() -> None:
    X = np.array([list("ab"), list("cd"), list("ef")], dtype=object)
    check(OneHotEncoder(drop=["c", "b"], handle_unknown="ignore").fit(X), X)


@pytest.mark.parametrize("dtype", [np.float64, np.int64, np.uint8, bool])
def test_dtype_of_the_result(dtype: type) -> None:
    X = np.array([list("ab"), list("cd"), list("ef")], dtype=object)
    check(OneHotEncoder(dtype=dtype, sparse_output=False).fit(X), X)
    check(OneHotEncoder(dtype=dtype).fit(X), X)
    check(OrdinalEncoder(dtype=dtype if dtype is not bool else np.int8).fit(X), X)


def test_unknown_category_names_row_and_column() -> None:
    frame = pd.DataFrame({"city": ["Bonn", "Köln"], "size": [1, 2]})
    for encoder in (OneHotEncoder(sparse_output=False), OrdinalEncoder()):
        plan = pretzel.compile(encoder.fit(frame), strict=True)
        with pytest.raises(InputValueError, match=r"row 1.*'city'.*not seen"):
            plan.transform(pd.DataFrame({"city": ["Köln", "Ulm"], "size": [1, 2]}))
        with pytest.raises(InputValueError, match="'size'"):
            plan.transform_one({"city": "Bonn", "size": 3})
        np.testing.assert_array_equal(dense(plan.transform(frame)), dense(encoder.transform(frame)))


@pytest.mark.parametrize("unknown", [-1, 99, math.nan])
@pytest.mark.parametrize("missing", [math.nan, -2])
@pytest.mark.parametrize("group", [{}, {"min_frequency": 2}, {"max_categories": 2}])
def test_ordinal(unknown: float, missing: float, group: dict[str, Any]) -> None:
    X = objects([*TEXTS, "a", "b", "b", math.nan], [*TEXTS[::-1], "a", "c", "é", "é"])
    encoder = OrdinalEncoder(
        handle_unknown="use_encoded_value", unknown_value=unknown, encoded_missing_value=missing, **group
    ).fit(X)
    check(encoder, X)
    check(encoder, objects([*OTHERS, math.nan, None], [*OTHERS[::-1], math.nan, None]))
    numbers = np.array([[1.0, 2.0], [3.0, 2.0], [math.nan, 7.0], [1.0, 1.0]])
    check(encoder.fit(numbers), numbers)
    check(encoder, np.array([[9.0, 1.0], [math.nan, math.nan]]))


@pytest.mark.parametrize("target", ["binary", "multiclass", "continuous"])
def test_target(target: str) -> None:
    rng = np.random.default_rng(3)
    X = rng.choice(np.array(["a", "b", "é", "日本"], dtype=object), size=(200, 3))
    y = rng.normal(size=200) if target == "continuous" else rng.integers(0, 2 if target == "binary" else 3, size=200)
    encoder = TargetEncoder(target_type=target).fit(X, y)
    check(encoder, X)
    check(encoder, objects(["a", "zz"], ["b", None], [math.nan, "é"]))


def test_behind_a_numeric_step() -> None:
    X = np.array([[1.0, 5.0], [2.0, math.nan], [1.0, 7.0], [math.nan, 5.0]])
    check(make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore")).fit(X), X)


def test_batches_agree_with_single_rows() -> None:
    rng = np.random.default_rng(5)
    X = rng.choice(np.array(TEXTS, dtype=object), size=(1000, 4))
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1).fit(X[:900])
    plan = pretzel.compile(encoder, strict=True)
    whole = plan.transform(X)
    np.testing.assert_array_equal(whole, encoder.transform(X))
    np.testing.assert_array_equal(np.vstack([plan.transform(X[i : i + 1]) for i in range(0, 1000, 37)]), whole[::37])
    np.testing.assert_array_equal(plan.transform_one(tuple(X[17])), whole[17])


def test_many_categories() -> None:
    values = [f"category {i:06d}" for i in range(20_000)]
    encoder = OrdinalEncoder().fit(objects(values))
    plan = pretzel.compile(encoder, strict=True)
    np.testing.assert_array_equal(plan.transform(objects(values)), encoder.transform(objects(values)))


@pytest.mark.parametrize(
    ("encoder", "X", "reason"),
    [
        (OneHotEncoder(), np.array([["2020-01-01"]], dtype="M8[D]"), "neither texts nor numbers"),
        (OneHotEncoder(), [[2**53 + 1]], "not exact"),
        (OneHotEncoder(), objects([Fraction(1, 3)]), "Fraction"),
    ],
)
def test_what_is_not_supported_is_opaque(encoder: Any, X: Any, reason: str) -> None:
    with pytest.raises(OpaqueStepError, match=reason):
        pretzel.compile(encoder.fit(X), strict=True)
