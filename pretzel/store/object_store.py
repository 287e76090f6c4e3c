"""Interning by content: equal arrays, bound kernel states and stages of all models are one object.

One lock guards all stores (`StoreLock`). Nothing slow (hashing, copying, binding) is done under it.
"""

from __future__ import annotations

import weakref
from collections import Counter
from dataclasses import dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy.typing as npt

from pretzel import _native
from pretzel.input_spec import InputSpec
from pretzel.program import ProgramShape, Stage, SubPlan
from pretzel.store.digest import digest_array, digest_parts, frozen, is_frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pretzel.packed import Packed

Array = npt.NDArray[Any]

SMALL_STATE = 4096
"""Bytes up to which the state of a kernel is named by its contents."""


_SPEC_FIELDS = tuple(each.name for each in fields(InputSpec))

_locked = _native.StoreLock()


@dataclass(slots=True)
class _Entry:
    array: Array
    references: int = 0
    bound: list[bytes] = field(default_factory=list)  # keys of bindings that name this object


@dataclass(frozen=True, slots=True)
class Bound:
    """A kernel bound to parameters: digests of what it reads when it runs."""

    params: tuple[bytes | None, ...]
    state: bytes | None

    @property
    def digests(self) -> list[bytes]:
        """Digests of the parameters and of the state, without the gaps."""
        return [digest for digest in (*self.params, self.state) if digest is not None]


class Lease:
    """What one plan holds in a store; everything it holds alone is freed by `close` or when it is collected."""

    _digests: set[bytes] | list[bytes] = []  # noqa: RUF012  (of a lease whose `__init__` was interrupted)

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._locked = _locked  # a lease may outlive the globals of this module
        self._digests = set()

    @property
    def digests(self) -> tuple[bytes, ...]:
        """Everything held, in order."""
        return tuple(sorted(self._digests))

    def complete(self) -> None:
        """Nothing more will be held: a list takes a fraction of the memory of a set."""
        self._digests = list(self._digests)

    def close(self) -> None:
        """Let go of everything; harmless when repeated."""
        self._locked.release_soon(self._store, self._digests)

    def __del__(self) -> None:
        if self._digests:
            self.close()


