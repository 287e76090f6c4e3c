"""Methods that are nothing but the source's: requests and answers pass as they are."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

import pretzel
from pretzel.errors import InputShapeError

TABLE = pa.table({"a": [1.0, 2.0], "b": [3.0, 4.0]})


@pytest.mark.parametrize("table", [TABLE, TABLE.to_batches()[0]], ids=["table", "batch"])
def test_arrow_tables_come_as_they_are(table: Any) -> None:
    plan = pretzel.compile(FunctionTransformer().fit(np.ones((2, 2))))
    assert plan.transform(table) is table


@pytest.mark.parametrize("dtype", ["float32", "float64", "int32"])
def test_an_array_as_a_row_keeps_its_dtype_beside_names(dtype: str) -> None:
    frame = pd.DataFrame(np.eye(3), columns=list("abc"))
    plan = pretzel.compile(Squeezing().fit(frame))
    assert plan.transform_one(np.ones(3, dtype)).dtype == np.dtype(dtype)


def test_missing_values_are_an_error_before_the_width() -> None:
    source = SVC(kernel="precomputed").fit(np.eye(6), [0, 1, 0, 1, 0, 1])
    plan = pretzel.compile(source)
    with pytest.raises(ValueError, match="contains NaN"):
        plan.predict(np.full((2, 3), np.nan))
    with pytest.raises(InputShapeError, match="X has 3 features, but SVC is expecting 6"):
        plan.predict(np.ones((2, 3)))


class Squeezing(TransformerMixin, BaseEstimator):
    """Answers a single row with a vector, as `MiniBatchSparsePCA` does, or with too many rows."""

    def __init__(self, times: int = 1) -> None:
        self.times = times

    def fit(self, X: Any, y: Any = None) -> Squeezing:
        self.n_features_in_ = X.shape[1]
        if hasattr(X, "columns"):
            self.feature_names_in_ = np.array(X.columns, dtype=object)
        return self

    def transform(self, X: Any) -> Any:
        return np.tile(X, (self.times, 1)).squeeze()


def test_the_vector_of_a_single_row() -> None:
    plan = pretzel.compile(Squeezing().fit(np.ones((2, 3))))
    np.testing.assert_array_equal(plan.transform_one((1.0, 2.0, 3.0)), [1.0, 2.0, 3.0])
    with pytest.raises(InputShapeError, match="the answer for one row has 2 rows"):
        pretzel.compile(Squeezing(2).fit(np.ones((2, 3)))).transform_one((1.0, 2.0, 3.0))
