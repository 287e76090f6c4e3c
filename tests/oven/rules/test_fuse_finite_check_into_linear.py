"""A finite result instead of a look at every value; every row that was rejected still is, and with the same words."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.decomposition import PCA
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import pretzel
from pretzel.errors import InputValueError
from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.columns import NumericLeaf
from pretzel.oven.ir.graph import users
from pretzel.oven.ir.linear import CheckedLinear, Linear
from pretzel.oven.rules.fuse_finite_check_into_linear import fuse_finite_check_into_linear

RNG = np.random.default_rng(0)
LEAF = NumericLeaf((), tuple(range(6)))
X = RNG.normal(size=(200, 6))
Y = X @ RNG.normal(size=6)
HUGE = 1e308


def linear(check: CheckFinite, n_out: int = 2) -> Linear:
    return Linear((check,), RNG.normal(size=(6, n_out)), RNG.normal(size=n_out))


@pytest.mark.parametrize("allow_nan", [False, True])
def test_it_fires_and_keeps_value_and_rejection(allow_nan: bool) -> None:
    before = linear(CheckFinite((LEAF,), "Ridge", allow_nan))
    after = fuse_finite_check_into_linear(before, users([before]))
    assert after is CheckedLinear((LEAF,), before.weights, before.bias, "Ridge", allow_nan)
    assert after.schema() == before.schema()
    np.testing.assert_array_equal(after.reference(X), before.reference(X))
    for value in (np.nan, np.inf, -np.inf):
        rows = X[:3].copy()
        rows[1, 4] = value
        if allow_nan and np.isnan(value):
            assert np.isnan(after.reference(rows)[1]).all()
            continue
        with pytest.raises(InputValueError, match="Ridge: row 1, column 4"):
            after.reference(rows)
    assert fuse_finite_check_into_linear(after, users([after])) is None


def test_it_does_not_fire() -> None:
    check = CheckFinite((LEAF,), "Ridge")
    plain = Linear((LEAF,), np.ones((6, 1)), np.ones(1))
    rounded = linear(CheckFinite((LEAF,), "Forest", False, True))
    nothing = linear(check, 0)
    for node in (plain, rounded, nothing, check):
        assert fuse_finite_check_into_linear(node, users([node])) is None
    two = [linear(check), linear(check)]
    assert fuse_finite_check_into_linear(two[0], users(two)) is None


MODELS = [
    (Ridge(), Y),
    (LinearRegression(), np.c_[Y, -Y, 0 * Y]),
    (LogisticRegression(), Y > 0),
    (LogisticRegression(), np.digitize(Y, [-1, 1])),
    (make_pipeline(StandardScaler(), Ridge()), Y),
    (make_pipeline(StandardScaler(), PCA(3), Ridge()), Y),
    (make_pipeline(FunctionTransformer(np.exp), Ridge()), Y),
]


@pytest.mark.parametrize(("model", "target"), MODELS, ids=[str(model) for model, _ in MODELS])
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, HUGE, -HUGE])
def test_every_place_of_a_bad_value(model: Any, target: np.ndarray, value: float) -> None:
    estimator = clone(model).fit(X, target)
    plan = pretzel.compile(estimator, strict=True)
    without = pretzel.compile(estimator, strict=True, disable_rules=["fuse_finite_check_into_linear"])
    for row, column in [(0, 0), (0, 5), (3, 2), (199, 5), (17, 0)]:
        rows = X.copy()
        rows[row, column] = value
        expected, got = outcome(without, rows), outcome(plan, rows)
        assert type(got) is type(expected)
        if isinstance(expected, str):
            assert got.split("): ")[-1] == expected.split("): ")[-1]  # all but the step's name
        else:
            np.testing.assert_array_equal(got, expected)
        one, without_one = (outcome(p, rows[row : row + 1]) for p in (plan, without))
        assert type(one) is type(without_one)


def outcome(plan: Any, rows: np.ndarray) -> Any:
    with np.errstate(all="ignore"):
        try:
            return plan.predict(rows)
        except InputValueError as error:
            return str(error)


def test_weights_of_zero_hide_nothing() -> None:
    model = Ridge().fit(X, Y)
    model.coef_ = np.zeros(6)
    plan = pretzel.compile(model)
    assert "fuse_finite_check_into_linear" in plan.explain()
    for value in (np.nan, np.inf):
        with pytest.raises(InputValueError, match="row 0, column 2"):
            plan.predict_one([0.0, 0.0, value, 0.0, 0.0, 0.0])


def test_overflow_of_the_result_is_no_fault_of_the_row() -> None:
    model = Ridge().fit(X, Y)
    model.coef_ = np.full(6, 1e300)
    rows = np.full((2, 6), 1e10)
    with np.errstate(over="ignore"):
        expected = model.predict(rows)
    np.testing.assert_array_equal(pretzel.compile(model).predict(rows), expected)


@pytest.mark.parametrize("classes", [2, 4])
def test_sparse_rows(classes: int) -> None:
    rows = sparse.random_array((60, 30), density=0.2, rng=np.random.default_rng(1), format="csr")
    labels = np.arange(60) % classes
    model = LogisticRegression().fit(rows, labels)
    plan = pretzel.compile(model, strict=True)
    np.testing.assert_array_equal(plan.predict(rows), model.predict(rows))
    bad = rows.copy()
    bad.data[7] = np.nan
    with pytest.raises(InputValueError, match=f"column {bad.indices[7]} .*holds NaN"):
        plan.predict(bad)
