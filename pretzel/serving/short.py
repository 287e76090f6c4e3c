"""One row as JSON: the path of most requests, without the objects of the others.

Requests take it that are as the one before to the same path was: a JSON object, and no header that asks for more. All
others are given back, with what has been read of them.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Any

from pretzel._native import Method
from pretzel.errors import ModelNotFoundError
from pretzel.runtime.asynchronous import INLINE_LIMIT, answer_row, in_memory
from pretzel.runtime.version import version_of
from pretzel.serving.exchange import DEADLINE, REQUEST_ID, Request, header_value
from pretzel.serving.failures import BadRequest
from pretzel.serving.jsons import dumps, loads, written_out
from pretzel.serving.models import MOST, blamed

if TYPE_CHECKING:
    from pretzel._native import Endpoint
    from pretzel.runtime.handle import Model
    from pretzel.serving.application import Application
    from pretzel.serving.exchange import Receive, Scope, Send

_MORE = frozenset({DEADLINE, REQUEST_ID, b"content-encoding"})
_TYPES = frozenset({b"content-type", b"accept"})


class ShortRows:
    """The models and methods that have answered a row, by path.

    Parameters
    ----------
    app : Application
    """

    def __init__(self, app: Application) -> None:
        self._app = app
        self._known: dict[tuple[str, str], tuple[Model, str, Endpoint]] = {}

    def add(self, root: str, path: str, model: Model | None, method: str) -> None:
        """A row can be answered at this path, which begins with the place where the application is mounted."""
        endpoint = None if model is None else model.endpoint(method)
        if model is not None and endpoint is not None:
            if len(self._known) >= MOST:
                self._known.clear()
            self._known[root, path] = (model, method, endpoint)

    async def answer(self, scope: Scope, receive: Receive, send: Send) -> Receive | None:
        """Answer a request and return None, or return what is to be received of it."""
        app = self._app
        known = self._known.get((scope.get("root_path", ""), scope["path"]))
        if known is None or scope["method"] != "POST" or app.models.unloaded:
            return receive
        if app.draining or app.leaving or app.active >= app.settings.max_requests:
            return receive
        for name, value in scope["headers"]:
            if name in _MORE or (name in _TYPES and b"arrow" in value.lower()):
                return receive
        app.active += 1
        try:
            message = await receive()
            body = message.get("body")
            if not body or message.get("more_body") or len(body) > app.settings.max_bytes:
                return _again(message, receive)
            try:
                row = loads(body)
            except BadRequest:
                return _again(message, receive)
            model, method, endpoint = known
            if type(row) is not dict:
                return _again(message, receive)
            target: Any = endpoint.pick()
            try:
                if type(target) is not Method or target.batches is not None or target.estimate_one(row) >= INLINE_LIMIT:
                    target = await in_memory(target)
                    answer = await answer_row(endpoint, target, row, None)
                else:
                    answer = endpoint.answer(target, row)
                content = dumps(answer if type(target) is Method and not target.sparse_result else _written(answer))
            except ModelNotFoundError:
                return _again(message, receive)
            except Exception as error:
                fault = blamed(model, method, target, error)
                if fault is not error:
                    fault.__cause__ = error
                response = app.failed(Request(scope, receive, 0), fault)
                app.statuses[response.status] += 1
                with contextlib.suppress(OSError):  # the client has gone
                    await response.send(send)
                return None
            app.statuses[200] += 1
            headers = [
                (b"content-type", b"application/json"),
                (b"content-length", b"%d" % len(content)),
                (b"model-version", header_value(version_of(target))),
            ]
            try:
                await send({"type": "http.response.start", "status": 200, "headers": headers})
                await send({"type": "http.response.body", "body": content})
            except OSError:  # what servers raise of ASGI 2.4 where the client has gone
                pass
            return None
        finally:
            app.active -= 1


def _again(message: Any, receive: Receive) -> Receive:
    """A `receive` that begins with a message that has been received."""
    first = [message]

    async def received() -> Any:
        return first.pop() if first else await receive()

    return received


def _written(answer: Any) -> Any:
    """An answer that may be a sparse row."""
    return written_out(answer)[0] if hasattr(answer, "toarray") else answer
