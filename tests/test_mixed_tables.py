"""Whole pipelines over texts and numbers on real data: every form of request, every row, the same answer."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

import pretzel
from tests.answers import assert_close

if TYPE_CHECKING:
    from pretzel import Plan

NUMBERS = make_column_selector(dtype_include=np.number)
TEXTS = make_column_selector(dtype_exclude=np.number)


def one_hot(model: Any, **options: Any) -> Any:
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    texts = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore", **options))
    return make_pipeline(ColumnTransformer([("n", numbers, NUMBERS), ("t", texts, TEXTS)]), model)


def ordinal(model: Any) -> Any:
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1, encoded_missing_value=-2)
    return make_pipeline(ColumnTransformer([("t", encoder, TEXTS)], remainder="passthrough"), model)


PIPELINES = {
    "logistic": lambda: one_hot(LogisticRegression(max_iter=50)),
    "logistic, rare ones together": lambda: one_hot(LogisticRegression(max_iter=50), min_frequency=50, drop="first"),
    "sparse weights": lambda: one_hot(LogisticRegression(l1_ratio=1.0, solver="liblinear", C=0.01)),
    "boosting": lambda: ordinal(HistGradientBoostingClassifier(max_iter=20)),
    "forest": lambda: one_hot(RandomForestClassifier(10, max_depth=8, random_state=0)),
}


def holes(frame: pd.DataFrame) -> pd.DataFrame:
    """The same table with missing values and texts that nobody has seen."""
    rng = np.random.default_rng(0)
    frame = frame.copy()
    for j, name in enumerate(frame.columns):
        rows = rng.random(len(frame)) < 0.05
        if frame[name].dtype.kind != "O" and j % 2:
            frame[name] = frame[name].astype(float).mask(rows)
        elif frame[name].dtype.kind == "O":
            frame[name] = frame[name].mask(rows, "never seen: 日本")
    return frame


@pytest.mark.parametrize("name", PIPELINES)
@pytest.mark.filterwarnings("ignore")
def test_people(adult: pd.DataFrame, name: str) -> None:
    frame, y = adult.iloc[:, :-1], adult.iloc[:, -1]
    damaged = holes(frame)
    source = PIPELINES[name]().fit(damaged[:8000], y[:8000])
    plan = pretzel.compile(source, strict=True)
    for table in (frame, damaged):
        np.testing.assert_array_equal(plan.predict(table), source.predict(table))
        assert_close(plan.predict_proba(table), source.predict_proba(table))
    _forms(plan, source, damaged[8000:8050])


def _forms(plan: Plan, source: Any, table: pd.DataFrame) -> None:
    expected = source.predict_proba(table)
    got = plan.predict_proba(table)
    records = [
        {key: math.nan if value is pd.NA else value for key, value in row.items()} for row in table.to_dict("records")
    ]
    shuffled = table[table.columns[::-1]].assign(more=1)
    for form in (table, table.astype(object), records, shuffled, table.iloc[::-1].iloc[::-1]):
        np.testing.assert_array_equal(plan.predict_proba(form), got)
    assert_close(got, expected)
    for i, row in enumerate(records):
        np.testing.assert_array_equal(plan.predict_proba_one(row), got[i])
        np.testing.assert_array_equal(plan.predict_proba_one(tuple(row.values())), got[i])
        np.testing.assert_array_equal(plan.predict_proba(table[i : i + 1])[0], got[i])
    for rows in (1, 2, 17):
        np.testing.assert_array_equal(plan.predict_proba(table[:rows]), got[:rows])


@pytest.mark.filterwarnings("ignore")
def test_fitted_on_an_array(adult: pd.DataFrame) -> None:
    """Texts and numbers as an array of objects, columns by position."""
    numbers = [i for i, dtype in enumerate(adult.dtypes[:-1]) if dtype.kind != "O"]
    texts = [i for i, dtype in enumerate(adult.dtypes[:-1]) if dtype.kind == "O"]
    X, y = adult.iloc[:, :-1].to_numpy(dtype=object), adult.iloc[:, -1]
    columns = ColumnTransformer(
        [("n", StandardScaler(), numbers), ("t", OneHotEncoder(handle_unknown="ignore"), texts)]
    )
    source = make_pipeline(columns, LogisticRegression()).fit(X[:5000], y[:5000])
    plan = pretzel.compile(source, strict=True)
    assert_close(plan.predict_proba(X[:10_000]), source.predict_proba(X[:10_000]))
    got = plan.predict_proba(X[:50])
    np.testing.assert_array_equal(plan.predict_proba(X[:50].tolist()), got)
    np.testing.assert_array_equal([plan.predict_proba_one(tuple(row)) for row in X[:50]], got)
    np.testing.assert_array_equal([plan.predict_proba_one(row) for row in X[:50]], got)
