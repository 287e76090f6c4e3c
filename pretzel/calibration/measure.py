"""Timings of every step of a compiled method, as measurements of the kernels that ran."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel._native import Method, machine_pace

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy.typing as npt

    from pretzel.runtime.model import Plan


CALL = 8.0  # nanoseconds of one call of a kernel: a greater precision than this is not to be had


@dataclass(frozen=True)
class Sample:
    """One step, over all rows of a table.

    Parameters
    ----------
    kernel : str
    counted : ndarray of float64 (18,)
        Its terms, times how often each was to be done.
    nanoseconds : float
        At pace 1.
    precision : float
        Nanoseconds below which an error does not matter.
    """

    kernel: str
    counted: npt.NDArray[np.float64]
    nanoseconds: float
    precision: float


def samples(plan: Plan, X: Any, block: int, passes: int) -> Iterator[Sample]:
    """Measurements of all native methods of a plan, the rows of ``X`` taken ``block`` at a time."""
    seen = set()
    for method in plan.methods.values():
        if not isinstance(method, Method):
            continue
        digest = tuple(stage.digest for stage in method.program.plan.stages)
        if digest not in seen:
            seen.add(digest)
            yield from _steps(method, X, block, passes)


def _steps(method: Method, X: Any, block: int, passes: int) -> Iterator[Sample]:
    before = machine_pace()
    rows, units, total, steps, tiles = method.time(X, block, passes)
    pace = min(before, machine_pace())  # the fastest pass counts, too
    taken = [*steps, max(float(total.sum() - steps.sum()), 1.0)]
    n, u = float(rows.sum()), float(units.sum())
    for (kernel, terms, unit_entries, row_entries), nanoseconds in zip(method.program.terms(), taken, strict=True):
        often = np.array([tiles, n - tiles, u * unit_entries + n * row_entries])
        precision = 0.15 * float(total.sum()) if kernel == "frame" else CALL * tiles
        yield Sample(kernel, (terms * often[:, None]).ravel(), float(nanoseconds) / pace, precision)
