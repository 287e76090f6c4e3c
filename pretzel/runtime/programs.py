"""All programs of a physical plan, wherever they are in it."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from pretzel._native import signatures

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretzel.plan import MethodPlan, PhysicalPlan
    from pretzel.program import Program, SubPlan


def programs_of(physical: PhysicalPlan) -> Iterator[Program]:
    """The programs of all methods, their variants, and the arguments of opaque steps; then their sub-plans, once."""
    subplans: dict[SubPlan, None] = {}
    for method in physical.methods.values():
        for each in method_plans(method):
            for program in (*(step.program for step in each.opaque), each.program):
                if program is not None:
                    subplans.update(dict.fromkeys(program.subplans))
                    yield program
    yield from (subplan.program for subplan in subplans)


def method_plans(method: MethodPlan) -> Iterator[MethodPlan]:
    """A method, and the methods that answer other forms of requests in its place."""
    yield method
    for other in (*method.variants.values(), method.sparse, method.otherwise):
        if other is not None and not isinstance(other, str):
            yield from method_plans(other)


def leaves_rows(physical: PhysicalPlan) -> bool:
    """Whether a kernel of the plan leaves some rows to the source estimator."""
    leaving = kernels_that_leave_rows()
    return any(call.kernel in leaving for program in programs_of(physical) for call in program.calls)


@cache
def kernels_that_leave_rows() -> frozenset[str]:
    """Names of the kernels that may leave rows to the source estimator."""
    return frozenset(name for name, signature in signatures().items() if signature["leaves_rows"])
