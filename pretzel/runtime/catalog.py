"""Registered models by name: handles that follow replacements, and the changes of the catalog."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, NoReturn

from pretzel._native import Endpoint, switch
from pretzel.errors import ModelNotFoundError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pretzel.runtime.model import Plan

# One lock for all catalogs, taken only to change one: calls never take it. A child process must not inherit it from a
# thread that it does not have. Reentrant, because a finalizer may run at any allocation and unregister a model.
_lock = threading.RLock()
os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


class Model:
    """A registered model. Every call is answered, from beginning to end, by the version that is newest when it starts.

    It has the methods and attributes of its plan: ``predict``, ``predict_one``, ``classes_``, ... Once the name has
    been unregistered they raise `ModelNotFoundError`, also when another model takes the name.

    Parameters
    ----------
    name : str
        Under which it is registered.
    plan : Plan
        The first version.
    """

    predict: Callable[[Any], Any]
    predict_one: Callable[[Any], Any]
    predict_proba: Callable[[Any], Any]
    predict_proba_one: Callable[[Any], Any]
    decision_function: Callable[[Any], Any]
    decision_function_one: Callable[[Any], Any]
    transform: Callable[[Any], Any]
    transform_one: Callable[[Any], Any]

    def __init__(self, name: str, plan: Plan) -> None:
        self.name = name
        self._plan: Plan | None = None
        self._endpoints: dict[str, Endpoint] = {}
        self._install(plan)

    def _install(self, plan: Plan | None) -> list[Any]:
        """Make ``plan`` the newest version, or None for no more; returns what is to be dropped."""
        methods = {} if plan is None else plan.methods
        for method, target in methods.items():
            if method not in self._endpoints:
                self._endpoints[method] = Endpoint(target)
        targets = [methods.get(method) or self._refusal(method, plan) for method in self._endpoints]
        old, self._plan = self._plan, plan
        switch(list(self._endpoints.values()), targets)
        for method, endpoint in self._endpoints.items():
            if plan is not None and method not in methods:
                self.__dict__.pop(method, None)
                self.__dict__.pop(f"{method}_one", None)
            else:
                self.__dict__.update({method: endpoint, f"{method}_one": endpoint.one})
        return [old, *targets]

    def _refusal(self, method: str, plan: Plan | None) -> _Refusal:
        if plan is None:
            return _Refusal(ModelNotFoundError, self._gone())
        return _Refusal(AttributeError, f"{self.name} has no method {method!r} any more")

    def _gone(self) -> str:
        return f"model {self.name!r} has been unregistered"

    @property
    def current(self) -> Plan | None:
        """The newest version; None when the model has been unregistered."""
        return self._plan

    @property
    def plan(self) -> Plan:
        """The newest version.

        Raises
        ------
        ModelNotFoundError
            The model has been unregistered.
        """
        plan = self._plan
        if plan is None:
            raise ModelNotFoundError(self._gone())
        return plan

    @property
    def calls(self) -> int:
        """Calls of all methods, since the name was registered."""
        return sum(endpoint.calls for endpoint in list(self._endpoints.values()))

    @property
    def nbytes(self) -> int:
        """Bytes of everything the newest version refers to, shared or not."""
        return self.plan.nbytes

    @property
    def exclusive_bytes(self) -> int:
        """Bytes that would be freed by unregistering the model."""
        return self.plan.exclusive_bytes

    def explain(self, format: str = "text") -> Any:
        """How the newest version was compiled; see `Plan.explain`."""
        return self.plan.explain(format)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        plan = self.plan
        if name in plan.physical.attributes:
            return getattr(plan, name)
        raise AttributeError(f"{self.name} has no attribute {name!r}; its methods are: {', '.join(plan.methods)}")

    def __dir__(self) -> list[str]:
        return sorted({*super().__dir__(), *([] if self._plan is None else self._plan.physical.attributes)})

    def __repr__(self) -> str:
        return f"<pretzel.Model {self.name}: {', '.join(self._plan.methods) if self._plan else 'unregistered'}>"


class _Refusal:
    """Stands where a version has no such method, or where there is no version any more."""

    def __init__(self, error: type[Exception], message: str) -> None:
        self._error = error
        self._message = message

    def __call__(self, request: Any) -> NoReturn:
        raise self._error(self._message)

    one = __call__


class Catalog:
    """Models by name. Reading takes no lock; changes are atomic and one after the other."""

    def __init__(self) -> None:
        self._models: dict[str, Model] = {}

    def put(self, name: str, plan: Plan, *, replace: bool = False) -> Model:
        """Register a version of a model; with ``replace`` only of one that is here.

        Raises
        ------
        ModelNotFoundError
        """
        dropped: list[Any] = []  # freed after the lock has been released
        with _lock:
            model = self._models.get(name)
            if model is not None:
                dropped = model._install(plan)
            elif replace:
                raise self.not_found(name)
            else:
                model = self._models[name] = Model(name, plan)
        dropped.clear()
        return model

    def remove(self, name: str) -> None:
        """Forget a model; its handles refuse calls from now on.

        Raises
        ------
        ModelNotFoundError
        """
        with _lock:
            model = self._models.pop(name, None)
            if model is None:
                raise self.not_found(name)
            dropped = model._install(None)
        dropped.clear()

    def clear(self) -> None:
        """Forget every model."""
        with _lock:
            models, self._models = self._models, {}
            dropped = [model._install(None) for model in models.values()]
        dropped.clear()

    def __getitem__(self, name: str) -> Model:
        try:
            return self._models[name]
        except KeyError:
            raise self.not_found(name) from None

    def __contains__(self, name: object) -> bool:
        return name in self._models

    def __iter__(self) -> Iterator[str]:
        return iter(list(self._models))

    def __len__(self) -> int:
        return len(self._models)

    def models(self) -> list[Model]:
        """Every model that is registered now."""
        return list(self._models.values())

    def not_found(self, name: object) -> ModelNotFoundError:
        """The exception for a name that is not here."""
        return ModelNotFoundError(f"no model is registered as {name!r} among {len(self._models)}")
