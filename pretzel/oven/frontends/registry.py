"""Which adapter turns which estimator into nodes, keyed by dotted name so that no library is imported for it.

Look-up is by *exact* type: a subclass may override anything, so it is opaque unless it is registered itself.
"""

from __future__ import annotations

import functools
import importlib
import pkgutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Methods, Node

Adapter = Callable[[Any, "Node", "Importer"], "Node | Methods"]
"""``adapter(estimator, x, importer)`` returns the node of ``transform``, or the outputs of several methods.

It raises `Unsupported` when the estimator uses a parameter that has no native form."""

AdapterT = TypeVar("AdapterT", bound=Adapter)

_adapters: dict[str, Adapter] = {}


class Unsupported(Exception):
    """This configuration of an estimator has no native form; the step becomes opaque, with this reason."""


def adapter(*names: str) -> Callable[[AdapterT], AdapterT]:
    """Register an adapter for the classes with these public dotted names, e.g. ``sklearn.linear_model.Ridge``."""

    def register(function: AdapterT) -> AdapterT:
        for name in names:
            if name in _adapters:
                raise ValueError(f"{name} is registered twice")
            _adapters[name] = function
        return function

    return register


def public_name(cls: type) -> str:
    """Dotted name without private modules: ``sklearn.tree._classes.ExtraTreeClassifier`` loses ``_classes``."""
    parts: list[str] = []
    for part in cls.__module__.split("."):
        if part.startswith("_"):
            break
        parts.append(part)
    return ".".join([*parts, cls.__qualname__])


def adapter_for(estimator: object) -> Adapter | None:
    """The adapter registered for exactly this type, or None."""
    _load()
    return _adapters.get(public_name(type(estimator)))


def registered() -> tuple[str, ...]:
    """Dotted names of all estimators with an adapter, sorted."""
    _load()
    return tuple(sorted(_adapters))


@functools.cache
def _load() -> None:
    """Import every module of adapters once: an estimator is added by adding its function, or its file."""
    package = importlib.import_module("pretzel.oven.frontends.sklearn")
    for module in pkgutil.iter_modules(package.__path__):
        if not module.name.startswith("_"):
            importlib.import_module(f"{package.__name__}.{module.name}")
