"""Handles of registered models, which forward every call to the current version."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, Literal, NoReturn

from pretzel._native import CallCounter, Endpoint, Handle, row_function, swap_targets
from pretzel.errors import ModelNotFoundError
from pretzel.runtime.exemplars import ending
from pretzel.runtime.pickling import reject_pickling
from pretzel.runtime.source import PRIVATE, ActsAsEstimator
from pretzel.runtime.version import LostVersion

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Sequence

    from pretzel.runtime.engine import Answer
    from pretzel.runtime.estimate import Estimate
    from pretzel.runtime.model import Plan
    from pretzel.runtime.schemas import InputSchema
    from pretzel.runtime.source import Source
    from pretzel.runtime.version import Route, Version


class Model(Handle, ActsAsEstimator):
    """A registered model. One version answers a call from beginning to end.

    A plain name stands for the default version at the start of the call, ``"name@v2"`` for that version, and an alias
    for its target, or for one of several by weight. The handle has the methods and attributes of the plan (``predict``,
    ``predict_one``, ``classes_``, ...) and for each method two to await, ``apredict`` and ``apredict_one``, which never
    block the event loop (`pretzel.runtime.asynchronous`). Once the name or version has been unregistered, they raise
    `ModelNotFoundError`, even if another model takes the name; a model of a store on disk is found again.

    Parameters
    ----------
    name : str
        As registered, with the version if it stands for one.
    """

    predict_proba: Callable[[Any], Any]
    predict_proba_one: Callable[[Any], Any]
    decision_function: Callable[[Any], Any]
    decision_function_one: Callable[[Any], Any]
    transform: Callable[[Any], Any]
    transform_one: Callable[[Any], Any]
    apredict: Callable[..., Coroutine[Any, Any, Any]]
    apredict_one: Callable[..., Coroutine[Any, Any, Any]]
    apredict_proba: Callable[..., Coroutine[Any, Any, Any]]
    apredict_proba_one: Callable[..., Coroutine[Any, Any, Any]]
    adecision_function: Callable[..., Coroutine[Any, Any, Any]]
    adecision_function_one: Callable[..., Coroutine[Any, Any, Any]]
    atransform: Callable[..., Coroutine[Any, Any, Any]]
    atransform_one: Callable[..., Coroutine[Any, Any, Any]]

    def __init__(self, name: str) -> None:
        self.name = name
        self._route: Route | None = None
        self._endpoints: dict[str, Endpoint] = {}

    __reduce_ex__ = reject_pickling

    def _pick(self, method: str, one: bool = False) -> Version:
        """The version that answers one call, chosen by weight if there are several.

        The call is counted, and rejected as the method itself would reject it.
        """
        route = self._current
        version = route.version if route.weights is None else route.versions[route.weights.next()]
        if any(method not in version.targets() for version in route.versions):
            raise AttributeError(self._lacks(method))
        self._endpoints[method].count(version.plan.methods[method], one)
        return version

    def call_with_version(self, request: Any, *, method: str = "predict") -> tuple[Any, str]:
        """Answer a request and tell which version did so, for example of a canary.

        Parameters
        ----------
        request : table, documents or row
            What the method takes.
        method : str
            ``"predict"``, ``"predict_one"``, ...

        Returns
        -------
        answer
        str
            ``"name@version"``.
        """
        plain = method.removesuffix("_one")
        one = plain != method
        version = self._pick(plain, one)
        endpoint, target = self._endpoints[plain], version.plan.methods[plain]
        start = time.monotonic()
        try:
            answer = target.call_row(request) if one else target(request)
        except BaseException as error:
            endpoint.end(target, one, error, 0.0)
            raise
        endpoint.end(target, one, None, time.monotonic() - start)
        return answer, version.name

    def submit(self, X: Any, *, method: str = "predict", deadline: float | None = None) -> Answer:
        """Compute ``method(X)`` on the batch engine.

        Parameters
        ----------
        X : table or documents
            Read before this returns.
        method : str
        deadline : float, optional
            Seconds from now.

        Returns
        -------
        Answer
            A `concurrent.futures.Future` that can also be awaited; its ``version`` is ``"name@version"``.

        Raises
        ------
        DeadlineExceeded
            The request would be late, or make accepted requests late.
        Overloaded
            Too many requests are waiting.
        InputError
            The table does not fit the model.
        ModelNotFoundError
        """
        version = self._pick(method)
        plan = version.plan
        assert plan.engine is not None
        endpoint, target = self._endpoints[method], plan.methods[method]
        try:
            answer = plan.engine.submit(target, X, deadline, ending(endpoint, target))
            answer.version = version.name
            return answer
        except BaseException as error:
            endpoint.end(target, False, error, 0.0)
            raise

    @property
    def source(self) -> Source | None:
        """The estimator behind `plan`."""
        return self.plan.source

    @property
    def _current(self) -> Route:
        route = self._route
        if route is not None and type(route.version) is LostVersion:
            route = route.version.find()._route
        if route is None:
            raise ModelNotFoundError(self.gone())
        return route

    @property
    def current(self) -> Plan | None:
        """The plan that answers; None if it is not in memory, or the model has been unregistered."""
        route = self._route
        return None if route is None else route.version.resident

    @property
    def plan(self) -> Plan:
        """The plan that answers; of several by weight the one that answers most calls.

        Raises
        ------
        ModelNotFoundError
            The model has been unregistered.
        """
        return self._current.version.plan

    @property
    def version(self) -> str:
        """Label of `plan`, such as ``"v2"``."""
        return self._current.version.label

    @property
    def calls(self) -> int:
        """Calls of all methods under this name, since it was registered."""
        return sum(endpoint.calls for endpoint in list(self._endpoints.values()))

    @property
    def endpoints(self) -> dict[str, Endpoint]:
        """The endpoint of each method, also of methods that the default version does not have."""
        return dict(self._endpoints)

    def endpoint(self, method: str) -> Endpoint | None:
        """The endpoint of a method, also of one that the default version does not have; None: no version has had it."""
        return self._endpoints.get(method)

    @property
    def nbytes(self) -> int:
        """Bytes of all objects that `plan` refers to, shared or not."""
        return self.plan.nbytes

    @property
    def exclusive_bytes(self) -> int:
        """Bytes that are freed when `plan` is deleted."""
        return self.plan.exclusive_bytes

    def estimate(
        self, n_rows: int = 1, units: int | None = None, method: str = "predict", *, X: Any = None
    ) -> Estimate:
        """The estimated time of a request to `plan`; see `Plan.estimate`."""
        return self.plan.estimate(n_rows, units, method, X=X)

    @property
    def input_schema(self) -> InputSchema:
        """Columns of a request to `plan`, and results of its methods; see `Plan.input_schema`."""
        return self.plan.input_schema

    def summary(self) -> str:
        """`plan` in ten lines; see `Plan.summary`."""
        return self.plan.summary()

    def explain(
        self, format: Literal["text", "json", "html", "dot", "mermaid"] = "text", *, analyze: Any = None
    ) -> Any:
        """How `plan` was compiled, and the time of each stage; see `Plan.explain`."""
        return self.plan.explain(format, analyze=analyze)

    def gone(self) -> str:
        """Why a model or version that is not there any more does not answer."""
        name, _, version = self.name.partition("@")
        if version:
            return f"version {version!r} of model {name!r} has been replaced or unregistered"
        return f"model {name!r} has been unregistered"

    def _lacks(self, method: str) -> str:
        more = " any more" if method in self._endpoints else ""
        return f"{self.name} has no method {method!r}{more}"

    def _targets(self, route: Route | None) -> list[tuple[Endpoint, Any]]:
        """Every endpoint, old or new, with its target under ``route``."""
        methods = {} if route is None else route.methods()
        for method, target in methods.items():
            if method not in self._endpoints:
                self._endpoints[method] = Endpoint(target, method)
        return [
            (endpoint, methods.get(method) or self._rejection(method, route))
            for method, endpoint in self._endpoints.items()
        ]

    def _rejection(self, method: str, route: Route | None) -> _Rejection:
        if route is None:
            return _Rejection(ModelNotFoundError, self.gone())
        return _Rejection(AttributeError, self._lacks(method))

    def _publish(self, route: Route | None) -> None:
        """Make methods attributes of the instance, so that a call goes straight into native code."""
        methods = None if route is None else route.methods()
        for method, endpoint in self._endpoints.items():
            offered = methods is None or method in methods
            if method == "predict":
                self._keep(endpoint, offered)
            elif offered:
                vars(self).update({method: endpoint, f"{method}_one": row_function(endpoint, method)})
            if not offered:
                for name in (method, f"{method}_one", f"a{method}", f"a{method}_one"):
                    vars(self).pop(name, None)

    def _offers(self, method: str) -> bool:
        return method in self._endpoints and hasattr(self, method)

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_") and name not in PRIVATE:
            raise AttributeError(name)
        plan = self.plan
        if name in plan.physical.attributes:
            return getattr(plan, name)
        method = name[1:].removesuffix("_one")
        if name.startswith("a") and self._offers(method):
            from pretzel.runtime.asynchronous import one, table

            make = one if name.endswith("_one") else table
            self.__dict__[name] = make(self._endpoints[method], name)  # few models are ever awaited
            return self.__dict__[name]
        reason = f"{self.name} has no attribute {name!r}"
        if plan.source is not None and method not in plan.methods:
            try:
                return plan.source.get(self, name)
            except AttributeError as error:
                reason = str(error)
        raise AttributeError(f"{reason}; its methods are: {', '.join(plan.methods)}")

    def __dir__(self) -> list[str]:
        plan = self.current
        offered = {method for method in self._endpoints if self._offers(method)}
        names = {*super().__dir__(), *([] if plan is None else plan.physical.attributes)}
        if plan is not None and plan.source is not None:
            names.update(plan.source.names())
        if "predict" not in offered:
            names -= {"predict", "predict_one"}
        return sorted(names | {f"a{method}{one}" for method in offered for one in ("", "_one")})

    def __repr__(self) -> str:
        route = self._route
        return f"<pretzel.Model {self.name}: {'unregistered' if route is None else ', '.join(route.methods())}>"


class _Rejection(CallCounter):
    """Target of an endpoint whose version lacks the method, or has been unregistered."""

    def __init__(self, error: type[Exception], message: str) -> None:
        self._error = error
        self._message = message

    def __call__(self, *_: Any, **__: Any) -> NoReturn:
        raise self._error(self._message)

    call_row = __call__


def reroute(changes: Sequence[tuple[Model, Route | None]]) -> list[Any]:
    """Set the routes of several handles at once; None: the handle rejects calls from now on.

    Returns the old routes and targets. The caller drops them, which may free models, once it holds no lock.
    """
    pairs = [pair for model, route in changes for pair in model._targets(route)]
    targets = [target for _, target in pairs]
    old = [model._route for model, _ in changes]
    for model, route in changes:
        model._route = route
    swap_targets([endpoint for endpoint, _ in pairs], targets)
    for model, route in changes:
        model._publish(route)
    return [old, targets]
