"""The models of a runtime by name, as an event loop looks them up: without waiting for files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel._native import Method
from pretzel.errors import ModelNotFoundError, PretzelError
from pretzel.runtime.asynchronous import answer_row, answer_rows, answer_table, in_memory, in_thread
from pretzel.runtime.log import logger
from pretzel.runtime.opaque import OpaqueMethod
from pretzel.runtime.version import Unloaded, version_of
from pretzel.serving.failures import FAULTS, BadRequest, ModelFailed, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from pretzel._native import Endpoint
    from pretzel.runtime.handle import Model
    from pretzel.runtime.model import Plan
    from pretzel.runtime.runtime import Runtime

    Answered = Callable[[Endpoint, Any, Any, float | None], Awaitable[Any]]

MOST = 100_000
"""Names that are remembered: a client may ask for every version that there ever is."""


class Models:
    """Handles by name.

    Parameters
    ----------
    runtime : Runtime

    Attributes
    ----------
    unloaded : set of str
        Names that a caller has unloaded, which are not served until one is loaded again.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._known: dict[str, Model] = {}
        self.unloaded: set[str] = set()

    def known(self, name: str) -> Model | None:
        """The handle of a model that has been found."""
        return self._known.get(name)

    async def find(self, name: str) -> Model:
        """The handle of a model, version or alias.

        Raises
        ------
        ModelNotFoundError, Unavailable
        """
        if self.unloaded and name.partition("@")[0] in self.unloaded:
            raise Unavailable(f"{name} has been unloaded: POST v2/repository/models/{name}/load")
        model = self._known.get(name)
        if model is None:
            model = await in_thread(self._runtime.__getitem__, name)
            if len(self._known) >= MOST:
                self._known.clear()  # the others are looked up again
            self._known[name] = model
        return model

    async def plan(self, name: str) -> Plan:
        """The plan of a model, loaded if it was not in memory."""
        model = await self.find(name)
        plan = model.current
        if plan is not None:
            return plan
        try:
            found: Plan = await in_thread(getattr, model, "plan")
        except ModelNotFoundError:
            found = await in_thread(getattr, await self._again(name), "plan")
        return found

    async def row(self, name: str, method: str, row: Any, deadline: float | None) -> tuple[Any, str]:
        """The answer for one row, and the version that gave it."""
        return await self._answer(answer_row, name, method, row, deadline)

    async def rows(self, name: str, method: str, rows: list[Any], deadline: float | None) -> tuple[Any, str]:
        """The answers for a list of rows, and the version."""
        return await self._answer(answer_rows, name, method, rows, deadline)

    async def table(self, name: str, method: str, X: Any, deadline: float | None) -> tuple[Any, str]:
        """The answer for a table, and the version."""
        return await self._answer(answer_table, name, method, X, deadline)

    async def several(
        self, name: str, methods: Sequence[str], X: Any, deadline: float | None
    ) -> tuple[dict[str, Any], str]:
        """The answers of several methods of one version for a table."""
        if len(methods) == 1:
            answer, version = await self.table(name, methods[0], X, deadline)
            return {methods[0]: answer}, version
        model = await self.find(name)
        if model.current is None:
            await self.plan(name)
            model = await self.find(name)
        first = methods[0]
        target = await in_memory(_endpoint(model, first).pick())
        plan = None if target.owner is None else target.owner()  # which all methods are of, also of an alias
        version = version_of(target)
        lacking = [] if plan is None else [method for method in methods if method not in plan.methods]
        if plan is not None and lacking:  # an alias leads to versions of other methods, or the model was replaced
            raise NotFound(f"{version or name} has no method {lacking[0]!r}; it has {', '.join(plan.methods)}")
        found = {first: await _run(answer_table, model, first, target, X, deadline)}
        for method in methods[1:]:
            target = await in_memory(_endpoint(model, method).pick()) if plan is None else plan.methods[method]
            found[method] = await _run(answer_table, model, method, target, X, deadline)
        return found, version

    async def _answer(
        self, answered: Answered, name: str, method: str, request: Any, deadline: float | None
    ) -> tuple[Any, str]:
        model = self._known.get(name)
        if model is None or self.unloaded:
            model = await self.find(name)
        try:
            return await _call(answered, model, method, request, deadline)
        except ModelNotFoundError:
            return await _call(answered, await self._again(name), method, request, deadline)

    async def _again(self, name: str) -> Model:
        """The handle that has the name now, if the one before was unregistered."""
        self._known.pop(name, None)
        return await self.find(name)


async def _call(answered: Answered, model: Model, method: str, request: Any, deadline: float | None) -> tuple[Any, str]:
    endpoint = model.endpoint(method) or _endpoint(model, method)
    target = endpoint.pick()
    if type(target) is Unloaded:
        target = await in_memory(target)
    try:
        return await answered(endpoint, target, request, deadline), version_of(target)
    except PretzelError:
        raise
    except Exception as error:
        raise blamed(model, method, target, error) from error


def _endpoint(model: Model, method: str) -> Endpoint:
    endpoint = model.endpoint(method)
    if endpoint is None:
        raise NotFound(f"{model.name} has no method {method!r}; it has {', '.join(model.endpoints) or 'none'}")
    return endpoint


async def _run(answered: Answered, model: Model, method: str, target: Any, request: Any, deadline: float | None) -> Any:
    try:
        return await answered(_endpoint(model, method), target, request, deadline)
    except PretzelError:
        raise
    except Exception as error:
        raise blamed(model, method, target, error) from error


def blamed(model: Model, method: str, target: Any, error: Exception) -> Exception:
    """What the client is told of what a step, or a handle that has no such method any more, raised over a request."""
    if isinstance(error, PretzelError):
        return error
    if isinstance(error, AttributeError) and type(target) is not Method and type(target) is not OpaqueMethod:
        return NotFound(str(error))
    if not isinstance(error, FAULTS):
        return ModelFailed(f"{model.name}: {method} failed")
    logger.info("%s.%s failed over a request", model.name, method, exc_info=error)
    return BadRequest(f"{model.name}: {method} cannot answer this request ({type(error).__name__}: {error})")
