"""What kernels cost on this machine: measured on synthetic models, fitted, and used by estimates from then on."""

from __future__ import annotations

from pretzel.calibration.learn import calibrate
from pretzel.runtime.weights import Calibration, cache_file

__all__ = ["Calibration", "cache_file", "calibrate"]
