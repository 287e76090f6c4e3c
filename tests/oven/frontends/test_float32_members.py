"""Compositions of members that answer in float32 whatever the request has: where they round, and where they do not.

A result of float64 shows in its digits where the source computed in float32: beside a float64 column, stacking does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import (
    AdaBoostRegressor,
    BaggingClassifier,
    BaggingRegressor,
    StackingClassifier,
    StackingRegressor,
    VotingClassifier,
    VotingRegressor,
)
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import FixedThresholdClassifier
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier, OutputCodeClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputRegressor, RegressorChain
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel
from pretzel.oven.frontends.sklearn.compat import since
from pretzel.schema import METHODS

xgboost: Any = pytest.importorskip("xgboost")

from xgboost import XGBClassifier, XGBRegressor  # noqa: E402

X = np.random.default_rng(0).normal(size=(300, 4))
SCORE = X[:, 0] + X[:, 1] ** 2 + np.exp(X[:, 2])
TWO = (SCORE > 2).astype(int)
MANY = np.digitize(SCORE, [1, 3])
FLAGS = np.stack([TWO, X[:, 1] > 0], axis=1).astype(int)
TARGETS = np.stack([SCORE, X[:, 1]], axis=1)
SIZE = {"n_estimators": 3, "n_jobs": 1}
FEW = {"n_estimators": 5, "random_state": 0}
REGRESSORS = [("a", XGBRegressor(max_depth=1, **SIZE)), ("b", XGBRegressor(max_depth=2, **SIZE))]
CLASSIFIERS = [("a", XGBClassifier(max_depth=1, **SIZE)), ("b", XGBClassifier(max_depth=2, **SIZE))]
REGRESSOR, CLASSIFIER = REGRESSORS[1][1], CLASSIFIERS[1][1]
WEIGHTS = [
    None,
    [1, 0.3],
    [1, 2],
    np.array([0.1, 0.7]),
    [np.float32(0.1), np.float32(0.7)],
    np.array([1, 3], dtype=np.int8),
    np.array([0.1, 0.7], dtype=np.float16),
]


def beside(member: Any) -> StackingRegressor:
    """The member's answer beside that of one in float64, in a result of float64."""
    return StackingRegressor([("a", member), ("r", Ridge())], Ridge(), cv=2)


def beside_probabilities(member: Any) -> StackingClassifier:
    return StackingClassifier([("a", member), ("r", LogisticRegression())], LogisticRegression(), cv=2)


def check(model: Any, *, native: bool = True) -> pretzel.Plan:
    """dtypes of the source; in float64 its digits, in float32 all but the last where ``numpy.exp`` stands before it."""
    for options in ({}, {"numerics": "strict"}):
        plan = pretzel.compile(model, strict=native, **options)
        for method in METHODS:
            if not hasattr(model, method):
                continue
            for request in (X, X[:1], (3 * X).astype(int)):
                expected, found = getattr(model, method)(request), getattr(plan, method)(request)
                assert found.dtype == expected.dtype
                if expected.dtype.kind != "f":
                    np.testing.assert_array_equal(found, expected)
                else:
                    wide = expected.dtype == np.float64
                    np.testing.assert_allclose(found, expected, rtol=1e-9 if wide else 3e-7, atol=1e-12)
    return plan


@pytest.mark.parametrize("jobs", [None, 2, 3])
def test_bagging_adds_up_in_float32_in_the_order_of_its_jobs(jobs: int | None) -> None:
    bagging = BaggingRegressor(REGRESSOR, n_jobs=jobs, **FEW)
    plan = check(bagging.fit(X, SCORE))
    np.testing.assert_array_equal(plan.predict(X), bagging.predict(X))
    check(beside(bagging).fit(X, SCORE))
    check(BaggingRegressor(REGRESSOR, n_jobs=jobs, max_features=2, **FEW).fit(X, TARGETS))


