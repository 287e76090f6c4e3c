"""Interning by content: equal arrays, bound kernel states and stages of all models are one object."""

from __future__ import annotations

import threading
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from pretzel.store.digest import ALIGNMENT, digest_array, digest_parts, frozen

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pretzel.plan import Stage

Array = npt.NDArray[Any]


@dataclass(slots=True)
class _Entry:
    array: Array
    references: int = 0


@dataclass(frozen=True, slots=True)
class Bound:
    """A kernel bound to parameters: digests of what it reads when it runs."""

    params: tuple[bytes | None, ...]
    state: bytes | None


class Lease:
    """What one plan holds in a store; everything it holds alone is freed by `close` or when it is collected."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._digests: set[bytes] = set()

    @property
    def digests(self) -> frozenset[bytes]:
        """Everything held."""
        return frozenset(self._digests)

    def add(self, digest: bytes) -> None:
        """Hold one more object; holding it twice is holding it once."""
        with self._store._lock:
            if digest not in self._digests:
                self._store._entries[digest].references += 1
                self._digests.add(digest)

    def close(self) -> None:
        """Let go of everything; harmless when repeated."""
        with self._store._lock:
            digests, self._digests = self._digests, set()
            self._store._release(digests)

    def __del__(self) -> None:
        self.close()


class ObjectStore:
    """Arrays by content digest, reference-counted by the leases of plans. Safe to use from many threads."""

    def __init__(self) -> None:
        self._lock = threading.RLock()
        self._entries: dict[bytes, _Entry] = {}
        self._bound: dict[bytes, Bound] = {}
        self._stages: weakref.WeakValueDictionary[bytes, Stage] = weakref.WeakValueDictionary()

    def lease(self) -> Lease:
        """A new, empty lease."""
        return Lease(self)

    def intern(self, array: Array, lease: Lease) -> bytes:
        """Keep an array for as long as ``lease`` lives; returns its digest. An equal one that is here is used."""
        digest = digest_array(array)
        with self._lock:
            if digest not in self._entries:
                self._entries[digest] = _Entry(array if _is_frozen(array) else frozen(array))
            lease.add(digest)
        return digest

    def get(self, digest: bytes) -> Array:
        """The array of that digest. Raises `KeyError` when nobody holds it."""
        return self._entries[digest].array

    def bind(self, kernel: str, params: Iterable[Array], lease: Lease) -> Bound:
        """Build, or find, what ``kernel`` makes of its parameters; keeps only what it reads when it runs."""
        from pretzel._native import bind

        arrays = list(params)
        key = digest_parts("bind", kernel, [digest_array(a) for a in arrays])
        with self._lock:
            known = self._bound.get(key)
            if known is not None and self._holds(known):
                for digest in (*known.params, known.state):
                    if digest is not None:
                        lease.add(digest)
                return known
        state, run_params = bind(kernel, arrays)
        kept = tuple(self.intern(a, lease) if run_params >> i & 1 else None for i, a in enumerate(arrays))
        bound = Bound(kept, None if state is None else self.intern(state, lease))
        with self._lock:
            self._bound[key] = bound
        return bound

    def stage(self, stage: Stage) -> Stage:
        """The one object of all stages equal to this."""
        with self._lock:
            return self._stages.setdefault(stage.digest, stage)

    def bytes_of(self, digests: Iterable[bytes]) -> int:
        """Sum of the sizes of these objects."""
        return sum(self._entries[d].array.nbytes for d in digests)

    def exclusive_bytes(self, lease: Lease) -> int:
        """Bytes that would be freed by closing ``lease``."""
        with self._lock:
            return self.bytes_of(d for d in lease.digests if self._entries[d].references == 1)

    def stats(self) -> dict[str, int]:
        """Counts and bytes: ``unique_bytes`` are held, ``logical_bytes`` would be without sharing."""
        with self._lock:
            entries = list(self._entries.values())
            return {
                "objects": len(entries),
                "stages": len(self._stages),
                "unique_bytes": sum(e.array.nbytes for e in entries),
                "logical_bytes": sum(e.array.nbytes * e.references for e in entries),
            }

    def _holds(self, bound: Bound) -> bool:
        return all(d is None or d in self._entries for d in (*bound.params, bound.state))

    def _release(self, digests: set[bytes]) -> None:
        dead = set()
        for digest in digests:
            entry = self._entries[digest]
            entry.references -= 1
            if entry.references == 0:
                del self._entries[digest]
                dead.add(digest)
        if dead:
            self._bound = {k: b for k, b in self._bound.items() if dead.isdisjoint((*b.params, b.state))}


def _is_frozen(array: Array) -> bool:
    return bool(
        not array.flags.writeable
        and array.flags.c_contiguous
        and array.ctypes.data % ALIGNMENT == 0
        and array.dtype.isnative
        and array.dtype != np.dtype(object)
    )


_default: ObjectStore | None = None
_default_lock = threading.Lock()


def default_store() -> ObjectStore:
    """The store of this process, which plans share unless they are given another."""
    global _default
    with _default_lock:
        if _default is None:
            _default = ObjectStore()
        return _default
