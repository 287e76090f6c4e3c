"""A record in the log (`LOGGER`) and a span of OpenTelemetry for each request, where they are switched on.

Two look-ups are what they cost a request where both are off. The log is on where ``pretzel.requests`` is
enabled for INFO; spans are on where the process has set a tracer provider (`pretzel.serving.spans`).
"""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from pretzel.serving import spans
from pretzel.serving.exchange import REQUEST_ID, is_sendable

if TYPE_CHECKING:
    from pretzel.serving.application import Application
    from pretzel.serving.exchange import Request, Send

LOGGER = logging.getLogger("pretzel.requests")

_REJECTED = frozenset({429, 503, 504})


def is_logged() -> bool:
    """Whether requests are logged."""
    return LOGGER.isEnabledFor(logging.INFO)


async def answer(app: Application, request: Request, send: Send, tracer: Any) -> None:
    """Answer a request, then write its record and end its span.

    Parameters
    ----------
    app : Application
    request : Request
    send
        Of ASGI.
    tracer : opentelemetry.trace.Tracer or None
        Without one there is no span.
    """
    start = time.perf_counter()
    with spans.of_request(tracer, request):
        try:
            await app.answer(request, send)
        except BaseException as error:
            request.error = error
            raise
        finally:
            if is_logged():
                _log(request, time.perf_counter() - start)


def outcome_of(request: Request) -> str:
    """What became of a request, in the words of ``pretzel_requests_total``."""
    if not request.status:
        return "cancelled" if request.error is None or not isinstance(request.error, Exception) else "failed"
    if request.status in _REJECTED:
        return "rejected"
    return "answered" if request.status < 400 else "invalid" if request.status < 500 else "failed"


def _log(request: Request, seconds: float) -> None:
    name = request.headers.get(REQUEST_ID, b"") if request.id is None else request.id
    client = request.scope.get("client")
    path = quote(request.whole_path, errors="replace")
    found = {
        "request_id": name.decode() if is_sendable(name) else None,
        "http_method": request.method,
        "path": path,
        "client": client[0] if client else None,
        **described(request),
        "outcome": outcome_of(request),
        "status": request.status or None,
        "milliseconds": round(seconds * 1e3, 3),
        "trace_id": trace_id(),
    }
    LOGGER.info("%s %s %s in %.3g ms", request.method, path, request.status or "-", seconds * 1e3, extra=found)


def described(request: Request) -> dict[str, Any]:
    """Model, version, method and rows of a prediction; None for what is not known."""
    model, _, label = _written(request.version or request.model).partition("@")
    return {
        "model": model or None,
        "version": label or None,
        "method": _written(request.asked) or None,
        "rows": request.rows,
    }


def _written(text: str) -> str:
    """A text as UTF-8 can write it, which has no lone surrogates."""
    return text.encode("utf-8", "replace").decode()


def trace_id() -> str | None:
    """The id of the trace that the current span belongs to."""
    if "opentelemetry.trace" not in sys.modules:
        return None
    from opentelemetry import trace

    context = trace.get_current_span().get_span_context()
    return f"{context.trace_id:032x}" if context.is_valid else None
