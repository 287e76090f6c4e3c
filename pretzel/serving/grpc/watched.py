"""A record in the log ``pretzel.requests`` and a span of OpenTelemetry for each call of gRPC, as over HTTP."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING, Any

from pretzel.runtime.log import logger
from pretzel.serving import spans
from pretzel.serving.grpc.messages import services
from pretzel.serving.watched import LOGGER, is_logged, trace_id

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretzel.serving.application import Application

_OUTCOMES = {
    "OK": "answered",
    "CANCELLED": "cancelled",
    "RESOURCE_EXHAUSTED": "rejected",
    "UNAVAILABLE": "rejected",
    "DEADLINE_EXCEEDED": "rejected",
    "INTERNAL": "failed",
    "UNKNOWN": "failed",
}
"""What became of a call; with any other code it was invalid."""


class Call:
    """What is known of a call.

    Attributes
    ----------
    service, name : str
        Of the method.
    request, answer : message or None
    methods : tuple of str
        Of the model, that have answered.
    id : str
        What the client was told, or has sent.
    code : str
        Of the status; "" before it is known.
    """

    def __init__(self, service: str, name: str, id: str) -> None:
        self.service, self.name, self.id = service, name, id
        self.request: Any = None
        self.answer: Any = None
        self.methods: tuple[str, ...] = ()
        self.code = ""

    @property
    def outcome(self) -> str:
        """In the words of ``pretzel_requests_total``."""
        return _OUTCOMES.get(self.code or "UNKNOWN", "invalid")

    def described(self) -> dict[str, Any]:
        """Model, version, method and rows; None for what is not known."""
        asked, answer = self.request, self.answer
        written = getattr(asked, "model_name", "") or getattr(asked, "name", "") or self._watched(asked)
        model, _, label = written.partition("@")
        label = getattr(answer, "model_version", "") or getattr(asked, "model_version", "") or label
        shapes = [each.shape for each in getattr(asked, "inputs", ())]
        return {
            "model": getattr(answer, "model_name", "") or model or None,
            "version": label or None,
            "method": ",".join(self.methods) or None,
            "rows": shapes[0][0] if shapes and len(shapes[0]) else None,
        }

    def _watched(self, asked: Any) -> str:
        """The model whose health is asked for."""
        service: str = getattr(asked, "service", "")
        return "" if service in services() else service


@contextlib.contextmanager
def of_call(app: Application, call: Call, context: Any) -> Iterator[None]:
    """Write the record of a call when the block ends; its span is current inside of the block, if there is one."""
    start = time.perf_counter()
    tracer = spans.tracer(app)
    span = None if tracer is None else _begun(tracer, call, context)
    with spans.current(span, lambda: _finish(span, call)):
        try:
            yield
        finally:
            if is_logged():
                _log(call, context, time.perf_counter() - start)


def _log(call: Call, context: Any, seconds: float) -> None:
    found = {
        "request_id": call.id or None,
        "rpc_service": call.service,
        "rpc_method": call.name,
        "client": context.peer(),
        **call.described(),
        "outcome": call.outcome,
        "status": call.code or None,
        "milliseconds": round(seconds * 1e3, 3),
        "trace_id": trace_id(),
    }
    LOGGER.info("%s/%s %s in %.3g ms", call.service, call.name, call.code or "-", seconds * 1e3, extra=found)


def _begun(tracer: Any, call: Call, context: Any) -> Any:
    """The span of a call, by the semantic conventions for gRPC, or None if there can be none."""
    from opentelemetry import propagate, trace

    try:
        has_parent = trace.get_current_span().get_span_context().is_valid
        sent = {key: value for key, value in context.invocation_metadata() or () if isinstance(value, str)}
        return tracer.start_span(
            f"{call.service}/{call.name}",
            context=None if has_parent else propagate.extract(sent),
            kind=trace.SpanKind.INTERNAL if has_parent else trace.SpanKind.SERVER,
            attributes={"rpc.system": "grpc", "rpc.service": call.service, "rpc.method": call.name},
        )
    except Exception:
        logger.exception("a call has no span")
        return None


def _finish(span: Any, call: Call) -> None:
    import grpc
    from opentelemetry.trace import StatusCode

    found = {f"pretzel.{name}": value for name, value in call.described().items() if value is not None}
    code = call.code or "UNKNOWN"
    found |= {"pretzel.outcome": call.outcome, "rpc.grpc.status_code": grpc.StatusCode[code].value[0]}
    if code in ("UNKNOWN", "DEADLINE_EXCEEDED", "UNIMPLEMENTED", "INTERNAL", "UNAVAILABLE", "DATA_LOSS"):
        found["error.type"] = code
        span.set_status(StatusCode.ERROR)
    span.set_attributes(found)
