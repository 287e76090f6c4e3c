"""Transformed targets against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.compose import TransformedTargetRegressor
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from .numeric import check, numbers

X = numbers(300, 5, special=False)
Y = X[:, 0] - X[:, 3]


@pytest.mark.parametrize(
    "model",
    [
        TransformedTargetRegressor(Ridge()),
        TransformedTargetRegressor(Ridge(), func=np.log1p, inverse_func=np.expm1),
        TransformedTargetRegressor(make_pipeline(StandardScaler(), Ridge()), func=np.log, inverse_func=np.exp),
        TransformedTargetRegressor(Ridge(), transformer=StandardScaler()),
        TransformedTargetRegressor(Ridge(), transformer=StandardScaler(with_mean=False)),
    ],
    ids=repr,
)
def test_transformed_targets(model: TransformedTargetRegressor) -> None:
    y = np.exp(0.3 * Y)
    check(model.fit(X, y), X, ("predict",))
    check(model.fit(X, np.stack([y, 2 * y + 1], axis=1)), X, ("predict",))
    check(model.fit(X, y.reshape(-1, 1)), X, ("predict",))
