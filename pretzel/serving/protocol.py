"""Open Inference Protocol V2 over REST, with the binary tensor and model repository extensions.

================================================  =====================================================
``GET v2``, ``v2/health/live``, ``health/ready``  the server
``GET v2/models/NAME[/versions/VERSION]``         metadata; with ``/ready`` whether it answers
``POST v2/models/NAME[/versions/VERSION]/infer``  a prediction
``POST v2/repository/index``                      names, versions and states
``POST v2/repository/models/NAME/load``           back from an unloading; with ``manage=True`` only
``POST v2/repository/models/NAME/unload``         not served until it is loaded; with ``manage=True`` only
================================================  =====================================================

A model with named columns takes a tensor for each, of shape ``[n]`` or ``[n, 1]``, or all of them as one of ``[n,
width]``; a model without names takes the latter; a model of documents takes BYTES ``[n]``. Methods are the outputs:
``predict`` (or ``transform``) unless the request names others. Null among numbers is NaN. The parameter ``timeout`` is
a deadline in microseconds.
"""

from __future__ import annotations

import asyncio
import sys
from typing import TYPE_CHECKING, Any

from pretzel.errors import ModelNotFoundError
from pretzel.runtime.answer_columns import default_method
from pretzel.serving import requests, tensors
from pretzel.serving.exchange import Response, header_value
from pretzel.serving.failures import BadRequest, Forbidden, NotFound, Unavailable, WrongHttpMethod
from pretzel.serving.jsons import dumps, loads

if TYPE_CHECKING:
    from pretzel.runtime.model import Plan
    from pretzel.serving.application import Application
    from pretzel.serving.exchange import Request

EXTENSIONS = ["binary_tensor_data", "model_repository"]
_HEADER = b"inference-header-content-length"


async def route(app: Application, request: Request, path: str) -> Response:
    """Answer a request to ``v2/PATH``."""
    if path.startswith("models/"):
        return await _model(app, request, path.removeprefix("models/"))
    if path == "repository/index":
        _check_http(request, "POST")
        return await _index(app, request)
    if path.startswith("repository/models/"):
        _check_http(request, "POST")
        return await _manage(app, request, path.removeprefix("repository/models/"))
    if path not in ("", "health/live", "health/ready"):
        raise NotFound(f"there is nothing at 'v2/{path}'")
    _check_http(request, "GET")
    if path == "":
        version = sys.modules["pretzel"].__version__
        return Response.of({"name": "pretzel", "version": version, "extensions": EXTENSIONS})
    if path == "health/ready":
        app.check_open()
        return Response.of({"ready": True})
    return Response.of({"live": True})


def _check_http(request: Request, allowed: str) -> None:
    if request.method != allowed and not (request.method == "HEAD" and allowed == "GET"):
        raise WrongHttpMethod(allowed if allowed == "POST" else "GET, HEAD")


def _name_of(target: str) -> str:
    """``name`` or ``name@version`` of ``NAME[/versions/VERSION]``."""
    name, slash, version = target.rpartition("/versions/")
    return f"{name}@{version}" if slash and name and version and "/" not in version else target


async def _model(app: Application, request: Request, path: str) -> Response:
    target, _, verb = path.rpartition("/")
    if verb == "infer" and target:
        _check_http(request, "POST")
        return await _infer(app, request, _name_of(target))
    _check_http(request, "GET")
    if verb == "ready" and target:
        return await _ready(app, _name_of(target))
    return await _metadata(app, _name_of(path))


async def _ready(app: Application, name: str) -> Response:
    app.check_open()
    model = await app.models.find(name)
    if model.current is None and not await asyncio.to_thread(app.runtime.__contains__, name):
        raise ModelNotFoundError(model.gone())
    return Response.of({"name": name, "ready": True})


async def _metadata(app: Application, name: str) -> Response:
    plan = await app.models.plan(name)
    plain = name.partition("@")[0]
    versions = await asyncio.to_thread(app.runtime.versions, plain)
    found = {**plan.input_schema.to_open_inference(), "name": plain, "versions": versions}
    return Response.of(found)


# -- inference -------------------------------------------------------------------------------------------------------


