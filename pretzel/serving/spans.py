"""A span of OpenTelemetry for each request, by the semantic conventions for HTTP.

It is the server's span, a child of what ``traceparent`` names. Where a span is current already, as behind a middleware
of OpenTelemetry, it is an internal one below that. The spans of the batch engine (`pretzel.runtime.tracing`) become its
children. Nothing is imported unless the process has imported OpenTelemetry, or the runtime was told to trace.
"""

from __future__ import annotations

import contextlib
import sys
from typing import TYPE_CHECKING, Any

from pretzel.runtime.log import logger

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pretzel.serving.application import Application
    from pretzel.serving.exchange import Request

_KNOWN = frozenset({"CONNECT", "DELETE", "GET", "HEAD", "OPTIONS", "PATCH", "POST", "PUT", "TRACE"})
_FIXED = frozenset({"/", "/models", "/openapi.json", "/metrics", "/v2", "/v2/health/live", "/v2/health/ready"})


def tracer(app: Application) -> Any:
    """The tracer for requests, or None: this process has no tracer provider, or the runtime is not to trace."""
    wanted = app.runtime.tracing
    if wanted is False or (wanted is None and "opentelemetry.trace" not in sys.modules):
        return None
    from opentelemetry import trace

    provider = trace.get_tracer_provider()
    known = app.kept.get("tracer")
    if known is None or known[0] is not provider:
        is_set = not isinstance(provider, trace.ProxyTracerProvider | trace.NoOpTracerProvider)
        version = sys.modules["pretzel"].__version__
        known = app.kept["tracer"] = (provider, provider.get_tracer("pretzel", version) if is_set else None)
    return known[1]


def of_request(tracer: Any, request: Request) -> contextlib.AbstractContextManager[None]:
    """The span of a request is current inside of the block, and ends with it; without a tracer there is none.

    No span fails a request: one that cannot be begun is left out.
    """
    span = None if tracer is None else _begun(tracer, request)
    return current(span, lambda: _finish(span, request))


@contextlib.contextmanager
def current(span: Any, finish: Callable[[], None]) -> Iterator[None]:
    """``span``, if any, is current inside of the block, and ends with it once ``finish`` has written to it."""
    if span is None:
        yield
        return
    from opentelemetry import trace

    with trace.use_span(span, end_on_exit=True, record_exception=False, set_status_on_exception=False):
        try:
            yield
        finally:
            try:
                if span.is_recording():
                    finish()
            except Exception:
                logger.exception("a span lacks what is known of its request")


def _begun(tracer: Any, request: Request) -> Any:
    """The span of a request, or None if there can be none."""
    from opentelemetry import propagate, trace

    try:
        return _start(tracer, request, propagate, trace)
    except Exception:
        logger.exception("a request has no span")
        return None


def _start(tracer: Any, request: Request, propagate: Any, trace: Any) -> Any:
    has_parent = trace.get_current_span().get_span_context().is_valid
    route = _route(request)
    method = request.method if request.method in _KNOWN else "HTTP"
    return tracer.start_span(
        f"{method} {route}" if route else method,
        context=None if has_parent else propagate.extract(request.headers, getter=_HEADERS),
        kind=trace.SpanKind.INTERNAL if has_parent else trace.SpanKind.SERVER,
        attributes=_attributes(request, route),
    )


class _Headers:
    """Reads the headers of a request for propagators."""

    def get(self, carrier: dict[bytes, bytes], key: str) -> list[str] | None:
        """The values of a header."""
        found = carrier.get(key.lower().encode())
        return None if found is None else [found.decode("latin-1")]

    def keys(self, carrier: dict[bytes, bytes]) -> list[str]:
        """The names of all headers."""
        return [name.decode("latin-1") for name in carrier]


_HEADERS: Any = _Headers()


def _route(request: Request) -> str:
    """The path without what differs from model to model; "" for one that is not known."""
    path = request.path or "/"
    route = path if path in _FIXED else ""
    if path.startswith("/models/"):
        route = "/models/{model}/{method}" if request.method == "POST" else "/models/{model}"
    elif path.startswith("/v2/models/"):
        verb = path.rpartition("/")[2]
        route = "/v2/models/{model}" + (f"/{verb}" if verb in ("infer", "ready") else "")
    elif path.startswith("/v2/repository/"):
        verb = path.rpartition("/")[2]
        route = f"/v2/repository/models/{{model}}/{verb}" if verb in ("load", "unload") else "/v2/repository/index"
    return request.root + route if route else ""


def _attributes(request: Request, route: str) -> dict[str, Any]:
    """What is known of a request when it comes."""
    scope = request.scope
    known = request.method in _KNOWN
    host, port = _address(request)
    client = scope.get("client")
    agent = request.headers.get(b"user-agent")
    found = {
        "http.request.method": request.method if known else "_OTHER",
        "http.request.method_original": None if known else request.method,
        "http.route": route,
        "url.scheme": scope.get("scheme", "http"),
        "url.path": request.whole_path,
        "url.query": request.query.decode("latin-1"),
        "server.address": host,
        "server.port": port,
        "client.address": client[0] if client else None,
        "network.protocol.version": scope.get("http_version"),
        "user_agent.original": None if agent is None else agent.decode("latin-1"),
    }
    return {name: _written(value) for name, value in found.items() if value not in (None, "")}


def _written(value: Any) -> Any:
    """A value as exporters can write it: a text without lone surrogates."""
    return value.encode("utf-8", "replace").decode() if isinstance(value, str) else value


def _address(request: Request) -> tuple[str | None, int | None]:
    """Name and port of this server, as the client knows them."""
    host = request.headers.get(b"host", b"").decode("latin-1")
    if not host:
        server = request.scope.get("server") or (None, None)
        return server[0], server[1]
    name, colon, port = host.rpartition(":")
    if colon and port.isascii() and port.isdigit() and len(port) < 6:
        return name, int(port)
    return host, None


def _finish(span: Any, request: Request) -> None:
    """What is known of a request when it has been answered."""
    from opentelemetry.trace import StatusCode

    from pretzel.serving.watched import described, outcome_of

    found = {f"pretzel.{name}": value for name, value in described(request).items()}
    found["pretzel.outcome"] = outcome_of(request)
    found["http.response.status_code"] = request.status or None
    if request.status >= 500 or (not request.status and request.error is not None):
        kind = type(request.error)
        found["error.type"] = str(request.status) if request.error is None else kind.__qualname__
        span.set_status(StatusCode.ERROR)
    span.set_attributes({name: value for name, value in found.items() if value is not None})
