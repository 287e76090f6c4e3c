"""Power transforms against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PowerTransformer

import pretzel
from pretzel.errors import InputValueError, OpaqueStepError
from pretzel.oven.frontends.sklearn.compat.preprocessing import raises_to_powers
from tests.answers import assert_close, check_answers

from .numeric import check, numbers

EPSILON = np.finfo(np.float64).eps


def skewed(n: int) -> np.ndarray:
    X = np.exp(numbers(n, 5, special=False))
    X[:, 1] = -X[:, 1]
    X[:, 2] -= 1.0
    X[:, 3] = 4.0  # no variance: left as it is
    return X


@pytest.mark.parametrize("standardize", [False, True])
def test_yeo_johnson(standardize: bool) -> None:
    estimator = PowerTransformer(standardize=standardize).fit(skewed(300))
    Z = skewed(1000)
    Z.flat[:12] = [0.0, -0.0, 5e-324, -5e-324, 1.0, -1.0, 1e10, -1e10, 1e-300, np.nan, 1e-17, -1e-17]
    plan = check(estimator, Z[1:], ("transform",))
    with np.errstate(all="ignore"):
        assert_close(plan.transform(Z), estimator.transform(Z))


@pytest.mark.parametrize("power", [0.0, EPSILON / 2, EPSILON, 2.0, 2.0 + 2 * EPSILON, 2.0 - EPSILON, 1.0, -3.0, 5.0])
def test_exponents_with_forms_of_their_own(power: float) -> None:
    estimator = PowerTransformer(standardize=False).fit(skewed(50))
    estimator.lambdas_ = np.full(5, power)
    if raises_to_powers() and 0.0 < min(abs(power), abs(2.0 - power)) < 1e-6:
        assert check_answers(estimator, numbers(1000, 5)).opaque_steps
    else:
        check(estimator, numbers(1000, 5), ("transform",))


@pytest.mark.parametrize("dtype", [np.float16, np.float32])
def test_exponents_of_narrow_types(dtype: type) -> None:
    """``2 - lambda`` is rounded to the type of the exponents, which is that of the table in ``fit``."""
    X = skewed(300)
    estimator = PowerTransformer().fit(X.astype(np.float32))
    estimator.lambdas_ = estimator.lambdas_.astype(dtype)
    check(estimator, skewed(1000), ("transform",))


def test_rejections() -> None:
    X = skewed(50)
    estimator = make_pipeline(PowerTransformer(), Ridge()).fit(X, X[:, 0])
    check(estimator, skewed(1000), ("predict",))
    plan = pretzel.compile(estimator, strict=True)
    estimator[0].lambdas_[:] = 3.0
    overflowing = pretzel.compile(estimator, strict=True)
    for value, model in ((np.inf, plan), (np.nan, plan), (1e300, overflowing)):
        Z = skewed(6)
        Z[4, 1] = Z[4, 0] = value
        with pytest.raises(ValueError, match=r"NaN|infinity"), np.errstate(over="ignore"):
            estimator.predict(Z)
        with pytest.raises(InputValueError, match="row 4"):
            model.predict(Z)


@pytest.mark.parametrize("standardize", [False, True])
def test_box_cox(standardize: bool) -> None:
    X = np.abs(numbers(100, 3, special=False)) ** [1.0, 0.5, 9.0]
    estimator = PowerTransformer(method="box-cox", standardize=standardize).fit(X)
    plan = pretzel.compile(estimator, strict=True)
    Z = np.concatenate([X, [[5e-324, 1e-300, 1e300], [np.nan, 1.0, 1.0]]])
    assert_close(plan.transform(Z), estimator.transform(Z))
    for value in (0.0, -1.0, np.inf):
        Z[4, 1] = value
        with pytest.raises(ValueError, match=r"positive|infinity"):
            estimator.transform(Z)
        with pytest.raises(InputValueError, match="row 4, column 1"):
            plan.transform(Z)


def test_box_cox_without_an_exponent_is_opaque() -> None:
    X = np.abs(numbers(100, 3, special=False))
    estimator = PowerTransformer(method="box-cox").fit(X)
    estimator.lambdas_[1] = 0.0
    with pytest.raises(OpaqueStepError, match="exponent of zero"):
        pretzel.compile(estimator, strict=True)
    assert_close(pretzel.compile(estimator).transform(X), estimator.transform(X))
