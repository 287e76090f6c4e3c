"""Mappers of sklearn_pandas against the library, in front of a model and alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import DataConversionWarning
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    LabelBinarizer,
    LabelEncoder,
    MultiLabelBinarizer,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

import pretzel
from pretzel.errors import InputError, InputKeyError, PretzelError, UnfittedError
from tests.answers import assert_close

sklearn_pandas = pytest.importorskip("sklearn_pandas", exc_type=ImportError)  # it needs scikit-learn before 1.6

RNG = np.random.default_rng(0)
N = 200
TABLE = pd.DataFrame(
    {
        "city": RNG.choice(["Bonn", "Paris", "a b"], N),
        "size": RNG.normal(size=N),
        "grade": RNG.integers(0, 9, N),
        "text": RNG.choice(["a bb cc", "bb dd", "ee"], N),
        "holes": np.where(RNG.random(N) < 0.2, np.nan, RNG.normal(size=N)),
        "short": RNG.normal(size=N).astype(np.float32),
        "two": RNG.choice(["no", "yes"], N),
        "flag": RNG.random(N) < 0.5,
        "few": RNG.choice([-3, 2, 5], N),
    }
)
Y = (TABLE["size"] > 0).astype(int)
NUMBERS = (["size", "grade"], StandardScaler())
MAPPERS = {
    "numbers": ([NUMBERS], {}),
    "mixed": (
        [NUMBERS, (["city"], OneHotEncoder()), ("text", CountVectorizer()),
         (["holes"], [SimpleImputer(), StandardScaler()]), (["grade"], None)],
        {},
    ),
    "sparse": ([("text", TfidfVectorizer()), NUMBERS], {"sparse": True}),
    "frames": ([NUMBERS, (["city"], OneHotEncoder())], {"input_df": True}),
    "frame": ([NUMBERS, (["city"], OneHotEncoder(sparse_output=False))], {"df_out": True, "input_df": True}),
    "nothing": ([(["size", "grade"], None), ("grade", None), ("short", None)], {}),
    "float32": ([(["short"], StandardScaler())], {}),
    "objects": ([(["city", "grade"], OrdinalEncoder())], {}),
    "labels": ([("city", LabelBinarizer()), ("text", LabelEncoder()), NUMBERS], {}),
    "only labels": ([("city", LabelEncoder()), (["text"], LabelBinarizer()), ("grade", LabelBinarizer())], {}),
    "labels of numbers": ([("grade", LabelEncoder()), ("few", LabelBinarizer(neg_label=-1)), ("short", None)], {}),
    "two labels": ([("two", [LabelBinarizer()])], {}),
    "flags": ([("flag", LabelBinarizer()), ("flag", LabelEncoder())], {}),
    "sparse labels": ([("city", LabelBinarizer(sparse_output=True)), NUMBERS], {"sparse": True}),
    "default": ([(["city"], OrdinalEncoder())], {"default": None, "drop_cols": ["text", "holes", "two"]}),
}  # fmt: skip
FORMS = {
    "as fitted": TABLE,
    "reversed": TABLE[TABLE.columns[::-1]],
    "more columns": TABLE.assign(other=1.0),
    "one row": TABLE[:1],
    "booleans": TABLE.assign(grade=TABLE["grade"] > 3),
    "float32": TABLE.astype({"size": np.float32}),
    "holes": TABLE.mask(RNG.random(TABLE.shape) < 0.1),
    "no rows": TABLE[:0],
    "array": TABLE.to_numpy(),
    "other labels": TABLE.assign(city=np.where(TABLE["size"] > 0, "elsewhere", TABLE["city"])),
    "numbers among labels": TABLE.assign(city=[1, *TABLE["city"][1:]]),
    "numbers as labels": TABLE.assign(city=TABLE["grade"]),
    "broken numbers": TABLE.assign(few=TABLE["few"] + 0.5),
    "other numbers": TABLE.assign(few=TABLE["few"] + 1),
    "floats": TABLE.assign(few=TABLE["few"].astype(float), grade=TABLE["grade"].astype(np.float32)),
    "categories": TABLE.astype({"city": "category", "text": "category"}),
    "bytes": TABLE.assign(city=[text.encode() for text in TABLE["city"]]),
    "narrow": TABLE.astype({"few": np.int8, "grade": np.uint8}),
    "a column less": TABLE.drop(columns=["size", "city", "short"]),
}


def mapper(name):
    features, options = MAPPERS[name]
    return sklearn_pandas.DataFrameMapper(features, **options)


def dense(answer):
    return answer.toarray() if hasattr(answer, "toarray") else np.asarray(answer)


def check(plan, estimator, method):
    for form in FORMS.values():
        try:
            expected = getattr(estimator, method)(form)
        except Exception as error:
            with pytest.raises((PretzelError, type(error))):  # of an opaque mapper, that of the library
                getattr(plan, method)(form)
            continue
        got = getattr(plan, method)(form)
        assert type(got) is type(expected)
        assert_close(dense(got), dense(expected))


@pytest.mark.parametrize("name", MAPPERS)
def test_answers_as_the_library(name):
    estimator = mapper(name).fit(TABLE, Y)
    plan = pretzel.compile(estimator)
    assert bool(plan.opaque_steps) == (name in ("default", "frame"))
    check(plan, estimator, "transform")


@pytest.mark.parametrize("name", [name for name in MAPPERS if name != "default"])
def test_in_front_of_a_model(name):
    estimator = make_pipeline(mapper(name), LogisticRegression()).fit(TABLE, Y)
    plan = pretzel.compile(estimator, strict=True)
    check(plan, estimator, "predict_proba")
    row = TABLE.iloc[7].to_dict()
    assert_close(plan.predict_proba_one(row), estimator.predict_proba(pd.DataFrame([row]))[0])


def test_a_step_of_python_leaves_the_rest_of_the_pipeline_native():
    steps = [NUMBERS, (["holes"], FunctionTransformer(lambda X: np.nan_to_num(X) ** 3))]
    estimator = make_pipeline(sklearn_pandas.DataFrameMapper(steps), LogisticRegression()).fit(TABLE, Y)
    plan = pretzel.compile(estimator)
    assert [step.step for step in plan.opaque_steps] != ["Pipeline"]
    check(plan, estimator, "predict_proba")


@pytest.mark.parametrize(
    ("features", "label"), [([("city", LabelBinarizer())], "elsewhere"), ([("city", LabelBinarizer())], "Paris"),
                            ([("two", LabelEncoder())], "no"), ([("grade", LabelBinarizer())], 3)]
)  # fmt: skip
def test_labels_in_a_plan_from_a_file(features, label, tmp_path):
    estimator = sklearn_pandas.DataFrameMapper(features).fit(TABLE)
    pretzel.compile(estimator, strict=True).save(tmp_path / "m.pretzel")
    row = {features[0][0]: label}
    expected = estimator.transform(pd.DataFrame([row]))
    got = pretzel.load(tmp_path / "m.pretzel").transform_one(row)
    assert got.dtype == expected.dtype
    assert got.tolist() == expected[0].tolist()


def test_labels_that_no_encoder_knows(tmp_path):
    features = [("two", LabelEncoder()), ("city", LabelBinarizer()), ("few", LabelBinarizer())]
    plan = pretzel.compile(sklearn_pandas.DataFrameMapper(features).fit(TABLE), strict=True)
    row = TABLE[["two", "city", "few"]].iloc[0].to_dict()
    with pytest.raises(InputError, match="row 0, column 'city' holds a value that an encoder does not know"):
        plan.transform_one(row | {"city": 3})
    for odd in ({"two": "maybe"}, {"city": 3}, {"city": None}, {"few": 2.5}, {"few": "x"}):
        with pytest.raises(InputError, match=f"'{next(iter(odd))}'"):
            plan.transform_one(row | odd)


def test_a_column_as_a_table_is_no_vector_to_an_encoder():
    estimator = sklearn_pandas.DataFrameMapper([(["city"], LabelEncoder())])
    with pytest.warns(DataConversionWarning):
        plan = pretzel.compile(estimator.fit(TABLE))
    assert [step.reason for step in plan.opaque_steps] == ["a table of one column, of which scikit-learn warns"]


def test_sets_of_labels_in_a_column_leave_the_rest_of_the_mapper_native():
    table = TABLE.assign(tags=[["a", "b"][: i % 3] for i in range(N)])
    steps = [("tags", MultiLabelBinarizer()), ("city", LabelBinarizer()), NUMBERS]
    estimator = make_pipeline(sklearn_pandas.DataFrameMapper(steps), LogisticRegression()).fit(table, Y)
    plan = pretzel.compile(estimator)
    assert [step.step for step in plan.opaque_steps] == ["Pipeline.dataframemapper.0:tags"]
    assert_close(plan.predict_proba(table), estimator.predict_proba(table))
    row = table.iloc[7].to_dict()
    assert_close(plan.predict_proba_one(row), estimator.predict_proba(pd.DataFrame([row]))[0])


def test_a_missing_column_is_named():
    plan = pretzel.compile(make_pipeline(mapper("numbers"), LogisticRegression()).fit(TABLE, Y))
    with pytest.raises(InputKeyError, match="size"):
        plan.predict_one({"grade": 3})


def test_an_unfitted_mapper_is_refused():
    with pytest.raises(UnfittedError, match="built_features"):
        pretzel.compile(mapper("numbers"))
