"""The ASGI application: lifespan, paths, request ids, errors, and an orderly end."""

from __future__ import annotations

import asyncio
import itertools
import math
import os
import time
from collections import Counter
from dataclasses import dataclass
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from pretzel.errors import MemoryLimitExceeded, Overloaded, WorkerLost
from pretzel.options import check_option, parse_bytes
from pretzel.runtime.log import logger
from pretzel.serving import pages, plain, protocol
from pretzel.serving.exchange import REQUEST_ID, Disconnected, Request, Response, is_sendable
from pretzel.serving.failures import Busy, NotFound, Unavailable, WrongHttpMethod, status_of
from pretzel.serving.models import Models
from pretzel.serving.short import ShortRows

if TYPE_CHECKING:
    from pretzel.runtime.runtime import Runtime
    from pretzel.serving.exchange import Receive, Scope, Send

_prefix = [os.urandom(6).hex().encode()]  # of ids of requests; a fork has its own
os.register_at_fork(after_in_child=lambda: _prefix.__setitem__(0, os.urandom(6).hex().encode()))
_PREDICTIONS = "/models/"
_PROTOCOL = "/v2"


@dataclass(frozen=True, slots=True)
class Settings:
    """What `pretzel.serving.app` is given; sizes in bytes."""

    manage: bool = False
    max_bytes: int = 64_000_000
    max_requests: int = 1024
    drain: float = 30.0
    close: bool = False

    @classmethod
    def of(cls, manage: bool, max_bytes: int | str, max_requests: int, drain: float, close: bool) -> Settings:
        """Settings that have been checked.

        Raises
        ------
        OptionError
        """
        check_option("manage", manage, bool)
        check_option("close", close, bool)
        check_option("max_requests", max_requests, Integral, 1)
        check_option("drain", drain, Real, 0)
        return cls(manage, parse_bytes(max_bytes), max_requests, float(drain), close)


class Application:
    """An ASGI 3 application; see `pretzel.serving.app`.

    Parameters
    ----------
    runtime : Runtime
    settings : Settings

    Attributes
    ----------
    models : Models
        Handles by name.
    active : int
        Requests that are under way.
    draining : bool
        Whether requests are rejected, because the server ends.
    statuses : Counter
        Answers by status.
    """

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self.runtime = runtime
        self.settings = settings
        self.models = Models(runtime)
        self.short_rows = ShortRows(self)
        self.active = 0
        self.draining = False
        self.statuses: Counter[int] = Counter()
        self.started = time.time()
        self._numbers = itertools.count(1)
        self.kept: dict[str, Any] = {}  # what routes make once

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the events of a server's life."""
        kind = scope["type"]
        if kind == "http":
            left = await self.short_rows.answer(scope, receive, send)
            if left is not None:
                await self._answer(scope, left, send)
        elif kind == "lifespan":
            await self._live(receive, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        else:
            raise RuntimeError(f"pretzel.serving has no answer to {kind!r} of ASGI")

    async def drain(self) -> None:
        """Take no new requests, and wait until those under way have been answered, or the time for that is over."""
        self.draining = True
        end = time.monotonic() + self.settings.drain
        while self.active and time.monotonic() < end:
            await asyncio.sleep(0.01)
        if self.active:
            logger.warning("%d request(s) were under way after %g seconds", self.active, self.settings.drain)
        if self.settings.close:
            await asyncio.to_thread(self.runtime.close, drain=not self.active)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            event = (await receive())["type"]
            if event == "lifespan.shutdown":
                await self.drain()
            await send({"type": f"{event}.complete"})
            if event == "lifespan.shutdown":
                return

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, self.settings.max_bytes)
        path = request.path
        self.active += 1
        try:
            try:
                if self.active > self.settings.max_requests and not path.startswith("/v2/health/"):
                    raise Busy(f"{self.settings.max_requests} requests are under way, which is the limit")
                if path.startswith(_PREDICTIONS) and request.method == "POST":
                    response = await plain.predict(self, request, path[len(_PREDICTIONS) :])
                else:
                    response = await self._routed(request, path)
            except Disconnected:
                return
            except Exception as error:
                response = self.failed(request, error)
            self.statuses[response.status] += 1
            name = request.headers.get(REQUEST_ID)
            if name is not None and is_sendable(name) and response.status < 400:
                response.headers.append((REQUEST_ID, name))
            await response.send(send, with_body=request.method != "HEAD")
        finally:
            self.active -= 1

    async def _routed(self, request: Request, path: str) -> Response:
        if path == _PROTOCOL or path.startswith("/v2/"):
            return await protocol.route(self, request, path[len(_PROTOCOL) :].strip("/"))
        page = pages.PAGES.get(path or "/")
        if page is None and not path.startswith(_PREDICTIONS):
            raise NotFound(f"there is nothing at {path!r}: / lists the models, /openapi.json the paths")
        if page is None:
            return await pages.model(self, request, path[len(_PREDICTIONS) :])
        if request.method not in ("GET", "HEAD"):
            raise WrongHttpMethod("GET, HEAD")
        return await page(self, request)

    def _new_id(self) -> bytes:
        return b"%s-%x" % (_prefix[0], next(self._numbers))

    def check_open(self) -> None:
        """Raise unless predictions are answered.

        Raises
        ------
        Unavailable
        """
        if self.draining:
            raise Unavailable("this server is shutting down: send the request to another one")

    def failed(self, request: Request, error: Exception) -> Response:
        """The answer to a request that failed, which always has an id."""
        name = request.headers.get(REQUEST_ID, b"")
        name = name if is_sendable(name) else self._new_id()
        status = status_of(error)
        message = str(error)
        kind = type(error).__name__
        if status == 500:
            logger.error("request %s failed: %s %s", name.decode(), request.method, request.path, exc_info=error)
            message, kind = f"internal error; the log of the server tells more about request {name.decode()}", "Error"
        response = Response.of({"error": message, "type": kind}, status)
        response.headers.append((REQUEST_ID, name))
        if isinstance(error, WrongHttpMethod):
            response.headers.append((b"allow", error.allowed.encode()))
        if isinstance(error, Busy | Unavailable | Overloaded | WorkerLost | MemoryLimitExceeded):
            response.headers.append((b"retry-after", b"%d" % self._retry_after(error)))
        return response

    def _retry_after(self, error: Exception) -> int:
        """Seconds until the requests that are waiting now will have been answered, as far as estimates tell."""
        if not isinstance(error, Overloaded):
            return 1
        engine = self.runtime.engine
        seconds: float = engine.load()["seconds"] / engine.scheduler.workers
        return min(max(math.ceil(seconds), 1), 60)
