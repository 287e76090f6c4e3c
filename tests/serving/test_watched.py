"""Requests in the log, and their spans."""

from __future__ import annotations

import asyncio
import json
import logging
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import pytest

from pretzel.serving import logs, spans
from tests.serving.conftest import Client, X, call
from tests.tracing import exporter_of_spans

if TYPE_CHECKING:
    from collections.abc import Callable

ROW = {"age": 42, "city": "Bonn"}
PATH = "/models/churn/de/predict"
FIELDS = ("model", "version", "method", "rows", "outcome", "status", "request_id", "trace_id")


@pytest.fixture
def logged(client: Client, caplog: pytest.LogCaptureFixture) -> Callable[..., tuple[Any, ...]]:
    """Sends a request and returns `FIELDS` of its record."""

    def send(method: str, path: str, body: Any = None, **options: Any) -> tuple[Any, ...]:
        caplog.clear()
        with caplog.at_level(logging.INFO, "pretzel.requests"):
            client(method, path, body, **options)
        (record,) = (each for each in caplog.records if each.name == "pretzel.requests")
        assert vars(record)["milliseconds"] > 0
        return tuple(vars(record)[name] for name in FIELDS)

    return send


def test_a_record_for_each_request(logged: Any, client: Client) -> None:
    client.app.runtime.alias("live", "churn/de@v1")
    known = ("churn/de", "v1", "predict")
    for _ in range(2):
        assert logged("POST", PATH, ROW) == (*known, 1, "answered", 200, None, None)
    assert logged("POST", "/models/live/predict", [ROW, ROW]) == (*known, 2, "answered", 200, None, None)
    got = logged("POST", PATH, {}, headers={"X-Request-Id": "seven"})
    assert got == ("churn/de", None, "predict", 1, "invalid", 400, "seven", None)
    got = logged("POST", PATH, ROW, headers={"Request-Timeout": "0"})
    assert got[:-2] == ("churn/de", None, "predict", None, "rejected", 504)
    assert logged("POST", "/models/nobody@v9/predict", ROW)[:-2] == ("nobody", "v9", "predict", 1, "invalid", 404)
    assert logged("GET", "/models") == (None, None, None, None, "answered", 200, None, None)
    tensor = {"name": "input", "shape": [2, 3], "datatype": "FP64", "data": [1, 2, 3, 4, 5, 6]}
    got = logged("POST", "/v2/models/scaled/infer", {"inputs": [tensor]})
    assert got == ("scaled", "v1", "transform", 2, "answered", 200, None, None)
    client.app.runtime.unregister("live")


