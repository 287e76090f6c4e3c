"""Properties that hold for every value of a node, for every request: a small lattice, propagated along the graph."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Array

FLOAT64_MAX = float(np.finfo(np.float64).max)
FLOAT32_MAX = float(np.finfo(np.float32).max)
FLOAT32_LIMIT = float(np.nextafter(FLOAT32_MAX + 2.0**103, 0.0))
"""The largest double that float32 rounds to a finite value: just below the middle between the largest float32 and the
next power of two."""


@dataclass(frozen=True, slots=True)
class ValueProperties:
    """Properties that hold for every value, or for every *stored* value of sparse rows.

    The defaults claim nothing. A property that is claimed holds for the kernel as well as for the reference.

    Parameters
    ----------
    low, high : float
        Every value that is not NaN lies between them, inclusive.
    no_nan : bool
    integral : bool
        Every value that is not NaN is a whole number.
    """

    low: float = -math.inf
    high: float = math.inf
    no_nan: bool = False
    integral: bool = False

    @property
    def no_inf(self) -> bool:
        """Infinity is impossible."""
        return self.within(FLOAT64_MAX)

    @property
    def finite(self) -> bool:
        """Neither NaN nor infinity is possible."""
        return self.no_nan and self.no_inf

    @property
    def fits_float32(self) -> bool:
        """Float32 holds every value without an overflow."""
        return self.within(FLOAT32_LIMIT)

    @property
    def non_negative(self) -> bool:
        """No value is below zero."""
        return self.low >= 0.0

    @property
    def magnitude(self) -> float:
        """Bound of the absolute values."""
        return max(abs(self.low), abs(self.high))

    def within(self, limit: float) -> bool:
        """Every value lies in ``[-limit, limit]``."""
        return -limit <= self.low and self.high <= limit

    def meet(self, *others: ValueProperties) -> ValueProperties:
        """Properties of values that come from any of these."""
        every = (self, *others)
        return ValueProperties(
            min(each.low for each in every),
            max(each.high for each in every),
            all(each.no_nan for each in every),
            all(each.integral for each in every),
        )


UNKNOWN = ValueProperties()
ZERO = ValueProperties(0.0, 0.0, no_nan=True, integral=True)


def whole(low: float, high: float) -> ValueProperties:
    """Whole numbers from ``low`` to ``high``."""
    return ValueProperties(low, high, no_nan=True, integral=True)


def of_constants(values: Array) -> ValueProperties:
    """Properties of these values."""
    numbers = values[~np.isnan(values)]
    if not numbers.size:
        return ValueProperties(0.0, 0.0, no_nan=not values.size, integral=True)
    integral = bool((np.isfinite(numbers) & (numbers == np.trunc(numbers))).all())
    return ValueProperties(float(numbers.min()), float(numbers.max()), numbers.size == values.size, integral)


def at_most(magnitude: float) -> ValueProperties:
    """Properties of sums whose terms add up to at most ``magnitude`` in any order; `UNKNOWN` if they may overflow."""
    bound = magnitude * (1.0 + 1e-9)  # more than the rounding errors of a million terms
    return ValueProperties(-bound, bound, no_nan=True) if bound <= FLOAT64_MAX else UNKNOWN
