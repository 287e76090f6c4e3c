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


def refused(tracer: Any, model: str, rows: int | None, error: Exception) -> None:
    """A span for a request that was not taken."""
    _end(_start(tracer, model, rows), error)


def follow(tracer: Any, model: str, rows: int | None, answer: Answer) -> None:
    """A span, within the one of the caller, from now until there is an answer."""
    span = _start(tracer, model, rows)
    if not span.is_recording():  # nobody has set a provider, or this trace is not sampled
        span.end()
        return
    answer.add_done_callback(lambda done: _end(span, None if done.cancelled() else done.exception(), done.cancelled()))


def _start(tracer: Any, model: str, rows: int | None) -> Any:
    attributes: dict[str, Any] = {"pretzel.model": model}
    if rows is not None:
        attributes["pretzel.rows"] = rows
    return tracer.start_span("pretzel.request", attributes=attributes)


def _end(span: Any, error: BaseException | None, cancelled: bool = False) -> None:
    if error is not None:
        from opentelemetry.trace import StatusCode

        span.record_exception(error)
        span.set_status(StatusCode.ERROR, str(error))
    elif cancelled:
        span.set_attribute("pretzel.cancelled", True)
    span.end()
