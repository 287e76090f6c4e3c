"""Estimates follow the machine: by a probe before the first call, and by the calls of all models after it."""

from __future__ import annotations

import time

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import pretzel
from pretzel._native import NativeProgram, machine_pace, use_weights


@pytest.fixture(autouse=True)
def forgotten():
    """What other tests have observed, and these."""
    use_weights({})
    yield
    use_weights({})


def programs(count: int) -> list[NativeProgram]:
    X = np.random.default_rng(0).normal(size=(30, 5))
    plan = pretzel.compile(LinearRegression().fit(X, X[:, 0]))
    physical = plan.physical.methods["predict"].program
    assert physical is not None
    return [NativeProgram(physical, plan.store, plan._lease) for _ in range(count)]


def test_the_pace_is_measured():
    found = []
    for _ in range(5):
        found.append(machine_pace())
        time.sleep(0.06)  # for so long a probe holds good
    assert len(set(found)) > 1
    assert max(found) < 20 * min(found)  # whoever else uses the machine comes and goes


def test_models_that_were_never_called_follow_those_that_were():
    *called, fresh = programs(200)
    before = fresh.estimate(100)
    for program in called:
        for _ in range(5):
            program.observe(100, 0, 2 * before)
    assert fresh.estimate(100) == pytest.approx(2 * before, rel=0.2)
    assert called[0].estimate(100) > 1.5 * before


def test_a_model_that_costs_more_than_others_is_not_the_pace_of_the_machine():
    odd, fresh = programs(2)
    before = fresh.estimate(100)
    for _ in range(1000):
        odd.observe(100, 0, 3 * before)
    assert odd.estimate(100) == pytest.approx(3 * before, rel=0.05)
    assert fresh.estimate(100) < 1.1 * before


def test_a_first_call_says_nothing():
    odd, fresh = programs(2)
    before = fresh.estimate(100)
    odd.observe(100, 0, 1e9)
    assert fresh.estimate(100) == before
    odd.observe(100, 0, 1e9)
    assert before < fresh.estimate(100) < 1.1 * before


def test_only_the_first_calls_of_a_model_speak_of_the_machine():
    old, fresh = programs(2)
    before = fresh.estimate(100)
    for _ in range(20):
        old.observe(100, 0, before)
    for _ in range(100):
        old.observe(100, 0, 2 * before)
    assert fresh.estimate(100) == before
