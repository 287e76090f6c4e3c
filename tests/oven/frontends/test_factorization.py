"""``NMF`` and ``MiniBatchNMF``: each row has the answer that scikit-learn gives it alone."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import NMF, MiniBatchNMF
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline

import pretzel
from pretzel.errors import InputValueError
from tests.answers import assert_close

RNG = np.random.default_rng(0)
X = RNG.random((60, 8)) * (RNG.random((60, 8)) < 0.7)
LEARNT = {"n_components": 3, "random_state": 0, "init": "random"}

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::RuntimeWarning"),
]


def alone(estimator, rows, method="transform"):
    return np.concatenate([getattr(estimator, method)(rows[i : i + 1]) for i in range(rows.shape[0])])


@pytest.mark.parametrize("kind", [NMF, MiniBatchNMF])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"tol": 0.0, "max_iter": 30},
        {"tol": 0.1},
        {"alpha_W": 0.05, "l1_ratio": 1.0},
        {"alpha_W": 0.05, "alpha_H": 0.0, "l1_ratio": 0.3},
        {"solver": "mu"},
        {"solver": "mu", "beta_loss": "kullback-leibler"},
        {"solver": "mu", "beta_loss": 1, "alpha_W": 0.05, "l1_ratio": 0.5},
        {"solver": "mu", "beta_loss": 1, "alpha_W": 0.05, "l1_ratio": 1.0, "tol": 1e-6},
    ],
    ids=str,
)
def test_rows_have_the_answers_that_they_have_alone(kind, options):
    options = {name: value for name, value in options.items() if kind is NMF or name != "solver"}
    estimator = kind(**LEARNT, **options).fit(X)
    plan = pretzel.compile(estimator, strict=True)
    rows = np.vstack([X[:20], np.zeros((1, 8)), 1e6 * X[:2], 1e-6 * X[:2]])
    expected = alone(estimator, rows)
    assert_close(plan.transform(rows), expected)
    assert_close(plan.transform(sparse.csr_matrix(rows)), expected)


def test_a_component_that_is_nothing():
    estimator = NMF(**LEARNT).fit(X)
    estimator.components_[1] = 0.0
    assert_close(pretzel.compile(estimator, strict=True).transform(X), alone(estimator, X))


def test_inside_a_pipeline():
    estimator = make_pipeline(NMF(**LEARNT), Ridge()).fit(X, X[:, 0])
    plan = pretzel.compile(estimator, strict=True)
    assert_close(plan.predict(X), alone(estimator, X, "predict"))
    assert pretzel.verify(plan, estimator, X[:20])


def test_verify_compares_opaque_steps_with_what_they_answer_to_single_rows():
    estimator = make_pipeline(NMF(**LEARNT, shuffle=True), Ridge()).fit(X, X[:, 0])
    plan = pretzel.compile(estimator)
    assert plan.opaque_steps
    assert pretzel.verify(plan, estimator, X[:20])


@pytest.mark.parametrize("solver", ["cd", "mu"])
@pytest.mark.parametrize("make", [np.asarray, sparse.csr_matrix])
def test_negative_numbers_are_rejected_with_their_place(solver, make):
    plan = pretzel.compile(make_pipeline(NMF(**LEARNT, solver=solver)).fit(X), strict=True, name="parts")
    rows = X[:3].copy()
    rows[1, 2] = -1e-300
    with pytest.raises(InputValueError, match=r"parts: .*nmf.*row 1, column 2"):
        plan.transform(make(rows))


def test_negative_numbers_that_the_source_takes():
    estimator = MiniBatchNMF(**LEARNT).fit(X)
    plan = pretzel.compile(estimator, strict=True)
    rows = X[:10].copy()
    rows[:, 2] = -0.01
    assert_close(plan.transform(rows), alone(estimator, rows))
    with np.errstate(all="ignore"), pytest.raises(ValueError, match="infs or NaNs"):
        estimator.transform(-X[:1])
    with pytest.raises(InputValueError, match="row 0"):
        plan.transform(-X[:1])


@pytest.mark.parametrize("kind", [NMF, MiniBatchNMF])
def test_float32_is_answered_by_the_source(kind):
    estimator = kind(**LEARNT).fit(X)
    plan, rows = pretzel.compile(estimator), X.astype(np.float32)
    if kind is NMF:
        with pytest.raises(TypeError, match="same dtype"):
            plan.transform(rows)
    else:
        np.testing.assert_array_equal(plan.transform(rows), estimator.transform(rows))


@pytest.mark.parametrize(
    ("estimator", "reason"),
    [
        (NMF(**LEARNT, shuffle=True), "shuffle=True"),
        (NMF(**LEARNT, solver="mu", beta_loss=1.5), "beta_loss=1.5"),
        (NMF(**LEARNT, solver="mu", tol=1e-12), "tol=1e-12"),
        (MiniBatchNMF(**LEARNT, beta_loss=0.5), "beta_loss=0.5"),
    ],
    ids=str,
)
def test_without_a_native_form(estimator, reason):
    plan = pretzel.compile(estimator.fit(X))
    assert [reason in step.reason for step in plan.opaque_steps] == [True]
    np.testing.assert_array_equal(plan.transform(X[:1]), estimator.transform(X[:1]))


@pytest.mark.parametrize(
    "change",
    [{"n_components": 4}, {"max_iter": 0}, {"max_iter": 2.5}, {"solver": "cd", "beta_loss": 1}, {"alpha_W": -1.0}],
    ids=str,
)
def test_parameters_that_transform_or_fit_rejects(change):
    estimator = NMF(**LEARNT).fit(X).set_params(**change)
    assert pretzel.compile(estimator).opaque_steps


def test_negative_components():
    estimator = NMF(**LEARNT).fit(X)
    estimator.components_[0, 0] = -1.0
    assert pretzel.compile(estimator).opaque_steps
