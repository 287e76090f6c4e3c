"""Versions of registered models, whose plans are in memory, or in a store on disk until they are called."""

from __future__ import annotations

import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pretzel._native import CallCounter, RoutedMethod
from pretzel.errors import ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pretzel._native import Method, WeightedRoute
    from pretzel.runtime.handle import Model
    from pretzel.runtime.model import Plan
    from pretzel.runtime.opaque import OpaqueMethod


class Owner(weakref.ref["Plan"]):
    """A weak reference of methods to their plan, which also tells whose they are once the plan is gone.

    Attributes
    ----------
    version : str
        ``"name@version"``, as which the plan is registered; "" if it is not.
    """

    __slots__ = ("version",)
    version: str

    def __new__(cls, plan: Plan) -> Owner:
        made = super().__new__(cls, plan)
        made.version = ""
        return made


def version_of(target: Any) -> str:
    """``"name@version"`` whose method this is, which a call has picked; "" if it is none's."""
    owner: Owner | None = target.owner
    return "" if owner is None else owner.version


class Version:
    """A plan that has been registered.

    Parameters
    ----------
    model : str
        Name of the model.
    label : str
        The part behind "@" in ``"name@v2"``.
    plan : Plan, optional
        Must not be shared: its methods hold this version's call counters.

    Attributes
    ----------
    name : str
        Stands for this version alone: ``"name@v2"``.
    resident : Plan or None
        The plan, if it is in memory.
    """

    __slots__ = ("label", "model", "name", "resident")

    def __init__(self, model: str, label: str, plan: Plan | None = None) -> None:
        self.model = model
        self.label = label
        self.name = f"{model}@{label}"
        self.resident = plan
        if plan is not None:
            plan.owner.version = self.name

    @property
    def plan(self) -> Plan:
        """The plan, which is loaded unless it is in memory: a caller must not hold the lock of the catalogs."""
        assert self.resident is not None
        return self.resident

    def targets(self) -> Mapping[str, Method | OpaqueMethod | Unloaded]:
        """What answers the calls of each method."""
        return self.plan.methods

    def method_calls(self) -> dict[str, int]:
        """Calls of each method, under any name."""
        return {name: method.calls for name, method in self.targets().items()}

    def method_failures(self) -> dict[str, dict[str, int]]:
        """Calls of each method that ended without an answer, by ending."""
        return {name: method.failures for name, method in self.targets().items()}

    @property
    def calls(self) -> int:
        """Calls of all methods, under any name."""
        return sum(self.method_calls().values())


class StoredVersion(Version):
    """A version of a model in a store on disk.

    Parameters
    ----------
    model, label : str
    digest : str
        Names the plan in the store.
    load : callable
        ``load(version)`` is its plan; it sets `resident` and keeps the plan there for as long as it likes.

    Attributes
    ----------
    was_default : bool
        Whether the name alone meant this version, and means another now.
    load_seconds : float
        How long loading took the last time.
    weight : float
        Recent calls: older ones count less and less (`pretzel.runtime.residency`).
    weighed : tuple of int
        Number of calls, and of plans loaded by the runtime, when the weight was computed.
    """

    __slots__ = (
        *("_calls", "_failures", "_load", "_unloaded"),
        *("digest", "load_seconds", "was_default", "weighed", "weight"),
    )

    def __init__(self, model: str, label: str, digest: str, load: Callable[[StoredVersion], Plan]) -> None:
        super().__init__(model, label)
        self.digest = digest
        self.was_default = False
        self.load_seconds = 0.0
        self.weight = 0.0
        self.weighed = (0, 0)
        self._load = load
        self._unloaded: dict[str, Unloaded] = {}
        self._calls: dict[str, int] = {}  # of plans that are not in memory any more
        self._failures: dict[str, dict[str, int]] = {}

    @property
    def plan(self) -> Plan:
        """The plan, which is loaded unless it is in memory: a caller must not hold the lock of the catalogs."""
        plan = self.resident
        return self._load(self) if plan is None else plan

    @property
    def was_loaded(self) -> bool:
        """Whether the plan has been in memory, so that its methods are known."""
        return bool(self._unloaded)

    def arrive(self, plan: Plan) -> None:
        """The plan is in memory from now on."""
        for method in plan.methods:
            self._unloaded.setdefault(method, Unloaded(self, method))
        plan.owner.version = self.name
        self.resident = plan

    def leave(self) -> Plan | None:
        """The plan leaves memory. It is returned, so that `count` can add its calls once no handle calls it."""
        plan, self.resident = self.resident, None
        return plan

    def count(self, plan: Plan) -> None:
        """Remember the calls of a plan that has left."""
        for name, method in plan.methods.items():
            self._calls[name] = self._calls.get(name, 0) + method.calls
            self._failures[name] = _sum(self._failures.get(name, {}), method.failures)

    def targets(self) -> Mapping[str, Method | OpaqueMethod | Unloaded]:
        """What answers the calls of each method: a method of the plan in memory, or what loads it."""
        plan = self.resident
        return dict(self._unloaded) if plan is None else plan.methods

    def method_calls(self) -> dict[str, int]:
        """Calls of each method, under any name."""
        plan = self.resident
        found = {name: self._calls.get(name, 0) + method.calls for name, method in self._unloaded.items()}
        for name, method in {} if plan is None else plan.methods.items():
            found[name] = found.get(name, 0) + method.calls
        return found

    def method_failures(self) -> dict[str, dict[str, int]]:
        """Calls of each method that ended without an answer, by ending."""
        plan = self.resident
        found = {name: _sum(self._failures.get(name, {}), each.failures) for name, each in self._unloaded.items()}
        for name, method in {} if plan is None else plan.methods.items():
            found[name] = _sum(found.get(name, {}), method.failures)
        return found


