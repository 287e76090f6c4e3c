"""Constants of fitted estimators as cells."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported
from pretzel.oven.ir._cells import CellValue, is_nan

EXACT_INTEGERS = 2**53
"""Integers below this magnitude are the same number as float64."""


def cell_value(value: Any) -> CellValue:
    """Normal form of a constant, or `Unsupported` where a cell cannot hold it exactly."""
    if value is None:
        return None
    if isinstance(value, str):
        return str.__str__(value)  # a member of an enum prints another text than it is
    if is_nan(value):
        return math.nan
    if isinstance(value, bool | np.bool_ | int | np.integer):
        if abs(int(value)) >= EXACT_INTEGERS:
            raise Unsupported(f"the integer {value} is not exact as float64")
        return float(value)
    if isinstance(value, float | np.floating) and np.dtype(type(value)).itemsize <= 8:
        return float(value)
    raise Unsupported(f"a value of type {type(value).__name__} among texts and numbers")
