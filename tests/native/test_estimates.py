"""Estimates grow with rows and units, follow observed times, and stay bounded whatever is observed."""

from __future__ import annotations

import functools
import math
import threading

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel
from pretzel._native import NativeProgram, set_cost_coefficients


def table_program() -> NativeProgram:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 12))
    return native(pretzel.compile(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, X[:, 0] > 0)))


def text_program() -> NativeProgram:
    texts = ["good tea", "bad coffee", "good coffee", "bad tea"]
    return native(pretzel.compile(make_pipeline(TfidfVectorizer(), LogisticRegression()).fit(texts, [1, 0, 1, 0])))


def native(plan: pretzel.Plan) -> NativeProgram:
    """A program of its own for `predict`, without observations."""
    program = plan.physical.methods["predict"].program
    assert program is not None
    return NativeProgram(program, plan.store, plan.lease)


@pytest.fixture(autouse=True)
def forgotten():
    """Begin and end with a speed factor of 1."""
    unobserved()  # made before Hypothesis times an example
    set_cost_coefficients()
    yield
    set_cost_coefficients()


@functools.cache
def unobserved() -> tuple[NativeProgram, NativeProgram]:
    """Programs that no test observes."""
    return table_program(), text_program()


ROWS = st.integers(1, 10**7)
UNITS = st.integers(0, 10**9)
SECONDS = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.floats(1e-9, 1e3))


@given(rows=ROWS, more=ROWS, units=UNITS, further=UNITS)
def test_estimates_never_fall(rows, more, units, further):
    for program in unobserved():
        least = program.estimate(rows, units)
        assert 0 < least < math.inf
        assert program.estimate(rows + more, units) >= least
        assert program.estimate(rows, units + further) >= least


@settings(max_examples=50, deadline=None)
@given(told=st.lists(st.tuples(ROWS, UNITS, SECONDS), max_size=30), rows=ROWS, more=ROWS, units=UNITS)
def test_estimates_stay_bounded_whatever_is_observed(told, rows, more, units):
    set_cost_coefficients()  # resets the speed factor
    program, other = text_program(), text_program()
    before = other.estimate(rows, units)
    for observed in told:
        program.observe(*observed)
    assert before / 17 <= program.estimate(rows, units) <= before * 17
    assert before / 17 <= other.estimate(rows, units) <= before * 17  # with the speed factor
    assert program.estimate(rows + more, units) >= program.estimate(rows, units)


@pytest.mark.parametrize("factor", [0.3, 0.9, 1.7, 6.0])
@pytest.mark.parametrize("rows", [1, 2, 64, 5000])
def test_estimates_converge_to_what_is_observed(factor, rows):
    program = table_program()
    taken = program.estimate(rows) * factor
    for _ in range(10):
        program.observe(rows, 0, taken)
    assert program.estimate(rows) == pytest.approx(taken, rel=0.05)


def test_single_rows_and_batches_are_learnt_apart():
    program = table_program()
    one, many = program.estimate(1) * 2.0, program.estimate(50_000) * 0.5
    for _ in range(40):
        program.observe(1, 0, one)
        program.observe(50_000, 0, many)
    assert program.estimate(1) == pytest.approx(one, rel=0.05)
    assert program.estimate(50_000) == pytest.approx(many, rel=0.05)


def test_one_slow_call_says_little():
    program = table_program()
    usual = program.estimate(1)
    for _ in range(100):
        program.observe(1, 0, usual)
    program.observe(1, 0, usual * 10_000)
    assert program.estimate(1) < 1.05 * usual


def test_the_first_call_is_not_learnt_from():
    program = table_program()
    usual = program.estimate(1)
    program.observe(1, 0, usual * 100)
    assert program.estimate(1) == usual


def test_observations_from_many_threads():
    program = table_program()
    taken = program.estimate(1) * 3
    threads = [threading.Thread(target=lambda: [program.observe(1, 0, taken) for _ in range(2000)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert program.estimate(1) == pytest.approx(taken, rel=0.05)