@pytest.mark.parametrize("y", [TWO, MANY], ids=["two", "many"])
def test_probabilities_of_bagging_are_added_up_in_float64(y: Any) -> None:
    bagging = BaggingClassifier(CLASSIFIER, **FEW)
    check(bagging.fit(X, y))
    check(beside_probabilities(bagging).fit(X, y))
    inside = make_pipeline(StackingRegressor(REGRESSORS, cv=2), LogisticRegression())
    check(BaggingClassifier(inside, n_estimators=2, random_state=0).fit(X, y), native=False)


@pytest.mark.parametrize("weights", WEIGHTS, ids=repr)
def test_weights_decide_about_the_dtype_of_votes(weights: Any) -> None:
    regressor = VotingRegressor(REGRESSORS, weights=weights)
    plan = check(regressor.fit(X, SCORE))
    np.testing.assert_array_equal(plan.predict(X).astype(np.float32), regressor.predict(X).astype(np.float32))
    check(beside(regressor).fit(X, SCORE))
    check(VotingRegressor([REGRESSORS[0], ("r", Ridge())], weights=weights).fit(X, SCORE))
    for y in (TWO, MANY):
        classifier = VotingClassifier(CLASSIFIERS, voting="soft", weights=weights)
        check(classifier.fit(X, y))
        check(beside_probabilities(classifier).fit(X, y))


@pytest.mark.parametrize("weights", [None, [1, 2], np.array([1, 2], dtype=np.float32)], ids=repr)
def test_weights_decide_about_the_dtype_of_votes_on_a_request_of_float32(weights: Any) -> None:
    model = VotingRegressor([("a", Ridge()), ("b", Ridge(5))], weights=weights)
    model.fit(X.astype(np.float32), SCORE.astype(np.float32))
    expected, found = (each.predict(X.astype(np.float32)) for each in (model, pretzel.compile(model)))
    assert found.dtype == expected.dtype
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("y", [TWO, MANY], ids=["two", "many"])
@pytest.mark.parametrize("ensemble", [True, False])
@pytest.mark.parametrize("method", ["sigmoid", "isotonic"])
def test_calibration(method: str, ensemble: bool, y: Any) -> None:
    for inside in (CLASSIFIER, VotingClassifier(CLASSIFIERS, voting="soft"), BaggingClassifier(CLASSIFIER, **FEW)):
        check(CalibratedClassifierCV(inside, method=method, ensemble=ensemble, cv=2).fit(X, y))


@pytest.mark.skipif(not since("1.8"), reason="temperatures are new in scikit-learn 1.8")
@pytest.mark.parametrize("y", [TWO, MANY], ids=["two", "many"])
@pytest.mark.parametrize("ensemble", [True, False])
def test_logarithms_of_float32_are_the_sources_own(ensemble: bool, y: Any) -> None:
    model = CalibratedClassifierCV(CLASSIFIER, method="temperature", ensemble=ensemble, cv=2).fit(X, y)
    plan = check(model, native=False)
    assert {step.name for step in plan.physical.methods["predict_proba"].opaque} == {
        "CalibratedClassifierCV.predict_proba"
    }
    model = CalibratedClassifierCV(BaggingClassifier(CLASSIFIER, **FEW), method="temperature", cv=2).fit(X, y)
    check(model)  # whose probabilities are float64


@pytest.mark.parametrize("y", [TWO, MANY, FLAGS], ids=["two", "many", "flags"])
def test_probabilities_of_classes_are_divided_in_float32(y: Any) -> None:
    model = OneVsRestClassifier(CLASSIFIER)
    plan = check(model.fit(X, y))
    np.testing.assert_array_equal(plan.predict_proba(X), model.predict_proba(X))
    if y.ndim == 1:
        check(beside_probabilities(model).fit(X, y))
        for other in (OneVsOneClassifier(CLASSIFIER), OneVsOneClassifier(REGRESSOR), OneVsRestClassifier(REGRESSOR)):
            check(other.fit(X, y))
        check(OutputCodeClassifier(CLASSIFIER, random_state=0).fit(X, y))


