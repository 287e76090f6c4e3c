"""The optimizer: fitted estimators to physical plans. Runs off-line, may take milliseconds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pretzel.options import Options
    from pretzel.plan import PhysicalPlan
    from pretzel.store.object_store import Lease, ObjectStore


def compile_estimator(estimator: Any, options: Options, store: ObjectStore) -> tuple[PhysicalPlan, Lease]:
    """Import, optimize and lower a fitted estimator.

    Returns
    -------
    PhysicalPlan
    Lease
        Holds the arrays of the plan in ``store``.

    Raises
    ------
    UnfittedError, OpaqueStepError, CompileError
    """
    from pretzel.oven.compiler import Compiler

    return Compiler(options, store).run(estimator)