class ObjectStore:
    """Arrays by content digest, reference-counted by the leases of plans. Safe to use from many threads."""

    def __init__(self) -> None:
        self._entries: dict[bytes, _Entry] = {}
        self._bound: dict[bytes, Bound] = {}
        self._nbytes = 0
        self._stages: weakref.WeakValueDictionary[bytes, Stage] = weakref.WeakValueDictionary()
        self._packed: weakref.WeakValueDictionary[bytes, Packed] = weakref.WeakValueDictionary()
        self._shapes: weakref.WeakValueDictionary[Any, ProgramShape] = weakref.WeakValueDictionary()
        self._input_specs: weakref.WeakValueDictionary[Any, InputSpec] = weakref.WeakValueDictionary()
        self._subplans: weakref.WeakValueDictionary[Any, SubPlan] = weakref.WeakValueDictionary()

    @property
    def nbytes(self) -> int:
        """Bytes of all arrays that are held."""
        return self._nbytes

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def lease(self) -> Lease:
        """A new, empty lease."""
        return Lease(self)

    def intern(self, array: Array, lease: Lease) -> bytes:
        """Keep an array for as long as ``lease`` lives; returns its digest. An equal one that is here is used."""
        if not is_frozen(array):
            array = frozen(array)
        digest = digest_array(array)
        self._keep(digest, array, lease)
        return digest

    def hold(self, name: bytes, make: Callable[[], Array], lease: Lease) -> None:
        """Keep memory that never changes, such as a mapped file, for as long as ``lease`` lives.

        It is neither hashed nor copied. ``make`` is called if nothing is here under that name.
        """
        with _locked:
            if self._hold(name, lease):
                return
        entry = _Entry(make())
        with _locked:
            self._add(name, entry)
            self._hold(name, lease)

    def get(self, digest: bytes) -> Array:
        """The array of that digest. Raises `KeyError` when no lease holds it."""
        return self._entries[digest].array

    def adopt(self, source: ObjectStore, digests: Iterable[bytes], lease: Lease) -> None:
        """Hold objects of another store, or of this one, with ``lease``; the arrays are shared, not copied.

        Raises
        ------
        KeyError
            Nobody holds one of them in ``source``.
        """
        arrays = [(digest, source.get(digest)) for digest in digests]
        with _locked:
            for digest, array in arrays:
                self._add(digest, _Entry(array))
                self._hold(digest, lease)

    def bind(self, kernel: str, params: Mapping[str, Array], lease: Lease) -> Bound:
        """Build, or find, what ``kernel`` makes of its parameters, by name; keeps only what it reads when it runs.

        A large state is named by the digest of everything its bytes depend on, and not hashed itself. A small one is
        named by its contents, because many do not depend on all parameters and are shared by models that differ.
        """
        arrays = list(params.values())
        key = digest_parts("state", _native.state_key(kernel), [digest_array(a) for a in arrays])
        with _locked:
            known = self._bound.get(key)
            if known is not None:
                for digest in known.digests:
                    self._hold(digest, lease)
                return known
        state, run_params = _native.bind(kernel, params)
        kept = tuple(self.intern(a, lease) if run_params >> i & 1 else None for i, a in enumerate(arrays))
        bound = Bound(kept, None if state is None else self._intern_state(key, state, lease))
        with _locked:
            # Recorded once, by the first of several threads, for as long as everything it names is here.
            entries = [self._entries.get(digest) for digest in bound.digests]
            if key not in self._bound and entries and None not in entries:
                self._bound[key] = bound
                for entry in entries:
                    entry.bound.append(key)  # type: ignore[union-attr]
        return bound

    def stage(self, stage: Stage) -> Stage:
        """The one object of all stages equal to this; one from a file may claim the digest of another."""
        with _locked:
            found = self._stages.setdefault(stage.digest, stage)
        return found if found.calls == stage.calls else stage

    def shape(self, shape: ProgramShape) -> ProgramShape:
        """The one object of all shapes equal to this."""
        with _locked:
            key = (shape.leaves, shape.values, shape.steps, shape.output)
            return self._shapes.setdefault(key, shape)

    def subplan(self, subplan: SubPlan) -> SubPlan:
        """The one object of all sub-plans equal to this; those that it runs are such objects already."""
        with _locked:
            return self._subplans.setdefault((subplan.shape, subplan.calls), subplan)

    def packed(self, packed: Packed) -> Packed:
        """The one object of all packed data equal to this."""
        with _locked:
            return self._packed.setdefault(packed.content, packed)

    def input_spec(self, spec: InputSpec) -> InputSpec:
        """The one object of all specifications of requests equal to this."""
        with _locked:
            return self._input_specs.setdefault(tuple(getattr(spec, name) for name in _SPEC_FIELDS), spec)

    def shared(self, part: Any) -> Any:
        """The one object of all specifications, stages, shapes, sub-plans and packed data equal to this."""
        match part:
            case InputSpec():
                return self.input_spec(part)
            case Stage():
                return self.stage(part)
            case ProgramShape():
                return self.shape(part)
            case SubPlan():
                return self.subplan(part)
        return self.packed(part)

    def bytes_of(self, digests: Iterable[bytes]) -> int:
        """Sum of the sizes of these objects."""
        return sum(self._entries[digest].array.nbytes for digest in digests)

    def exclusive_bytes(self, *leases: Lease) -> int:
        """Bytes that would be freed by closing all of ``leases``."""
        with _locked:
            held = Counter(digest for lease in leases for digest in lease._digests)
            entries = [(self._entries[digest], count) for digest, count in held.items()]
            return sum(entry.array.nbytes for entry, count in entries if entry.references == count)

    def stats(self) -> dict[str, int]:
        """Counts and bytes: ``unique_bytes`` are held, ``logical_bytes`` would be without sharing."""
        with _locked:
            entries = list(self._entries.values())
            return {
                "objects": len(entries),
                "stages": len(self._stages),
                "unique_bytes": sum(e.array.nbytes for e in entries),
                "logical_bytes": sum(e.array.nbytes * e.references for e in entries),
            }

    def _intern_state(self, key: bytes, state: Array, lease: Lease) -> bytes:
        if state.nbytes <= SMALL_STATE:
            return self.intern(state, lease)
        self._keep(key, state, lease)
        return key

    def _keep(self, digest: bytes, array: Array, lease: Lease) -> None:
        """Hold the object of that name with ``lease``; a copy of ``array`` where there is none and others may write."""
        self.hold(digest, lambda: array if is_frozen(array) else frozen(array), lease)

    def _add(self, digest: bytes, entry: _Entry) -> None:
        """Under the lock: put an object here, which the caller holds next, unless it is here."""
        if self._entries.setdefault(digest, entry) is entry:
            self._nbytes += entry.array.nbytes

    def _hold(self, digest: bytes, lease: Lease) -> bool:
        """Under the lock: hold an object if it is here; holding it twice is holding it once."""
        entry = self._entries.get(digest)
        if entry is None:
            return False
        held = lease._digests
        if digest not in held:
            assert isinstance(held, set), "the lease is complete"
            held.add(digest)
            entry.references += 1
        return True

    def _release(self, digests: set[bytes] | list[bytes]) -> None:
        """Under the lock: the end of a lease."""
        while digests:
            digest = digests.pop()
            entry = self._entries[digest]
            entry.references -= 1
            if entry.references == 0:
                del self._entries[digest]
                self._nbytes -= entry.array.nbytes
                for key in entry.bound:
                    self._bound.pop(key, None)


_default = ObjectStore()


def default_store() -> ObjectStore:
    """The store of this process, which plans share unless they are given another."""
    return _default
