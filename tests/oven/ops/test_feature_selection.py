"""Feature selectors against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.feature_selection import SelectFromModel, SelectKBest, SelectPercentile, VarianceThreshold
from sklearn.linear_model import Lasso

import pretzel
from pretzel.errors import InputValueError

from .numeric import check, numbers

X = numbers(1000, 10)
Y = (X[:, 2] + X[:, 7] > 0).astype(int)


@pytest.mark.parametrize(
    "selector",
    [SelectKBest(k=3), SelectPercentile(percentile=40), VarianceThreshold(), SelectFromModel(Lasso(0.01))],
    ids=lambda s: type(s).__name__,
)
def test_selection(selector: Any) -> None:
    check(selector.fit(X, Y), X, ("transform",), exact=True)


def test_dropped_columns_are_checked_too() -> None:
    model = SelectKBest(k=1).fit(X, Y)
    bad = X[:2].copy()
    bad[1, int(np.flatnonzero(~model.get_support())[0])] = np.inf
    with pytest.raises(InputValueError):
        pretzel.compile(model, strict=True).transform(bad)


def test_nan_passes_a_variance_threshold() -> None:
    model = VarianceThreshold().fit(X)
    bad = X[:2].copy()
    bad[0, 0], bad[1, 1] = np.nan, np.inf
    np.testing.assert_array_equal(pretzel.compile(model, strict=True).transform(bad), model.transform(bad))
