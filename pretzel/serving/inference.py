"""The exchange of Open Inference Protocol V2, whatever carries it: tensors in, tensors out, states of models.

REST (`pretzel.serving.protocol`), gRPC (`pretzel.serving.grpc`) and the runtime of MLServer
(`pretzel.integrations.mlserver`) read requests into what stands here, and write answers from it.
"""

from __future__ import annotations

import asyncio
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pretzel.errors import DeadlineExceeded, ModelNotFoundError, StoreError
from pretzel.runtime.answer_columns import default_method
from pretzel.serving import requests, tensors
from pretzel.serving.failures import BadRequest, Forbidden, NotFound, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pretzel.runtime.model import Plan
    from pretzel.serving.application import Application
    from pretzel.serving.models import Models
    from pretzel.serving.tensors import Tensor

    Parameters = Mapping[str, Any]

EXTENSIONS = ["binary_tensor_data", "model_repository"]


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model has answered.

    Parameters
    ----------
    name : str
        Of the model, without its version.
    version : str
        Name and version that answered; empty where no version is known.
    outputs : dict of str to list of Tensor
        By the outputs that were asked for; the answer of a method for several targets is a tensor for each.
    """

    name: str
    version: str
    outputs: dict[str, list[Tensor]]

    @property
    def version_label(self) -> str:
        """The version alone."""
        return self.version.rpartition("@")[2]


def versioned(name: str, version: str) -> str:
    """The name of a version of a model; that of the model where no version is asked for."""
    return f"{name}@{version}" if version else name


def timeout_of(parameters: Parameters) -> float | None:
    """Seconds in which the parameter ``timeout``, which is in microseconds, wants the answer; 0 stands for none."""
    timeout = parameters.get("timeout")
    if timeout is None:
        return None
    if type(timeout) is not int or not 0 <= timeout < 2**64:
        raise BadRequest(f'the parameter "timeout" is a number of microseconds, got {str(timeout)[:40]}')
    return timeout / 1e6 or None


async def infer(
    models: Models,
    name: str,
    inputs: Sequence[Tensor],
    outputs: Iterable[tuple[str, Parameters]] = (),
    deadline: float | None = None,
) -> Answer:
    """The answer of a model, version or alias.

    Parameters
    ----------
    models : Models
    name : str
    inputs : sequence of Tensor
    outputs : iterable of (str, mapping)
        Outputs that are asked for, each with its parameters; by default the first method.
    deadline : float, optional
        Seconds in which the answer is wanted.

    Raises
    ------
    DeadlineExceeded
        None are left once the request is read, also where the answer would take no time.
    """
    start = time.monotonic()
    plan = await models.plan(name)
    methods = _methods(plan, outputs, name)
    X = requests.as_request(plan.physical.input, inputs, name)
    left = None if deadline is None else deadline - (time.monotonic() - start)
    if left is not None and left <= 0:
        raise DeadlineExceeded("the deadline had passed before the request was read")
    answers, version = await models.several(name, [*dict.fromkeys(methods.values())], X, left)
    found = {
        output: [each for each in tensors.of_answer(method, answers[method]) if output in (method, each.name)]
        for output, method in methods.items()
    }
    return Answer(name.partition("@")[0], version, found)


def _methods(plan: Plan, outputs: Iterable[tuple[str, Parameters]], name: str) -> dict[str, str]:
    """The method of each output that is asked for."""
    known = {each: each for each in plan.input_schema.outputs}
    for method, described in plan.input_schema.outputs.items():  # a list of arrays: one output for each
        known.update({f"{method}_{i}": method for i in range(len(described.parts or ()))})
    found = {}
    for output, parameters in outputs:
        if output not in known:
            raise NotFound(f"{name} has no output {output[:100]!r}; it has {', '.join(known)}")
        if "classification" in parameters or "shared_memory_region" in parameters:
            raise BadRequest(f"output {output!r}: this server knows neither classification nor shared memory")
        found[output] = known[output]
    method = default_method(plan.input_schema.outputs)
    return found or {method: method}


# -- what there is ---------------------------------------------------------------------------------------------------


def server() -> dict[str, Any]:
    """Name, version and extensions of this server."""
    return {"name": "pretzel", "version": sys.modules["pretzel"].__version__, "extensions": EXTENSIONS}


async def metadata(app: Application, name: str) -> dict[str, Any]:
    """What a model takes and answers."""
    plan = await app.models.plan(name)
    plain = name.partition("@")[0]
    versions = await asyncio.to_thread(app.runtime.versions, plain)
    return {**plan.input_schema.to_open_inference(), "name": plain, "versions": versions}


async def check_server_ready(app: Application) -> None:
    """Raise unless this server answers, will do so for a while, and has called all its models.

    Raises
    ------
    Unavailable
    """
    app.check_open()
    if app.leaving:
        raise Unavailable("this server is about to shut down: send requests to another one")
    await app.warm_up.check()


async def check_ready(app: Application, name: str) -> None:
    """Raise unless a model, version or alias answers, and has been called.

    Raises
    ------
    ModelNotFoundError, Unavailable
    """
    app.check_open()
    await app.warm_up.model(name)
    model = await app.models.find(name)
    if model.current is None and not await asyncio.to_thread(app.runtime.__contains__, name):
        raise ModelNotFoundError(model.gone())


async def index(app: Application, *, ready: bool) -> list[dict[str, str]]:
    """Names, versions and states of all models, or of those that answer."""
    found = await asyncio.to_thread(_listed, app)
    return [each for each in found if not ready or each["state"] == "READY"]


def _listed(app: Application) -> list[dict[str, str]]:
    found = []
    for name in app.runtime:
        versions, reason = listed_versions(app, name)
        reason = "unloaded" if name in app.models.unloaded else reason
        state = {"state": "UNAVAILABLE" if reason else "READY", "reason": reason}
        found += [{"name": name, "version": version, **state} for version in versions or [""]]
    return found


def listed_versions(app: Application, name: str) -> tuple[list[str], str]:
    """Labels of the versions of a model, and why it cannot be loaded; empty where it can, as far as is known."""
    model = app.models.known(name)
    in_memory = model is not None and model.current is not None
    try:
        return app.runtime.versions(name), "" if in_memory else app.warm_up.failed.get(name, "")
    except StoreError as error:  # of this model alone: the others are listed
        return [], str(error)


async def load(app: Application, name: str) -> None:
    """Serve a model again that a caller has unloaded, and load it into memory.

    Raises
    ------
    Forbidden, ModelNotFoundError, Unavailable
    """
    await _check_managed(app, name, "load")
    was_unloaded = name in app.models.unloaded
    app.models.unloaded.discard(name)
    try:
        await app.models.plan(name)
    except Exception as error:
        if was_unloaded:
            app.models.unloaded.add(name)
        raise Unavailable(f"{name} cannot be loaded: {error}") from error


async def unload(app: Application, name: str) -> None:
    """Serve a model no more until a caller loads it.

    Raises
    ------
    Forbidden, ModelNotFoundError
    """
    await _check_managed(app, name, "unload")
    app.models.unloaded.add(name)


async def _check_managed(app: Application, name: str, verb: str) -> None:
    if not app.settings.manage:
        raise Forbidden(f"this server does not let callers {verb} models, because it was started without manage=True")
    if not await asyncio.to_thread(app.runtime.__contains__, name) or "@" in name:
        raise ModelNotFoundError(f"there is no model {name!r}")
