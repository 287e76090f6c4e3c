"""The calibration of a machine is kept for all processes; one that makes no sense is rejected, or not used."""

from __future__ import annotations

import json
import logging
import os
import subprocess
import sys

import pytest

from pretzel._native import cost_coefficients, isa, kernels, set_cost_coefficients
from pretzel.calibration import Calibration, cache_file
from pretzel.errors import PretzelError
from pretzel.runtime import calibration_file

SEVEN = Calibration({"argmax.row.call": 7.0}, 3.0, isa())


@pytest.fixture
def shipped(monkeypatch):
    """The coefficients of a process in which none were set and no file was looked for yet."""
    monkeypatch.setattr(calibration_file, "_decided", False)
    set_cost_coefficients()
    yield cost_coefficients()
    set_cost_coefficients()


CHILD = """
import numpy as np, pretzel
from pretzel._native import cost_coefficients
from sklearn.linear_model import LinearRegression
plan = pretzel.compile(LinearRegression().fit(np.eye(3), np.arange(3)))
before, unmeasured = cost_coefficients()
shipped = plan.methods["predict"].program.estimate(1)
estimate = plan.estimate().seconds
print(len(before) > 1, *cost_coefficients(), estimate > shipped)
"""


def test_the_first_estimate_of_the_next_process_reads_the_file(tmp_path):
    """Building a plan does not."""
    path = SEVEN.save(tmp_path / "kept.json")
    environment = {**os.environ, "PRETZEL_CALIBRATION": str(path)}
    ran = subprocess.run([sys.executable, "-c", CHILD], env=environment, capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "True {'argmax.row.call': 7.0} 3.0 True"


def test_coefficients_that_were_set_stay(tmp_path, monkeypatch, shipped):
    monkeypatch.setenv("PRETZEL_CALIBRATION", str(SEVEN.save(tmp_path / "kept.json")))
    Calibration({}, 1.0, isa()).use()
    calibration_file.load_calibration()
    assert cost_coefficients() == shipped


OLD = '{"weights": {"argmax": [[1.0]]}, "isa": ""}'
NEGATIVE = '{"format": 2, "coefficients": {"argmax.row.call": -1}, "unmeasured": 1, "isa": ""}'


@pytest.mark.parametrize("text", ["", OLD, NEGATIVE])
def test_an_unusable_file_is_logged_once_and_not_used(text, tmp_path, monkeypatch, caplog, shipped):
    path = tmp_path / "kept.json"
    path.write_text(text)
    monkeypatch.setenv("PRETZEL_CALIBRATION", str(path))
    with caplog.at_level(logging.WARNING, "pretzel"):
        calibration_file.load_calibration()
        calibration_file.load_calibration()
    (record,) = caplog.records
    assert "the calibration is not used" in record.message
    assert cost_coefficients() == shipped


@pytest.mark.parametrize("where", ["nowhere/kept.json", "."])
def test_without_a_file_nothing_is_logged(where, tmp_path, monkeypatch, caplog, shipped):
    monkeypatch.setenv("PRETZEL_CALIBRATION", str(tmp_path / where))
    calibration_file.load_calibration()
    assert not caplog.text
    assert cost_coefficients() == shipped


@pytest.mark.parametrize("text", ["", "[]", '{"format": 2}', '{"format": 2, "coefficients": 1, "isa": ""}'])
def test_a_file_that_holds_something_else_is_rejected(text, tmp_path):
    path = tmp_path / "kept.json"
    path.write_text(text)
    with pytest.raises(PretzelError, match="no calibration"):
        Calibration.load(path)


@pytest.mark.parametrize("text", ["{}", OLD, '{"format": 3}'])
def test_a_file_of_another_format_is_rejected(text, tmp_path):
    path = tmp_path / "kept.json"
    path.write_text(text)
    with pytest.raises(PretzelError, match=r"has format [13], not 2; run `python -m pretzel.calibration`"):
        Calibration.load(path)


def test_the_format_is_written(tmp_path):
    assert json.loads(SEVEN.save(tmp_path / "kept.json").read_text())["format"] == calibration_file.FORMAT


def test_the_file_is_where_the_environment_says(tmp_path, monkeypatch):
    monkeypatch.setenv("PRETZEL_CALIBRATION", str(tmp_path / "here.json"))
    assert cache_file() == tmp_path / "here.json"
    monkeypatch.delenv("PRETZEL_CALIBRATION")
    assert cache_file().parent.name == "pretzel"


@pytest.mark.parametrize("value", [-1.0, float("nan"), float("inf")])
def test_coefficients_that_make_no_sense_are_rejected(value, shipped):
    with pytest.raises(ValueError, match=r"'argmax.row.call' must be finite"):
        set_cost_coefficients({"argmax.row.tail": 1.0, "argmax.row.call": value})
    with pytest.raises(ValueError, match="'unmeasured'"):
        set_cost_coefficients({}, value)
    assert cost_coefficients() == shipped


def test_every_kernel_has_shipped_coefficients(shipped):
    by_term, unmeasured = shipped
    assert unmeasured > 0
    assert all(value > 0 for value in by_term.values())
    measured = {term.split(".")[0] for term in by_term}
    assert measured == {*kernels(), "overhead"} - {"branch", "loop"}  # whose time is that of sub-plans
