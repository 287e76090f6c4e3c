"""Which plans are in memory, whatever stops a plan that arrives or leaves."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.preprocessing import StandardScaler

import pretzel
from pretzel.runtime import residency
from pretzel.store.object_store import ObjectStore
from tests.interrupts import interrupted_at

X = np.random.default_rng(0).normal(size=(4, 3000))
NAMES = [f"m{number}" for number in range(4)]


@pytest.fixture
def path(tmp_path):
    store = pretzel.PlanStore(tmp_path / "store", store=ObjectStore())
    for number, name in enumerate(NAMES):
        store.publish(name, Ridge().fit(X, X[:, number]))
    return tmp_path / "store"


def check(runtime):
    """What is counted is what is there."""
    found = runtime._stored._residency
    resident = [each for each in map(runtime._catalog.version_of, NAMES) if each is not None and each.resident]
    assert {*resident} == {*found._versions} == {*found._places}
    assert all(found._versions[place] is each for each, place in found._places.items())
    assert found._overhead == sum(each.resident.overhead_bytes for each in resident)


def test_interrupts_leave_what_is_counted_true(path):
    with pretzel.Runtime(store=path) as runtime:
        for name in NAMES[:3]:
            runtime[name].predict(X)
        limit = runtime.stats()["memory"]["used"] + 10_000
    with pretzel.Runtime(store=path, memory_limit=limit) as runtime:
        for name in NAMES:
            runtime[name].predict(X)
        number, is_interrupted = 0, True
        while is_interrupted:
            number += 1
            away = next(name for name in NAMES if runtime._catalog.version_of(name).resident is None)
            is_interrupted = interrupted_at(
                number, lambda name=away: runtime[name].predict(X), "opcode", residency.__file__
            )
            check(runtime)
        assert number > 100
        for index, name in enumerate(NAMES):
            np.testing.assert_allclose(runtime[name].predict(X), Ridge().fit(X, X[:, index]).predict(X))


def test_texts_count(tmp_path):
    """Names of columns and labels take more memory than in a file."""
    store = pretzel.PlanStore(tmp_path / "texts", store=ObjectStore())
    names = [f"column {number}" for number in range(400)]
    labels = np.arange(400)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        classifier = LogisticRegression(max_iter=1)
        store.publish("numbers", classifier.fit(X.T[:400, :3], labels))
        store.publish("texts", classifier.fit(X.T[:400, :3], [f"{label:07}" for label in labels]))
    store.publish("bare", StandardScaler().fit(X[:, :400]))
    store.publish("named", StandardScaler().fit(pd.DataFrame(X[:, :400], columns=names)))
    for with_texts, without in ("texts", "numbers"), ("named", "bare"):
        assert store.bytes_to_load(with_texts) - store.bytes_to_load(without) > 400 * 100
