"""The time and memory that a request will take, before it runs."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Integral
from typing import TYPE_CHECKING, Any

from pretzel._native import Method
from pretzel.runtime.calibration_file import load_calibration

if TYPE_CHECKING:
    from pretzel.program import Program
    from pretzel.runtime.model import Plan

UNITS = 100.0  # text code units of a row, until requests have told otherwise


@dataclass(frozen=True, slots=True)
class Estimate:
    """Prediction for a request.

    Parameters
    ----------
    seconds : float
        Kernel time only; input conversion is not included.
    arena_bytes : int
        Most working memory while it runs; given back afterwards.
    parameter_bytes : int
        Of everything the method refers to, shared with other models or not.
    """

    seconds: float
    arena_bytes: int
    parameter_bytes: int


def estimate(plan: Plan, n_rows: int, units: int | None, method: str, X: Any) -> Estimate:
    """See `Plan.estimate`."""
    if not isinstance(n_rows, Integral):
        raise TypeError(
            f"{plan.name}: n_rows is a number, got {type(n_rows).__name__}: send a request as estimate(X=...)"
        )
    found = plan.methods.get(method)
    if found is None:
        raise AttributeError(f"{plan.name} has no method {method!r}; it has {', '.join(plan.methods)}")
    if not isinstance(found, Method):
        raise ValueError(f"{plan.name}.{method} has opaque steps, whose time cannot be estimated")
    load_calibration()
    program = found.program
    program.refresh_price()
    if X is not None:
        n_rows, units = found.measure(X)
    if n_rows < 0 or (units is not None and units < 0):
        raise ValueError(f"rows and units must not be negative: {n_rows}, {units}")
    if units is None:
        mean = program.mean_units
        units = int(n_rows * (UNITS if mean < 0 else mean)) if program.counts_units else 0
    seconds = program.estimate(n_rows, units) if n_rows else 0.0
    return Estimate(seconds, program.arena_bytes(n_rows, units), parameter_bytes(plan, program.plan))


def parameter_bytes(plan: Plan, program: Program) -> int:
    """Bytes of the parameters and states that a program and its sub-plans refer to."""
    return plan.store.bytes_of({d for call in program.all_calls for d in (*call.params, call.state) if d is not None})
