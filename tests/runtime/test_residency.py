"""Which plans are in memory, whatever stops a plan that arrives or leaves."""

from __future__ import annotations

import tracemalloc

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
    with pretzel.Runtime(store=path, memory_limit=700_000) as runtime:
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


def labelled(number):
    return LogisticRegression(max_iter=1).fit(X.T[:400, :3], [f"class {number}-{label}" for label in range(400)])


def named(number):
    return StandardScaler().fit(pd.DataFrame(X[:, :800], columns=[f"col {number}-{column}" for column in range(800)]))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("model", [labelled, named])
def test_texts_count(tmp_path, model):
    store = pretzel.PlanStore(tmp_path / "texts", store=ObjectStore())
    for number in range(12):
        store.publish(f"m{number}", model(number))
    kept = [store.load("m0"), store.load("m1")]
    foreseen = sum(store.bytes_to_load(f"m{number}") for number in range(2, 12))
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    kept += [store.load(f"m{number}") for number in range(2, 12)]
    real = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert 0.9 * real < foreseen
    assert len(kept) == 12
