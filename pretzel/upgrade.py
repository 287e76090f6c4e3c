"""`pretzel.load` for plans of every release: those of other kernels are lowered again, where oven and runtime meet."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pretzel.runtime.saved import load, set_relowering

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.plan import PhysicalPlan
    from pretzel.store.object_store import Lease, ObjectStore

__all__ = ["load"]


def relower(plan: PhysicalPlan, store: ObjectStore, versions: Mapping[str, int]) -> tuple[PhysicalPlan, Lease]:
    """As `pretzel.oven.relower.relower`, which is imported when it is needed."""
    from pretzel.oven.relower import relower

    return relower(plan, store, versions)


set_relowering(relower)
