"""Where an estimator answers in float32, its last bits are no fault of the plan, and everything else is."""

from __future__ import annotations

import copy

import numpy as np
import pytest
from sklearn.cluster import Birch
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import pretzel
from pretzel.verification.answers import difference_of
from pretzel.verification.compare import compare

RNG = np.random.default_rng(0)
X = RNG.normal(size=(300, 20)).astype(np.float32)
Y = (X[:, 0] > 0).astype(int)
MODELS = [Ridge(), make_pipeline(MinMaxScaler(), Ridge()), make_pipeline(StandardScaler(), LogisticRegression())]


@pytest.mark.parametrize("model", MODELS, ids=["ridge", "scaled", "logistic"])
def test_an_honest_plan_passes(model):
    estimator = copy.deepcopy(model).fit(X, Y)
    report = pretzel.verify(pretzel.compile(estimator), estimator, X)
    assert report.ok, report


@pytest.mark.parametrize("model", MODELS, ids=["ridge", "scaled", "logistic"])
def test_another_model_is_found(model):
    estimator = copy.deepcopy(model).fit(X, Y)
    plan = pretzel.compile(estimator)
    other = copy.deepcopy(estimator)
    linear = other[-1] if hasattr(other, "steps") else other
    linear.coef_ = linear.coef_ * np.float32(1.0003)
    report = pretzel.verify(plan, other, X, boundary=False)
    method = "predict" if "decision_function" not in report.methods else "decision_function"
    assert report.methods[method].divergences


def test_a_gaussian_process_without_noise_passes_and_another_one_is_found():
    """Terms of 1e9 leave answers of 1: the order of the sum decides about digits that `verify` compares elsewhere."""
    rows = np.random.default_rng(0).uniform(size=(200, 5))
    model = GaussianProcessRegressor(1e4 * RBF(10.0), optimizer=None).fit(rows, rows.sum(axis=1))
    plan = pretzel.compile(model)
    report = pretzel.verify(plan, model, rows[:60])
    assert report.ok, report
    other = copy.deepcopy(model)
    other.alpha_ = other.alpha_ * (1 + 1e-6)
    assert not pretzel.verify(plan, other, rows[:60], boundary=False).ok


def test_rows_that_are_centres_pass_and_other_centres_are_found():
    """scikit-learn expands the square of a distance, so that a row is up to 1e-7 away from itself."""
    rows = 10 + np.random.default_rng(0).normal(size=(40, 30))
    model = Birch(threshold=0.1, n_clusters=2).fit(rows)
    plan = pretzel.compile(model)
    assert not np.array_equal(model.transform(rows), plan.transform(rows))
    report = pretzel.verify(plan, model, rows)
    assert report.ok, report
    other = copy.deepcopy(model)
    other.subcluster_centers_ = other.subcluster_centers_ + 1e-6
    assert not pretzel.verify(plan, other, rows, boundary=False).ok


def test_the_bound_goes_with_the_terms_of_the_last_sum():
    want, near = np.array([1.0, 1.0], dtype=np.float32), np.array([1.0, 1.001], dtype=np.float32)
    assert compare(want, near, exact=False, scale=np.array([0.0, 1e3])) is None
    assert compare(want, near, exact=False, scale=np.zeros(2)).row == 1
    assert difference_of("predict", want, near).row == 1
    assert difference_of("predict", want, want + np.float32(5e-6)) is None
    assert difference_of("predict", want.astype(float), want + np.float32(5e-6)).row == 0


def test_logarithms_are_compared_by_their_probabilities():
    want, got, other = (np.log([[p, 1.0]]).astype(np.float32) for p in (1e-7, 1.6e-7, 1e-4))
    assert difference_of("predict_log_proba", want, got) is None
    assert difference_of("predict_log_proba", want, other) is not None
    assert difference_of("transform", want, got) is not None
