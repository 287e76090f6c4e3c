"""Requests that only the estimator itself answers: integers beyond float64, float16, entries that are made twice."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction import DictVectorizer
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


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, bool])
def test_items_that_make_one_feature_twice_before_a_step(dtype: Any) -> None:
    items = [{"a": "x", "b": 2}, {"a": "y", "a=x": 2}]
    twice = [{"a": ["x", "x"], "b": 3}, {"a=x": 1, "a": "x"}]
    estimator = make_pipeline(DictVectorizer(dtype=dtype), MaxAbsScaler()).fit(items)
    plan = pretzel.compile(estimator)
    for X in (twice, twice[:1]):
        answer, expected = plan.transform(X), estimator.transform(X)
        assert answer.nnz == expected.nnz
        same(answer.toarray(), expected.toarray())
    same(plan.transform_one(twice[1]).toarray(), estimator.transform(twice[1:]).toarray())
    del estimator
    plan = pretzel.compile(make_pipeline(DictVectorizer(dtype=dtype), MaxAbsScaler()).fit(items))
    with pytest.raises(InputTypeError, match=r"duplicate entries are answered by .* keep_source=True"):
        plan.transform(twice)


STEPS = [MinMaxScaler(), RobustScaler(), SimpleImputer(), SelectKBest(k=1)]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: type(step).__name__)
def test_steps_behind_frames_of_polars_compute_in_float64(step: Any) -> None:
    pl = pytest.importorskip("polars")
    frame = pd.DataFrame(FLOATS.astype(np.float32), columns=["a", "b", "c"])
    scaler = StandardScaler().set_output(transform="polars")
    estimator = make_pipeline(scaler, clone(step), LogisticRegression()).fit(frame, LABELS)
    plan = pretzel.compile(estimator)
    for X in (frame, pl.from_pandas(frame), frame.astype({"a": np.float64}), frame.astype(np.float64)):
        answer, expected = plan.predict_proba(X), estimator.predict_proba(X)
        assert answer.dtype == expected.dtype
        np.testing.assert_allclose(answer, expected, rtol=1e-9)
    del estimator
    plan = pretzel.compile(make_pipeline(scaler, clone(step), LogisticRegression()).fit(frame, LABELS))
    with pytest.raises(InputTypeError, match=r"frames that a step makes.* keep_source=True"):
        plan.predict_proba(frame)


@pytest.mark.filterwarnings("ignore:X has feature names", "ignore:X does not have valid feature names")
@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_float32_where_the_configuration_asks_for_frames(library: str) -> None:
    pytest.importorskip(library)
    frame = pd.DataFrame(FLOATS.astype(np.float32), columns=["a", "b", "c"])
    estimator = make_pipeline(StandardScaler(), MinMaxScaler()).fit(frame)
    plan = pretzel.compile(estimator)
    with config_context(transform_output=library):
        for X in (frame, frame.to_numpy(), frame.astype({"a": np.float64})):
            answer, expected = plan.transform(X), estimator.transform(X)
            assert type(answer) is type(expected)
            same(answer.to_numpy(), expected.to_numpy())
    if library == "polars":
        del estimator
        plan = pretzel.compile(make_pipeline(StandardScaler(), MinMaxScaler()).fit(frame))
        refused = pytest.raises(InputTypeError, match=r"frames of polars of float32 .* keep_source=True")
        with config_context(transform_output=library), refused:
            plan.transform(frame)
