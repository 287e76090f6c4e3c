"""`Plan.input_schema` says what the source says, and what it is turned into says the same."""

from __future__ import annotations

import json
import pickle
import tracemalloc

import jsonschema
import numpy as np
import pandas as pd
import pyarrow as pa
import pydantic
import pytest
from scipy import sparse
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import Binarizer, FunctionTransformer, OneHotEncoder, OrdinalEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import pretzel
from pretzel.errors import CorruptStoreError, InputValueError
from pretzel.packed import Packed
from tests import cases
from tests.cases import CASES

ROWS = 60


def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame(
        {
            "age": rng.normal(size=ROWS),
            "income": rng.normal(size=ROWS),
            "city": rng.choice(["Bonn", "Paris"], ROWS),
            "class": rng.integers(0, 3, ROWS),
            "note": ["the cat", "the dog"] * (ROWS // 2),
            "unread": rng.normal(size=ROWS),
        }
    )


@pytest.fixture(scope="module")
def mixed():
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), ["age"]),
        (StandardScaler(), ["income"]),
        (OneHotEncoder(handle_unknown="ignore"), ["city"]),
        (OneHotEncoder(), ["class"]),
        (TfidfVectorizer(), "note"),
    )
    X = frame()
    return pretzel.compile(make_pipeline(columns, LogisticRegression()).fit(X, X["income"] > 0))


@pytest.fixture(scope="module")
def unnamed():
    X = np.random.default_rng(0).normal(size=(ROWS, 3))
    return pretzel.compile(LinearRegression().fit(X, X[:, 0]))


ROW = {"age": None, "income": 1.0, "city": "Rome", "class": 2, "note": "a cat"}


def test_columns_of_a_mixed_table(mixed):
    schema = mixed.input_schema
    assert (schema.kind, schema.named, schema.others_allowed) == ("table", True, True)
    assert schema.columns == (
        pretzel.Column("age", 0, "number", "float64", nullable=True),
        pretzel.Column("income", 1, "number", "float64", nullable=False),
        pretzel.Column("city", 2, "category", "str", nullable=True, categories=("Bonn", "Paris")),
        pretzel.Column("class", 3, "category", "int64", nullable=False, categories=(0, 1, 2), rejects_unknown=True),
        pretzel.Column("note", 4, "text", "str", nullable=False),
        pretzel.Column("unread", 5, "any", required=False, nullable=True),
    )
    assert schema.outputs["predict"].shape == (None,)
    assert schema.outputs["predict"].dtype == "bool"
    assert schema.outputs["predict_proba"] == pretzel.Output("predict_proba", (None, 2), "float64")


@pytest.mark.parametrize("index", range(len(CASES)), ids=[case.id for case in CASES])
def test_a_column_may_be_missing_where_the_plan_answers(index):
    """None in place of one value of a row that is answered; of columns that are alike two are asked."""
    X = cases.rows(CASES[index].data)[0]
    plan = pretzel.compile(cases.fitted(index))
    schema, answer = plan.input_schema, getattr(plan, f"{next(iter(plan.methods))}_one")
    if schema.kind != "table":
        return
    row = X[[0]].toarray()[0] if sparse.issparse(X) else X.iloc[0] if hasattr(X, "iloc") else X[0]
    values = np.asarray(row, dtype=object).tolist()
    asked: dict[object, int] = {}
    for column in schema.columns:
        alike = (column.kind, column.nullable, column.categories)
        asked[alike] = asked.get(alike, 0) + 1
        if asked[alike] > 2 or column.nullable is None:
            continue
        changed = [*values[: column.position], None, *values[column.position + 1 :]]
        try:
            answer(
                {each.name: value for each, value in zip(schema.columns, changed, strict=True)}
                if schema.named
                else changed
            )
        except ValueError:  # an `InputError`, or in the words of the estimator that is called
            assert not column.nullable, column
        else:
            assert column.nullable, column


def test_steps_without_a_native_form_say_what_their_tags_say():
    X = frame()[["age", "income"]]
    neighbours = pretzel.compile(KNeighborsClassifier(p=3).fit(X, X["age"] > 0)).input_schema
    assert [(c.kind, c.nullable) for c in neighbours.columns] == [("number", False)] * 2
    assert neighbours.outputs["predict"].labels is not None
    function = make_pipeline(FunctionTransformer(lambda X: X[["age"]]), LogisticRegression())
    anything = pretzel.compile(function.fit(X, X["age"] > 0)).input_schema
    assert [(c.kind, c.nullable) for c in anything.columns] == [("any", None)] * 2


