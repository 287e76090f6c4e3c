"""One row in every form in which it may come, with one answer; complaints that say what to do."""

from __future__ import annotations

import collections
import decimal
import fractions
import types
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

import pretzel
from pretzel.errors import InputKeyError, InputShapeError, InputTypeError

FRAME = pd.DataFrame({"city": ["Bonn", "Köln", "Ulm", "Bonn"], "age": [1, 2, 3, 4], "pay": [1.5, 2.5, 3.5, 9.0]})
Person = collections.namedtuple("Person", "city age pay")


@pytest.fixture(scope="module")
def named() -> pretzel.Plan:
    """Codes of cities and scaled numbers."""
    columns = make_column_transformer((OrdinalEncoder(), ["city"]), (StandardScaler(), ["age", "pay"]))
    return pretzel.compile(columns.fit(FRAME), strict=True, name="people")


def test_a_series_for_a_sparse_result() -> None:
    frame = FRAME[["city"]]
    plan = pretzel.compile(OneHotEncoder().fit(frame), strict=True)
    expected = plan.transform_one({"city": "Ulm"}).toarray()
    for row in (pd.Series({"city": "Ulm"}), ("Ulm",), ["Ulm"], np.array(["Ulm"], dtype=object)):
        np.testing.assert_array_equal(plan.transform_one(row).toarray(), expected)


@pytest.fixture(scope="module")
def numbers() -> pretzel.Plan:
    """A regression over three nameless numbers."""
    X = np.random.default_rng(0).normal(size=(30, 3))
    estimator = make_pipeline(StandardScaler(), LinearRegression()).fit(X, X[:, 1])
    return pretzel.compile(estimator, strict=True, name="fit", keep_source=True)


ROW: dict[str, Any] = {"city": "Köln", "age": 2, "pay": 2.5}


@pytest.mark.parametrize(
    "row",
    [
        ROW,
        dict(reversed(ROW.items())),
        collections.OrderedDict(ROW),
        collections.defaultdict(float, ROW),
        types.MappingProxyType(ROW),
        collections.ChainMap({"city": "Köln"}, ROW),
        tuple(ROW.values()),
        list(ROW.values()),
        Person(**ROW),
        pd.Series(ROW),
        pd.Series(ROW).iloc[::-1],
        np.array(list(ROW.values()), dtype=object),
        {"city": "Köln", "age": np.int64(2), "pay": np.float32(2.5)},
        {"city": np.str_("Köln"), "age": True + 1, "pay": decimal.Decimal("2.5")},
        {"city": "Köln", "age": fractions.Fraction(2), "pay": np.array(2.5)},
        {"".join(["ci", "ty"]): "Köln", "".join(["a", "ge"]): 2, np.str_("pay"): 2.5},
    ],
    ids=lambda row: type(row).__name__,
)
def test_forms_of_a_named_row(named: pretzel.Plan, row: Any) -> None:
    assert named.transform_one(row).tolist() == named.transform(FRAME)[1].tolist()


@pytest.mark.parametrize("at", range(3))
@pytest.mark.parametrize("value", [1, True, np.float64(1.0), np.float32(1.0), decimal.Decimal(1), 1.0])
def test_tuples_of_floats_and_of_what_is_as_good(numbers: pretzel.Plan, value: Any, at: int) -> None:
    row: list[Any] = [0.5, -2.0, 3.25]
    row[at] = value
    expected = numbers.predict_one(np.array(row, dtype=float))
    assert numbers.predict_one(tuple(row)) == expected
    assert pretzel.Runtime().predict_many([(numbers, tuple(row))] * 2) == [expected] * 2


@pytest.mark.parametrize("at", range(3))
def test_a_tuple_with_text_among_floats(numbers: pretzel.Plan, at: int) -> None:
    row: list[Any] = [0.5, -2.0, 3.25]
    row[at] = "many"
    for answer in (numbers.predict_one, lambda row: pretzel.Runtime().predict_many([(numbers, row)])):
        with pytest.raises(InputTypeError, match=f"x{at}|column {at}"):
            answer(tuple(row))


@pytest.mark.parametrize("dtype", ["f8", "f4", "f2", "i8", "i4", "i2", "i1", "u8", "u4", "u2", "u1", ">f8", ">i4", "O"])
@pytest.mark.parametrize("step", [1, 2, -1])
def test_vectors_of_any_dtype_and_stride(numbers: pretzel.Plan, dtype: str, step: int) -> None:
    values = np.array([1, 2, 3, 4, 5, 6])[:: 1 if step == 1 else 2]
    row = np.zeros(3 * abs(step), dtype=dtype)[::step]
    row[:] = values[:3]
    row.flags.writeable = False
    precision = dtype if dtype in ("f2", "f4") else np.float64
    assert numbers.predict_one(row) == numbers.predict(values[:3].astype(precision)[None])[0]


