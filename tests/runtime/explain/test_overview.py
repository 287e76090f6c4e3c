"""`Plan.summary` and the beginning of `Plan.explain`: ten lines for people."""

from __future__ import annotations

import re

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import pretzel

ROWS = 40


def frame():
    rng = np.random.default_rng(0)
    return pd.DataFrame({"age": rng.normal(size=ROWS), "pay": rng.normal(size=ROWS), "city": ["Bonn", "Paris"] * 20})


def mixed(last):
    numbers = make_pipeline(SimpleImputer(), StandardScaler())
    columns = make_column_transformer((numbers, ["age"]), (StandardScaler(), ["pay"]), (OneHotEncoder(), ["city"]))
    return make_pipeline(columns, last).fit(frame(), frame()["age"] > 0)


def lines_of(plan):
    first, *lines = plan.summary().splitlines()
    return first, {line[:11].strip(): line[12:] for line in lines}


def test_ten_lines_in_the_words_of_the_pipeline():
    first, lines = lines_of(pretzel.compile(mixed(LogisticRegression()), name="churn"))
    assert first.startswith("churn: predict")
    assert first.endswith("native")
    assert len(lines) == 9
    assert lines["columns"] == "2 numbers: age, pay; 1 category: city"
    assert lines["missing"] == "allowed in age; rejected in pay, city"
    assert lines["answers"].startswith("predict bool[n], predict_proba float64[n, 2]")
    assert lines["steps"] == "simpleimputer, standardscaler, onehotencoder, logisticregression"
    assert lines["native"].endswith("nothing is called from Python")
    assert re.fullmatch(r"predict \d+\.\d\d us for one row, .* us for 1,000, .*", lines["expected"])


def test_what_is_called_from_python_is_named():
    _, lines = lines_of(pretzel.compile(mixed(KNeighborsClassifier(p=3))))
    assert lines["native"] == "no method as a whole; called from Python: kneighborsclassifier"
    assert lines["expected"].startswith("not known")


def test_an_opaque_estimator_is_the_only_step():
    plan = pretzel.compile(KNeighborsClassifier(1, p=3).fit(np.eye(4), [0, 1, 0, 1]))
    assert lines_of(plan)[1]["steps"] == "KNeighborsClassifier"


def test_bytes_that_plans_share_are_told():
    runtime = pretzel.Runtime()
    model = mixed(LogisticRegression())
    for name in ("one", "two"):
        runtime.register(name, model)
    _, lines = lines_of(runtime["one"])
    assert re.fullmatch(r"([\d,]+) B of parameters, of which \1 B are shared with other plans", lines["memory"])


def test_explain_begins_with_the_summary(tmp_path):
    plan = pretzel.compile(mixed(LogisticRegression()))
    assert plan.explain().splitlines()[:10] == plan.summary().splitlines()
    plan.save(tmp_path / "plan.pretzel")
    loaded = pretzel.load(tmp_path / "plan.pretzel").summary().splitlines()
    assert loaded[1:6] == plan.summary().splitlines()[1:6]


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        (LogisticRegression().fit(np.eye(4), [0, 1, 0, 1]), "4 numbers"),
        (make_pipeline(KNeighborsClassifier(1, p=3)).fit(np.eye(4), [0, 1, 0, 1]), "4 numbers"),
    ],
    ids=["native", "opaque"],
)
def test_columns_without_names_are_counted(model, expected):
    assert lines_of(pretzel.compile(model))[1]["columns"] == expected
