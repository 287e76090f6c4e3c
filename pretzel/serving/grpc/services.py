"""The methods of the services: what each reads of its request, and writes into its answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pretzel.errors import DeadlineExceeded, ModelNotFoundError, PretzelError
from pretzel.serving import inference
from pretzel.serving.exchange import is_sendable
from pretzel.serving.failures import BadRequest, Unavailable, code_of
from pretzel.serving.grpc import contents, watched
from pretzel.serving.grpc.messages import message, parsed, services
from pretzel.serving.inference import versioned

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pretzel.serving.application import Application

    Method = Callable[[Application, Any, Any, Any], Awaitable[inference.Answer | None]]
    """Takes application, request, answer and context."""

REQUEST_ID = "x-request-id"
LONGEST = 4096
"""Bytes of what is told of an error, as headers have them: clients drop a status whose headers are beyond 8 kB."""
WATCHED = 0.2
"""Seconds between two looks at the health of what a client watches."""
_SERVING, _NOT_SERVING, _SERVICE_UNKNOWN = 1, 2, 3


class Services:
    """The services over an application.

    Parameters
    ----------
    app : Application

    Attributes
    ----------
    ending : bool
        Whether the server ends.
    """

    def __init__(self, app: Application) -> None:
        self._app = app
        self.ending = False

    def handlers(self) -> list[Any]:
        """What a server of gRPC is given; messages are bytes there, so that those which cannot be read are told so."""
        import grpc

        found = []
        for service, methods in services().items():
            handlers = {}
            for method in methods:
                if method.name == "Watch":
                    handlers[method.name] = grpc.unary_stream_rpc_method_handler(self._watching(method))
                else:
                    answer = self._check if method.name == "Check" else METHODS[method.name]
                    handlers[method.name] = grpc.unary_unary_rpc_method_handler(self._answering(method, answer))
            found.append(grpc.method_handlers_generic_handler(service, handlers))
        return found

    def _answering(self, method: Any, answer: Method) -> Callable[[bytes, Any], Awaitable[bytes]]:
        import grpc

        app = self._app
        asked, answered = (message(each.full_name) for each in (method.input_type, method.output_type))
        is_inference = method.name == "ModelInfer"

        async def handle(data: bytes, context: Any) -> bytes:
            call = watched.Call(method.containing_service.full_name, method.name, _id(context))
            with watched.of_call(app, call, context):
                return await answered_to(call, data, context)

        async def answered_to(call: watched.Call, data: bytes, context: Any) -> bytes:
            request: Any = None
            app.active += 1
            try:
                if is_inference:
                    app.check_open()
                    app.check_room()
                request = call.request = parsed(asked, data)
                found = answered()
                made = await answer(app, request, found, context)
                call.answer, call.methods = found, () if made is None else (*made.outputs,)
                written: bytes = found.SerializeToString()
                code, text, trailing = "OK", "", [(REQUEST_ID, call.id)] if call.id else []
            except asyncio.CancelledError:
                app.codes["CANCELLED"] += 1
                call.code = "CANCELLED"
                raise
            except Exception as error:
                call.id = app.id_of((call.id or getattr(request, "id", "")).encode()).decode()
                code, text = code_of(error), app.told(error, call.id.encode(), method.full_name)
                seconds = app.retry_after(error)
                trailing = [(REQUEST_ID, call.id), *([] if seconds is None else [("retry-after", str(seconds))])]
            finally:
                app.active -= 1
            app.codes[code] += 1
            call.code = code
            if code != "OK":
                await context.abort(grpc.StatusCode[code], cut(text), tuple(trailing))
            context.set_trailing_metadata(tuple(trailing))
            return written

        return handle

    # -- health ------------------------------------------------------------------------------------------------------

    async def _check(self, app: Application, request: Any, answer: Any, context: Any) -> None:
        answer.status = await self._health(request.service)
        if answer.status == _SERVICE_UNKNOWN:
            raise ModelNotFoundError(f"there is no model {request.service!r}")

    def _watching(self, method: Any) -> Callable[[bytes, Any], Awaitable[None]]:
        import grpc

        asked, answered = (message(each.full_name) for each in (method.input_type, method.output_type))

        async def handle(data: bytes, context: Any) -> None:
            call = watched.Call(method.containing_service.full_name, method.name, _id(context))
            with watched.of_call(self._app, call, context):
                try:
                    call.request = parsed(asked, data)
                    await write(call.request.service, context)
                    call.code = "OK"
                except asyncio.CancelledError:
                    call.code = "CANCELLED"  # as clients end what they watch
                    raise
                except PretzelError as error:
                    call.code = code_of(error)
                    await context.abort(grpc.StatusCode[call.code], cut(str(error)))

        async def write(service: str, context: Any) -> None:
            before = None
            while True:
                status = await self._health(service)
                if status != before:
                    await context.write(answered(status=status).SerializeToString())
                if self.ending:
                    return
                before = status
                await asyncio.sleep(WATCHED)

        return handle

    async def _health(self, service: str) -> int:
        try:
            if self.ending:
                return _NOT_SERVING
            if service in ("", *services()):
                await inference.check_server_ready(self._app)
            else:
                await inference.check_ready(self._app, service)
        except ModelNotFoundError:
            return _SERVICE_UNKNOWN
        except PretzelError:
            return _NOT_SERVING
        return _SERVING


def cut(text: str) -> str:
    """A text that has at most `LONGEST` bytes as gRPC writes it: what is not printable ASCII as %XX for each byte."""
    left = LONGEST - 3
    for i, each in enumerate(text):
        left -= 1 if " " <= each <= "~" and each != "%" else 3 * len(each.encode("utf-8", "replace"))
        if left < 0:
            return text[:i] + "..."
    return text


def _id(context: Any) -> str:
    """The id that the client gives to a call, if it can be sent back."""
    found = next((value for key, value in context.invocation_metadata() or () if key == REQUEST_ID), "")
    return found if is_sendable(found.encode()) else ""


# -- GRPCInferenceService --------------------------------------------------------------------------------------------


async def _server_live(app: Application, request: Any, answer: Any, context: Any) -> None:
    answer.live = True


async def _server_ready(app: Application, request: Any, answer: Any, context: Any) -> None:
    try:
        await inference.check_server_ready(app)
        answer.ready = True
    except Unavailable:
        answer.ready = False


async def _model_ready(app: Application, request: Any, answer: Any, context: Any) -> None:
    try:
        await inference.check_ready(app, versioned(request.name, request.version))
        answer.ready = True
    except Unavailable:
        answer.ready = False


async def _server_metadata(app: Application, request: Any, answer: Any, context: Any) -> None:
    found = inference.server()
    answer.name, answer.version = found["name"], found["version"]
    answer.extensions.extend(found["extensions"])


async def _model_metadata(app: Application, request: Any, answer: Any, context: Any) -> None:
    found = await inference.metadata(app, versioned(request.name, request.version))
    answer.name, answer.platform = found["name"], found["platform"]
    answer.versions.extend(found["versions"])
    for side in ("inputs", "outputs"):
        for each in found[side]:
            getattr(answer, side).add(name=each["name"], datatype=each["datatype"], shape=each["shape"])


async def _model_infer(app: Application, request: Any, answer: Any, context: Any) -> inference.Answer:
    name = versioned(request.model_name, request.model_version)
    await app.models.plan(name)  # an unknown model is told before what is wrong with the request
    wanted = (context.time_remaining(), inference.timeout_of(contents.parameters_of(request.parameters)))
    deadline = min((each for each in wanted if each is not None), default=None)
    if deadline is not None and deadline <= 0:
        raise DeadlineExceeded("the deadline had passed before the request was read")
    outputs = [(each.name, contents.parameters_of(each.parameters)) for each in request.outputs]
    found = await inference.infer(app.models, name, contents.read(request, name), outputs, deadline)
    answer.model_name, answer.model_version, answer.id = found.name, found.version_label, request.id
    tensors = (each for parts in found.outputs.values() for each in parts)
    contents.write(answer, tensors, raw=bool(request.raw_input_contents))
    return found


async def _index(app: Application, request: Any, answer: Any, context: Any) -> None:
    for each in await inference.index(app, ready=request.ready):
        answer.models.add(**each)


async def _load(app: Application, request: Any, answer: Any, context: Any) -> None:
    if request.parameters:
        raise BadRequest(f"{', '.join(request.parameters)}: a model is loaded as it lies in the store")
    answer.model_name = request.model_name or request.repository_name
    await inference.load(app, answer.model_name)
    answer.isLoaded = True


async def _unload(app: Application, request: Any, answer: Any, context: Any) -> None:
    answer.model_name = request.model_name or request.repository_name
    await inference.unload(app, answer.model_name)
    answer.isUnloaded = True


METHODS: dict[str, Method] = {
    "ServerLive": _server_live,
    "ServerReady": _server_ready,
    "ModelReady": _model_ready,
    "ServerMetadata": _server_metadata,
    "ModelMetadata": _model_metadata,
    "ModelInfer": _model_infer,
    "RepositoryIndex": _index,
    "RepositoryModelLoad": _load,
    "RepositoryModelUnload": _unload,
}
