"""Models of a store on disk in a runtime: looked up by name, loaded when they are called, followed when they change."""

from __future__ import annotations

import contextlib
import itertools
import os
import threading
import time
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from pretzel.errors import CorruptStoreError, ModelNotFoundError, OptionError, PretzelError, RegistrationError
from pretzel.runtime.stored_estimators import NOBODY
from pretzel.runtime.version import StoredVersion
from pretzel.runtime.watcher import Trimmer, Watcher
from pretzel.store.name_files import read_again

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pretzel.runtime.handle import Model
    from pretzel.runtime.model import Plan
    from pretzel.runtime.plan_store import PlanStore
    from pretzel.runtime.residency import Residency
    from pretzel.runtime.stored_catalog import StoredCatalog
    from pretzel.runtime.stored_estimators import Trust
    from pretzel.runtime.version import Version
    from pretzel.store.name_files import Versions

LONGEST = 86_400
"""Seconds between two looks at a store."""

# One lock for all runtimes, held while a plan is loaded or evicted, and always taken before that of the catalogs; not
# while a store at a URL is read. It is held over a fork, so that no child process inherits it locked.
_lock = threading.RLock()
os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


class StoredModels:
    """The models of a store on disk, as far as a catalog knows them.

    Parameters
    ----------
    plans : PlanStore or None
        None: there is no store, only a limit of memory.
    catalog : StoredCatalog
        Asks here for names that it does not know.
    residency : Residency
    prepare : callable
        Is given each plan that has been loaded, before a handle calls it.
    trust : Trust
        Which estimators of the store may be made.

    Attributes
    ----------
    failures : int
        How often a plan could not be loaded, or the store not be read, so far.
    stale : dict of str to str
        Models that a watching runtime could not follow and that stay as they are, with the reason.
    """

    def __init__(
        self,
        plans: PlanStore | None,
        catalog: StoredCatalog,
        residency: Residency,
        prepare: Callable[[Plan], object],
        trust: Trust,
    ) -> None:
        if plans is None and trust != NOBODY:
            raise OptionError("trusted and allow_pickle are for models of a store on disk: give its path as store")
        self._trust = trust
        self._plans = plans
        self._catalog = catalog
        self._residency = residency
        self._prepare = prepare
        self._order = itertools.count(1)  # of readings of names
        self._followed: dict[str, int] = {}  # by name, the latest reading that the catalog knows
        self._watches = False
        self.failures = 0
        self.stale: dict[str, str] = {}
        if plans is not None:
            catalog.stored_models = self
        self._threads: list[Watcher | Trimmer] = [] if residency.limit is None else [Trimmer(self)]

    def watch(self, interval: float) -> None:
        """Follow what changes in the store, every so many seconds.

        Raises
        ------
        OptionError
            There is no store, or the time is too long.
        """
        if self._plans is None:
            raise OptionError("watch follows a store on disk: give its path as store")
        if not interval <= LONGEST:
            raise OptionError(f"watch is a number of seconds up to {LONGEST:,}, got {interval!r}")
        self._watches = True
        self._threads.append(Watcher(self._plans, self, interval))

    def close(self) -> None:
        """Follow the store no more."""
        for thread in self._threads:
            thread.close()

    def names(self) -> list[str]:
        """Names of all models of the store."""
        return [] if self._plans is None else self._plans.names()

    def versions(self, name: str) -> list[str]:
        """Labels of all versions of a model of the store."""
        found = None if self._plans is None else self._versions_of(name)
        return [] if found is None else [*found.plans]

    def __contains__(self, target: str) -> bool:
        name, at, label = target.partition("@")
        if self._plans is None or not name:
            return False
        versions = self._versions_of(name)
        return versions is not None and (not at or label in versions.plans)

    def find(self, target: object) -> None:
        """Let the catalog know a model, or a version of one, if the store has it."""
        name, at, label = target.partition("@") if isinstance(target, str) else ("", "", "")
        if self._plans is None or not name:
            return

        def follow(reading: _Reading) -> bool:
            stored = reading.versions
            if stored is None:
                return True
            wanted = {stored.default, label} if at else {stored.default}
            return not wanted <= stored.plans.keys() or self._follow(name, reading.order, stored, wanted)

        while not read_again(partial(self._read, name), follow):
            pass

    def refresh(self, names: Iterable[str] | None = None) -> dict[str, str]:
        """Follow what has changed in the store.

        Parameters
        ----------
        names : iterable of str, optional
            Models that the catalog knows; all by default.

        Returns
        -------
        dict of str to str
            Models that stay as they are, with the reason.
        """
        failed = {}
        for name in self._catalog.stored() if names is None else names:
            try:
                self._refresh(name)
            except Exception as error:  # of any type: file systems at URLs raise their own
                failed[name] = str(error) or repr(error)
        self.failures += len(failed)
        self.stale = failed
        return failed

    def cannot_follow(self, error: Exception) -> None:
        """All models stay as they are, because the store cannot be read."""
        self.failures += 1
        self.stale = dict.fromkeys(self._catalog.stored(), str(error) or repr(error))

    def load(self, version: StoredVersion) -> Plan:
        """The plan of a version, loaded unless it is in memory.

        For a runtime that watches the store it is that of the default, if that has replaced the version since.

        Raises
        ------
        ModelNotFoundError
            The store has it no more.
        CorruptStoreError
            A file is damaged, or has been removed.
        MemoryLimitExceeded
            There is no room for it.
        """
        plan = version.resident
        if plan is not None:
            return plan
        try:
            self._fetch([version.digest])
            with _lock:
                plan = version.resident
                return self._load(version) if plan is None else plan
        except CorruptStoreError:
            successor = self._successor(version)
            if successor is None:
                self.failures += 1
                raise
            return successor.plan
        except PretzelError:
            self.failures += 1
            raise

    def _successor(self, version: StoredVersion) -> Version | None:
        """The default now, if it has replaced this version, whose files may have been collected.

        It may have done so before this is called, so that the catalog knows the version no more.

        Raises
        ------
        ModelNotFoundError
            It has, and the runtime does not watch the store.
        """
        if not self._watches:
            stored = self._versions_of(version.model)
            if stored is None or version.digest not in stored.plans.values():
                self.failures += 1
                raise ModelNotFoundError(
                    f"{version.name} has left memory, and its files have left the store since: watch=True lets a "
                    "runtime follow what is published, and pin() keeps a model in memory"
                )
            return None
        was_default = self._catalog.version_of(version.model) is version
        self._refresh(version.model)
        now = self._catalog.version_of(version.model)
        is_gone = version not in self._catalog.stored_versions(version.model).values()
        is_replaced = was_default or (version.was_default and is_gone)
        return now if is_replaced and now is not version else None

    def admit(self, plan: Plan) -> None:
        """Make room for a plan that is to be registered, and whose arrays are in memory.

        Raises
        ------
        MemoryLimitExceeded
        """
        with _lock:
            self._residency.admit(plan.overhead_bytes, plan.name)

    def trim(self) -> None:
        """Let plans leave memory, because working memory has grown."""
        with _lock:
            self._residency.trim()

    def pin(self, target: str, handle: Model) -> Plan:
        """Load the plan of a model or version, and keep it in memory."""
        with _lock:
            self._residency.pinned.add(target)
        try:
            return handle.plan
        except BaseException:
            self.unpin(target)
            raise

    def unpin(self, target: str) -> None:
        """Allow the plan of a model or version to leave memory."""
        with _lock:
            self._residency.pinned.discard(target)

    def counts(self) -> dict[str, int | None]:
        """Figures for `Runtime.stats`."""
        return {**self._residency.counts(), "failures": self.failures, "stale": len(self.stale)}

    def _versions_of(self, name: str) -> Versions | None:
        assert self._plans is not None
        try:
            return self._plans.versions(name)
        except (ModelNotFoundError, RegistrationError):  # no model can have such a name
            return None

    def _read(self, name: str) -> _Reading:
        return _Reading(next(self._order), self._versions_of(name))

    def _refresh(self, name: str) -> None:
        read_again(partial(self._read, name), partial(self._refresh_to, name))

    def _refresh_to(self, name: str, reading: _Reading) -> None:
        stored = reading.versions
        if stored is not None:
            kept = {label for label in self._catalog.stored_versions(name) if label in stored.plans}
            self._follow(name, reading.order, stored, {stored.default, *kept})
            return
        with _lock:
            if reading.order > self._followed.get(name, 0):
                versions = self._catalog.stored_versions(name)
                self._catalog.forget(name)
                self._evict_unknown(name, versions)
                self._keep(name, {})

    def _follow(self, name: str, order: int, stored: Versions, wanted: set[str]) -> bool:
        """Let the catalog know these versions, and those that it knows already, unless it knows a later reading."""
        known = self._catalog.stored_versions(name)
        self._fetch(stored.plans[label] for label in wanted if not _is(known.get(label), stored.plans[label]))
        with _lock:
            if order < self._followed.get(name, 0):
                return False
            known = self._catalog.stored_versions(name)
            followed = {} if self._watches else dict(known)  # without a watch, what is known stays as it is
            for label, digest in stored.plans.items():
                if label in followed:
                    continue
                before = known.get(label)
                if before is not None and _is(before, digest):
                    followed[label] = before
                elif label in wanted:
                    new = StoredVersion(name, label, digest, self.load)
                    self._load(new)
                    followed[label] = new
            default, present = stored.default, self._catalog.version_of(name)
            if known and present is not None and not self._watches:
                default = present.label
            self._catalog.follow(name, followed, default)
            if isinstance(present, StoredVersion) and present is not followed[default]:
                present.was_default = True
            self._followed[name] = order
            self._evict_unknown(name, known)
            self._keep(name, stored.plans)
        return True

    def _fetch(self, digests: Iterable[str]) -> None:
        """Bring plans to this machine: no lock is held, because that may take long."""
        assert self._plans is not None
        self._plans.fetch(digests)

    def _load(self, version: StoredVersion) -> Plan:
        assert self._plans is not None
        start = time.perf_counter()
        file = self._plans.open_plan(version.digest)
        self._residency.admit(self._plans.bytes_of(file), version.name)
        plan = self._plans.plan_of(file, version.model, self._trust)
        self._prepare(plan)
        self._residency.arrived(version, plan, time.perf_counter() - start)
        return plan

    def _evict_unknown(self, name: str, versions: dict[str, Version]) -> None:
        """Under the lock: let versions leave memory that no handle calls any more."""
        known = self._catalog.stored_versions(name).values()
        for version in versions.values():
            if isinstance(version, StoredVersion) and version not in known:
                self._residency.evict(version)

    def _keep(self, name: str, stored: Mapping[str, str]) -> None:
        """Under the lock: keep in memory what may be called, but cannot be loaded again once it has left the store."""
        known = [each for each in self._catalog.stored_versions(name).values() if isinstance(each, StoredVersion)]
        removed = {version for version in known if stored.get(version.label) != version.digest}
        self._residency.kept = removed.union(each for each in self._residency.kept if each.model != name)
        for version in removed:
            if version.resident is None:
                with contextlib.suppress(PretzelError, OSError, MemoryError):  # no call needs it at this moment
                    self._load(version)


@dataclass(frozen=True, slots=True)
class _Reading:
    """The versions of a name, or None. A reading with a greater number began later, and is no older."""

    order: int = field(compare=False)
    versions: Versions | None


def _is(version: Version | None, digest: str) -> bool:
    """Whether a version is of this plan of the store."""
    return isinstance(version, StoredVersion) and version.digest == digest
