"""Where a monotone condition stops to hold, found by bisection over all doubles."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from pretzel.oven.ir.graph import Array

ORDER_OF_INFINITY = 0x7FF0000000000000


def largest_where(holds: Callable[[Array], Array], n: int) -> Array | None:
    """The largest double, infinities among them, at which each of ``n`` conditions holds.

    Parameters
    ----------
    holds : callable
        Takes an array of shape (n,), returns booleans; each condition that holds for a value holds for all below.
    n : int

    Returns
    -------
    ndarray of float64, shape (n,), or None where a condition does not even hold for minus infinity
    """
    if not holds(np.full(n, -np.inf)).all():
        return None
    everywhere = holds(np.full(n, np.inf))
    low, high = np.full(n, -ORDER_OF_INFINITY), np.full(n, ORDER_OF_INFINITY)
    for _ in range(64):
        middle = (low >> 1) + (high >> 1) + (low & high & 1)
        below = holds(_value(middle))
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    found: Array = np.where(everywhere, np.inf, _value(low))
    return found


def _value(order: Array) -> Array:
    """The double at this place in the order of all doubles, which counts both zeros as one."""
    magnitude: Array = np.abs(order).view(np.float64)
    return np.where(order < 0, -magnitude, magnitude)
