"""Which plans of a store on disk are in memory: as many as a limit allows, those that are called most first.

Plans leave by Greedy-Dual-Size-Frequency (Cherkasova 1998), approximated as in Redis: of a few plans that are taken at
random, the one leaves whose calls, times the seconds that it took to load, are worth least for the bytes that it holds
alone. Calls are those that the methods count anyway, so that a call costs nothing more.
"""

from __future__ import annotations

import contextlib
import random
import time
import weakref
from typing import TYPE_CHECKING

from pretzel._native import arena_bytes
from pretzel.errors import MemoryLimitExceeded

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pretzel.runtime.model import Plan
    from pretzel.runtime.version import StoredVersion
    from pretzel.store.object_store import Lease, ObjectStore

SAMPLE = 8
"""Plans among which the one that leaves is chosen."""

HALF_LIFE = 4
"""How often all that is in memory could change until a call counts half: a model that is called often is called less
now and then, and stays."""

MANY = 32
"""Plans that leave for one that arrives before it is asked whether that can fit at all."""

PATIENCE = 1.0
"""Seconds to wait for running calls to let go of plans that have left."""


class Residency:
    """Plans that are in memory, within a limit. Its methods are called by one thread at a time.

    Parameters
    ----------
    store : ObjectStore
        Holds the arrays of all plans.
    limit : int or None
        Bytes of arrays, plans, working memory and caches together; None: no limit.
    caches : int
        Bytes that caches may take.
    refresh : callable
        ``refresh(version)`` lets handles call what is in memory of a version now.
    knows : callable
        ``knows(version)`` tells whether a handle or an alias may call a version.

    Attributes
    ----------
    loads, evictions : int
        So far.
    pinned : set of str
        Names of models and versions whose plans do not leave.
    kept : set of StoredVersion
        Versions that the store may not have any more. Their plans do not leave as long as they can be called.
    """

    def __init__(
        self,
        store: ObjectStore,
        limit: int | None,
        caches: int,
        refresh: Callable[[StoredVersion], None],
        knows: Callable[[StoredVersion], bool],
    ) -> None:
        self.limit = limit
        self.loads = self.evictions = 0
        self.pinned: set[str] = set()
        self.kept: set[StoredVersion] = set()
        self._store = store
        self._caches = caches
        self._refresh, self._knows = refresh, knows
        self._versions: list[StoredVersion] = []  # that are in memory
        self._places: dict[StoredVersion, int] = {}
        self._left: weakref.WeakSet[Lease] = weakref.WeakSet()  # of plans that have left and that calls still hold
        self._overhead = 0  # bytes of plans, besides their arrays
        self._changing: StoredVersion | None = None  # whose plan arrives or leaves
        self._random = random.Random(0)

    @property
    def used(self) -> int:
        """Bytes in use."""
        return self._store.nbytes + self._overhead + arena_bytes() + self._caches

    def counts(self) -> dict[str, int | None]:
        """Figures for `Runtime.stats`."""
        return {
            "limit": self.limit,
            "used": self.used,
            "resident": len(self._versions),
            "loads": self.loads,
            "evictions": self.evictions,
        }

    def admit(self, needed: int, what: str) -> None:
        """Make room for so many bytes.

        Raises
        ------
        MemoryLimitExceeded
            Nothing that may leave is left.
        """
        self._settle()
        if self.limit is None or self.used + needed <= self.limit:
            return
        evicted, deadline = 0, time.monotonic() + PATIENCE
        if needed > self.limit // 8:
            self._check_fits(needed, what)
        while self.used + needed > self.limit:
            if self._evict_one():
                evicted += 1
                if evicted == MANY:
                    self._check_fits(needed, what)
            elif time.monotonic() < deadline and self._left:
                time.sleep(0.001)
            else:
                raise self._too_large(needed, self.used, what)

    def trim(self) -> None:
        """Let plans leave until the rest is within the limit, or nothing that may leave is left."""
        while self.limit is not None and self.used > self.limit and self._evict_one():
            pass

    def arrived(self, version: StoredVersion, plan: Plan, seconds: float) -> None:
        """A plan has been loaded; the handles of its version call it from now on."""
        with self._change(version):
            version.arrive(plan)
            version.load_seconds = seconds
            self.loads += 1
            self._places[version] = len(self._versions)
            self._versions.append(version)
            self._overhead += plan.overhead_bytes
            self._weigh(version)
            version.weight += 1.0  # the call that needs it
            self._refresh(version)

    def evict(self, version: StoredVersion) -> None:
        """Let a plan leave memory; calls that are running finish first. Harmless if it is not there."""
        if version not in self._places:
            return
        with self._change(version):
            place = self._places.pop(version)
            last = self._versions.pop()
            if last is not version:
                self._versions[place] = last
                self._places[last] = place
            plan = version.leave()
            assert plan is not None
            self._refresh(version)
            version.count(plan)
            self._overhead -= plan.overhead_bytes
            self._left.add(plan.lease)
            self.evictions += 1

    @contextlib.contextmanager
    def _change(self, version: StoredVersion) -> Iterator[None]:
        """Let a plan arrive or leave. After an interrupt everything is as before, or as after."""
        self._settle()
        self._changing = version
        try:
            yield
            self._changing = None
        finally:
            self._settle()

    def _settle(self) -> None:
        """Count again what is in memory, if an interrupt has stopped a change."""
        version = self._changing
        if version is None:
            return
        known = dict.fromkeys([*self._versions, *self._places, version])
        versions = [each for each in known if each.resident is not None]
        self._versions = versions
        self._places = {each: place for place, each in enumerate(versions)}
        self._overhead = sum(each.resident.overhead_bytes for each in versions if each.resident is not None)
        self._refresh(version)
        self._changing = None

    def _check_fits(self, needed: int, what: str) -> None:
        """Raise if there is no room even where all plans have left that may, so that none leaves for nothing."""
        assert self.limit is not None
        plans = [each.resident for each in self._candidates() if each.resident is not None]
        freed = self._store.exclusive_bytes(*(plan.lease for plan in plans)) + sum(p.overhead_bytes for p in plans)
        if self.used - freed + needed > self.limit and not self._left:
            raise self._too_large(needed, self.used - freed, what)

    def _too_large(self, needed: int, taken: int, what: str) -> MemoryLimitExceeded:
        return MemoryLimitExceeded(
            f"{what} needs {needed:,} bytes, and {taken:,} of {self.limit:,} are taken by working memory, caches, and "
            "models that are registered, pinned or running"
        )

    def _candidates(self) -> list[StoredVersion]:
        """The versions whose plans may leave."""
        all_may = not self.pinned and not self.kept
        return self._versions if all_may else [each for each in self._versions if self._may_leave(each)]

    def _evict_one(self) -> bool:
        candidates = self._candidates()
        if not candidates:
            return False
        taken = self._random.sample(candidates, min(SAMPLE, len(candidates)))
        self.evict(min(taken, key=self._worth))
        return True

    def _may_leave(self, version: StoredVersion) -> bool:
        if version.model in self.pinned or version.name in self.pinned:
            return False
        return version not in self.kept or not self._knows(version)

    def _worth(self, version: StoredVersion) -> float:
        plan = version.resident
        assert plan is not None
        self._weigh(version)
        return version.weight * version.load_seconds / (plan.exclusive_bytes + plan.overhead_bytes)

    def _weigh(self, version: StoredVersion) -> None:
        """Add the calls since the last time to the weight, which halves from time to time."""
        calls = version.calls
        before, loads = version.weighed
        version.weight *= 0.5 ** ((self.loads - loads) / (HALF_LIFE * max(SAMPLE, len(self._versions))))
        version.weight += calls - before
        version.weighed = (calls, self.loads)