@pytest.mark.parametrize(
    "step",
    [
        make_column_transformer((StandardScaler(), ["age"]), remainder="passthrough"),
        make_column_transformer((StandardScaler(), ["age"]), ("passthrough", ["city", "class", "member"])),
        make_column_transformer(
            (StandardScaler(), ["age"]),
            ("passthrough", make_column_selector(dtype_exclude="float")),
        ),
        make_union("passthrough", make_pipeline(make_column_transformer((StandardScaler(), ["age"])))),
    ],
    ids=["remainder", "named", "selector", "union"],
)
def test_a_column_that_is_only_passed_on_may_hold_anything(step):
    X = frame()[["age", "city", "class"]].assign(member=[True, False] * (ROWS // 2))
    X["city"] = X["city"].astype(object)
    plan = pretzel.compile(step.fit(X))
    schema = plan.input_schema
    assert [column.kind for column in schema.columns] == ["number", "any", "any", "any"]
    assert [tensor["datatype"] for tensor in schema.to_open_inference()["inputs"]] == ["FP64", *["BYTES"] * 3]
    validator, model = jsonschema.Draft202012Validator(schema.to_json_schema()), schema.to_pydantic()
    for row in [*X[:2].to_dict("records"), {"age": 1.0, "city": "2", "class": "2", "member": None}]:
        assert validator.is_valid(row)
        checked = model.model_validate(row).model_dump(by_alias=True, exclude_unset=True)
        assert checked == row
        assert repr(plan.transform_one(checked)) == repr(plan.transform_one(row))


def test_a_column_that_a_later_step_reads_as_a_number_is_one():
    X = frame()[["age", "income", "class"]]
    columns = make_column_transformer((StandardScaler(), ["age"]), remainder="passthrough")
    neighbours = (KNeighborsClassifier(), KNeighborsClassifier(p=3))
    for last in (StandardScaler(), LinearRegression(), *neighbours, RandomForestClassifier(2)):
        plan = pretzel.compile(make_pipeline(columns, last).fit(X, X["age"] > 0))
        assert [column.kind for column in plan.input_schema.columns] == ["number"] * 3, last


MEMBERS = pd.DataFrame({"age": np.arange(4.0), "member": [True, False, True, False]})


@pytest.mark.parametrize(
    "step",
    [
        OneHotEncoder().fit(MEMBERS[["member"]]),
        OneHotEncoder().fit(MEMBERS[["member"]].astype(object)),
        OneHotEncoder(handle_unknown="ignore").fit(MEMBERS[["member"]]),
        OrdinalEncoder().fit(MEMBERS[["member"]]),
        OrdinalEncoder().fit(pd.DataFrame({"member": [0, 1, 2]})),
        LinearRegression().fit(MEMBERS[["member"]], MEMBERS["age"]),
        LinearRegression().fit(MEMBERS, MEMBERS["age"]),
        KNeighborsClassifier(1).fit(MEMBERS, MEMBERS["member"]),
        KNeighborsClassifier(1, p=3).fit(MEMBERS, MEMBERS["member"]),
        SimpleImputer().fit(MEMBERS),
    ],
    ids=["hot", "hot-object", "hot-any", "ordinal", "numbers", "linear", "mixed", "neighbours", "opaque", "imputer"],
)
def test_booleans_are_taken_where_the_plan_takes_them(step):
    plan = pretzel.compile(step)
    schema = plan.input_schema
    answer = getattr(plan, f"{next(iter(plan.methods))}_one")
    model, validator = schema.to_pydantic(), jsonschema.Draft202012Validator(schema.to_json_schema())
    described = jsonschema.Draft202012Validator(model.model_json_schema())
    for value in (True, False):
        row = {"age": 1.0, "member": value} if len(schema.columns) == 2 else {"member": value}
        assert validator.is_valid(row)
        assert described.is_valid(row)
        checked = model.model_validate(row).model_dump(by_alias=True, exclude_unset=True)
        assert checked["member"] is value
        np.testing.assert_array_equal(_plain(answer(checked)), _plain(answer(row)))
    for wrong in ("true", "yes"):
        assert not validator.is_valid({"age": 1.0, "member": wrong})
        with pytest.raises(pydantic.ValidationError):
            model.model_validate({"age": 1.0, "member": wrong})


def test_a_boolean_is_no_category_unless_it_is_equal_to_one():
    schema = pretzel.compile(OrdinalEncoder().fit(pd.DataFrame({"class": [1, 2]}))).input_schema
    assert schema.to_json_schema()["properties"]["class"] == {"enum": [1, 2, True]}
    with pytest.raises(pydantic.ValidationError):
        schema.to_pydantic().model_validate({"class": False})


NUMBERS = np.random.default_rng(0).normal(size=(ROWS, 2))


@pytest.mark.parametrize(
    "step",
    [
        LinearRegression(),
        StandardScaler(),
        KNeighborsClassifier(),
        KNeighborsClassifier(p=3),
        Binarizer(),
    ],
    ids=["linear", "scaler", "neighbours", "opaque", "binarizer"],
)
def test_numbers_that_may_not_be_missing_are_finite(step):
    plan = pretzel.compile(step.fit(NUMBERS, NUMBERS[:, 0] > 0))
    model = plan.input_schema.to_pydantic()
    for value in ("nan", "inf", np.nan, np.inf, -np.inf, 1e400):
        if plan.input_schema.columns[0].nullable:
            assert isinstance(step, StandardScaler)
            continue
        with pytest.raises(pydantic.ValidationError):
            model.model_validate([1.0, value])
    assert model.model_validate([1.0, 1e308]).root == [1.0, 1e308]


@pytest.mark.parametrize(
    "step",
    [
        RandomForestClassifier(2),
        ExtraTreesClassifier(2),
        DecisionTreeClassifier(),
        make_pipeline(SimpleImputer(), RandomForestClassifier(2)),
        make_pipeline(make_column_transformer(("passthrough", [1, 0])), DecisionTreeClassifier()),
    ],
    ids=["forest", "extra", "tree", "imputed", "passed"],
)
def test_numbers_that_are_read_as_float32_are_finite_there(step):
    plan = pretzel.compile(step.fit(NUMBERS, NUMBERS[:, 0] > 0))
    schema = plan.input_schema
    assert [(column.dtype, column.float32) for column in schema.columns] == [("float64", True)] * 2
    model, validator = schema.to_pydantic(), jsonschema.Draft202012Validator(schema.to_json_schema())
    described = jsonschema.Draft202012Validator(model.model_json_schema())
    greatest = float(np.finfo(np.float32).max)
    limit = float(np.nextafter(greatest + 2.0**103, 0))
    for value in (greatest, -greatest, limit, -limit):
        plan.predict_one([1.0, value])
        assert validator.is_valid([1.0, value])
        assert described.is_valid([1.0, value])
        assert model.model_validate([1.0, value]).root == [1.0, value]
    for value in (np.nextafter(limit, np.inf), 1e39, -1e300):
        with pytest.raises(InputValueError):
            plan.predict_one([1.0, value])
        assert not validator.is_valid([1.0, value])
        assert not described.is_valid([1.0, value])
        with pytest.raises(pydantic.ValidationError):
            model.model_validate([1.0, value])
    missing = [1.0, None]
    assert validator.is_valid(missing) == bool(schema.columns[1].nullable)


def test_scaled_numbers_may_be_beyond_float32():
    plan = pretzel.compile(make_pipeline(StandardScaler(), DecisionTreeClassifier()).fit(NUMBERS, NUMBERS[:, 0] > 0))
    assert not any(column.float32 for column in plan.input_schema.columns)


@pytest.mark.parametrize("value", [np.inf, -np.inf, np.nan])
def test_categories_are_those_that_json_can_hold(value):
    plan = pretzel.compile(OrdinalEncoder().fit(pd.DataFrame({"k": [1.0, value, 2.0]}, dtype=object)))
    schema = plan.input_schema
    assert schema.columns[0].categories == (1, 2)
    for found in (schema.to_json_schema(), schema.to_pydantic().model_json_schema()):
        validator = jsonschema.Draft202012Validator(json.loads(json.dumps(found, allow_nan=False)))
        assert validator.is_valid({"k": 1.0})
        assert not validator.is_valid({"k": 3.0})
    schema.to_arrow()


@pytest.mark.parametrize("categories", [[0, 1], [1, 2], [1.0, 2.5]], ids=str)
def test_values_of_categories_stay_what_they_are(categories):
    rows = np.array(categories, dtype=object)[:, None].repeat(2, axis=1)
    model = pretzel.compile(OneHotEncoder().fit(rows)).input_schema.to_pydantic()
    for value in (*categories, True):
        checked = model.model_validate([value, 1.0]).root
        assert repr(checked) in (repr([value, 1.0]), repr([value, 1]))


def _plain(answer):
    return answer.toarray() if sparse.issparse(answer) else answer


def test_categories_are_listed_up_to_a_bound():
    many = pd.DataFrame({"few": ["a", "b"] * 600, "many": [f"c{i}" for i in range(1200)]})
    schema = pretzel.compile(OneHotEncoder().fit(many)).input_schema
    assert schema.columns[0].categories == ("a", "b")
    assert (schema.columns[1].kind, schema.columns[1].categories) == ("category", None)


def test_a_plan_from_a_file_has_the_schema_of_the_plan(mixed, tmp_path):
    mixed.save(tmp_path / "plan.pretzel")
    assert repr(pretzel.load(tmp_path / "plan.pretzel").input_schema) == repr(mixed.input_schema)
    assert repr(pickle.loads(pickle.dumps(mixed)).input_schema) == repr(mixed.input_schema)


def test_a_plan_without_notes_knows_names_and_nothing_more(mixed):
    import dataclasses

    physical = dataclasses.replace(mixed.physical, columns=None)
    plan = type(mixed)(physical, mixed.store, mixed.lease)
    assert [(c.name, c.kind, c.nullable) for c in plan.input_schema.columns][:2] == [
        ("age", "any", None),
        ("income", "any", None),
    ]


@pytest.mark.parametrize("runs", [[], [[0, 5]], [[9, 6]], [[-1, 6]], [[0, 2**62]]])
def test_damaged_notes_are_an_error(mixed, runs):
    import dataclasses

    group = {"kind": "any", "dtype": "object", "nullable": None, "rejects_unknown": False, "categories": None}
    physical = dataclasses.replace(mixed.physical, columns=Packed({"groups": [group], "runs": runs}))
    plan = type(mixed)(physical, mixed.store, mixed.lease)
    with pytest.raises(CorruptStoreError, match="columns"):
        plan.input_schema  # noqa: B018


def test_json_schema_of_named_columns(mixed):
    schema = mixed.input_schema.to_json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(json.loads(json.dumps(schema)))
    assert validator.is_valid(ROW)
    assert validator.is_valid({**ROW, "unread": 3, "other": "x"})
    for wrong in ({"income": None}, {"income": "much"}, {"class": 7}, {"class": None}, {"note": None}, {"city": 3}):
        assert not validator.is_valid({**ROW, **wrong}), wrong
    assert not validator.is_valid({name: value for name, value in ROW.items() if name != "city"})


def test_json_schema_of_other_rows(unnamed):
    validator = jsonschema.Draft202012Validator(unnamed.input_schema.to_json_schema())
    assert validator.is_valid([1, 2.5, 3])
    for wrong in ([1, 2], [1, 2, 3, 4], [1, 2, None], [1, 2, "3"], {"x0": 1}):
        assert not validator.is_valid(wrong), wrong
    documents = pretzel.compile(TfidfVectorizer().fit(["a cat", "a dog"])).input_schema
    assert documents.to_json_schema() == {"type": "string"}


def test_json_schema_of_answers(mixed):
    for method in ("predict", "predict_proba", "decision_function"):
        schema = mixed.input_schema.answer_json_schema(method)
        answer = getattr(mixed, f"{method}_one")(ROW)
        plain = answer.tolist() if isinstance(answer, np.ndarray) else answer
        jsonschema.validate(plain, schema)
    assert mixed.input_schema.answer_json_schema("predict") == {"enum": [False, True]}
    with pytest.raises(KeyError):
        mixed.input_schema.answer_json_schema("predicted")


def test_json_schema_of_several_outputs():
    X = np.random.default_rng(0).normal(size=(ROWS, 2))
    plan = pretzel.compile(RandomForestClassifier(2, max_depth=2).fit(X, np.c_[X[:, 0] > 0, X[:, 1] > 0]))
    for method in ("predict", "predict_proba"):
        answer = getattr(plan, f"{method}_one")(X[0])
        plain = [each.tolist() for each in answer] if isinstance(answer, list) else answer.tolist()
        jsonschema.validate(plain, plan.input_schema.answer_json_schema(method))
    names = [tensor["name"] for tensor in plan.input_schema.to_open_inference()["outputs"]]
    assert names[:3] == ["predict", "predict_proba_0", "predict_proba_1"]


def test_pydantic_model_of_named_columns(mixed):
    model = mixed.input_schema.to_pydantic()
    row = model.model_validate({**ROW, "other": 1})
    assert mixed.predict_one(row.model_dump(by_alias=True, exclude_unset=True)) == mixed.predict_one(ROW)
    for wrong in ({"income": None}, {"income": "much"}, {"class": 7}, {"note": None}):
        with pytest.raises(pydantic.ValidationError):
            model.model_validate({**ROW, **wrong})
    assert {"income", "class"} <= model.model_json_schema()["properties"].keys()


def test_pydantic_model_of_other_rows(unnamed):
    model = unnamed.input_schema.to_pydantic()
    assert unnamed.predict_one(model.model_validate([1, 2, 3]).root) == unnamed.predict_one([1, 2, 3])
    for wrong in ([1, 2], [1, 2, None]):
        with pytest.raises(pydantic.ValidationError):
            model.model_validate(wrong)
    documents = pretzel.compile(TfidfVectorizer().fit(["a cat", "a dog"])).input_schema.to_pydantic()
    assert documents.model_validate("a cat").root == "a cat"


def test_arrow_schema_reads_as_the_table_that_was_fitted(mixed, unnamed):
    schema = mixed.input_schema.to_arrow(types={"unread": pa.float32()})
    assert schema.types == [pa.float64(), pa.float64(), pa.string(), pa.int64(), pa.string(), pa.float32()]
    assert [field.nullable for field in schema] == [True, False, True, False, False, True]
    table = pa.Table.from_pandas(frame(), schema=schema, preserve_index=False)
    np.testing.assert_array_equal(mixed.predict(table), mixed.predict(frame()))
    assert unnamed.input_schema.to_arrow().names == ["x0", "x1", "x2"]
    assert mixed.input_schema.to_arrow() == schema.remove(5)
    table = table.select(mixed.input_schema.to_arrow().names)
    np.testing.assert_array_equal(mixed.predict(table), mixed.predict(frame()))


def test_arrow_schema_of_a_column_that_may_hold_anything():
    columns = make_column_transformer(
        (FunctionTransformer(lambda X: np.asarray(X)), ["age"]), (OneHotEncoder(), ["city"])
    )
    schema = pretzel.compile(columns.fit(frame())).input_schema
    with pytest.raises(ValueError, match="'age' may hold anything"):
        schema.to_arrow()
    assert schema.to_arrow({"age": pa.float64()}).names == ["age", "city"]


def test_metadata_of_the_open_inference_protocol(mixed, unnamed):
    found = mixed.input_schema.to_open_inference()
    assert [(tensor["datatype"], tensor["shape"]) for tensor in found["inputs"]] == [
        ("FP64", [-1]),
        ("FP64", [-1]),
        ("BYTES", [-1]),
        ("INT64", [-1]),
        ("BYTES", [-1]),
    ]
    assert "unread" not in [tensor["name"] for tensor in found["inputs"]]
    assert found["outputs"][:2] == [
        {"name": "predict", "datatype": "BOOL", "shape": [-1]},
        {"name": "predict_proba", "datatype": "FP64", "shape": [-1, 2]},
    ]
    assert unnamed.input_schema.to_open_inference()["inputs"] == [{"name": "X", "datatype": "FP64", "shape": [-1, 3]}]


def test_whole_numbers_that_may_be_missing_are_tensors_of_floats():
    X = pd.DataFrame({"whole": [1.0, 2.0, np.nan] * 4, "never": [1, 2, 3] * 4})
    schema = pretzel.compile(OneHotEncoder().fit(X)).input_schema
    assert [tensor["datatype"] for tensor in schema.to_open_inference()["inputs"]] == ["FP64", "INT64"]
    unnamed = pretzel.compile(OneHotEncoder().fit(X.to_numpy())).input_schema
    assert [tensor["datatype"] for tensor in unnamed.to_open_inference()["inputs"]] == ["FP64"]


def test_columns_without_names_of_which_some_are_not_read():
    X = np.random.default_rng(0).normal(size=(ROWS, 3))
    source = make_pipeline(make_column_transformer((StandardScaler(), [0, 2])), LinearRegression()).fit(X, X[:, 0])
    schema = pretzel.compile(source).input_schema
    assert [column.is_read for column in schema.columns] == [True, False, True]
    assert schema.to_open_inference()["inputs"] == [{"name": "X", "datatype": "FP64", "shape": [-1, 3]}]
    assert "column 1  any; may be missing; not read" in str(schema)


def test_text_for_people(mixed, unnamed):
    assert str(mixed.input_schema).splitlines()[:4] == [
        "Pipeline: a table of 6 columns, by name, in any order, others are ignored",
        "  age     number float64; may be missing",
        "  income  number float64; never missing",
        "  city    category 'Bonn', 'Paris', or another; may be missing",
    ]
    assert "columns 0 to 2  number float64; never missing" in str(unnamed.input_schema)


def test_wide_results_cost_nothing():
    vectors = make_union(HashingVectorizer(n_features=2**30), HashingVectorizer(n_features=2**30 - 2))
    tracemalloc.start()
    try:
        schema = pretzel.compile(vectors.fit(["a cat"])).input_schema
        assert tracemalloc.get_traced_memory()[1] < 50_000_000
    finally:
        tracemalloc.stop()
    assert schema.outputs["transform"].shape == (None, 2**31 - 2)
