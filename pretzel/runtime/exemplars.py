"""Exemplars: traces of calls, beside the buckets that count their times.

A call that is timed leaves the ids of the span that is current then, if OpenTelemetry is in use and samples the trace.
Nothing is imported for that: without the API in the process there are no exemplars.
"""

from __future__ import annotations

import sys
import time
from bisect import bisect_right
from typing import TYPE_CHECKING, Any, NamedTuple

from pretzel._native import call_seconds, watch_times

if TYPE_CHECKING:
    from collections.abc import Callable

    from pretzel._native import CallCounter, Endpoint

_EDGES = call_seconds()


class Exemplar(NamedTuple):
    """One call with a trace.

    Parameters
    ----------
    trace_id, span_id : int
    seconds : float
        Time of the call.
    when : float
        Seconds since 1970.
    """

    trace_id: int
    span_id: int
    seconds: float
    when: float

    @property
    def labels(self) -> dict[str, str]:
        """The ids as OpenMetrics and Grafana have them."""
        return {"trace_id": f"{self.trace_id:032x}", "span_id": f"{self.span_id:016x}"}


def watch() -> None:
    """Keep exemplars from now on."""
    watch_times(note)


def span_context() -> Any:
    """The context of the current span, if its trace is sampled; else None."""
    if "opentelemetry.trace" not in sys.modules:
        return None
    from opentelemetry import trace

    context = trace.get_current_span().get_span_context()
    return context if context.is_valid and context.trace_flags.sampled else None


def note(endpoint: Endpoint, one: bool, seconds: float, context: Any = None) -> None:
    """Keep the trace of a call that has been timed.

    Parameters
    ----------
    endpoint : Endpoint
    one : bool
        Whether the call had a row, not a table.
    seconds : float
    context : SpanContext, optional
        By default, that of the current span.
    """
    context = span_context() if context is None else context
    if context is not None:
        kept = endpoint.exemplars
        if kept is None:
            kept = endpoint.exemplars = {}
        kept[one, bisect_right(_EDGES, seconds)] = Exemplar(context.trace_id, context.span_id, seconds, time.time())


def ending(endpoint: Endpoint, target: CallCounter) -> Callable[[BaseException | None, float], None]:
    """What counts how a submitted call ends, in whichever thread; the span is that of the thread that submits."""
    context = span_context()

    def ended(error: BaseException | None, seconds: float) -> None:
        endpoint.end(target, False, error, seconds)
        if context is not None and error is None:
            note(endpoint, False, seconds, context)

    return ended
