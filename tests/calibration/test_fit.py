"""Coefficients are found again, none is negative, and a calibration is kept and read back."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pretzel._native import cost_coefficients, set_cost_coefficients
from pretzel.calibration import Calibration
from pretzel.calibration.fit import LEAST, fit_coefficients
from pretzel.calibration.learn import as_header, fit
from pretzel.calibration.measure import Sample


@pytest.fixture
def shipped():
    yield
    set_cost_coefficients()


@settings(max_examples=50, deadline=None)
@given(known=st.lists(st.floats(0.2, 20.0), min_size=1, max_size=5), seed=st.integers(0, 1000))
def test_known_coefficients_are_found_again(known, seed):
    rng = np.random.default_rng(seed)
    counted = rng.lognormal(4.0, 1.5, (60, len(known)))
    taken = counted @ np.array(known)
    found = fit_coefficients(counted, taken)
    assert np.median(np.abs(counted @ found / taken - 1)) < 0.05


def test_measurements_of_preempted_runs_are_left_out():
    rng = np.random.default_rng(0)
    counted = rng.lognormal(4.0, 1.0, (100, 2))
    taken = counted @ np.array([2.0, 3.0])
    taken[::20] *= 50
    assert np.median(np.abs(counted @ fit_coefficients(counted, taken) / (counted @ np.array([2.0, 3.0])) - 1)) < 0.05


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), prior=st.floats(0.1, 10.0))
def test_extrapolation_is_safe(seed, prior):
    """Estimates grow with every counted term, whatever was measured."""
    rng = np.random.default_rng(seed)
    found = fit_coefficients(rng.lognormal(3.0, 2.0, (12, 4)), rng.lognormal(3.0, 3.0, 12), prior)
    assert np.isfinite(found).all()
    assert (found >= 0.99 * LEAST * prior).all()


def test_a_term_without_measurements_keeps_its_prior():
    counted = np.zeros((20, 2))
    counted[:, 0] = np.arange(1, 21)
    assert fit_coefficients(counted, 3.0 * counted[:, 0], prior=1.5)[1] == pytest.approx(1.5, rel=0.01)


def samples() -> list[Sample]:
    counts = np.random.default_rng(0).integers(1, 100, 30)
    return [Sample("argmax", {"argmax.row.call": n * 1e-9, "argmax.row.inputs": 0.0}, n * 7e-9, 1e-12) for n in counts]


def test_a_calibration_is_used_saved_and_read_back(tmp_path, shipped):
    found = fit(samples())
    assert found.coefficients == {"argmax.row.call": pytest.approx(7.0, rel=0.02)}  # one term was never counted
    assert found.unmeasured == pytest.approx(7.0, rel=0.02)
    before = cost_coefficients()
    found.use()
    assert cost_coefficients() == (found.coefficients, found.unmeasured)
    path = found.save(tmp_path / "deep" / "kept.json")
    set_cost_coefficients()
    assert cost_coefficients() == before
    assert Calibration.load(path) == found
    assert '{"argmax", {{"call", 0, 7' in as_header(found)
