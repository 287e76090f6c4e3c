"""Requests that are collections of labels: `MultiLabelBinarizer`."""

from __future__ import annotations

import json
import warnings
from decimal import Decimal

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.preprocessing import MultiLabelBinarizer

import pretzel
from pretzel.errors import InputError
from pretzel.serving.warm_up import row_of
from tests.serving.conftest import Client

TEXTS, NUMBERS = ["ab", "é", "", "zz", "\ud800"], [-1, 0, 2, 1000]
NAN = float("nan")
KNOWN = [["ab", "zz"], ["é"], [], ["zz", "zz", "ab"], ["\ud800", ""]]
ODD = [
    [["q"], ["ab", "r", "q"], []],
    [[1, "ab"], ["1", None, 2.0]],
    [[1], [True], [0.0, -0.0, False], [np.int8(2), np.float32(2.0), 2.5]],
    [[2**53 + 1, 2**70, -(2**63)], [1e300]],
    [[NAN], ["ab", NAN]],
    [[b"ab"], [("a", "b")], [Decimal(2)], [2 + 0j]],
    [[["ab"]]],
    [[{"ab"}]],
    ["ab", "zz"],
    "ab",
    [5],
    [None],
    5,
    None,
    {"ab": 1},
    [{"ab": 1, "zz": 2}],
    pd.DataFrame({"ab": [1, 2]}),
    np.eye(2),
    np.array([[0, 2], [2, 2]], dtype=np.uint8),
    np.array([["ab", "zz"]]),
    np.array([["2020"]], dtype="M8[ns]"),
    np.zeros((1, 2, 2)),
    sparse.csr_matrix(np.eye(2)),
    [],
]


def forms(rows):
    array = np.empty(len(rows), dtype=object)
    array[:] = rows
    yield from (rows, tuple(rows), array, pd.Series(rows), rows[:1])
    for kind in (tuple, set, frozenset, dict.fromkeys, lambda row: np.array(row, dtype=object), objects, np.array):
        yield [kind(row) for row in rows]


def objects(row):
    return pd.Series(row, dtype=object)


def answer(function, X):
    """The answer or the error, and what was warned of."""
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        try:
            found = function(X)
        except Exception as error:
            found = error
    return found, [str(each.message) for each in said if each.category is UserWarning]


def same(got, expected):
    assert type(got) is type(expected)
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    if sparse.issparse(expected):
        assert got.indices.dtype == expected.indices.dtype
        got, expected = got.toarray(), expected.toarray()
    np.testing.assert_array_equal(got, expected)


def check(plan, loaded, model, requests):
    for X in requests:
        expected, said = answer(model.transform, X)
        got, own = answer(plan.transform, X)
        stored, at_last = answer(loaded.transform, X)
        if isinstance(expected, Exception):
            assert isinstance(got, InputError)
            assert isinstance(stored, InputError)
            continue
        same(got, expected)
        assert own == said
        if not isinstance(stored, InputError):
            same(stored, expected)
            assert at_last == said


def compiled(model, tmp_path):
    plan = pretzel.compile(model, strict=True)
    plan.save(tmp_path / "sets.pretzel")
    return plan, pretzel.load(tmp_path / "sets.pretzel")


MODELS = {
    "texts": ({}, [TEXTS]),
    "sparse": ({"sparse_output": True}, [TEXTS]),
    "numbers": ({}, [NUMBERS]),
    "in another order": ({"classes": ["zz", "", "ab", 2, 2.5, None, "é", "\ud800"]}, []),
    "numbers as objects": ({"classes": [np.float64(2.0), 0.5, 2**60], "sparse_output": True}, []),
}


