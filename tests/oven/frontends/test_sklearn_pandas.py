"""Mappers of sklearn_pandas against the library, in front of a model and alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    LabelBinarizer,
    LabelEncoder,
    OneHotEncoder,
    OrdinalEncoder,
    StandardScaler,
)

import pretzel
from pretzel.errors import InputKeyError, PretzelError, UnfittedError
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
    "default": ([(["city"], OrdinalEncoder())], {"default": None, "drop_cols": ["text", "holes"]}),
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
    assert bool(plan.opaque_steps) == (name in ("default", "frame", "labels"))
    check(plan, estimator, "transform")


@pytest.mark.parametrize("name", [name for name in MAPPERS if name != "default"])
def test_in_front_of_a_model(name):
    estimator = make_pipeline(mapper(name), LogisticRegression()).fit(TABLE, Y)
    plan = pretzel.compile(estimator, strict=name != "labels")
    labels = {"Pipeline.dataframemapper.0:city", "Pipeline.dataframemapper.1:text"}
    assert {step.step for step in plan.opaque_steps} == (labels if name == "labels" else set())
    check(plan, estimator, "predict_proba")
    row = TABLE.iloc[7].to_dict()
    assert_close(plan.predict_proba_one(row), estimator.predict_proba(pd.DataFrame([row]))[0])


def test_a_step_of_python_leaves_the_rest_of_the_pipeline_native():
    steps = [NUMBERS, (["holes"], FunctionTransformer(lambda X: np.nan_to_num(X) ** 3))]
    estimator = make_pipeline(sklearn_pandas.DataFrameMapper(steps), LogisticRegression()).fit(TABLE, Y)
    plan = pretzel.compile(estimator)
    assert [step.step for step in plan.opaque_steps] != ["Pipeline"]
    check(plan, estimator, "predict_proba")


def test_a_missing_column_is_named():
    plan = pretzel.compile(make_pipeline(mapper("numbers"), LogisticRegression()).fit(TABLE, Y))
    with pytest.raises(InputKeyError, match="size"):
        plan.predict_one({"grade": 3})


def test_an_unfitted_mapper_is_refused():
    with pytest.raises(UnfittedError, match="built_features"):
        pretzel.compile(mapper("numbers"))
