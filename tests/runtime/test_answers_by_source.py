"""Requests in whose dtype only the estimator itself computes: integers beyond float64, arithmetic of float16."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, MinMaxScaler, RobustScaler, StandardScaler

import pretzel
from pretzel.errors import InputTypeError

IDS = np.array([[2**60 + 1, 1], [2**60 + 3, 2], [-(2**55) - 1, 5]])
FLOATS = np.random.default_rng(0).normal(size=(60, 3)).astype(np.float16)
LABELS = FLOATS[:, 0] > 0

SELECTIONS = [
    ColumnTransformer([("ids", "passthrough", [0])]),
    SelectKBest(k=1),
    VarianceThreshold(),
    SimpleImputer(strategy="most_frequent"),
]
SCALERS = [StandardScaler(), MinMaxScaler(), RobustScaler(), MaxAbsScaler()]


def same(answer: Any, expected: Any) -> None:
    assert answer.dtype == expected.dtype
    np.testing.assert_array_equal(answer, expected)


@pytest.mark.parametrize("estimator", SELECTIONS)
@pytest.mark.parametrize("X", [IDS, abs(IDS).astype(np.uint64), pd.DataFrame(IDS, columns=["a", "b"])])
def test_integers_beyond_float64_are_kept(estimator: Any, X: Any) -> None:
    if isinstance(estimator, ColumnTransformer) and isinstance(X, pd.DataFrame):
        estimator = ColumnTransformer([("ids", "passthrough", ["a"])])
    estimator = clone(estimator).fit(X, [0, 1, 0])
    expected = estimator.transform(X)
    plan = pretzel.compile(estimator)
    same(plan.transform(X), expected)
    if isinstance(X, np.ndarray):
        same(plan.transform_one(X[1]), expected[1])
    with pretzel.Runtime(executors=1) as runtime:
        handle = runtime.register("ids", estimator)
        same(handle.transform(X), expected)
        same(handle.submit(X, method="transform").result(10), expected)
        if isinstance(X, np.ndarray):
            same(runtime.predict_all(X[1], ["ids"], method="transform")[0], expected[1])
        same(asyncio.run(handle.atransform(X)), expected)


def test_integers_that_float64_holds_need_no_source() -> None:
    plan = pretzel.compile(VarianceThreshold().fit(IDS))
    small = np.array([[2**53 - 1, 3]])
    same(plan.transform(small), small)
    with pytest.raises(InputTypeError, match=r"integers beyond 2\*\*53 .* keep_source=True"):
        plan.transform(IDS)
    kept = pretzel.compile(VarianceThreshold().fit(IDS), keep_source=True)
    same(kept.transform(IDS), IDS)


@pytest.mark.parametrize("scaler", SCALERS)
def test_float16_is_computed_in_float16(scaler: Any) -> None:
    estimator = clone(scaler).fit(FLOATS.astype(np.float64) * 3)
    plan = pretzel.compile(estimator)
    same(plan.transform(FLOATS), estimator.transform(FLOATS))
    same(plan.transform_one(FLOATS[0]), estimator.transform(FLOATS[:1])[0])
    for last in (RandomForestClassifier(20, random_state=0), LogisticRegression()):
        pipeline = make_pipeline(clone(scaler), last).fit(FLOATS, LABELS)
        plan = pretzel.compile(pipeline)
        for method in ("predict", "predict_proba"):
            np.testing.assert_allclose(getattr(plan, method)(FLOATS), getattr(pipeline, method)(FLOATS), rtol=1e-9)
        del pipeline
        plan = pretzel.compile(make_pipeline(clone(scaler), clone(last)).fit(FLOATS, LABELS))
        with pytest.raises(InputTypeError, match=r"requests of float16 .* keep_source=True"):
            plan.predict(FLOATS)
