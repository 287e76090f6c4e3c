"""OpenTelemetry spans around requests to the batch engine. The API is imported if somebody else did, or asks."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pretzel.runtime.engine import Answer


def tracer(wanted: bool | None) -> Any:
    """The tracer of this package, or None where there is nothing to trace with.

    Parameters
    ----------
    wanted : bool or None
        None: only if the process has imported OpenTelemetry by itself.

    Raises
    ------
    ImportError
        It is wanted and not installed.
    """
    if wanted is False or (wanted is None and "opentelemetry.trace" not in sys.modules):
        return None
    from opentelemetry import trace

    return trace.get_tracer("pretzel")


def refused(tracer: Any, model: str, error: BaseException) -> None:
    """A span for a request that was not taken."""
    _end(tracer.start_span("pretzel.request", attributes={"pretzel.model": model}), error)


def follow(tracer: Any, model: str, answer: Answer) -> None:
    """A span, within the one of the caller, from now until there is an answer."""
    span = tracer.start_span("pretzel.request", attributes={"pretzel.model": model})
    if not span.is_recording():  # nobody has set a provider, or this trace is not sampled
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
