"""Quantile transforms against scikit-learn, with values on every quantile and beside it."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

import pretzel
from pretzel.errors import InputValueError, OpaqueStepError
from tests.answers import assert_close

from .numeric import check, numbers


def columns(n: int) -> np.ndarray:
    X = numbers(n, 4, special=False)
    X[:, 1] = np.round(X[:, 1] * 2.0)  # quantiles coincide
    X[:, 2] = np.exp(5.0 * X[:, 2])
    X[:, 3] = 7.0
    return X


@pytest.mark.parametrize("distribution", ["uniform", "normal"])
@pytest.mark.parametrize("n_quantiles", [1, 2, 10, 300])
def test_quantile_transformer(distribution: str, n_quantiles: int) -> None:
    estimator = QuantileTransformer(n_quantiles=n_quantiles, output_distribution=distribution).fit(columns(500))
    Z = np.resize(columns(1000), (1300, 4))
    q = estimator.quantiles_
    ends = [q[:1] - 1e-7, q[:1] + 1e-7, q[-1:] - 1e-7, q[-1:] + 1e-7, q[:1] - 1.0, q[-1:] + 1.0]
    beside = np.concatenate([q, np.nextafter(q, np.inf), np.nextafter(q, -np.inf), *ends])
    Z[: len(beside)] = beside
    Z[-3:-1] = [[1e308] * 4, [-1e308] * 4]
    Z[-1, 2] = np.nan
    plan = check(estimator, Z[:-1], ("transform",), exact=distribution == "uniform")
    assert_close(plan.transform(Z), estimator.transform(Z))


def test_normal_deviates_in_both_tails() -> None:
    X = np.linspace(0.0, 1.0, 1001)[:, None]
    estimator = QuantileTransformer(n_quantiles=1000, output_distribution="normal").fit(X)
    tails = np.logspace(-6.9, -0.3, 2000)
    check(estimator, np.concatenate([tails, 1.0 - tails])[:, None], ("transform",))


def test_rejections() -> None:
    X = columns(100)
    estimator = make_pipeline(QuantileTransformer(n_quantiles=20), Ridge()).fit(X, X[:, 0])
    plan = check(estimator, X, ("predict",))
    for value in (np.inf, -np.inf, np.nan):
        X[4, 1] = value
        with pytest.raises(ValueError, match=r"NaN|infinity"):
            estimator.predict(X)
        with pytest.raises(InputValueError, match="row 4"):
            plan.predict(X)


@pytest.mark.filterwarnings("ignore:All-NaN")
def test_columns_without_values_are_opaque() -> None:
    X = columns(50)
    X[:, 1] = np.nan
    estimator = QuantileTransformer(n_quantiles=5).fit(X)
    with pytest.raises(OpaqueStepError, match="without values"):
        pretzel.compile(estimator, strict=True)
    assert_close(pretzel.compile(estimator).transform(X), estimator.transform(X))
