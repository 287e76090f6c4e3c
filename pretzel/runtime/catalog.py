"""Names of models, their versions and aliases, which may change while calls are running."""

from __future__ import annotations

import os
import re
import threading
from typing import TYPE_CHECKING, Any

from pretzel._native import WeightedRoute
from pretzel.errors import ModelInUseError, RegistrationError
from pretzel.options import check_option
from pretzel.runtime.catalog_entry import Alias, Entry, check_changes, check_own, check_word, not_found, parts_of, text
from pretzel.runtime.handle import Model, reroute
from pretzel.runtime.log import logger
from pretzel.runtime.version import Route, Version

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pretzel.runtime.model import Plan

# One lock for all catalogs, taken only to change one; calls never take it. It is held over a fork, so that no child
# process inherits it locked. It is reentrant, because a finalizer may run at any allocation and unregister a model. For
# the same reason all loops here run over copies of dicts and sets.
_lock = threading.RLock()
os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)

_NUMBERED = re.compile(r"v([1-9][0-9]{0,17})")


class Catalog:
    """Models by name. Reading takes no lock; changes are atomic and one after the other."""

    def __init__(self) -> None:
        self._handles: dict[str, Model] = {}  # of names, aliases, and versions that were looked up
        self._entries: dict[str, Entry] = {}
        self._aliases: dict[str, Alias] = {}
        self._closed = False

    def find_elsewhere(self, target: str) -> None:
        """Is called for a name or version that is not here, before it is looked up once more."""

    def check(self, name: str, version: str | None, replace: bool) -> None:
        """Raise what `put` would raise now.

        Raises
        ------
        RegistrationError, ModelInUseError, ModelNotFoundError
        RuntimeError
            The catalog has been closed.
        """
        self._check(name, version, replace)

    def _check(self, name: str, version: str | None, replace: bool) -> None:
        self._check_open()
        check_word(name, "name")
        if name in self._aliases:
            raise ModelInUseError(f"{name!r} is an alias; unregister it first, or give the model another name")
        entry = self._entries.get(name)
        if entry is None and replace:
            raise not_found(self._entries, name)
        if version is not None:
            check_word(version, "version")
            if entry is not None and version in entry.versions:
                raise ModelInUseError(f"'{name}@{version}' is registered already; give another version")

    def put(
        self,
        name: str,
        plan: Plan,
        version: str | None = None,
        *,
        default: bool = True,
        keep: bool = False,
        allow_changes: bool = False,
        replace: bool = False,
    ) -> Model:
        """Register a version of a model; with ``replace`` only of one that is here.

        The first version is the default. A later one replaces it if ``default``; the replaced version is dropped,
        unless ``keep``, as soon as no alias points at it. Returns the handle of the default, or of this version if it
        is not.

        Raises
        ------
        RegistrationError, ModelInUseError, ModelNotFoundError, RuntimeError
            As `check` does, and if the plan differs from the one that it replaces, unless ``allow_changes``.
        """
        for option, value in ("default", default), ("keep", keep), ("allow_changes", allow_changes):
            check_option(option, value, bool)
        with _lock:
            self._check(name, version, replace)
            entry = self._entries.get(name)
            if entry is not None and default and not allow_changes:
                check_changes(name, entry.versions[entry.default].plan, plan)
            if entry is None:
                entry = self._entries[name] = Entry(self._new_handle(name))
            label = version or f"v{entry.highest + 1}"
            number = _NUMBERED.fullmatch(label)
            entry.highest = max(entry.highest, int(number[1]) if number else 0)
            entry.versions[label] = Version(name, label, plan)
            gone: list[str] = []
            if default or not entry.default:
                if entry.default and not keep:
                    entry.replaced.add(entry.default)
                entry.default = label
                gone = self._unused(name)
            dropped = self._reroute(name, gone)
            self._handles[name] = entry.handle
            handle = entry.handle if default else self[f"{name}@{label}"]
        dropped.clear()  # frees the old version without holding the lock
        logger.info("registered %s@%s%s", name, label, ", the default" if entry.default == label else "")
        return handle

    def promote(self, target: str, *, allow_changes: bool = False) -> Model:
        """Make a version the default of its name and keep the one before. Returns the handle of the name.

        Raises
        ------
        ModelNotFoundError, RegistrationError
        """
        name, _, label = text(target).partition("@")
        with _lock:
            entry = self._entries.get(name)
            if entry is None or label not in entry.versions:
                raise not_found(self._entries, target)
            check_own(name, entry)
            if not allow_changes:
                check_changes(name, entry.versions[entry.default].plan, entry.versions[label].plan)
            entry.default = label
            entry.replaced.discard(label)
            dropped = self._reroute(name, [])
        dropped.clear()
        return entry.handle

    def point(self, name: str, shares: Mapping[str, float], seed: int) -> Model:
        """Make an alias, or give one a new target; returns its handle.

        Raises
        ------
        RegistrationError, ModelInUseError, ModelNotFoundError
        RuntimeError
            The catalog has been closed.
        """
        check_word(name, "name")
        parts = parts_of(shares)
        for target in parts:
            if target not in self._handles:
                self.find_elsewhere(target)
        positive = [part for part in parts.values() if part > 0]
        weights = WeightedRoute(positive, seed) if len(positive) > 1 else None
        with _lock:
            self._check_open()
            if name in self._entries:
                raise ModelInUseError(f"{name!r} is a model; unregister it first, or give the alias another name")
            for target in parts:
                if target in self._aliases:
                    raise RegistrationError(f"{target!r} is an alias; an alias points at models and their versions")
                self._find(target)
            known = self._aliases.get(name)
            before = [] if known is None else list(known.shares)
            alias = Alias(self._new_handle(name) if known is None else known.handle, parts, weights)
            self._aliases[name] = alias
            dropped = reroute([(alias.handle, self._route(alias))])
            self._handles[name] = alias.handle
            dropped += self._let_go(name, before)
        dropped.clear()
        return alias.handle

    def remove(self, target: str) -> None:
        """Forget a model with all its versions, a version, or an alias; handles reject calls from now on.

        Raises
        ------
        ModelNotFoundError
        ModelInUseError
            An alias points there, or it is the default version.
        """
        name, _, label = text(target).partition("@")
        with _lock:
            if target in self._aliases:
                dropped = self._remove_alias(target)
            elif target in self._entries:
                check_own(name, self._entries[name])
                dropped = self._remove_name(target)
            else:
                self._find(target)
                check_own(name, self._entries[name])
                self._check_unused(target)
                if label == self._entries[name].default:
                    raise ModelInUseError(
                        f"{target!r} is the default version; promote another, or unregister {name!r} with all versions"
                    )
                dropped = self._reroute(name, [label])
        dropped.clear()
        logger.info("unregistered %s", target)

    def close(self) -> None:
        """Unregister everything, for good."""
        with _lock:
            self._closed = True
            handles = dict(self._handles)
            self._handles.clear()
            dropped = [self._entries, self._aliases, *reroute([(handle, None) for handle in handles.values()])]
            self._entries, self._aliases = {}, {}
        dropped.clear()

    def __getitem__(self, name: str) -> Model:
        handle = self._handles.get(name)
        if handle is not None:
            return handle
        self.find_elsewhere(name)
        with _lock:
            version = self._find(name)
            handle = self._handles.get(name)
            if handle is None:
                handle = self._new_handle(name)
                reroute([(handle, Route((version,)))])
                self._handles[name] = handle
        return handle

    def __contains__(self, name: object) -> bool:
        if name in self._handles:
            return True
        with _lock:
            return isinstance(name, str) and self._look_up(name) is not None

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._entries))

    def __len__(self) -> int:
        return len(self._entries)

    @property
    def names(self) -> dict[str, Model]:
        """Handles by name, for look-ups from native code; callers must not change it."""
        return self._handles

    def models(self) -> list[tuple[Model, str, list[Version]]]:
        """Every model that is registered now: its handle, its default version, all its versions."""
        with _lock:
            entries = list(self._entries.values())
            return [(entry.handle, entry.default, list(entry.versions.values())) for entry in entries]

    def handles(self) -> list[Model]:
        """Handles of all names and aliases, and of versions that have been looked up."""
        with _lock:
            return list(self._handles.values())

    def aliases(self) -> list[tuple[Model, dict[str, float]]]:
        """Every alias: its handle, and the share of calls of each target."""
        with _lock:
            return [(alias.handle, dict(alias.shares)) for alias in list(self._aliases.values())]

    def _check_open(self) -> None:
        if self._closed:
            raise RuntimeError("this runtime has been closed")

    # The methods below are called under the lock.

    def _new_handle(self, name: str) -> Model:
        """The handle of a name that had none."""
        return Model(name)

    def _route_without(self, handle: Model, entry: Entry) -> Route | None:
        """What answers the calls of a handle whose model or version is gone; None: they are rejected."""
        return None

    def _look_up(self, target: str) -> Version | None:
        name, at, label = target.partition("@")
        entry = self._entries.get(name)
        return None if entry is None else entry.versions.get(label if at else entry.default)

    def _find(self, target: str) -> Version:
        version = self._look_up(text(target))
        if version is None:
            raise not_found(self._entries, target)
        return version

    def _route(self, alias: Alias) -> Route:
        shares = {target: share for target, share in alias.shares.items() if share > 0}
        parts = list(shares.values())
        return Route(tuple(self._find(target) for target in shares), alias.weights, parts.index(max(parts)))

    def _reroute(self, name: str, gone: list[str]) -> list[Any]:
        """Drop versions of a name, and update all handles of the name at once."""
        entry = self._entries[name]
        dropped: list[Any] = [entry.versions.pop(label) for label in gone]
        entry.replaced.difference_update(gone)
        handles = [self._handles.pop(f"{name}@{label}", None) for label in gone]
        changes: list[tuple[Model, Route | None]] = [(entry.handle, Route((entry.versions[entry.default],)))]
        changes += [(handle, self._route_without(handle, entry)) for handle in handles if handle is not None]
        for label, version in list(entry.versions.items()):
            pinned = self._handles.get(f"{name}@{label}")
            if pinned is not None:
                changes.append((pinned, Route((version,))))
        changes += [(self._aliases[alias].handle, self._route(self._aliases[alias])) for alias in list(entry.aliases)]
        return dropped + reroute(changes)

    def _unused(self, name: str) -> list[str]:
        """Replaced versions without an alias."""
        entry = self._entries[name]
        used = {target for alias in list(entry.aliases) for target in self._aliases[alias].shares}
        return [label for label in list(entry.replaced) if f"{name}@{label}" not in used]

    def _let_go(self, alias: str, before: list[str]) -> list[Any]:
        """Drop the former targets of an alias that nothing else uses."""
        now = self._aliases[alias].shares if alias in self._aliases else {}
        names_now = {target.partition("@")[0] for target in now}
        names_before = {target.partition("@")[0] for target in before}
        for name in names_before - names_now:
            self._entries[name].aliases.discard(alias)
        for name in names_now:
            self._entries[name].aliases.add(alias)
        dropped: list[Any] = []
        for name in names_before:
            gone = self._unused(name)
            if gone:
                dropped += self._reroute(name, gone)
        return dropped

    def _remove_alias(self, name: str) -> list[Any]:
        alias = self._aliases.pop(name)
        del self._handles[name]
        return [*reroute([(alias.handle, None)]), *self._let_go(name, list(alias.shares))]

    def _remove_name(self, name: str) -> list[Any]:
        entry = self._entries[name]
        self._check_unused(name)
        del self._entries[name]
        pinned = [self._handles.pop(f"{name}@{label}", None) for label in list(entry.versions)]
        handles = [self._handles.pop(name), *(handle for handle in pinned if handle is not None)]
        return [entry.versions, *reroute([(handle, self._route_without(handle, entry)) for handle in handles])]

    def _check_unused(self, target: str) -> None:
        """Raise if an alias points at the target; an alias of a version also counts for the whole name."""
        name, at, _ = target.partition("@")
        aliases = self._entries[name].aliases
        users = [alias for alias in sorted(aliases) if not at or target in self._aliases[alias].shares]
        if users:
            raise ModelInUseError(f"{target!r} is the target of alias {', '.join(map(repr, users))}")
