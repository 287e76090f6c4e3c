"""Calibration of the cost model: kernels are timed on synthetic models, and coefficients fitted to the times."""

from __future__ import annotations

from pretzel.calibration.learn import calibrate
from pretzel.runtime.calibration_file import Calibration, cache_file

__all__ = ["Calibration", "cache_file", "calibrate"]