def test_errors_and_clients_that_go_away(
    logged: Any, client: Client, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("no such luck")

    with monkeypatch.context() as patch:
        patch.setattr(client.app.runtime, "stats", broken)
        assert logged("GET", "/models")[4:6] == ("failed", 500)
        assert logged("GET", "/models")[6] is not None  # the id that the client was told

    async def receive() -> Any:
        return {"type": "http.disconnect"}

    caplog.clear()
    scope = {"type": "http", "method": "POST", "path": PATH + "\n", "headers": []}
    with caplog.at_level(logging.INFO, "pretzel.requests"):
        asyncio.run(client.app(scope, receive, receive))
    (record,) = caplog.records
    assert (vars(record)["outcome"], vars(record)["status"]) == ("cancelled", None)
    assert "\n" not in record.getMessage()


@pytest.mark.parametrize("body", [ROW, {}, [ROW, ROW]], ids=["row", "invalid", "rows"])
def test_clients_that_go_away_while_they_are_answered(
    client: Client, caplog: pytest.LogCaptureFixture, body: Any
) -> None:
    """As servers of ASGI 2.4 tell it: sending raises an OSError."""
    client.post(PATH, ROW)
    scope = {"type": "http", "method": "POST", "path": PATH, "headers": []}

    async def receive() -> Any:
        return {"type": "http.request", "body": json.dumps(body).encode()}

    async def send(message: Any) -> None:
        raise ConnectionResetError

    asyncio.run(client.app(scope, receive, send))  # by the short way, where there is one
    with caplog.at_level(logging.INFO, "pretzel.requests"):
        asyncio.run(client.app(scope, receive, send))
    (record,) = (each for each in caplog.records if each.name == "pretzel.requests")
    assert (vars(record)["outcome"], vars(record)["status"]) == ("cancelled", None)
    assert client.app.active == 0


def test_lines_of_json() -> None:
    record = logging.makeLogRecord(
        {"name": "pretzel.requests", "msg": "%s\n", "args": ("a",), "rows": 3, "model": None}
    )
    try:
        raise ValueError("x")
    except ValueError:
        record.exc_info = sys.exc_info()
    line = logs.JsonFormatter().format(record)
    found = json.loads(line)
    assert "\n" not in line
    assert (found["message"], found["rows"], found["logger"]) == ("a\n", 3, "pretzel.requests")
    assert "ValueError: x" in found["exception"]
    assert "model" not in found
    assert set(found) == {"time", "level", "logger", "message", "rows", "exception"}


@pytest.mark.parametrize("format", logs.FORMATS)
def test_how_the_server_logs(format: str) -> None:
    code = (
        "import logging, logging.config; from pretzel.serving import logs;"
        f"logging.config.dictConfig(logs.configuration({format!r}, requests=True));"
        "logging.getLogger('pretzel.requests').info('hello', extra={'rows': 3});"
        "logging.getLogger('pretzel').info('not this')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    (line,) = done.stderr.splitlines()
    if format == "json":
        assert json.loads(line)["rows"] == 3
    else:
        assert line.endswith("INFO pretzel.requests: hello")


def test_requests_that_nobody_watches_pay_next_to_nothing(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    """They take the short way, and make two calls more: of the application itself, and of the logger."""
    client.post(PATH, ROW)
    monkeypatch.delitem(sys.modules, "opentelemetry.trace", raising=False)

    async def calls(answer: Any) -> int:
        seen: list[str] = []
        await call(answer, "POST", PATH, ROW)
        sys.setprofile(lambda frame, event, argument: seen.append(event))
        try:
            await call(answer, "POST", PATH, ROW)
        finally:
            sys.setprofile(None)
        return sum(event in ("call", "c_call") for event in seen)

    assert asyncio.run(calls(client.app)) == asyncio.run(calls(client.app.short_rows.answer)) + 2


# -- spans -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def exporter(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What keeps the spans of this test."""
    return exporter_of_spans(monkeypatch)


TRACE, PARENT = 0x4BF92F3577B34DA6A3CE929D0E0E4736, 0x00F067AA0BA902B7
TRACEPARENT = {"Traceparent": f"00-{TRACE:032x}-{PARENT:016x}-01"}


def test_a_span_below_that_of_the_caller(client: Client, exporter: Any, logged: Any) -> None:
    headers = {**TRACEPARENT, "Host": "ml.example:8443", "User-Agent": "curl/8"}
    record = logged("POST", PATH, ROW, headers=headers, query="a=b", root="/ml")
    (span,) = exporter.get_finished_spans()
    assert (span.name, span.kind.name) == ("POST /ml/models/{model}/{method}", "SERVER")
    assert (span.context.trace_id, span.parent.span_id, span.parent.is_remote) == (TRACE, PARENT, True)
    assert dict(span.attributes) == {
        "http.request.method": "POST",
        "http.route": "/ml/models/{model}/{method}",
        "http.response.status_code": 200,
        "url.scheme": "http",
        "url.path": "/ml" + PATH,
        "url.query": "a=b",
        "server.address": "ml.example",
        "server.port": 8443,
        "user_agent.original": "curl/8",
        "pretzel.model": "churn/de",
        "pretzel.version": "v1",
        "pretzel.method": "predict",
        "pretzel.rows": 1,
        "pretzel.outcome": "answered",
    }
    assert span.status.is_unset
    assert record[-1] == f"{TRACE:032x}"


@pytest.mark.parametrize("host", ["abc:²", "abc:¹²", "abc:", ":1", "::::", "abc:99999"])
def test_no_host_fails_a_request(client: Client, exporter: Any, host: str) -> None:
    async def receive() -> Any:
        return {"type": "http.request", "body": b""}

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", host.encode("latin-1"))]
    scope = {"type": "http", "method": "GET", "path": "/v2/health/live", "headers": headers}
    asyncio.run(client.app(scope, receive, send))
    assert sent[0]["status"] == 200
    (span,) = exporter.get_finished_spans()
    if "²" in host:
        assert span.attributes["server.address"] == host


def test_paths_that_utf_8_cannot_write(client: Client, exporter: Any, logged: Any) -> None:
    record = logged("POST", "/models/\udcff/\udcfe", ROW)
    assert (record[0], record[2], record[5]) == ("?", "?", 404)
    (span,) = exporter.get_finished_spans()
    assert (span.attributes["url.path"], span.attributes["pretzel.model"]) == ("/models/?/?", "?")


@pytest.mark.parametrize("name", ["_attributes", "_finish"])
def test_no_span_fails_a_request(
    client: Client, exporter: Any, name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(*_: Any) -> None:
        raise ValueError("odd")

    monkeypatch.setattr(spans, name, broken)
    assert client.post(PATH, ROW).json == "no"
    assert "odd" in caplog.text
    assert len(exporter.get_finished_spans()) == (name == "_finish")


def test_the_span_of_the_engine_is_its_child(client: Client, exporter: Any) -> None:
    client.post("/models/opaque/predict", X[:3].tolist(), headers=TRACEPARENT)
    end = time.monotonic() + 10
    while len(exporter.get_finished_spans()) < 2 and time.monotonic() < end:
        time.sleep(0.01)  # that of the engine ends with its future
    found = {span.name: span for span in exporter.get_finished_spans()}
    inner, outer = found["pretzel.request"], found["POST /models/{model}/{method}"]
    assert inner.parent.span_id == outer.context.span_id
    assert inner.context.trace_id == outer.context.trace_id == TRACE


@pytest.mark.parametrize(
    ("method", "path", "name", "status"),
    [
        ("GET", "/models/churn/de", "GET /models/{model}", 200),
        ("GET", "/", "GET /", 200),
        ("GET", "/v2/models/churn/de/versions/v1/ready", "GET /v2/models/{model}/ready", 200),
        ("GET", "/v2/models/churn/de", "GET /v2/models/{model}", 200),
        ("POST", "/v2/models/churn/de/infer", "POST /v2/models/{model}/infer", 400),
        ("POST", "/v2/repository/models/rent/load", "POST /v2/repository/models/{model}/load", 403),
        ("POST", "/v2/repository/index", "POST /v2/repository/index", 200),
        ("GET", "/nothing/here", "GET", 404),
        ("BREW", "/models/churn/de", "HTTP /models/{model}", 405),
    ],
)
def test_names_of_spans_are_few(client: Client, exporter: Any, method: str, path: str, name: str, status: int) -> None:
    client(method, path, {} if method == "POST" else None)
    (span,) = exporter.get_finished_spans()
    assert span.name == name
    assert span.parent is None
    assert span.attributes["http.response.status_code"] == status
    assert span.status.is_unset  # what the caller did wrong is no error of the server
    assert span.attributes["http.request.method"] == (method if method != "BREW" else "_OTHER")


def test_errors_of_the_server(client: Client, exporter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: Any) -> None:
        raise RuntimeError("no such luck")

    with monkeypatch.context() as patch:
        patch.setattr(client.app.runtime, "stats", broken)
        client.get("/models")
    client.post(PATH, ROW, headers={"Request-Timeout": "0"})
    one, other = exporter.get_finished_spans()
    assert (one.status.status_code.name, one.attributes["error.type"]) == ("ERROR", "RuntimeError")
    assert (other.status.status_code.name, other.attributes["error.type"]) == ("ERROR", "DeadlineExceeded")


def test_behind_the_middleware_of_opentelemetry_there_is_one_span_of_a_server(client: Client, exporter: Any) -> None:
    asgi = pytest.importorskip("opentelemetry.instrumentation.asgi")
    behind = Client(asgi.OpenTelemetryMiddleware(client.app))
    assert behind.post(PATH, ROW, headers=TRACEPARENT).json == "no"
    found = exporter.get_finished_spans()
    (server,) = (span for span in found if span.kind.name == "SERVER")
    (own,) = (span for span in found if span.name == "POST /models/{model}/{method}")
    assert own.kind.name == "INTERNAL"
    assert own.parent.span_id == server.context.span_id
    assert server.parent.span_id == PARENT
    assert {span.context.trace_id for span in found} == {TRACE}


def test_no_spans(client: Client, exporter: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from opentelemetry import trace

    monkeypatch.setattr(client.app.runtime, "tracing", False)
    client.post(PATH, ROW)
    monkeypatch.setattr(client.app.runtime, "tracing", None)
    with monkeypatch.context() as patch:
        patch.setattr(trace, "_TRACER_PROVIDER", None)
        client.post(PATH, ROW)
    assert not exporter.get_finished_spans()
    client.post(PATH, ROW)
    assert len(exporter.get_finished_spans()) == 1


def test_buckets_on_the_page_of_metrics_have_traces(client: Client, exporter: Any) -> None:
    pytest.importorskip("prometheus_client")
    accept = {"Accept": "application/openmetrics-text"}
    client.get("/metrics", headers=accept)  # from now on traces are kept
    client.post(PATH, [ROW] * 3, headers=TRACEPARENT)
    assert f'trace_id="{TRACE:032x}"' in client.get("/metrics", headers=accept).body.decode()
    assert "trace_id" not in client.get("/metrics").body.decode()


def test_nothing_of_opentelemetry_is_imported() -> None:
    code = """
import asyncio, sys
from sklearn.linear_model import LinearRegression
import pretzel, pretzel.serving

async def ask(method, path, body=b""):
    sent = []
    async def receive(): return {"type": "http.request", "body": body}
    async def send(message): sent.append(message)
    await app({"type": "http", "method": method, "path": path, "headers": []}, receive, send)
    assert sent[0]["status"] == 200, sent

with pretzel.Runtime(store=pretzel.ObjectStore()) as runtime:
    runtime.register("m", LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]))
    app = pretzel.serving.app(runtime)
    for _ in range(2):
        asyncio.run(ask("POST", "/models/m/predict", b"[1]"))
    asyncio.run(ask("GET", "/metrics"))
assert not [name for name in sys.modules if name.startswith("opentelemetry")]
"""
    subprocess.run([sys.executable, "-c", code], check=True, timeout=120)
