"""Weights are found again, none is negative, and what was measured is kept and read back."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pretzel._native import kernel_weights, use_weights
from pretzel.calibration import Calibration
from pretzel.calibration.fit import LEAST, fit_weights
from pretzel.calibration.learn import as_header, fit
from pretzel.calibration.measure import Sample


@pytest.fixture
def shipped():
    yield
    use_weights({})


@settings(max_examples=50, deadline=None)
@given(weights=st.lists(st.floats(0.2, 20.0), min_size=1, max_size=5), seed=st.integers(0, 1000))
def test_known_weights_are_found_again(weights, seed):
    rng = np.random.default_rng(seed)
    counted = rng.lognormal(4.0, 1.5, (60, len(weights)))
    taken = counted @ np.array(weights)
    found = fit_weights(counted, taken)
    assert np.median(np.abs(counted @ found / taken - 1)) < 0.05


def test_measurements_during_which_the_core_was_lost_are_left_out():
    rng = np.random.default_rng(0)
    counted = rng.lognormal(4.0, 1.0, (100, 2))
    taken = counted @ np.array([2.0, 3.0])
    taken[::20] *= 50
    assert np.median(np.abs(counted @ fit_weights(counted, taken) / (counted @ np.array([2.0, 3.0])) - 1)) < 0.05


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 10_000), prior=st.floats(0.1, 10.0))
def test_extrapolation_is_safe(seed, prior):
    """Whatever was measured, estimates grow with everything that is counted."""
    rng = np.random.default_rng(seed)
    found = fit_weights(rng.lognormal(3.0, 2.0, (12, 4)), rng.lognormal(3.0, 3.0, 12), prior)
    assert np.isfinite(found).all()
    assert (found >= 0.99 * LEAST * prior).all()


def test_a_term_that_nothing_was_measured_of_keeps_its_prior():
    counted = np.zeros((20, 2))
    counted[:, 0] = np.arange(1, 21)
    assert fit_weights(counted, 3.0 * counted[:, 0], prior=1.5)[1] == pytest.approx(1.5, rel=0.01)


def samples() -> list[Sample]:
    rng = np.random.default_rng(0)
    counted = np.zeros((30, 18))
    counted[:, 0] = rng.integers(1, 100, 30)
    return [Sample("argmax", row, float(7 * row[0]), 1e-3) for row in counted]


def test_a_calibration_is_used_saved_and_read_back(tmp_path, shipped):
    found = fit(samples())
    before = kernel_weights("argmax")
    found.use()
    assert kernel_weights("argmax")[0, 0] == pytest.approx(7.0, rel=0.02)
    path = found.save(tmp_path / "deep" / "weights.json")
    use_weights({})
    assert np.array_equal(kernel_weights("argmax"), before)
    assert Calibration.load(path) == found
    assert '{"argmax"' in as_header(found)


def test_samples_round_trip_as_json():
    found = fit(samples())
    assert json.loads(json.dumps(found.weights)) == found.weights