def _sum(some: Mapping[str, int], others: Mapping[str, int]) -> dict[str, int]:
    return {ending: some.get(ending, 0) + others.get(ending, 0) for ending in {**some, **others}}


class LostVersion(Version):
    """What a handle has whose model or version has left the store: each call looks the name up again.

    Parameters
    ----------
    handle : Model
    look_up : callable
        ``look_up(name)`` is the handle of what has this name now, which is the same one.
    """

    __slots__ = ("_look_up", "_methods", "_name", "_reason")

    def __init__(self, handle: Model, look_up: Callable[[str], Model]) -> None:
        model, _, label = handle.name.partition("@")
        super().__init__(model, label)
        self._name, self._reason = handle.name, handle.gone()
        self._methods = [*handle.endpoints]
        self._look_up = look_up

    def find(self) -> Model:
        """The handle, once it has another version.

        Raises
        ------
        ModelNotFoundError
            There is none.
        """
        try:
            return self._look_up(self._name)
        except ModelNotFoundError as error:
            raise ModelNotFoundError(self._reason) from error

    @property
    def plan(self) -> Plan:
        """The plan that the name means now."""
        return self.find().plan

    def targets(self) -> Mapping[str, Unloaded]:
        """What looks the name up, for each method that the model had."""
        return {method: Unloaded(self, method) for method in self._methods}


class Unloaded(CallCounter):
    """A method of a plan that is not in memory: a call loads the plan, and is answered by it.

    Parameters
    ----------
    version : StoredVersion or LostVersion
    method : str
    """

    def __init__(self, version: Version, method: str) -> None:
        self._version = version
        self._method = method

    def loaded(self) -> Method | OpaqueMethod:
        """The method of the plan, which is loaded unless it is in memory."""
        plan = self._version.plan
        if self._method not in plan.methods:
            raise AttributeError(f"{self._version.model} has no method {self._method!r} any more")
        return plan.methods[self._method]

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        """The answer of the method."""
        return self.loaded()(*arguments, **options)

    def call_row(self, row: Any) -> Any:
        """The answer of the method for one row."""
        return self.loaded().call_row(row)


def loaded(target: Any) -> Any:
    """The target of calls, after it has been loaded if it was not in memory."""
    return target.loaded() if type(target) is Unloaded else target


@dataclass(frozen=True, slots=True)
class Route:
    """The target of a handle's calls: one version, or several by weight.

    Parameters
    ----------
    versions : tuple of Version
    weights : WeightedRoute or None
        Deals calls out among several versions.
    main : int
        Index of the version with the greatest weight.
    """

    versions: tuple[Version, ...]
    weights: WeightedRoute | None = None
    main: int = 0

    @property
    def version(self) -> Version:
        """The version that gets most calls."""
        return self.versions[self.main]

    def methods(self) -> dict[str, Method | OpaqueMethod | RoutedMethod | Unloaded]:
        """The methods that all versions have."""
        if self.weights is None:
            return dict(self.version.targets())
        each = [version.targets() for version in self.versions]
        names = [name for name in each[self.main] if all(name in targets for targets in each)]
        return {name: RoutedMethod(self.weights, tuple(targets[name] for targets in each)) for name in names}
