"""A catalog that has models of a store on disk beside those that are registered."""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from pretzel.errors import ModelInUseError
from pretzel.runtime.catalog import Catalog, _lock
from pretzel.runtime.catalog_entry import Entry
from pretzel.runtime.handle import Model, reroute
from pretzel.runtime.log import logger
from pretzel.runtime.version import LostVersion, Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.runtime.stored_models import StoredModels
    from pretzel.runtime.version import Version


class StoredCatalog(Catalog):
    """Models by name, some of which are those of a store.

    Attributes
    ----------
    stored_models : StoredModels or None
        Asked for names that are not here.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stored_models: StoredModels | None = None
        self._lost: WeakValueDictionary[str, Model] = WeakValueDictionary()  # handles whose model has left the store

    def find_elsewhere(self, target: str) -> None:
        """Let the store be asked, which calls `follow` if it has the name or version."""
        if self.stored_models is not None:
            self.stored_models.find(target)

    def check(self, name: str, version: str | None, replace: bool) -> None:
        """See `Catalog.check`; models of the store are changed there."""
        super().check(name, version, replace)
        self._check_other(name, self.stored_models is not None and name in self.stored_models)

    def _check(self, name: str, version: str | None, replace: bool) -> None:
        entry = self._entries.get(name) if isinstance(name, str) else None
        self._check_other(name, entry is not None and entry.stored)
        super()._check(name, version, replace)

    def _check_other(self, name: str, is_stored: bool) -> None:
        if is_stored:
            raise ModelInUseError(f"{name!r} is a model of the store: publish it there, or register another name")

    def follow(self, name: str, versions: Mapping[str, Version], default: str) -> None:
        """Let a model have exactly these versions of a store on disk; all have been loaded at least once.

        A version that is the target of an alias stays as long as the alias needs it, and its plan in memory, because
        the store may not have it any more.

        Raises
        ------
        ModelInUseError
            The name is an alias, or has been registered.
        RuntimeError
            The catalog has been closed.
        """
        with _lock:
            self._check_open()
            entry = self._entries.get(name)
            if name in self._aliases or (entry is not None and not entry.stored):
                raise ModelInUseError(f"{name!r} is in the store, and is an alias or has been registered, too")
            if entry is None:
                entry = self._entries[name] = Entry(self._new_handle(name), stored=True)
            old = [version for label, version in entry.versions.items() if versions.get(label) is not version]
            entry.replaced = {version.label for version in old if version.label not in versions}
            entry.versions.update(versions)
            entry.default = default
            dropped = [old, self._reroute(name, self._unused(name))]
            self._handles[name] = entry.handle
        dropped.clear()

    def refresh(self, version: Version) -> None:
        """Let all handles of a version call what is in memory of it now."""
        with _lock:
            dropped = self._reroute(version.model, []) if self.knows(version) else []
        dropped.clear()

    def knows(self, version: Version) -> bool:
        """Whether a handle or an alias may call this version."""
        entry = self._entries.get(version.model)
        return entry is not None and entry.versions.get(version.label) is version

    def stored(self) -> list[str]:
        """Names of all models that `follow` has put here."""
        with _lock:
            return [name for name, entry in list(self._entries.items()) if entry.stored]

    def stored_versions(self, name: str) -> dict[str, Version]:
        """Versions of a model that `follow` has put here, by their labels."""
        with _lock:
            entry = self._entries.get(name)
            return dict(entry.versions) if entry is not None and entry.stored else {}

    def version_of(self, target: str) -> Version | None:
        """The version that a name means now, if it is here."""
        with _lock:
            return self._look_up(target)

    def forget(self, name: str) -> None:
        """Unregister a model of `follow`, unless an alias points at it."""
        with _lock:
            entry = self._entries.get(name)
            if entry is None or not entry.stored or entry.aliases:
                return
            dropped = self._remove_name(name)
        dropped.clear()
        logger.info("forgot %s, which is in the store no more", name)

    def close(self) -> None:
        """See `Catalog.close`."""
        super().close()
        with _lock:
            dropped = reroute([(handle, None) for handle in list(self._lost.values())])
        dropped.clear()

    def _new_handle(self, name: str) -> Model:
        """A handle that callers have kept since its model left the store, or a new one."""
        return self._lost.pop(name, None) or Model(name)

    def _route_without(self, handle: Model, entry: Entry) -> Route | None:
        """A handle of a model of the store looks its name up with each call."""
        if not entry.stored:
            return None
        self._lost[handle.name] = handle
        return Route((LostVersion(handle, self.__getitem__),))
