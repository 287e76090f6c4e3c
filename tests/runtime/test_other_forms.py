"""Requests for which the program of a method is not made: frames of sparse columns are sparse rows."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_selection import SelectKBest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, PolynomialFeatures, StandardScaler

import pretzel
from pretzel.errors import InputKeyError, InputTypeError, InputValueError

X = np.where(np.random.default_rng(0).random((12, 3)) < 0.5, 0.0, np.arange(36.0).reshape(12, 3))
FRAME = pd.DataFrame(X, columns=["a", "b", "c"])
SPARSE = FRAME.astype(pd.SparseDtype(float, 0.0))
BEST = make_pipeline(MaxAbsScaler(), SelectKBest(k=1))
TRANSFORMERS = [MaxAbsScaler(), SelectKBest(k=2), PolynomialFeatures(2), BEST]


@pytest.mark.parametrize("named", [True, False])
@pytest.mark.parametrize("estimator", TRANSFORMERS, ids=repr)
@pytest.mark.filterwarnings("ignore:X has feature names")
def test_frames_of_sparse_columns_are_sparse_rows(estimator: Any, named: bool) -> None:
    source = estimator.fit(FRAME if named else X, np.arange(12) % 2)
    plan = pretzel.compile(source)
    expected = source.transform(SPARSE)
    with warnings.catch_warnings():
        warnings.filterwarnings("error", "X does not have")
        found = plan.transform(SPARSE)
    assert type(found) is type(expected)
    assert sparse.issparse(found)
    np.testing.assert_allclose(found.toarray(), expected.toarray(), rtol=1e-12)
    mixed = SPARSE.assign(b=FRAME["b"])
    assert type(plan.transform(mixed)) is type(source.transform(mixed))


def test_frames_of_sparse_columns_that_are_rejected() -> None:
    scaler = pretzel.compile(StandardScaler().fit(FRAME))
    with pytest.raises(InputTypeError, match="no sparse rows"):
        scaler.transform(SPARSE)
    plan = pretzel.compile(MaxAbsScaler().fit(FRAME))
    with pytest.raises(InputKeyError, match="same order"):
        plan.transform(SPARSE[["b", "a", "c"]])
    with pytest.raises(InputValueError, match="fill value must be 0"):
        plan.transform(FRAME.astype(pd.SparseDtype(float, 7.0)))


def test_predictions_for_frames_of_sparse_columns() -> None:
    forest = RandomForestRegressor(3, random_state=0).fit(FRAME, X[:, 0])
    np.testing.assert_array_equal(pretzel.compile(forest).predict(SPARSE), forest.predict(SPARSE))
