"""What a request will take, before it runs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pretzel._native import Method, machine_pace

if TYPE_CHECKING:
    from pretzel.plan import Program
    from pretzel.runtime.model import Plan

UNITS = 100.0  # text code units of a row, until requests say otherwise


@dataclass(frozen=True, slots=True)
class Estimate:
    """Prediction for a request.

    Parameters
    ----------
    microseconds : float
        In native code, from values that have been read to the result; without what reading the request takes.
    arena_bytes : int
        Working memory at most, while it runs; given back after it.
    parameter_bytes : int
        Of everything the method refers to, shared with other models or not.
    """

    microseconds: float
    arena_bytes: int
    parameter_bytes: int


def estimate(plan: Plan, n_rows: int, units: int | None, method: str, X: Any) -> Estimate:
    """See `Plan.estimate`."""
    found = plan.methods.get(method)
    if found is None:
        raise AttributeError(f"{plan.name} has no method {method!r}; it has {', '.join(plan.methods)}")
    if not isinstance(found, Method):
        raise ValueError(f"{plan.name}.{method} has opaque steps: what they take is not known")
    program = found.program
    if X is not None:
        n_rows, units = found.measure(X)
    if n_rows < 0 or (units is not None and units < 0):
        raise ValueError(f"rows and units are not negative: {n_rows}, {units}")
    if units is None:
        mean = program.mean_units
        units = int(n_rows * (UNITS if mean < 0 else mean)) if program.counts_units else 0
    machine_pace()  # estimates are of what a request would take now
    nanoseconds = program.estimate(n_rows, units) if n_rows else 0.0
    return Estimate(nanoseconds / 1e3, program.arena_bytes(n_rows, units), parameter_bytes(plan, program.plan))


def parameter_bytes(plan: Plan, program: Program) -> int:
    """Bytes of the parameters and states that a program refers to."""
    return plan.store.bytes_of({d for call in program.calls for d in (*call.params, call.state) if d is not None})
