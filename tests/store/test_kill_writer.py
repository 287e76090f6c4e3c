"""A writer that ends at any point loses no published plan: the store opens, is whole, and can be cleaned."""

from __future__ import annotations

import os
import shutil

import pytest

import pretzel
from pretzel.store.object_store import ObjectStore
from tests.store.kill_writer import check_answers, end_at, kill_writers, plan_of, published

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")


def test_killed_writers_lose_nothing(tmp_path):
    counts = kill_writers(tmp_path / "store", 20)
    assert counts["reader_loads"] > 0
    assert counts["steps"] >= 20


def opened(path):
    return pretzel.PlanStore(path, store=ObjectStore())


def replace(path, plan):
    opened(path).publish("a", plan, version="n9", keep=False)


STEPS = {
    "create": (None, lambda path, plan: opened(path)),
    "publish": ({"a@n1", "b@n2", "b@n3"}, lambda path, plan: opened(path).publish("a", plan, version="n9")),
    "publish a new name": ({"a@n1", "b@n2", "b@n3"}, lambda path, plan: opened(path).publish("c", plan, version="n9")),
    "replace": ({"b@n2", "b@n3"}, replace),
    "promote": ({"a@n1", "b@n2", "b@n3"}, lambda path, plan: opened(path).promote("b", "n2")),
    "remove a version": ({"a@n1", "b@n3"}, lambda path, plan: opened(path).remove("b", "n2")),
    "remove a name": ({"a@n1"}, lambda path, plan: opened(path).remove("b")),
    "collect": ({"a@n1", "b@n2", "b@n3"}, lambda path, plan: opened(path).gc()),
}


def filled(path):
    store = opened(path)
    store.publish("a", plan_of(1), version="n1")
    store.publish("b", plan_of(2), version="n2")
    store.publish("b", plan_of(3), version="n3")
    store.publish("gone", plan_of(100), version="n100")
    store.remove("gone")


@pytest.mark.parametrize("after", [False, True], ids=["before", "after"])
@pytest.mark.parametrize("step", STEPS)
def test_a_writer_that_ends_at_any_call_loses_nothing(tmp_path, step, after):
    """Either all of the step is done or nothing, and the next writer does it."""
    stays, act = STEPS[step]
    plan = plan_of(9)
    store_before, calls = tmp_path / "before", 0
    filled(store_before)
    while True:
        path = tmp_path / str(calls)
        if stays is not None:
            shutil.copytree(store_before, path)
        before = set(published(opened(path))) if stays is not None else set()
        if not end_at(calls + 1, lambda path=path: act(path, plan), after=after):
            break
        calls += 1
        store = opened(path)
        found = set(published(store))
        assert (stays or set()) <= found <= before | {"a@n9", "c@n9"}
        assert check_answers(store) == len(found)
        assert store.fsck().ok
        if found == before:  # nothing is done yet
            act(path, plan)
        assert check_answers(opened(path)) >= len(stays or ())
        store.gc()
        assert store.fsck().unused == 0
        assert os.listdir(path / "aside") == []
    assert calls >= 4
