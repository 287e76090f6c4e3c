"""Models without calls of their own are estimated with the speed factor, which the first calls of all others teach."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression

import pretzel
from pretzel._native import NativeProgram, set_cost_coefficients, speed_factor


@pytest.fixture(autouse=True)
def forgotten():
    """Begin and end with a speed factor of 1."""
    set_cost_coefficients()
    yield
    set_cost_coefficients()


def programs(count: int) -> list[NativeProgram]:
    X = np.random.default_rng(0).normal(size=(30, 5))
    plan = pretzel.compile(LinearRegression().fit(X, X[:, 0]))
    physical = plan.physical.methods["predict"].program
    assert physical is not None
    return [NativeProgram(physical, plan.store, plan.lease) for _ in range(count)]


@pytest.mark.parametrize("factor", [0.25, 3.0])
def test_models_without_calls_follow_the_others(factor):
    *called, fresh = programs(4)
    before = fresh.estimate(100)
    for program in called:
        for _ in range(5):
            program.observe(100, 0, factor * before)
    assert speed_factor() == pytest.approx(factor, rel=0.02)
    assert fresh.estimate(100) == pytest.approx(factor * before, rel=0.02)
    assert called[0].estimate(100) == pytest.approx(factor * before, rel=0.05)


def test_one_expensive_model_does_not_change_the_factor_for_all():
    *usual, odd, fresh = programs(22)
    before = fresh.estimate(100)
    for program in usual:
        for _ in range(8):
            program.observe(100, 0, before)
    for _ in range(1000):
        odd.observe(100, 0, 3 * before)
    assert odd.estimate(100) == pytest.approx(3 * before, rel=0.05)
    assert fresh.estimate(100) < 1.2 * before


def test_the_first_call_of_a_model_teaches_nothing():
    odd, fresh = programs(2)
    before = fresh.estimate(100)
    odd.observe(100, 0, 1.0)
    assert fresh.estimate(100) == before
    assert odd.estimate(100) == before


def test_only_the_first_calls_of_a_model_teach():
    old, fresh = programs(2)
    before = fresh.estimate(100)
    for _ in range(20):
        old.observe(100, 0, before)
    for _ in range(100):
        old.observe(100, 0, 2 * before)
    assert fresh.estimate(100) == pytest.approx(before)


def test_a_model_with_feedback_of_its_own_no_longer_follows():
    old, *others = programs(5)
    before = old.estimate(100)
    for _ in range(20):
        old.observe(100, 0, before)
    for program in others:
        for _ in range(8):
            program.observe(100, 0, 5 * before)
    assert old.estimate(100) == pytest.approx(before)


def test_the_factor_is_bounded():
    for program in programs(30):
        for _ in range(8):
            program.observe(100, 0, 1e3)
    assert speed_factor() < 17
