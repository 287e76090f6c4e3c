"""Pipelines and ensembles of imbalanced-learn against the library itself."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import pretzel
from tests.answers import assert_close

from .numeric import check, numbers

imblearn = pytest.importorskip("imblearn")
from imblearn import FunctionSampler  # noqa: E402
from imblearn.ensemble import (  # noqa: E402
    BalancedBaggingClassifier,
    BalancedRandomForestClassifier,
    EasyEnsembleClassifier,
    RUSBoostClassifier,
)
from imblearn.over_sampling import SMOTE, RandomOverSampler  # noqa: E402
from imblearn.pipeline import Pipeline, make_pipeline  # noqa: E402
from imblearn.under_sampling import RandomUnderSampler  # noqa: E402

X = numbers(400, 5, special=False)
SCORE = X[:, 0] + 0.3 * np.random.default_rng(0).normal(size=len(X))
TWO = np.where(SCORE > 1, "yes", "no")
MANY = np.array(["de", "fr", "it"])[np.digitize(SCORE, [-0.5, 1])]
SAMPLERS = [RandomUnderSampler(random_state=0), SMOTE(random_state=0), FunctionSampler()]


@pytest.mark.parametrize("sampler", SAMPLERS, ids=lambda each: type(each).__name__)
def test_samplers_do_nothing(sampler: Any) -> None:
    for y in (TWO, MANY):
        model = make_pipeline(StandardScaler(), sampler, PCA(3), "passthrough", LogisticRegression()).fit(X, y)
        check(model, X, ("predict", "predict_proba", "decision_function", "predict_log_proba"))
    check(make_pipeline(sampler, StandardScaler()).fit(X, TWO), X, ("transform",))


def test_tables() -> None:
    frame = pd.DataFrame({"size": X[:, 0], "city": np.where(X[:, 4] > 0, "Bonn", "Paris")})
    columns = make_column_transformer((StandardScaler(), ["size"]), (OneHotEncoder(), ["city"]))
    model = make_pipeline(RandomOverSampler(random_state=0), columns, LogisticRegression()).fit(frame, TWO)
    plan = pretzel.compile(model, strict=True)
    assert_close(plan.predict_proba(frame), model.predict_proba(frame))
    assert plan.predict_one(frame.iloc[0].to_dict()) == model.predict(frame[:1])[0]


def test_inside_a_search() -> None:
    pipeline = Pipeline([("s", RandomUnderSampler(random_state=0)), ("m", LogisticRegression())])
    check(GridSearchCV(pipeline, {"m__C": [0.1, 1.0]}, cv=2).fit(X, TWO), X, ("predict", "predict_proba"))


def test_opaque_steps() -> None:
    model = make_pipeline(StandardScaler(), RandomUnderSampler(random_state=0), KNeighborsClassifier(p=3)).fit(X, TWO)
    plan = pretzel.compile(model)
    assert [step.name for step in plan.physical.methods["predict"].opaque] == ["KNeighborsClassifier.predict"]
    np.testing.assert_array_equal(plan.predict(X), model.predict(X))


@pytest.mark.parametrize("y", [TWO, MANY], ids=["two", "many"])
def test_balanced_forest(y: np.ndarray) -> None:
    check(BalancedRandomForestClassifier(7, random_state=0).fit(X, y), X, ("predict", "predict_proba", "apply"))


@pytest.mark.parametrize("y", [TWO, MANY], ids=["two", "many"])
def test_ensembles(y: np.ndarray) -> None:
    asked = ("predict", "predict_proba", "predict_log_proba")
    few = {"n_estimators": 4, "random_state": 0}
    check(BalancedBaggingClassifier(**few).fit(X, y), X, asked)
    check(BalancedBaggingClassifier(LogisticRegression(), max_features=3, **few).fit(X, y), X, asked)
    check(EasyEnsembleClassifier(**few).fit(X, y), X, (*asked, "decision_function"))
    check(RUSBoostClassifier(**few).fit(X, y), X, (*asked, "decision_function"))


def test_unfitted_pipelines_are_rejected() -> None:
    with pytest.raises(pretzel.errors.UnfittedError):
        pretzel.compile(make_pipeline(RandomUnderSampler(), LogisticRegression()))


def test_saved_and_loaded(tmp_path: Any) -> None:
    plan = pretzel.compile(make_pipeline(StandardScaler(), RandomUnderSampler(), LogisticRegression()).fit(X, MANY))
    plan.save(tmp_path / "model")
    np.testing.assert_array_equal(pretzel.load(tmp_path / "model").predict_proba(X), plan.predict_proba(X))