async def _infer(app: Application, request: Request, name: str) -> Response:
    app.check_open()
    deadline = request.deadline()
    header, tail = _parts(request, await request.body())
    given = header.get("id")
    if given is not None and not isinstance(given, str):
        raise BadRequest('"id" is a text')
    parameters = _parameters(header)
    timeout = parameters.get("timeout")
    if timeout is not None:
        if type(timeout) is not int or timeout < 0:
            raise BadRequest(f'the parameter "timeout" is a number of microseconds, got {str(timeout)[:40]}')
        if timeout:
            left = request.within(timeout / 1e6)
            deadline = left if deadline is None else min(left, deadline)
    plan = await app.models.plan(name)
    given_tensors, rest = tensors.read(header.get("inputs"), tail, name)
    if len(rest):
        raise BadRequest(f"{name}: {len(rest)} bytes are left behind the tensors: binary_data_size says fewer")
    asked = _asked(header, plan, parameters, name)
    X = requests.as_request(plan.physical.input, given_tensors, name)
    methods = [*dict.fromkeys(method for method, _ in asked.values())]
    answers, version = await app.models.several(name, methods, X, deadline)
    described: list[dict[str, Any]] = []
    binary: list[bytes] = []
    for output, (method, as_bytes) in asked.items():
        for one, data in tensors.written(method, answers[method], binary=as_bytes):
            if output in (method, one["name"]):
                described.append(one)
                binary.append(data)
    answer = {"model_name": name.partition("@")[0], "outputs": described}
    if version:
        answer["model_version"] = version.rpartition("@")[2]
    if given is not None:
        answer["id"] = given
    text = dumps(answer)
    if not any(as_bytes for _, as_bytes in asked.values()):
        return Response(text, headers=[(b"model-version", header_value(version))])
    headers = [(_HEADER, b"%d" % len(text)), (b"model-version", header_value(version))]
    return Response(b"".join([text, *binary]), kind=b"application/octet-stream", headers=headers)


def _parts(request: Request, body: bytes) -> tuple[dict[str, Any], memoryview]:
    """The JSON of a request, and the bytes behind it."""
    text = request.headers.get(_HEADER)
    length = len(body)
    if text is not None:
        if not text.isdigit() or len(text) > 18 or int(text) > length:
            raise BadRequest(f"Inference-Header-Content-Length is {text[:40]!r}, and the body has {length} bytes")
        length = int(text)
    header = loads(body[:length])
    if not isinstance(header, dict):
        raise BadRequest('the body is no inference request: an object with "inputs"')
    return header, memoryview(body)[length:]


def _parameters(described: dict[str, Any]) -> dict[str, Any]:
    found = described.get("parameters") or {}
    if not isinstance(found, dict):
        raise BadRequest('"parameters" is an object')
    return found


def _asked(header: dict[str, Any], plan: Plan, parameters: dict[str, Any], name: str) -> dict[str, tuple[str, bool]]:
    """For each output that is asked for its method, and whether it is to be answered as bytes."""
    binary = parameters.get("binary_data_output") is True
    outputs = header.get("outputs")
    if outputs is None or outputs == []:
        method = default_method(plan.methods)
        return {method: (method, binary)}
    if not isinstance(outputs, list):
        raise BadRequest('"outputs" is an array')
    known = {each: each for each in plan.methods}
    for method, described in plan.input_schema.outputs.items():  # a list of arrays: one output for each
        known.update({f"{method}_{i}": method for i in range(len(described.parts or ()))})
    found = {}
    for output in outputs:
        if not isinstance(output, dict) or not isinstance(output.get("name"), str):
            raise BadRequest('an output is an object with "name"')
        method = known.get(output["name"], "")
        if not method:
            raise NotFound(f"{name} has no output {output['name'][:100]!r}; it has {', '.join(known)}")
        own = _parameters(output)
        if "classification" in own or "shared_memory_region" in own:
            raise BadRequest(f"output {output['name']!r}: this server knows neither classification nor shared memory")
        found[output["name"]] = (method, own.get("binary_data", binary) is True)
    return found


# -- repository ------------------------------------------------------------------------------------------------------


async def _index(app: Application, request: Request) -> Response:
    body = await request.body()
    asked = loads(body) if body.strip() else {}
    if not isinstance(asked, dict):
        raise BadRequest('expected an object, such as {"ready": true}')
    found = await asyncio.to_thread(_listed, app)
    return Response.of([each for each in found if not asked.get("ready") or each["state"] == "READY"])


def _listed(app: Application) -> list[dict[str, str]]:
    found = []
    for name in app.runtime:
        unloaded = name in app.models.unloaded
        state = {"state": "UNAVAILABLE", "reason": "unloaded"} if unloaded else {"state": "READY", "reason": ""}
        found += [{"name": name, "version": version, **state} for version in app.runtime.versions(name)]
    return found


async def _manage(app: Application, request: Request, path: str) -> Response:
    name, _, verb = path.rpartition("/")
    if verb not in ("load", "unload") or not name:
        raise NotFound(f"there is nothing at 'v2/repository/models/{path}'")
    if not app.settings.manage:
        raise Forbidden(f"this server lets nobody {verb} models: it was started without manage=True")
    await request.body()
    if not await asyncio.to_thread(app.runtime.__contains__, name) or "@" in name:
        raise ModelNotFoundError(f"there is no model {name!r}")
    if verb == "unload":
        app.models.unloaded.add(name)
        return Response.of({"name": name, "state": "UNAVAILABLE"})
    was_unloaded = name in app.models.unloaded
    app.models.unloaded.discard(name)
    try:
        await app.models.plan(name)
    except Exception as error:
        if was_unloaded:
            app.models.unloaded.add(name)
        raise Unavailable(f"{name} cannot be loaded: {error}") from error
    return Response.of({"name": name, "state": "READY"})
