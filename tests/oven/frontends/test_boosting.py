"""AdaBoost against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.ensemble import AdaBoostClassifier, AdaBoostRegressor, RandomForestClassifier
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.neighbors import KNeighborsRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import pretzel
from pretzel.oven.frontends.sklearn.compat import since
from tests.answers import assert_close, assert_identical, check_answers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 6))
SCORE = X[:, 0] - X[:, 1] * X[:, 2]
LABELS = np.array(["de", "fr", "it"])[np.digitize(SCORE, [-0.5, 0.5])]
FLAGS = np.where(SCORE > 0, 7, -2)
FEW = {"n_estimators": 12, "random_state": 0}
SAMME: dict[str, Any] = {} if since("1.6") else {"algorithm": "SAMME"}
ALGORITHMS = [{}] if since("1.6") else [{"algorithm": "SAMME"}, {"algorithm": "SAMME.R"}]

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")


@pytest.mark.parametrize("algorithm", ALGORITHMS, ids=str)
@pytest.mark.parametrize("y", [LABELS, FLAGS], ids=["labels", "flags"])
@pytest.mark.parametrize(
    "member",
    [None, DecisionTreeClassifier(max_depth=3), LogisticRegression(), RandomForestClassifier(3, random_state=0)],
    ids=["stump", "tree", "logistic", "forest"],
)
def test_classifiers(member: Any, y: Any, algorithm: dict[str, Any]) -> None:
    model = AdaBoostClassifier(member, learning_rate=0.7, **FEW, **algorithm).fit(X, y)
    check_answers(model, X, strict=True)
    check_answers(model, X.astype(np.float32), strict=True)


@pytest.mark.parametrize("loss", ["linear", "square", "exponential"])
@pytest.mark.parametrize("member", [None, LinearRegression(), DecisionTreeRegressor()], ids=["small", "linear", "deep"])
def test_regressors(member: Any, loss: str) -> None:
    model = AdaBoostRegressor(member, loss=loss, n_estimators=40, random_state=0).fit(X, SCORE)
    check_answers(model, X, strict=True)
    check_answers(model, X.astype(np.float32), strict=True)


def test_a_perfect_fit_ends_boosting() -> None:
    model = AdaBoostClassifier(DecisionTreeClassifier(), **FEW, **SAMME).fit(X, LABELS)
    assert len(model.estimators_) == 1
    check_answers(model, X, strict=True)
    check_answers(AdaBoostRegressor(DecisionTreeRegressor(), **FEW).fit(X[:5], np.zeros(5)), X, strict=True)


def test_equal_values_and_weights() -> None:
    """The median of an even number of equal weights is the lower of the two in the middle."""
    model = AdaBoostRegressor(DecisionTreeRegressor(max_depth=1), **FEW).fit(X, np.sign(SCORE))
    for weights in (np.ones(12), np.arange(12.0), np.array([*np.zeros(11), 1.0]), np.full(12, 0.1)):
        model.estimator_weights_ = weights[: len(model.estimators_)]
        check_answers(model, X, exact=True)


def test_ties_of_votes_go_to_the_first_class() -> None:
    for y in (LABELS, FLAGS):
        model = AdaBoostClassifier(n_estimators=4, random_state=0, **SAMME).fit(X, y)
        model.estimator_weights_ = np.ones(len(model.estimators_))
        check_answers(model, X, methods=("predict", "decision_function"), exact=True)


def test_stumps_of_all_members_are_one() -> None:
    model = AdaBoostClassifier(**FEW, **SAMME).fit(X, LABELS)
    plan = pretzel.compile(model, strict=True)
    assert f"{len(model.estimators_)} trees" in plan.explain()
    one_by_one = pretzel.compile(model, disable_rules=["join_trees_of_members"])
    assert_identical(plan.decision_function(X), one_by_one.decision_function(X))
    assert_identical(plan.decision_function(X), model.decision_function(X))


def test_a_single_class() -> None:
    check_answers(AdaBoostClassifier(**FEW, **SAMME).fit(X, np.full(400, "only")), X, methods=("predict_proba",))


def test_forms_of_requests() -> None:
    frame = pd.DataFrame(X, columns=list("abcdef"))
    model = AdaBoostClassifier(**FEW, **SAMME).fit(frame, LABELS)
    plan = pretzel.compile(model, strict=True)
    assert_close(plan.predict_proba(frame), model.predict_proba(frame))
    rows = frame.head(20).to_dict("records")
    np.testing.assert_array_equal([plan.predict_one(row) for row in rows], model.predict(frame.head(20)))
    with pytest.raises(ValueError, match="NaN"):
        plan.predict(frame.where(frame > -1))
    matrix = sparse.csr_matrix(np.where(np.abs(X) < 0.7, 0.0, X))
    model = AdaBoostRegressor(**FEW).fit(matrix, SCORE)
    check_answers(model, matrix)


def test_opaque_members() -> None:
    assert check_answers(AdaBoostRegressor(KNeighborsRegressor(p=3), **FEW).fit(X, SCORE), X).opaque_steps


def test_saved(tmp_path: Any) -> None:
    for model in (AdaBoostClassifier(**FEW, **SAMME).fit(X, LABELS), AdaBoostRegressor(**FEW).fit(X, SCORE)):
        plan = pretzel.compile(model, strict=True)
        plan.save(tmp_path / "plan.pretzel")
        assert_identical(pretzel.load(tmp_path / "plan.pretzel").predict(X), plan.predict(X))
