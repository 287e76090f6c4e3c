"""Voting ensembles against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Lasso, LinearRegression, LogisticRegression, Perceptron, Ridge, SGDClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, PolynomialFeatures, StandardScaler

import pretzel
from pretzel.errors import OpaqueStepError

from .numeric import check, numbers

X = numbers(1000, 6, special=False)
Y = np.array(["de", "fr", "it"])[np.digitize(X[:, 0] + 0.5 * X[:, 1], [-0.5, 0.5])]
MEMBERS = [
    ("a", make_pipeline(StandardScaler(), LogisticRegression())),
    ("b", SGDClassifier(loss="log_loss", random_state=0)),
    ("c", LogisticRegression(C=0.01)),
]


@pytest.mark.parametrize("weights", [None, [2, 1, 1.5]])
def test_soft(weights: list[float] | None) -> None:
    model = VotingClassifier(MEMBERS, voting="soft", weights=weights).fit(X, Y)
    check(model, X, ("predict", "predict_proba", "transform"))


@pytest.mark.parametrize("weights", [None, [2, 1, 1.5]])
def test_hard(weights: list[float] | None) -> None:
    members = [*MEMBERS[:2], ("p", Perceptron(random_state=0))]
    check(VotingClassifier(members, weights=weights).fit(X, Y), X, ("predict", "transform"))


@pytest.mark.parametrize("classes", [2, 3])
def test_votes_are_whole_numbers_for_the_steps_behind(classes: int) -> None:
    target = Y if classes == 3 else Y == "fr"
    voting = VotingClassifier([MEMBERS[0], ("p", Perceptron(random_state=0))])
    for step in (FunctionTransformer(), FunctionTransformer(np.negative), SelectKBest(k=1), PolynomialFeatures(),
                 FunctionTransformer(np.sqrt), OneHotEncoder(), SimpleImputer(strategy="most_frequent")):  # fmt: skip
        model = make_pipeline(voting, step).fit(X, target)
        plan, expected = pretzel.compile(model, strict=True), model.transform(X)
        found = plan.transform(X)
        assert found.dtype == expected.dtype, step
        assert abs(found - expected).max() == 0.0, step


def test_dropped_members_have_no_weight() -> None:
    model = VotingClassifier([*MEMBERS, ("d", "drop")], voting="soft", weights=[1, 2, 3, 100]).fit(X, Y)
    check(model, X, ("predict", "predict_proba", "transform"))


@pytest.mark.parametrize("weights", [None, [1, 2, 3]])
def test_regressors(weights: list[float] | None) -> None:
    members = [("a", Ridge()), ("b", Lasso(0.1)), ("c", make_pipeline(StandardScaler(), LinearRegression()))]
    check(VotingRegressor(members, weights=weights).fit(X, X @ np.arange(6.0)), X, ("predict", "transform"))


def test_negative_weights_are_counted_as_in_the_source() -> None:
    model = VotingClassifier(MEMBERS, weights=[-1, -1, -1]).fit(X, Y)
    with pytest.raises(OpaqueStepError, match="negative"):
        pretzel.compile(model, strict=True)
    np.testing.assert_array_equal(pretzel.compile(model).predict(X), model.predict(X))
