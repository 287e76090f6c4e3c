"""Fitted searches answer as their best estimator, frozen estimators as what they hold."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import BaggingClassifier, VotingClassifier
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import FixedThresholdClassifier, GridSearchCV, RandomizedSearchCV
from sklearn.neural_network import MLPClassifier
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


SATURATING = np.concatenate([np.linspace(-800.0, 800.0, 401), np.linspace(-40.0, 40.0, 2001)])[:, None]
ABOVE_ZERO = SATURATING[:, 0] + np.random.default_rng(0).normal(scale=4.0, size=len(SATURATING)) > 0.0
LINEAR = LogisticRegression()


@pytest.fixture(
    scope="module",
    params=[
        LINEAR,
        VotingClassifier([("a", LINEAR), ("b", LogisticRegression(C=0.01))], voting="soft", weights=[0.1, 0.3]),
        BaggingClassifier(LINEAR, 7, random_state=0),
        CalibratedClassifierCV(LINEAR, cv=3),
        CalibratedClassifierCV(LINEAR, method="isotonic", cv=3),
        MLPClassifier(10, max_iter=20, random_state=0),
    ],
    ids=["linear", "voting", "bagging", "sigmoid", "isotonic", "network"],
)
def saturating(request: pytest.FixtureRequest) -> Any:
    """A fitted classifier with probabilities of 1 and next to 1 for many rows."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return request.param.fit(SATURATING, ABOVE_ZERO)


@pytest.mark.parametrize(
    "threshold", [0.0, 1e-300, 1.0 - 1e-12, np.nextafter(1.0, 0.0), 1.0, np.nextafter(1.0, 2.0), 2.0], ids=repr
)
@pytest.mark.parametrize("positive", [True, False])
def test_a_threshold_at_the_end_of_probabilities(saturating: Any, threshold: float, positive: bool) -> None:
    """Probabilities of 1 are those that are rounded to it, and none that lie next to it."""
    model = FixedThresholdClassifier(LINEAR, threshold=threshold, pos_label=positive).fit(SATURATING, ABOVE_ZERO)
    model.estimator_ = saturating
    plan = pretzel.compile(model, strict=True)
    np.testing.assert_array_equal(plan.predict(SATURATING), model.predict(SATURATING))


def test_a_label_that_is_no_class() -> None:
    """`predict` fails as in the source; scores are those of the classifier."""
    model = FixedThresholdClassifier(LogisticRegression(), pos_label=7).fit(X, Y > 0.0)
    plan = pretzel.compile(model)
    assert [step.method for step in plan.opaque_steps] == ["predict"]
    assert_close(plan.predict_proba(X), model.predict_proba(X))
    with pytest.raises(ValueError, match="pos_label=7"):
        plan.predict(X)
