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

Names may have slashes: where a path is the name of a model and means something else of another model, too
(``v2/models/a/ready``), it is that of the former.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pretzel.serving import inference, tensors
from pretzel.serving.exchange import Response, header_value
from pretzel.serving.failures import BadRequest, NotFound, WrongHttpMethod
from pretzel.serving.jsons import dumps, loads

if TYPE_CHECKING:
    from pretzel.serving.application import Application
    from pretzel.serving.exchange import Request

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
        return Response.of(inference.server())
    if path == "health/ready":
        await inference.check_server_ready(app)
        return Response.of({"ready": True})
    return Response.of({"live": True})


def _check_http(request: Request, allowed: str) -> None:
    if request.method != allowed and not (request.method == "HEAD" and allowed == "GET"):
        raise WrongHttpMethod(allowed if allowed == "POST" else "GET, HEAD")


def _name_of(target: str) -> str:
    """``name`` or ``name@version`` of ``NAME[/versions/VERSION]``."""
    name, slash, version = target.rpartition("/versions/")
    return f"{name}@{version}" if slash and name and version and "/" not in version else target


async def _called(app: Application, target: str) -> str:
    """The name of the model, or version of one, at ``NAME[/versions/VERSION]``."""
    name = _name_of(target)
    return target if name != target and app.models.known(name) is None and await _is_model(app, target) else name


async def _is_model(app: Application, name: str) -> bool:
    """Whether a model has exactly this name, whatever the path means otherwise."""
    return app.models.known(name) is not None or await asyncio.to_thread(app.runtime.__contains__, name)


async def _model(app: Application, request: Request, path: str) -> Response:
    target, _, verb = path.rpartition("/")
    is_call = target != "" and verb in ("infer", "ready")
    if is_call and request.method in ("GET", "HEAD") and await _is_model(app, path):
        is_call = False
    if is_call and verb == "infer":
        _check_http(request, "POST")
        return await _infer(app, request, await _called(app, target))
    _check_http(request, "GET")
    if is_call:
        name = await _called(app, target)
        await inference.check_ready(app, name)
        return Response.of({"name": name, "ready": True})
    return Response.of(await inference.metadata(app, await _called(app, path)))


# -- inference -------------------------------------------------------------------------------------------------------


async def _infer(app: Application, request: Request, name: str) -> Response:
    app.check_open()
    request.model = name
    deadline = request.deadline()
    header, tail = _parts(request, await request.body())
    given = header.get("id")
    if given is not None and not isinstance(given, str):
        raise BadRequest('"id" is a text')
    parameters = _parameters(header)
    timeout = inference.timeout_of(parameters)
    if timeout is not None:
        left = request.within(timeout)
        deadline = left if deadline is None else min(left, deadline)
    await app.models.plan(name)  # an unknown model is told before what is wrong with its tensors
    inputs, rest = tensors.read(header.get("inputs"), tail, name)
    if len(rest):
        raise BadRequest(f"{name}: {len(rest)} bytes are left behind the tensors: binary_data_size says fewer")
    outputs = _outputs(header)
    request.rows = inputs[0].shape[0] if inputs and inputs[0].shape else None
    answer = await inference.infer(app.models, name, inputs, outputs, deadline)
    request.version, request.asked = answer.version, ",".join(answer.outputs)
    binary = parameters.get("binary_data_output") is True
    as_bytes = {output: binary for output in answer.outputs}
    as_bytes |= {output: own.get("binary_data", binary) is True for output, own in outputs}
    written = [
        tensors.written(each, binary=as_bytes[output]) for output, found in answer.outputs.items() for each in found
    ]
    told: dict[str, Any] = {"model_name": answer.name, "outputs": [described for described, _ in written]}
    if answer.version:
        told["model_version"] = answer.version_label
    if given is not None:
        told["id"] = given
    text = dumps(told)
    headers = [(b"model-version", header_value(answer.version))]
    if not any(as_bytes.values()):
        return Response(text, headers=headers)
    headers.append((_HEADER, b"%d" % len(text)))
    return Response(b"".join([text, *(data for _, data in written)]), kind=b"application/octet-stream", headers=headers)


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


def _outputs(header: dict[str, Any]) -> list[tuple[str, dict[str, Any]]]:
    """The outputs that are asked for, each with its parameters."""
    outputs = header.get("outputs")
    if outputs is None:
        return []
    if not isinstance(outputs, list):
        raise BadRequest('"outputs" is an array')
    found = []
    for output in outputs:
        if not isinstance(output, dict) or not isinstance(output.get("name"), str):
            raise BadRequest('an output is an object with "name"')
        found.append((output["name"], _parameters(output)))
    return found


# -- repository ------------------------------------------------------------------------------------------------------


async def _index(app: Application, request: Request) -> Response:
    body = await request.body()
    asked = loads(body) if body.strip() else {}
    if not isinstance(asked, dict):
        raise BadRequest('expected an object, such as {"ready": true}')
    return Response.of(await inference.index(app, ready=bool(asked.get("ready"))))


async def _manage(app: Application, request: Request, path: str) -> Response:
    name, _, verb = path.rpartition("/")
    if verb not in ("load", "unload") or not name:
        raise NotFound(f"there is nothing at 'v2/repository/models/{path}'")
    await request.body()
    if verb == "unload":
        await inference.unload(app, name)
    else:
        await inference.load(app, name)
    return Response.of({"name": name, "state": "READY" if verb == "load" else "UNAVAILABLE"})
