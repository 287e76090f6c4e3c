"""What kernels cost on this machine: measured on synthetic models, fitted, and used by estimates from then on."""

from __future__ import annotations

from pretzel.calibration.learn import Calibration, cache_file, calibrate

__all__ = ["Calibration", "cache_file", "calibrate"]
