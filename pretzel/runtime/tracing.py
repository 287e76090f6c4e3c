"""OpenTelemetry spans of requests to the batch engine.

The API is imported only if the process has imported it already, or if tracing is asked for.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from concurrent.futures import Future


def tracer(wanted: bool | None) -> Any:
    """The tracer of this package, or None: requests are not traced.

    Parameters
    ----------
    wanted : bool or None
        None: only if the process has imported OpenTelemetry.

    Raises
    ------
    ImportError
        Tracing is wanted, and OpenTelemetry is not installed.
    """
    if wanted is False or (wanted is None and "opentelemetry.trace" not in sys.modules):
        return None
    from opentelemetry import trace

    return trace.get_tracer("pretzel")


def trace_rejection(tracer: Any, model: str, error: BaseException) -> None:
    """Record a span for a rejected request."""
    _end(tracer.start_span("pretzel.request", attributes={"pretzel.model": model}), error)


def trace(tracer: Any, model: str, answer: Future[Any]) -> None:
    """Record a span, a child of the current one, from now until the answer is there."""
    span = tracer.start_span("pretzel.request", attributes={"pretzel.model": model})
    if not span.is_recording():  # there is no provider, or this trace is not sampled
        span.end()
        return
    answer.add_done_callback(lambda done: _end(span, None if done.cancelled() else done.exception(), done.cancelled()))


def _end(span: Any, error: BaseException | None, cancelled: bool = False) -> None:
    if error is not None:
        from opentelemetry.trace import StatusCode

        span.record_exception(error)
        span.set_status(StatusCode.ERROR, str(error))
    span.set_attribute("pretzel.cancelled", cancelled)
    span.end()
