"""Statistics of a runtime: memory and calls of its models, as plain numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel._native import Method, arena_bytes

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pretzel.plan import PhysicalPlan
    from pretzel.runtime.catalog import Catalog
    from pretzel.runtime.engine import BatchEngine
    from pretzel.runtime.model import Plan
    from pretzel.runtime.version import Version
    from pretzel.store.object_store import ObjectStore


def statistics(catalog: Catalog, store: ObjectStore, engine: BatchEngine, stale: Mapping[str, str]) -> dict[str, Any]:
    """The result of `Runtime.stats`."""
    models = catalog.models()
    return {
        **totals(catalog, store),
        "engine": engine.load(),
        "stage_times": stage_times(catalog),
        "reservations": {name: own.load() for name, own in reservations(catalog, engine).items()},
        "models": {
            handle.name: {
                "calls": handle.calls,
                "version": default,
                "stale": stale.get(handle.name),
                **_bytes(held, store),
                "versions": {v.label: {"calls": v.calls, **_bytes([v], store)} for v in held},
            }
            for handle, default, held in models
        },
        "aliases": {handle.name: {"calls": handle.calls, "shares": shares} for handle, shares in catalog.aliases()},
    }


def totals(catalog: Catalog, store: ObjectStore) -> dict[str, int]:
    """Memory of all models together."""
    plans = [plan for _, _, held in catalog.models() for plan in resident(held)]
    objects = {digest for plan in plans for digest in plan.physical.objects}
    return {
        "logical_bytes": sum(plan.nbytes for plan in plans),
        "unique_bytes": store.bytes_of(objects),
        "objects": len(objects),
        "stages": len({digest for plan in plans for digest in _stages(plan.physical)}),
        "arena_bytes": arena_bytes(),
    }


def resident(versions: Sequence[Version]) -> list[Plan]:
    """The plans that are in memory."""
    return [plan for version in versions if (plan := version.resident) is not None]


def stage_times(catalog: Catalog) -> dict[str, dict[str, float]]:
    """Time of stages, summed over all registered models, by the kernels of the stage."""
    found: dict[str, dict[str, float]] = {}
    for _, _, versions in catalog.models():
        for plan in resident(versions):
            for method in plan.methods.values():
                if isinstance(method, Method):
                    _add_stages(found, method)
    return found


def _add_stages(found: dict[str, dict[str, float]], method: Method) -> None:
    program = method.program
    steps = iter(zip(program.buffers.calls(program.plan), program.profile(), strict=True))
    for size in program.buffers.stage_sizes:
        taken = [next(steps) for _ in range(size)]
        times = [time for _, time in taken]
        if times[0][2] == 0:
            continue
        one = found.setdefault("+".join(call.kernel for call, _ in taken), {"seconds": 0.0, "rows": 0, "calls": 0})
        one["seconds"] += sum(seconds for seconds, _, _ in times)
        one["rows"] += times[0][1]
        one["calls"] += times[0][2]


def reservations(catalog: Catalog, engine: BatchEngine) -> dict[str, BatchEngine]:
    """The engines of versions with a reservation."""
    return {
        f"{handle.name}@{version.label}": plan.engine
        for handle, _, held in catalog.models()
        for version in held
        for plan in resident([version])
        if plan.engine is not None and plan.engine is not engine
    }


def _bytes(versions: Sequence[Version], store: ObjectStore) -> dict[str, int]:
    leases = [plan.lease for plan in resident(versions)]
    digests = frozenset().union(*(lease.digests for lease in leases))
    return {"bytes": store.bytes_of(digests), "exclusive_bytes": store.exclusive_bytes(*leases)}


def _stages(physical: PhysicalPlan) -> set[bytes]:
    """Digests of all stages of a plan."""
    programs = [
        program
        for method in physical.methods.values()
        for program in (method.program, *(step.program for step in method.opaque))
        if program is not None
    ]
    return {stage.digest for program in programs for stage in program.stages}
