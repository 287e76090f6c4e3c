"""Weights of costs are kept for all processes of a machine; what makes no sense is refused, or not used."""

from __future__ import annotations

import logging
import os
import subprocess
import sys

import numpy as np
import pytest

from pretzel._native import isa, kernel_weights, kernels, use_weights
from pretzel.calibration import Calibration, cache_file
from pretzel.errors import PretzelError
from pretzel.runtime import weights

SEVEN = Calibration({"argmax": np.full((3, 6), 7.0).tolist()}, isa())


@pytest.fixture
def shipped(monkeypatch):
    """A process in which nobody has chosen weights yet, and the weights that it begins with."""
    monkeypatch.setattr(weights, "_chosen", False)
    use_weights({})
    yield kernel_weights("argmax")
    use_weights({})


CHILD = """
import numpy as np, pretzel
from pretzel._native import kernel_weights
from sklearn.linear_model import LinearRegression
pretzel.compile(LinearRegression().fit(np.eye(3), np.arange(3)))
print(kernel_weights("argmax").mean())
"""


def test_the_next_process_uses_what_was_kept(tmp_path):
    path = SEVEN.save(tmp_path / "kept.json")
    environment = {**os.environ, "PRETZEL_CALIBRATION": str(path)}
    ran = subprocess.run([sys.executable, "-c", CHILD], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.split() == ["7.0"]


def test_what_was_chosen_stays(tmp_path, monkeypatch, shipped):
    monkeypatch.setenv("PRETZEL_CALIBRATION", str(SEVEN.save(tmp_path / "kept.json")))
    Calibration({}, isa()).use()
    weights.use_kept()
    assert np.array_equal(kernel_weights("argmax"), shipped)


@pytest.mark.parametrize("text", ["", '{"weights": {"argmax": [[-1]]}, "isa": ""}'])
def test_a_broken_file_is_told_of_and_not_used(text, tmp_path, monkeypatch, caplog, shipped):
    path = tmp_path / "kept.json"
    path.write_text(text)
    monkeypatch.setenv("PRETZEL_CALIBRATION", str(path))
    with caplog.at_level(logging.WARNING, "pretzel"):
        weights.use_kept()
    assert "the calibration is not used" in caplog.text
    assert np.array_equal(kernel_weights("argmax"), shipped)


@pytest.mark.parametrize("where", ["nowhere/kept.json", "."])
def test_without_a_file_nothing_is_said(where, tmp_path, monkeypatch, caplog, shipped):
    monkeypatch.setenv("PRETZEL_CALIBRATION", str(tmp_path / where))
    weights.use_kept()
    assert not caplog.text
    assert np.array_equal(kernel_weights("argmax"), shipped)


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"weights": 1, "isa": ""}'])
def test_a_file_that_holds_something_else_is_refused(text, tmp_path):
    path = tmp_path / "weights.json"
    path.write_text(text)
    with pytest.raises(PretzelError, match="no calibration"):
        Calibration.load(path)


def test_the_file_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("PRETZEL_CALIBRATION", str(tmp_path / "here.json"))
    assert cache_file() == tmp_path / "here.json"
    monkeypatch.delenv("PRETZEL_CALIBRATION")
    assert cache_file().parent.name == "pretzel"


@pytest.mark.parametrize("values", [np.zeros((2, 6)), -np.ones((3, 6)), np.full((3, 6), np.nan)])
def test_weights_that_make_no_sense_are_refused(values, shipped):
    with pytest.raises(ValueError, match="finite"):
        use_weights({"argmax": values})


def test_every_kernel_weighs_something():
    for kernel in kernels():
        weights = kernel_weights(kernel)
        assert (weights > 0).all(), kernel