@pytest.mark.parametrize("missing", [None, float("nan"), pd.NA, pd.NaT, np.float32("nan")])
def test_missing_numbers_are_nan(missing: Any) -> None:
    plan = pretzel.compile(StandardScaler().fit(np.eye(2)), strict=True)
    assert np.isnan(plan.transform_one([missing, 1.0])).tolist() == [True, False]


def test_texts_are_str(numbers: pretzel.Plan) -> None:
    plan = pretzel.compile(CountVectorizer().fit(["good", "bad"]), strict=True)
    assert plan.transform_one("good bad good").toarray().tolist() == [[1, 2]]
    for wrong in (bytearray(b"good"), None, 3, ["good"], {"text": "good"}):
        with pytest.raises(InputTypeError, match="expected a str"):
            plan.transform_one(wrong)


@pytest.mark.parametrize(
    ("row", "error", "message"),
    [
        ({"city": "Bonn", "age": 1}, InputKeyError, r"people: missing 'pay'"),
        ({"city": "Bonn", "age": 1, "pai": 1}, InputKeyError, r"did you mean 'pay' for 'pai'\?"),
        (("Bonn", 1), InputShapeError, r"expected 3 values, got 2"),
        (["Bonn", 1, 2, 3], InputShapeError, r"expected 3 values, got 4"),
        (np.zeros((1, 3)), InputShapeError, r"use predict for tables"),
        ("Bonn", InputTypeError, r"a dict, tuple or 1-D array of 3 values, got str"),
        (3.0, InputTypeError, r"got float"),
        (None, InputTypeError, r"got NoneType"),
        ({1.0, 2.0, 3.0}, InputTypeError, r"got set"),  # it has no order
        (frozenset((1.0, 2.0, 3.0)), InputTypeError, r"got frozenset"),
        (ROW.keys(), InputTypeError, r"got dict_keys"),
        ({**ROW, "age": "old"}, InputTypeError, r"column 'age': expected a number, got str 'old'"),
        ({**ROW, "age": [1]}, InputTypeError, r"column 'age': expected a number, got list"),
        ({**ROW, "age": 1j}, InputTypeError, r"column 'age': expected a number, got complex"),
        (
            {**ROW, "city": bytearray(b"Bonn")},
            InputTypeError,
            r"'city': expected a str or a number, got bytearray",
        ),
    ],
)
def test_complaints(named: pretzel.Plan, row: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        named.transform_one(row)
    assert named.transform_one(ROW)[0] == 1.0


@pytest.mark.parametrize("names", [["größe", "ß"], ["größe", "ss"], ["größe", "日本"], ["a", "b"], ["a", "bb"]])
def test_names_of_any_letters(names: list[str]) -> None:
    table = pd.DataFrame([[1.0, 2.0], [3.0, 5.0]], columns=names)
    plan = pretzel.compile(StandardScaler().fit(table), strict=True)
    for order in (names, names[::-1]):
        row = {"".join(list(name)): table[name][1] for name in order}  # equal names, other objects
        assert plan.transform_one(row).tolist() == plan.transform(table)[1].tolist()
    for other in ("ä", "größf", "ë", "c", "日曜"):
        with pytest.raises(InputKeyError, match="unknown"):
            plan.transform_one({names[0]: 1.0, other: 2.0})
    with pytest.raises(InputKeyError):
        plan.transform_one({names[0]: 1.0, 7: 2.0})


def test_dicts_need_names(numbers: pretzel.Plan) -> None:
    with pytest.raises(InputTypeError, match=r"fit: got a dict, but the model was fitted without column names"):
        numbers.predict_one({"a": 1, "b": 2, "c": 3})


@pytest.mark.parametrize("accents", [None, "unicode", "ascii"])
@pytest.mark.parametrize("lower", [True, False])
def test_documents_of_a_subclass_of_str(accents: str | None, lower: bool) -> None:
    """The characters count, whatever the class writes them as."""

    class Shouted(str):
        def __str__(self) -> str:
            return "shouted"

        def lower(self) -> str:
            return str.lower(self)

    texts = ["na\u00efve \u00c9t\u00e9", "the dog \u00c9t\u00e9", "na\u00efve cat"]
    model = TfidfVectorizer(strip_accents=accents, lowercase=lower).fit(texts)
    plan = pretzel.compile(model)
    for kind in (np.str_, Shouted):
        documents = [kind(text) for text in texts]
        np.testing.assert_allclose(plan.transform(documents).toarray(), model.transform(texts).toarray())
        np.testing.assert_allclose(plan.transform_one(documents[0]).toarray(), model.transform(texts[:1]).toarray())