def test_a_single_row_of_many_classes_is_added_up_in_another_order() -> None:
    y = np.digitize(SCORE, np.quantile(SCORE, np.arange(1, 10) / 10))
    check(OneVsRestClassifier(CLASSIFIER).fit(X, y))
    check(beside_probabilities(OneVsRestClassifier(CLASSIFIER)).fit(X, y), native=False)


def test_other_compositions() -> None:
    check(ClassifierChain(CLASSIFIER).fit(X, FLAGS))
    check(RegressorChain(REGRESSOR, order=[1, 0]).fit(X, TARGETS))
    check(MultiOutputRegressor(REGRESSOR).fit(X, TARGETS))
    boosting = AdaBoostRegressor(REGRESSOR, **FEW)
    check(boosting.fit(X, SCORE))
    check(beside(boosting).fit(X, SCORE))


def test_a_threshold_that_is_a_float_of_python_is_rounded() -> None:
    known = np.unique(CLASSIFIER.fit(X, TWO).predict_proba(X)[:, 1])
    for cut in (0.3, 0.7, *(each(str(proba)) for proba in known for each in (float, np.float64))):
        check(FixedThresholdClassifier(CLASSIFIER, threshold=cut, response_method="predict_proba").fit(X, TWO))


def test_scaled_targets_are_rounded_in_between() -> None:
    for transformer in (StandardScaler(), make_pipeline(StandardScaler(), StandardScaler(with_mean=False))):
        model = TransformedTargetRegressor(REGRESSOR, transformer=transformer)
        plan = check(model.fit(X, SCORE))
        np.testing.assert_array_equal(plan.predict(X), model.predict(X))
        check(beside(model).fit(X, SCORE))


def test_what_is_inexact_in_float32_is_the_sources_own_before_float64() -> None:
    y = np.exp(SCORE / 10)
    logarithms = TransformedTargetRegressor(REGRESSOR, func=np.log, inverse_func=np.exp)
    stacked = StackingRegressor(REGRESSORS, Ridge(), cv=2)
    for model in (logarithms, stacked):
        check(model.fit(X, y))  # float32: the last bits may differ
    for model, name in ((logarithms, "TransformedTargetRegressor"), (stacked, "Ridge")):
        plan = check(beside(model).fit(X, y), native=False)
        (step,) = plan.physical.methods["predict"].opaque
        assert (step.name, step.reason) == (f"{name}.predict", "steps behind it depend on its last bits")
    classifier = StackingClassifier(CLASSIFIERS, LogisticRegression(), cv=2)
    check(CalibratedClassifierCV(classifier, cv=2).fit(X, MANY), native=False)


@pytest.mark.parametrize("weight", [0.1, 3.0, np.float64(0.1), np.float32(0.1), 3, np.int64(3)], ids=repr)
def test_weights_of_parts(weight: Any) -> None:
    voting = VotingRegressor(REGRESSORS)
    check(FeatureUnion([("a", voting)], transformer_weights={"a": weight}).fit(X, SCORE))
    union = FeatureUnion([("a", voting), ("b", StandardScaler())], transformer_weights={"a": weight})
    check(make_pipeline(union, Ridge()).fit(X, SCORE))


def test_sparse_rows() -> None:
    rows = sparse.csr_matrix(np.where(X > 0, X, 0))
    for member in (BaggingRegressor(REGRESSOR, **FEW), VotingRegressor(REGRESSORS, weights=[1, 2])):
        model = beside(member).fit(rows, SCORE)
        np.testing.assert_allclose(pretzel.compile(model).predict(rows), model.predict(rows), rtol=1e-9)


def test_saved(tmp_path: Any) -> None:
    models = (
        BaggingRegressor(REGRESSOR, n_jobs=2, **FEW).fit(X, SCORE),
        VotingClassifier(CLASSIFIERS, voting="soft", weights=[1, 2]).fit(X, TWO),
        OneVsRestClassifier(CLASSIFIER).fit(X, MANY),
    )
    for model in models:
        plan = pretzel.compile(model, strict=True)
        plan.save(tmp_path / "plan.pretzel")
        loaded = pretzel.load(tmp_path / "plan.pretzel")
        np.testing.assert_array_equal(loaded.predict(X), plan.predict(X))
