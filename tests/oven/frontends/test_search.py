"""Fitted searches answer as their best estimator, frozen estimators as what they hold."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, RandomizedSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import pretzel
from tests import releases
from tests.answers import assert_close

from .numeric import check, numbers

X = numbers(300, 5, special=False)
Y = X[:, 0] - X[:, 3]


@pytest.mark.parametrize("search", [GridSearchCV, lambda e, p: RandomizedSearchCV(e, p, n_iter=1, random_state=0)])
def test_search_answers_as_its_best_estimator(search):
    rng = np.random.default_rng(0)
    X = rng.normal(size=(120, 4))
    y = np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)]
    pipeline = make_pipeline(StandardScaler(), LogisticRegression())
    fitted = search(pipeline, {"logisticregression__C": [0.1, 1.0]}).fit(X, y)
    plan = pretzel.compile(fitted, strict=True)
    assert (plan.predict(X) == fitted.predict(X)).all()
    assert_close(plan.predict_proba(X), fitted.predict_proba(X))
    assert plan.predict_one(X[0]) == fitted.predict(X[:1])[0]


def test_search_without_refit_is_not_fitted_for_answers():
    X = np.random.default_rng(0).normal(size=(60, 3))
    y = (X[:, 0] > 0).astype(int)
    fitted = GridSearchCV(LogisticRegression(), {"C": [0.1, 1.0]}, refit=False).fit(X, y)
    with pytest.raises(pretzel.errors.CompileError):
        pretzel.compile(fitted, strict=True)


def test_columns_come_in_any_order() -> None:
    frame = pd.DataFrame({"a": X[:, 0], "b": np.where(X[:, 1] > 0, "x", "y"), "c": X[:, 2]})
    pipeline = make_pipeline(make_column_transformer((StandardScaler(), ["a"]), (OneHotEncoder(), ["b"])), Ridge())
    search = GridSearchCV(pipeline, {"ridge__alpha": [0.1, 1.0]}, cv=2).fit(frame, Y)
    plan = pretzel.compile(search, strict=True)
    for view in (frame, frame[["c", "b", "a"]], frame[["b", "a"]]):
        assert_close(plan.predict(view), search.predict(view))


@releases.needs("1.6", "there is no FrozenEstimator")
def test_frozen() -> None:
    (ridge,) = releases.frozen(Ridge().fit(X, Y))
    check(make_pipeline(StandardScaler(), ridge).fit(X, Y), X, ("predict",))


def test_a_threshold_between_other_than_two_classes() -> None:
    threshold = FixedThresholdClassifier(DecisionTreeClassifier(max_depth=1), threshold=0.4)
    fitted = threshold.fit(X, np.zeros(len(X), dtype=int))
    plan = pretzel.compile(fitted)
    assert_close(plan.predict_proba(X), fitted.predict_proba(X))
    with pytest.raises(ValueError, match="binary"):
        plan.predict(X)


@pytest.mark.parametrize("threshold", [0.0, 1.0])
def test_a_threshold_at_the_end_of_a_sigmoid(threshold: float) -> None:
    """Probabilities of 1 are those that are rounded to it, and none that lie next to it."""
    rows = np.linspace(-60.0, 60.0, 2001)[:, None]
    model = FixedThresholdClassifier(LogisticRegression(), threshold=threshold).fit(rows, rows[:, 0] > 0.0)
    model.estimator_.coef_[:], model.estimator_.intercept_[:] = 1.0, 0.0
    np.testing.assert_array_equal(pretzel.compile(model, strict=True).predict(rows), model.predict(rows))


def test_a_label_that_is_no_class() -> None:
    """`predict` fails as in the source; scores are those of the classifier."""
    model = FixedThresholdClassifier(LogisticRegression(), pos_label=7).fit(X, Y > 0.0)
    plan = pretzel.compile(model)
    assert [step.method for step in plan.opaque_steps] == ["predict"]
    assert_close(plan.predict_proba(X), model.predict_proba(X))
    with pytest.raises(ValueError, match="pos_label=7"):
        plan.predict(X)
