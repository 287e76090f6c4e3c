"""Targets through the inverse of any transformer that has one, against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)

import pretzel
from pretzel.errors import OpaqueStepError
from pretzel.oven.frontends.sklearn.compat.preprocessing import undoes_box_cox_by_powers
from tests.answers import assert_close

from .numeric import check, numbers

X = numbers(300, 5, special=False)
Y = np.exp(0.5 * (X[:, 0] - X[:, 3]))
INVERSES = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    MinMaxScaler(),
    MinMaxScaler((-1, 2), clip=True),
    MaxAbsScaler(),
    RobustScaler(),
    RobustScaler(with_centering=False),
    PowerTransformer(),
    PowerTransformer(standardize=False),
    *([] if undoes_box_cox_by_powers() else [PowerTransformer("box-cox")]),
    *([] if undoes_box_cox_by_powers() else [PowerTransformer("box-cox", standardize=False)]),
    QuantileTransformer(n_quantiles=50),
    QuantileTransformer(n_quantiles=50, output_distribution="normal"),
    FunctionTransformer(np.log, np.exp),
    make_pipeline(FunctionTransformer(np.log1p, np.expm1), "passthrough", StandardScaler()),
    make_pipeline(MinMaxScaler(), make_pipeline(PowerTransformer(), RobustScaler())),
]


@pytest.mark.parametrize("transformer", INVERSES, ids=repr)
@pytest.mark.parametrize("two", [False, True])
def test_inverse(transformer: Any, two: bool) -> None:
    y = np.stack([Y, 2 * Y[::-1] + 1], axis=1) if two else Y
    for inside in (Ridge(), RandomForestRegressor(3, random_state=0)):
        model = TransformedTargetRegressor(inside, transformer=transformer, check_inverse=False).fit(X, y)
        check(model, X, ("predict",))
        small = X.astype(np.float32)
        expected, found = model.predict(small), pretzel.compile(model).predict(small)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-5, equal_nan=True)


@pytest.mark.parametrize("power", [-1.5, -1e-20, 0.0, 0.3, 1.0, 2.0, 3.7])
@pytest.mark.parametrize("method", ["yeo-johnson", *([] if undoes_box_cox_by_powers() else ["box-cox"])])
def test_powers(method: str, power: float) -> None:
    """All exponents with a branch of their own, and values beyond those that the inverse has."""
    transformer = PowerTransformer(method, standardize=False)
    model = TransformedTargetRegressor(Ridge(), transformer=transformer, check_inverse=False).fit(X, Y)
    model.transformer_.lambdas_ = np.array([power])
    model.regressor_.coef_ = model.regressor_.coef_ * 5
    with np.errstate(all="ignore"):
        check(model, X, ("predict",))


def test_points_and_ends_of_quantiles() -> None:
    for distribution in ("uniform", "normal"):
        transformer = QuantileTransformer(n_quantiles=20, output_distribution=distribution)
        model = TransformedTargetRegressor(Ridge(), transformer=transformer, check_inverse=False).fit(X, Y)
        model.regressor_.coef_ = np.array([1.0, 0, 0, 0, 0])
        model.regressor_.intercept_ = 0.0
        at = np.concatenate([model.transformer_.references_, [-1, 2, 6, -6, 1e-7, 1 - 1e-7, 1e-8, 40, -40]])
        rows = np.zeros((len(at), 5))
        rows[:, 0] = at
        check(model, rows, ("predict",))


def test_opaque_regressors() -> None:
    for two in (False, True):
        y = np.stack([Y, 2 * Y + 1], axis=1) if two else Y
        near = KNeighborsRegressor(p=3)
        model = TransformedTargetRegressor(near, transformer=PowerTransformer()).fit(X, y)
        plan = pretzel.compile(model)
        assert plan.opaque_steps
        assert_close(plan.predict(X), model.predict(X))


def test_other_transformers_are_opaque() -> None:
    bins = KBinsDiscretizer(5, encode="ordinal", strategy="uniform")
    model = TransformedTargetRegressor(Ridge(), transformer=bins, check_inverse=False).fit(X, Y)
    with pytest.raises(OpaqueStepError, match="depend on its last bits"):
        pretzel.compile(model, strict=True)
    np.testing.assert_array_equal(pretzel.compile(model).predict(X), model.predict(X))
    function = FunctionTransformer(np.deg2rad, np.rad2deg)
    model = TransformedTargetRegressor(Ridge(), transformer=function).fit(X, Y)
    with pytest.raises(OpaqueStepError, match=r"function numpy\.rad2deg"):
        pretzel.compile(model, strict=True)
    assert_close(pretzel.compile(model).predict(X), model.predict(X))


def test_saved_and_loaded(tmp_path: Any) -> None:
    for transformer in (PowerTransformer(), QuantileTransformer(n_quantiles=50, output_distribution="normal")):
        plan = pretzel.compile(TransformedTargetRegressor(Ridge(), transformer=transformer).fit(X, Y))
        plan.save(tmp_path / "model")
        np.testing.assert_array_equal(pretzel.load(tmp_path / "model").predict(X), plan.predict(X))
