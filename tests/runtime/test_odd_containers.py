"""Containers and gaps that steps called from Python meet: Arrow tables with nulls, rows in which a text is missing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from scipy import sparse
from sklearn import config_context
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier, VotingClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import Lasso, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import pretzel
from pretzel.errors import InputTypeError


class Upper(TransformerMixin, BaseEstimator):
    """Reads texts; counts its columns and keeps no names."""

    def fit(self, X: Any, y: Any = None) -> Upper:
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Any) -> Any:
        return X.assign(city=X["city"].str.upper())


FRAME = pd.DataFrame({"city": ["Bonn", None, "Paris", "Rome"] * 10, "age": np.arange(40.0)})
Y = np.arange(40) % 2


def encoded() -> ColumnTransformer:
    return ColumnTransformer(
        [("c", OneHotEncoder(handle_unknown="ignore"), ["city"]), ("n", StandardScaler(), ["age"])]
    )


def test_a_row_without_its_text_reaches_a_step_that_reads_texts() -> None:
    estimator = make_pipeline(Upper(), encoded(), LogisticRegression()).fit(FRAME, Y)
    plan = pretzel.compile(estimator)
    for city in ("Bonn", None, float("nan")):
        row = {"city": city, "age": 3.0}
        expected = estimator.predict_proba(pd.DataFrame({"city": pd.Series([city], dtype=object), "age": [3.0]}))[0]
        np.testing.assert_allclose(plan.predict_proba_one(row), expected)
        np.testing.assert_allclose(plan.predict_proba([row]), [expected])


def test_a_row_that_a_step_cannot_read_says_what_is_missing() -> None:
    class Strict(Upper):
        def transform(self, X: Any) -> Any:
            return X.assign(city=[text.upper() for text in X["city"]])

    estimator = make_pipeline(Strict(), encoded(), LogisticRegression()).fit(FRAME.fillna("nowhere"), Y)
    with pytest.raises(InputTypeError, match=r"a step fails where .*city.* is missing"):
        pretzel.compile(estimator).predict_one({"city": None, "age": 3.0})


def test_nulls_of_an_arrow_table_are_none_for_steps_called_from_python() -> None:
    members = [
        ("a", make_pipeline(encoded(), LogisticRegression())),
        ("b", make_pipeline(encoded(), RandomForestClassifier(5))),
    ]
    estimator = VotingClassifier(members, voting="soft").fit(FRAME, Y)
    plan = pretzel.compile(estimator)
    table = pa.Table.from_pandas(FRAME)
    np.testing.assert_allclose(
        plan.predict_proba(table), estimator.predict_proba(FRAME.astype({"city": object}).replace({np.nan: None}))
    )


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_frames_that_a_step_with_sparse_rows_cannot_make(container: str) -> None:
    estimator = encoded().fit(FRAME)
    plan = pretzel.compile(estimator)
    with config_context(transform_output=container):
        with pytest.raises(ValueError, match="sparse"):
            estimator.transform(FRAME)
        with pytest.raises(InputTypeError, match="sparse rows, of which scikit-learn makes no frame"):
            plan.transform(FRAME)


def test_readers_of_batches_are_rejected_by_name() -> None:
    plan = pretzel.compile(make_pipeline(encoded(), LogisticRegression()).fit(FRAME, Y))
    with pytest.raises(InputTypeError, match="expected a table, got RecordBatchReader"):
        plan.predict(pa.Table.from_pandas(FRAME).to_reader())


@pytest.mark.parametrize("dtype", ["int64", "int32", "uint64", "float32"])
def test_whole_numbers_that_cannot_hold_the_constant_of_an_imputer(dtype: str) -> None:
    estimator = SimpleImputer(strategy="constant", fill_value=-1.5).fit([[1.0, np.nan], [2.0, 3.0]])
    plan, table = pretzel.compile(estimator), np.ones((3, 2), dtype=dtype)
    try:
        expected = estimator.transform(table)
    except ValueError:
        with pytest.raises(ValueError, match="filling value"):
            plan.transform(table)
    else:
        assert plan.transform(table).dtype == expected.dtype


def test_sparse_requests_that_the_source_does_not_check_may_have_no_rows() -> None:
    X = sparse.csr_matrix(np.eye(4))
    estimator = Lasso().fit(X, np.arange(4.0))
    assert pretzel.compile(estimator).predict(X[:0]).shape == estimator.predict(X[:0]).shape == (0,)