@pytest.mark.parametrize("case", MODELS)
def test_sets_of_labels(case, tmp_path):
    options, rows = MODELS[case]
    model = MultiLabelBinarizer(**options).fit(rows)
    plan, loaded = compiled(model, tmp_path)
    numbers = [[2, 0], [1000], [], [-1.0, 2, 2]]
    check(plan, loaded, model, [*forms(KNOWN), *forms(numbers), *ODD, [list(model.classes_)]])
    for row in (list(model.classes_), [], ["nowhere", *model.classes_[:2]]):
        expected, said = answer(model.transform, [row])
        for each in (plan, loaded):
            got, own = answer(each.transform_one, row)
            got = got.toarray()[0] if sparse.issparse(got) else got
            expected_row = expected.toarray()[0] if sparse.issparse(expected) else expected[0]
            np.testing.assert_array_equal(got, expected_row)
            assert own == said
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert pretzel.verify(plan, model, [[each] for each in model.classes_ if each != "\ud800"]).ok


@pytest.mark.filterwarnings("ignore:unknown class")
def test_what_is_iterated_over_once_is_left_to_the_source(tmp_path):
    model = MultiLabelBinarizer().fit([TEXTS])
    plan, loaded = compiled(model, tmp_path)
    expected = model.transform(KNOWN)
    same(plan.transform(iter(KNOWN)), expected)
    same(plan.transform([iter(row) for row in KNOWN]), expected)
    same(plan.transform([*KNOWN[:-1], iter(KNOWN[-1])]), expected)
    same(plan.transform(row for row in [*KNOWN[:-1], (NAN,)]), answer(model.transform, [*KNOWN[:-1], []])[0])
    for X in (iter(KNOWN), [iter(row) for row in KNOWN]):
        with pytest.raises(InputError):
            loaded.transform(X)


def test_many_rows_and_many_unknown_labels():
    """A long request goes to the workers, and the answer is the same."""
    model = MultiLabelBinarizer().fit([range(50)])
    with pretzel.Runtime(executors=1) as runtime:
        plan = runtime.register("sets", model)
        rows = [list(range(i % 60)) for i in range(2000)]
        expected, said = answer(model.transform, rows)
        for transform in (plan.transform, lambda X: plan.submit(X, method="transform").result()):
            got, own = answer(transform, rows)
            same(got, expected)
            assert own == said


@pytest.mark.parametrize("classes", [[("a", 1)], [b"a"], [NAN], [2**60 + 1]], ids=["tuple", "bytes", "nan", "long"])
def test_classes_without_native_form(classes):
    model = MultiLabelBinarizer().fit([classes])
    plan = pretzel.compile(model)
    assert len(plan.opaque_steps) == 1
    same(plan.transform([classes, []]), model.transform([classes, []]))


def test_the_inverse_is_the_source_s():
    model = MultiLabelBinarizer().fit([TEXTS])
    plan = pretzel.compile(model)
    table = model.transform(KNOWN)
    assert plan.inverse_transform(table) == model.inverse_transform(table)


def test_schemas():
    pytest.importorskip("pydantic")
    jsonschema = pytest.importorskip("jsonschema")
    schema = pretzel.compile(MultiLabelBinarizer().fit([TEXTS])).input_schema
    assert schema.form == "label set"
    assert "a list of labels" in str(schema)
    jsonschema.validate(["ab", 1, None], schema.to_json_schema())
    assert json.dumps(schema.to_json_schema())
    assert schema.to_pydantic().model_validate(["ab"]).root == ["ab"]


def test_a_row_is_a_list_of_labels_over_http():
    with pretzel.Runtime() as runtime:
        runtime.register("sets", MultiLabelBinarizer().fit([["a", "b", "c"]]))
        client = Client(pretzel.serving.app(runtime))
        assert client.post("/models/sets/transform", [["a", "c"], []]).json == [[1, 0, 1], [0, 0, 0]]
        assert client.post("/models/sets/transform", ["a", "c"]).json == [1, 0, 1]
        with pytest.warns(UserWarning, match=r"unknown class\(es\) \['q'\] will be ignored"):
            assert client.post("/models/sets/transform", [["a", "q"]]).json == [[1, 0, 0]]


def test_a_row_that_is_made_up_warns_of_nothing():
    plan = pretzel.compile(MultiLabelBinarizer().fit([["a", "b"]]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert plan.transform_one(row_of(plan.input_schema)).tolist() == [0, 0]
