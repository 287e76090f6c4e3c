"""Apache Beam's ``RunInference`` on its local runner."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("apache_beam")

import apache_beam as beam
from apache_beam.ml.inference.base import KeyedModelHandler, RunInference
from apache_beam.testing.test_pipeline import TestPipeline
from apache_beam.testing.util import assert_that
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline

import pretzel
from pretzel import examples
from pretzel.integrations.beam import model_handler
from tests.engines.conftest import guide

RUNNER = "BundleBasedDirectRunner"


def check(elements, handler, expected):
    """Compare what the pipeline makes of the elements with what is expected of each."""

    def compare(results):
        found = [result.inference for _, result in sorted(results, key=lambda each: each[0])]
        np.testing.assert_allclose(found, expected, rtol=1e-9)

    with TestPipeline(RUNNER) as pipeline:
        keyed = pipeline | beam.Create([*enumerate(elements)])
        assert_that(keyed | RunInference(KeyedModelHandler(handler)), compare)


def test_rows_of_a_model_of_a_store(store, rows, frame, estimators):
    expected = estimators["pay/6"].predict(frame[: len(rows)])
    check(rows, model_handler(store, "pay/6", max_batch_size=16), expected)


def test_another_method_of_a_plan_that_travels_as_bytes(rows, frame, estimators):
    plan = pretzel.compile(estimators["pay/6"])
    expected = estimators["pay/6"].predict_proba(frame[: len(rows)])
    check(rows, model_handler(plan, method="predict_proba"), expected)


def test_the_example_of_the_guide(store, rows, frame, estimators):
    expected = estimators["pay/5"].predict(frame[: len(rows)])

    def compare(results):
        assert sorted(each.inference for each in results) == sorted(expected)

    with TestPipeline(RUNNER) as pipeline:
        names = {"pipeline": pipeline, "rows": rows}
        exec(guide("Apache Beam", store), names)
        assert_that(names["answers"], compare)


def test_texts_and_arrays():
    texts = examples.texts(60)
    model = make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [len(text) > 40 for text in texts])
    check(texts, model_handler(pretzel.compile(model)), model.predict(texts))
    X, y = examples.regression(60)
    model = Ridge().fit(X, y)
    check([*X], model_handler(pretzel.compile(model)), model.predict(X))


def test_what_is_wrong_is_told(rows, store):
    with pytest.raises(Exception, match="no method 'transform', only predict"):
        check(rows, model_handler(store, "pay/6", method="transform"), None)
    with pytest.raises(Exception, match="missing 'pay'"):
        check([{"age": 1.0}], model_handler(store, "pay/6"), None)
