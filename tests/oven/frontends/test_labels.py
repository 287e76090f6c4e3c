"""Requests that are labels: `LabelEncoder` and `LabelBinarizer`."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn.exceptions import DataConversionWarning
from sklearn.preprocessing import LabelBinarizer, LabelEncoder

import pretzel
from pretzel.errors import InputError, InputTypeError, InputValueError
from pretzel.input_spec import InputKind
from pretzel.oven.frontends.sklearn.compat import since
from tests.serving.conftest import Client
from tests.serving.test_arrow import ask, read

TEXTS, NUMBERS = ["ab", "abc", "x"], [1, 2, 5]
ODD = [["zz"], ["ab", "zz"], ["abcd"], ["q", "r", "s"], [1], [7], [1, 7, 9], [1.0, 2.0], [1.5], [1, 1.5], ["1"], [True],
       [None], ["ab", None], [np.nan], [b"ab"], [object()], [], np.zeros(0), "ab", {"ab": 1}, {"ab"}, 5, None,
       iter(["ab"]), np.array([["ab", "x"]]), np.array(["2020"], dtype="M8[ns]"), np.eye(3), np.eye(3, dtype=int),
       sparse.csr_matrix(np.eye(3)), pd.DataFrame({"ab": [1, 2]})]  # fmt: skip


def forms(labels):
    """Known labels in what they may come in."""
    array = np.array(labels)
    objects = np.array(labels, dtype=object)
    yield from (labels, tuple(labels), labels[:1], labels[:2], array, objects, pd.Series(labels), pd.Series(objects))
    yield from (pd.Index(labels), pd.Series(labels).astype("category"))
    yield from (array[:, None], pd.DataFrame({"y": labels}), [[label] for label in labels])
    if array.dtype.kind == "i":
        yield from (array.astype(dtype) for dtype in ("int8", "int32", "uint16", "float32", "float64", "bool"))
        yield from (labels_of_dtype(labels, dtype) for dtype in ("int8", "int16", "uint64", "int64"))


def labels_of_dtype(labels, dtype):
    """A tuple of scalars of NumPy, of which the source makes an array, as it does not of a list."""
    return tuple(np.array(labels, dtype=dtype))


def answer(function, X):
    try:
        return function(X)
    except Exception as error:
        return error


def same(got, expected):
    assert type(got) is type(expected)
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    if sparse.issparse(expected):
        got, expected = got.toarray(), expected.toarray()
    np.testing.assert_array_equal(got, expected)


def check(plan, loaded, model, method, requests):
    """The plan answers what the source answers; what a file answers is the same, and it refuses what it does not."""
    for X in requests:
        got, expected, stored = (answer(getattr(each, method), X) for each in (plan, model, loaded))
        if isinstance(expected, Exception):
            assert isinstance(got, InputError)
            assert isinstance(stored, InputError)
            continue
        same(got, expected)
        if not isinstance(stored, InputError):
            same(stored, expected)


def compiled(model, tmp_path):
    plan = pretzel.compile(model, strict=True)
    plan.save(tmp_path / "labels.pretzel")
    return plan, pretzel.load(tmp_path / "labels.pretzel")


ENCODED = [TEXTS, np.array(TEXTS, dtype=object), NUMBERS, [True, False], [1.5, 2.5, np.nan],
           np.array(["a", None], dtype=object)]  # fmt: skip


@pytest.mark.filterwarnings("ignore:A column-vector y", "ignore:elementwise comparison")
@pytest.mark.parametrize("labels", ENCODED, ids=["texts", "objects", "numbers", "booleans", "floats", "missing"])
def test_label_encoder(labels, tmp_path):
    model = LabelEncoder().fit(labels)
    plan, loaded = compiled(model, tmp_path)
    assert plan.physical.input.kind is InputKind.ITEMS
    check(plan, loaded, model, "transform", [*forms(list(labels)), *ODD])
    for label in labels:
        assert loaded.transform_one(label) == plan.transform_one(label) == model.transform([label])[0]
    codes = ([0, 1], np.array([1, 0], dtype=np.int8), (1,), pd.Series([1]), [9], [-1], [0.0], [None], ["a"], [])
    if since("1.9"):  # others take booleans for a mask
        codes += ([True],)
    check(plan, loaded, model, "inverse_transform", codes)
    assert str(loaded.inverse_transform_one(1)) == str(model.inverse_transform([1])[0])
    assert pretzel.verify(plan, model, list(labels)).ok


def test_a_column_is_a_vector_with_the_warning_of_the_source(tmp_path):
    model = LabelEncoder().fit(TEXTS)
    plan, loaded = compiled(model, tmp_path)
    column = pd.DataFrame({"y": TEXTS})
    for each in (plan, loaded):
        with pytest.warns(DataConversionWarning, match="A column-vector y was passed"):
            assert each.transform(column).tolist() == [0, 1, 2]
        with pytest.warns(DataConversionWarning, match="A column-vector y was passed"):
            assert each.inverse_transform(np.array([[2], [0]])).tolist() == ["x", "ab"]
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed") as said:
        plan.transform(column[:0])
    assert len(said) == 1


def test_labels_that_are_not_known():
    plan = pretzel.compile(LabelEncoder().fit(TEXTS))
    with pytest.raises(InputValueError, match=r"row 1.* a category that was not seen"):
        plan.transform(["ab", "zz"])
    with pytest.raises(InputTypeError, match="expected the number of a class, got float"):
        plan.inverse_transform_one(1.5)


@pytest.mark.filterwarnings("ignore:A column-vector y")
def test_numbers_of_classes_are_integers(tmp_path):
    """In objects, whose dtype is none of integers, the source takes none."""
    model = LabelEncoder().fit(TEXTS)
    plan, loaded = compiled(model, tmp_path)
    codes = [np.array([1, 0], dtype=object), pd.Series([1, True], dtype=object), np.array([[1]], dtype=object)]
    check(plan, loaded, model, "inverse_transform", codes)


def test_classes_are_compared_in_the_dtype_of_a_request(tmp_path):
    """Some releases make them integers of fewer bits, or without a sign, of which several are equal."""
    model = LabelBinarizer().fit([-1, 5, 2**40])
    plan, loaded = compiled(model, tmp_path)
    check(plan, loaded, model, "transform", [np.array([255, 5], dtype=np.uint8), np.array([2**64 - 1, 5], np.uint64),
                                             (2**64 - 1, 5), (np.uint8(255), np.uint8(5))])  # fmt: skip


def test_texts_that_are_equal_to_numpy():
    """It drops NULs at the end of a text, and the source finds such classes twice."""
    model = LabelBinarizer().fit(["", "\x00", "a"])
    plan = pretzel.compile(model)
    for labels in (["a", ""], [""]):
        same(plan.transform(labels), model.transform(labels))


BINARIZED = [TEXTS, TEXTS[:2], TEXTS[:1], NUMBERS, NUMBERS[:2], [True, False], [1.0, 2.0, 4.0]]


@pytest.mark.filterwarnings("ignore:A column-vector y", "ignore:elementwise comparison", "ignore:The number of unique")
@pytest.mark.parametrize("options", [{}, {"neg_label": -3, "pos_label": 0}, {"sparse_output": True}], ids=str)
@pytest.mark.parametrize("labels", BINARIZED, ids=str)
def test_label_binarizer(labels, options, tmp_path):
    model = LabelBinarizer(**options).fit(labels)
    plan, loaded = compiled(model, tmp_path)
    check(plan, loaded, model, "transform", [*forms(labels), *ODD])
    for label in labels:
        one, expected = loaded.transform_one(label), model.transform([label])
        assert np.array_equal(one.toarray() if sparse.issparse(one) else one[None], np.asarray(expected.todense())
                              if sparse.issparse(expected) else expected)  # fmt: skip
    codes = model.transform(labels)
    same(plan.inverse_transform(codes), model.inverse_transform(codes))


def scores_of(columns):
    """Scores in the forms in which classifiers and users have them, and some that the source rejects."""
    rng = np.random.default_rng(4)
    table = rng.normal(size=(30, columns))
    odd = np.array([[np.nan, 1.0, np.inf], [0.5, 0.5, 0.5], [-np.inf, np.nan, np.nan], [-1.5, -1.5, -1.5]])[:, :columns]
    table = np.concatenate([table, odd])
    yield from (table, np.asfortranarray(table), table[:1], table[:0], (table > 0).astype(int), table > 0)
    yield from (table.astype(dtype) for dtype in ("float32", "float16", "longdouble"))
    yield from (np.round(table[:30] * 9).astype(dtype) for dtype in ("int8", "int64"))
    yield from (np.full((1, columns), 2**53 + 1), table[:3].astype(object), table[:3].tolist(), pd.DataFrame(table))
    yield from (sparse.csr_matrix(np.maximum(table[:30], 0)), sparse.csr_matrix((table[:30] > 0).astype(int)))
    yield from (table[:, 0], table[:3, 0].astype(np.float32), table[:3, 0].tolist(), pd.Series(table[:, 0]))
    yield from (np.c_[table[:, 0], -table[:, 0]], np.c_[table, table], np.zeros((2, 2, 2)), None, "ab")


@pytest.mark.parametrize("options", [{}, {"neg_label": -3, "pos_label": 0}, {"neg_label": 5, "pos_label": 10}], ids=str)
@pytest.mark.parametrize("labels", [TEXTS, TEXTS[:2], NUMBERS, [True, False], [1.0, 2.0]], ids=str)
def test_inverse_of_a_label_binarizer(labels, options, tmp_path):
    model = LabelBinarizer(**options).fit(labels)
    plan = pretzel.compile(model)
    plan.save(tmp_path / "labels.pretzel")
    loaded = pretzel.load(tmp_path / "labels.pretzel")
    assert plan.physical.methods["inverse_transform"].program is not None
    columns = 3 if len(labels) > 2 else 1
    for X in scores_of(columns):
        got, expected, stored = (answer(each.inverse_transform, X) for each in (plan, model, loaded))
        if isinstance(expected, Exception):
            assert isinstance(got, Exception)
            assert isinstance(stored, Exception)
            continue
        same(got, expected)
        if not isinstance(stored, InputError):
            same(stored, expected)
    same(plan.inverse_transform(np.eye(3)[:, :columns], 0.0), model.inverse_transform(np.eye(3)[:, :columns], 0.0))
    row = next(scores_of(columns))[0]
    assert loaded.inverse_transform_one(row) == model.inverse_transform(row[None])[0]


@pytest.mark.parametrize("labels", [["a"], np.eye(3, dtype=int), sparse.csr_matrix(np.eye(3, dtype=int))],
                         ids=["one class", "indicators", "sparse"])  # fmt: skip
def test_an_inverse_without_native_form_is_the_source_s(labels):
    model = LabelBinarizer().fit(labels)
    plan = pretzel.compile(model)
    codes = model.transform(labels)
    got, expected = plan.inverse_transform(codes), model.inverse_transform(codes)
    assert type(got) is type(expected)
    np.testing.assert_array_equal(*(each.toarray() if sparse.issparse(each) else each for each in (got, expected)))


@pytest.mark.parametrize(
    ("options", "labels", "reason"),
    [
        ({}, np.eye(3, dtype=int), "multilabel-indicator targets, which are tables"),
        ({"sparse_output": True, "pos_label": 3}, TEXTS, "sparse rows of other numbers than one"),
    ],
    ids=["indicators", "sparse"],
)
def test_without_native_form(options, labels, reason):
    model = LabelBinarizer(**options).fit(labels)
    plan = pretzel.compile(model)
    assert {step.reason for step in plan.opaque_steps} == {reason}
    same(plan.transform(labels), model.transform(labels))


def test_schemas():
    pytest.importorskip("pydantic")
    pytest.importorskip("jsonschema")
    encoder, binarizer = (
        pretzel.compile(each.fit(NUMBERS)).input_schema for each in (LabelEncoder(), LabelBinarizer())
    )
    assert (encoder.form, encoder.inverse.form, binarizer.form) == ("label", "code", "whole label")
    assert "a label that is a whole number" in str(binarizer)
    assert json.dumps(binarizer.to_json_schema())
    assert encoder.inverse.to_pydantic().model_validate(2).root == 2


def test_labels_are_rows_of_requests_over_http():
    with pretzel.Runtime() as runtime:
        runtime.register("texts", LabelEncoder().fit(TEXTS))
        runtime.register("numbers", LabelBinarizer().fit(NUMBERS))
        client = Client(pretzel.serving.app(runtime))
        assert client.post("/models/texts/transform", ["abc", "ab"]).json == [1, 0]
        assert client.post("/models/texts/transform", "abc").json == 1
        assert client.post("/models/numbers/transform", [5, 1]).json == [[0, 0, 1], [1, 0, 0]]
        assert client.post("/models/numbers/transform", 2).json == [0, 1, 0]
        assert client.post("/models/texts/transform", ["zz"]).status == 400
        assert client.post("/models/texts/inverse_transform", [2, 0]).json == ["x", "ab"]
        for name, column, expected in (("texts", ["x", "ab"], [2, 0]), ("numbers", [5, 1], [0, 1])):
            answer = read(ask(client, f"/models/{name}/transform", pa.table({"y": column})))
            assert answer.column(0).to_pylist() == expected
