"""Timings of every step of a compiled method, as measurements of the kernels that ran."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel._native import Method

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretzel.runtime.model import Plan


CALL = 8e-9  # seconds of one call of a kernel: no measurement is more precise than this
OVERHEAD = 0.15  # of the whole request: precision of what is left when the times of its steps are subtracted


@dataclass(frozen=True)
class Sample:
    """One step, over all rows of a table.

    Parameters
    ----------
    kernel : str
    counted : dict of str to float
        Nominal seconds of each term ("kernel.regime.term"), times how often it was to be done.
    seconds : float
    precision : float
        Seconds below which an error does not matter.
    """

    kernel: str
    counted: dict[str, float]
    seconds: float
    precision: float


def samples(plan: Plan, X: Any, block: int, passes: int) -> Iterator[Sample]:
    """Measurements of all native methods of a plan, the rows of ``X`` taken ``block`` at a time.

    Rows that a kernel leaves to the estimator are not timed.
    """
    seen = set()
    for name, method in native_methods(plan):
        digest = tuple(stage.digest for stage in method.program.plan.stages)
        if digest not in seen:
            seen.add(digest)
            rows = plan.transform(X) if name == "inverse_transform" else X
            left = method.rows_left(rows)
            answered = rows[np.setdiff1d(np.arange(rows.shape[0]), left)] if left else rows
            yield from _steps(method, answered, block, passes)


def native_methods(plan: Plan) -> Iterator[tuple[str, Method]]:
    """The native methods of a plan by name, with those for requests of certain dtypes."""
    for name, method in plan.methods.items():
        if isinstance(method, Method):
            yield name, method
            yield from ((name, variant) for variant in method.variants.values() if isinstance(variant, Method))


def _steps(method: Method, X: Any, block: int, passes: int) -> Iterator[Sample]:
    rows, units, total, steps, tiles = method.time(X, block, passes)
    whole = float(total.sum())
    taken = [*steps.tolist(), max(whole - float(steps.sum()), 1e-9)]
    n, u = int(rows.sum()), int(units.sum())
    for (kernel, terms, per_unit, per_row, _), seconds in zip(method.program.terms(), taken, strict=True):
        counts = (tiles, n - tiles, u * per_unit + n * per_row)
        counted = {term: each[term] * count for each, count in zip(terms, counts, strict=True) for term in each}
        precision = OVERHEAD * whole if kernel == "overhead" else CALL * tiles
        yield Sample(kernel, counted, seconds, precision)
