"""Requests for which the program of a method is not made: frames of sparse columns are sparse rows."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestRegressor
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import MissingIndicator, SimpleImputer
from sklearn.linear_model import Lasso
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, MaxAbsScaler, PolynomialFeatures, RobustScaler, StandardScaler

import pretzel
from pretzel.errors import InputKeyError, InputTypeError, InputValueError
from tests import releases

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


def _with(value: Any) -> Any:
    found = X[:2].astype(object)
    found[0, 1] = value
    return found


PASSING = [SelectKBest(k=2), VarianceThreshold(), Binarizer(), make_pipeline(SelectKBest(k=2), VarianceThreshold()),
           SimpleImputer(strategy="most_frequent"), MissingIndicator(features="all")]  # fmt: skip
OBJECTS = {
    "texts": X.astype(str), "bytes": X.astype("S"), "list of texts": [["a", "b", "c"]], "dates": X.astype("M8[D]"),
    "objects": X.astype(object), "frame of objects": FRAME.astype(object), "frame of texts": FRAME.astype(str),
    "categories": FRAME.astype(int).astype("category"), "big-endian": X.astype(">f8"), ">i4": X.astype(">i4"),
    "None": _with(None), "dict": _with({}), "text": _with("x"), "int": _with(7), "beyond": np.full((2, 3), 2**53 + 1),
    "bool": X > 3, "long double": X.astype(np.longdouble), "none": X[:0].astype(object),
}  # fmt: skip


@pytest.mark.parametrize("request_", OBJECTS)
@pytest.mark.parametrize("estimator", PASSING, ids=repr)
@pytest.mark.filterwarnings("ignore:X does not have")
def test_values_that_are_passed_on(estimator: Any, request_: str) -> None:
    """What selects, imputes or passes on keeps what is no number of the machine: the source answers."""
    source = estimator.fit(FRAME, np.arange(12) % 2)
    plan = pretzel.compile(source, strict=True)
    try:
        expected = source.transform(OBJECTS[request_])
    except (TypeError, ValueError):
        with pytest.raises((TypeError, ValueError)):
            plan.transform(OBJECTS[request_])
        return
    found = plan.transform(OBJECTS[request_])
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


def test_sparse_rows_that_the_source_does_not_check() -> None:
    lasso = Lasso().fit(X, X[:, 0])
    rows = sparse.csr_array(X)
    rows.data[0] = np.nan
    np.testing.assert_allclose(pretzel.compile(lasso).predict(rows), lasso.predict(rows), rtol=1e-12)


def test_sparse_rows_of_a_scaler_fitted_on_float32() -> None:
    """Its factors are reciprocals of float32."""
    for scaler in (MaxAbsScaler(), StandardScaler(with_mean=False), RobustScaler(with_centering=False)):
        source = scaler.fit(X.astype(np.float32))
        found, expected = pretzel.compile(source).transform(sparse.csr_array(X)), source.transform(sparse.csr_array(X))
        np.testing.assert_allclose(found.toarray(), expected.toarray(), rtol=1e-14)


PARTS = [("keep", "passthrough", ["b"]), ("scale", StandardScaler(), ["c"])]


@pytest.mark.parametrize("parts", [PARTS, PARTS[:1], [("keep", "passthrough", ["a"])]], ids=["both", "bool", "int"])
def test_columns_that_a_column_transformer_passes_on(parts: Any) -> None:
    frame = pd.DataFrame({"a": [1, 2, 3], "b": [True, False, True], "c": [0.5, 1.5, 2.5]})
    source = ColumnTransformer(parts).fit(frame)
    plan = pretzel.compile(source)
    of_polars = [pl.from_pandas(frame)] if releases.SELECTS_POLARS else []
    for request in (frame, frame.convert_dtypes(), frame.astype(object), *of_polars):
        found, expected = plan.transform(request), source.transform(request)
        assert found.dtype == expected.dtype
        np.testing.assert_array_equal(found, expected)
