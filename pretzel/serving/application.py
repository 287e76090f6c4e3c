"""The ASGI application: lifespan, paths, request ids, errors, and an orderly end."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
import math
import os
import sys
import time
from collections import Counter
from dataclasses import dataclass
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

from pretzel.errors import MemoryLimitExceeded, Overloaded, StoreError, WorkerLost
from pretzel.options import check_option, parse_bytes
from pretzel.runtime.log import logger
from pretzel.serving import pages, plain, prometheus, protocol, spans, watched
from pretzel.serving.exchange import REQUEST_ID, Disconnected, Request, Response, is_sendable
from pretzel.serving.failures import Busy, ModelFailed, NotFound, Unavailable, WrongHttpMethod, status_of
from pretzel.serving.models import Models
from pretzel.serving.short import ShortRows
from pretzel.serving.warm_up import WarmUp

if TYPE_CHECKING:
    from pretzel.runtime.runtime import Runtime
    from pretzel.serving.exchange import Receive, Scope, Send
    from pretzel.serving.grpc.listener import Server

_prefix = [os.urandom(6).hex().encode()]  # of ids of requests; a fork has its own
os.register_at_fork(after_in_child=lambda: _prefix.__setitem__(0, os.urandom(6).hex().encode()))
MOMENT = 0.5
"""Seconds for which a server that ends answers over connections without a request under way."""

_PREDICTIONS = "/models/"
_PROTOCOL = "/v2"
_log = watched.LOGGER


@dataclass(frozen=True, slots=True)
class Settings:
    """What `pretzel.serving.app` is given; sizes in bytes."""

    manage: bool = False
    max_bytes: int = 64_000_000
    max_requests: int = 1024
    drain: float = 30.0
    close: bool = False
    warm_up: bool = True

    @classmethod
    def of(
        cls, manage: bool, max_bytes: int | str, max_requests: int, drain: float, close: bool, warm_up: bool
    ) -> Settings:
        """Settings that have been checked.

        Raises
        ------
        OptionError
        """
        check_option("manage", manage, bool)
        check_option("close", close, bool)
        check_option("warm_up", warm_up, bool)
        check_option("max_requests", max_requests, Integral, 1)
        check_option("drain", drain, Real, 0)
        return cls(manage, parse_bytes(max_bytes), max_requests, float(drain), close, warm_up)


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
    leaving : bool
        Whether clients are asked to close connections, because the server is about to end.
    draining : bool
        Whether requests are rejected, because the server ends.
    statuses : Counter
        Answers by status.
    codes : Counter
        Answers over gRPC by status.
    beside : list
        Servers that start and stop with this application, such as that of `pretzel.serving.grpc`.
    shared : SharedMetrics or None
        Metrics of all workers, where they have a place for them.
    warm_up : WarmUp
        Models that have been called before the first request.
    """

    def __init__(self, runtime: Runtime, settings: Settings) -> None:
        self.runtime = runtime
        self.settings = settings
        self.models = Models(runtime)
        self.short_rows = ShortRows(self)
        self.active = 0
        self.leaving = self.draining = False
        self.statuses: Counter[int] = Counter()
        self.codes: Counter[str] = Counter()
        self.beside: list[Server] = []
        self.started = time.time()
        self._numbers = itertools.count(1)
        self.kept: dict[str, Any] = {}  # what routes make once
        self.shared = prometheus.shared(self)
        self.warm_up = WarmUp(self)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, or follow the events of a server's life."""
        kind = scope["type"]
        if self.shared is not None:
            self.shared.follow()
        if kind == "http":
            try:
                can_trace = self.runtime.tracing or "opentelemetry.trace" in sys.modules
                tracer = spans.tracer(self) if can_trace else None
                if tracer is not None or _log.isEnabledFor(logging.INFO):
                    await watched.answer(self, Request(scope, receive, self.settings.max_bytes), send, tracer)
                    return
                left = await self.short_rows.answer(scope, receive, send)
                if left is not None:
                    await self.answer(Request(scope, left, self.settings.max_bytes), send)
            except asyncio.CancelledError:
                if not (self.leaving or self.draining):
                    raise
                await self._cut_off(send)
        elif kind == "lifespan":
            await self._live(receive, send)
        elif kind == "websocket":
            await receive()
            await send({"type": "websocket.close", "code": 1000})
        else:
            raise RuntimeError(f"pretzel.serving has no answer to {kind!r} of ASGI")

    async def _cut_off(self, send: Send) -> None:
        """Answer a request that the server cancels because it ends, which servers log with a traceback otherwise."""
        error = Unavailable("this server shut down before the request was answered: send it to another one")
        response = Response.of({"error": str(error), "type": "Unavailable"}, status_of(error))
        response.headers += [(b"retry-after", b"1"), (b"connection", b"close")]
        self.statuses[response.status] += 1
        with contextlib.suppress(Exception):  # the client has gone, or has the beginning of an answer
            await response.send(send)

    async def leave(self) -> None:
        """Answer what comes over open connections for a moment, and ask clients to close them.

        A server that closes a connection as soon as it is told to stop loses requests that are on their way.
        """
        self.leaving = True
        await asyncio.sleep(min(MOMENT, self.settings.drain))

    async def drain(self) -> None:
        """Take no new requests, and wait until those under way have been answered, or the time for that is over."""
        self.draining = True
        end = time.monotonic() + self.settings.drain
        while self.active and time.monotonic() < end:
            await asyncio.sleep(0.01)
        if self.active:
            logger.warning("%d request(s) were under way after %g seconds", self.active, self.settings.drain)
        if self.shared is not None:
            await asyncio.to_thread(partial(self.shared.write, all_of_it=True))
        if self.settings.close:
            await asyncio.to_thread(self.runtime.close, drain=not self.active)

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            event = (await receive())["type"]
            if event == "lifespan.shutdown":
                await asyncio.gather(self.drain(), *(each.stop() for each in self.beside))
            else:
                await self.warm_up.finish()
                try:
                    for each in self.beside:
                        await each.start()
                except Exception as error:
                    await send({"type": "lifespan.startup.failed", "message": str(error)})
                    return
            await send({"type": f"{event}.complete"})
            if event == "lifespan.shutdown":
                return

    async def answer(self, request: Request, send: Send) -> None:
        """Answer one request, and tell it what it was answered."""
        path = request.path
        self.active += 1
        try:
            try:
                if not path.startswith("/v2/health/"):
                    self.check_room()
                if path.startswith(_PREDICTIONS) and request.method == "POST":
                    response = await plain.predict(self, request, path[len(_PREDICTIONS) :])
                else:
                    response = await self._routed(request, path)
            except Disconnected:
                return
            except Exception as error:
                response = self.failed(request, error)
            self.statuses[response.status] += 1
            request.status = response.status
            name = request.headers.get(REQUEST_ID)
            if name is not None and is_sendable(name) and response.status < 400:
                response.headers.append((REQUEST_ID, name))
            if self.leaving:
                response.headers.append((b"connection", b"close"))
            try:
                await response.send(send, with_body=request.method != "HEAD")
            except OSError:  # what servers raise of ASGI 2.4 where the client has gone
                request.status, request.error = 0, None
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

    def check_open(self) -> None:
        """Raise unless predictions are answered.

        Raises
        ------
        Unavailable
        """
        if self.draining:
            raise Unavailable("this server is shutting down: send the request to another one")

    def check_room(self) -> None:
        """Raise if more requests are under way, this one among them, than may be.

        Raises
        ------
        Busy
        """
        if self.active > self.settings.max_requests:
            raise Busy(f"{self.settings.max_requests} requests are under way, which is the limit")

    def failed(self, request: Request, error: Exception) -> Response:
        """The answer to a request that failed, which always has an id."""
        name = request.id = self.id_of(request.headers.get(REQUEST_ID, b""))
        request.error = error.__cause__ if isinstance(error, ModelFailed) else error
        status = status_of(error)
        message, kind = self.told(error, name, f"{request.method} {request.path}"), type(error).__name__
        response = Response.of({"error": message, "type": "Error" if status == 500 else kind}, status)
        response.headers.append((REQUEST_ID, name))
        if isinstance(error, WrongHttpMethod):
            response.headers.append((b"allow", error.allowed.encode()))
        seconds = self.retry_after(error)
        if seconds is not None:
            response.headers.append((b"retry-after", b"%d" % seconds))
        return response

    def id_of(self, name: bytes) -> bytes:
        """The id of a request that failed: its own if that can be sent back, else a new one."""
        return name if is_sendable(name) else b"%s-%x" % (_prefix[0], next(self._numbers))

    def told(self, error: Exception, name: bytes, asked: str) -> str:
        """What the client of a request is told of an exception; an internal one is logged instead."""
        if isinstance(error, StoreError):
            logger.error("request %s failed: %s: %s", name.decode(), asked, error)
            return f"cannot be loaded from the store: {error}"
        if status_of(error) != 500:
            return str(error)
        logger.error("request %s failed: %s", name.decode(), asked, exc_info=error)
        what = str(error) if isinstance(error, ModelFailed) else "internal error"
        return f"{what}; the log of the server tells more about request {name.decode()}"

    def retry_after(self, error: Exception) -> int | None:
        """Seconds after which a request that was rejected may be answered, as far as estimates tell."""
        if not isinstance(error, Busy | Unavailable | StoreError | Overloaded | WorkerLost | MemoryLimitExceeded):
            return None
        if not isinstance(error, Overloaded):
            return 1
        engine = self.runtime.engine
        seconds: float = engine.load()["seconds"] / engine.scheduler.workers
        return min(max(math.ceil(seconds), 1), 60)
