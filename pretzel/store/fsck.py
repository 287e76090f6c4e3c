"""Checking a store on disk: everything is read, and compared with the digests that name it."""

from __future__ import annotations

from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING

from pretzel.errors import StoreError
from pretzel.store.digest import DIGEST, digest_of_memory
from pretzel.store.files import plans_and_objects
from pretzel.store.mapped_file import reading

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pretzel.store.directory import Directory
    from pretzel.store.name_files import NameFiles
    from pretzel.store.stored_plan import StoredPlan


@dataclass(slots=True)
class Findings:
    """What `PlanStore.fsck` found.

    Parameters
    ----------
    plans : int
        Versions of all names.
    objects : int
        Arrays of their plans. What several need is read once, and counted once for each plan.
    faults : list of str
        What is damaged or missing, with the names that need it.
    unused : int
        Files that no name needs; `PlanStore.gc` removes them. 0 if no name can be read.
    """

    plans: int = 0
    objects: int = 0
    faults: list[str] = field(default_factory=list)
    unused: int = 0

    @property
    def ok(self) -> bool:
        """Nothing is damaged or missing."""
        return not self.faults


def check_store(store: Directory, names: NameFiles) -> Findings:
    """Read everything; the caller holds the lock of the store."""
    found, check = Findings(), _Check(store)
    try:
        files = sorted(names.files(), key=lambda each: each[1])
    except StoreError as error:
        found.faults.append(str(error))
        return found
    for name, path in files:
        try:
            versions = names.named_versions(name, path)
        except StoreError as error:
            found.faults.append(str(error))
            continue
        for label, digest in versions.plans.items():
            found.plans += 1
            found.faults += [f"{name}@{label}: {fault}" for fault in check.faults_of(digest)]
    found.objects, found.unused = check.objects, len(check.unused)
    return found


class _Check:
    """Files that have been read so far."""

    def __init__(self, store: Directory) -> None:
        self._store = store
        self._faults: dict[str, list[str]] = {}  # of plans, by digest
        self._sound: set[tuple[bytes, str]] = set()  # large arrays, with the place in their file
        self.unused: set[Path] = {*plans_and_objects(store.path)}
        self.objects = 0

    def faults_of(self, digest: str) -> list[str]:
        """What is damaged or missing of a plan, which is read once."""
        if digest not in self._faults:
            self._faults[digest] = [*self._read(digest)]
        return self._faults[digest]

    def _read(self, digest: str) -> Iterator[str]:
        path = self._store.plan_path(digest)
        self.unused.discard(path)
        try:
            with reading(path):
                if blake2b(path.read_bytes(), digest_size=DIGEST).hexdigest() != digest:
                    yield f"{path} is damaged"
            plan = self._store.plan(digest)
            for each in plan.digests:
                self.objects += 1
                self.unused.discard(self._store.object_path(each.hex()))
                if not self._is_sound(plan, each):
                    yield f"the object {each.hex()} is damaged"
        except (OSError, StoreError) as error:
            yield str(error)

    def _is_sound(self, plan: StoredPlan, digest: bytes) -> bool:
        place = digest, plan.location_of(digest)
        if place in self._sound:
            return True
        is_sound = digest_of_memory(plan.array(digest)) == digest
        if is_sound and digest in plan.large:
            self._sound.add(place)
        return is_sound
