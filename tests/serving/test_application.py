"""The application as a whole: its life, overload, errors, metrics, description and page."""

from __future__ import annotations

import asyncio
import re
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression

import pretzel
import pretzel.serving
from pretzel import errors
from pretzel.errors import OptionError
from pretzel.serving import failures, status
from tests.serving.conftest import Client, call, churn

if TYPE_CHECKING:
    from pathlib import Path

ROW = {"age": 42, "city": "Bonn"}


class Slow(RegressorMixin, BaseEstimator):
    """A model that waits while its gate is closed, and fails where it is told to."""

    gate = threading.Event()
    begun = threading.Event()
    error: BaseException | None = None

    def fit(self, X: Any, y: Any = None) -> Slow:
        self.n_features_in_ = 1
        self.is_fitted_ = True
        return self

    def predict(self, X: Any) -> Any:
        self.begun.set()
        self.gate.wait(20)
        if self.error is not None:
            raise self.error
        return np.zeros(len(X))


@pytest.fixture
def slow() -> Any:
    """A runtime whose model "slow" waits; one request may wait for a worker."""
    Slow.gate.clear()
    Slow.begun.clear()
    Slow.error = None
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1, queue=1) as runtime:
        runtime.register("slow", Slow().fit([[0.0]]))
        runtime.register("churn/de", churn())
        yield runtime
        Slow.gate.set()


async def begun() -> None:
    """Until the model has begun to answer."""
    while not Slow.begun.is_set():
        await asyncio.sleep(0.001)


def test_overload_is_told_with_a_time(slow: pretzel.Runtime) -> None:
    app = pretzel.serving.app(slow)

    async def main() -> Any:
        first = asyncio.create_task(call(app, "POST", "/models/slow/predict", [1.0]))
        await begun()
        second = asyncio.create_task(call(app, "POST", "/models/slow/predict", [1.0]))
        await asyncio.sleep(0.01)
        third = await call(app, "POST", "/models/slow/predict", [1.0])
        other = await call(app, "POST", "/models/churn/de/predict", ROW)
        Slow.gate.set()
        return [await first, await second, third, other]

    first, second, third, other = asyncio.run(main())
    assert [first.status, second.status, third.status, other.status] == [200, 200, 503, 200]
    assert third.json["type"] == "Overloaded"
    assert int(third.headers["retry-after"]) >= 1


def test_too_many_requests_under_way(slow: pretzel.Runtime) -> None:
    app = pretzel.serving.app(slow, max_requests=1)

    async def main() -> Any:
        first = asyncio.create_task(call(app, "POST", "/models/slow/predict", [1.0]))
        await begun()
        second = await call(app, "POST", "/models/churn/de/predict", ROW)
        live = await call(app, "GET", "/v2/health/live")
        Slow.gate.set()
        return [await first, second, live, await call(app, "POST", "/models/churn/de/predict", ROW)]

    first, second, live, third = asyncio.run(main())
    assert [first.status, second.status, live.status, third.status] == [200, 429, 200, 200]
    assert second.headers["retry-after"] == "1"


def test_a_deadline_that_passes_in_the_queue(slow: pretzel.Runtime) -> None:
    app = pretzel.serving.app(slow)

    async def main() -> Any:
        first = asyncio.create_task(call(app, "POST", "/models/slow/predict", [1.0]))
        await begun()
        late = asyncio.create_task(call(app, "POST", "/models/slow/predict", [1.0], {"Request-Timeout": "0.01"}))
        await asyncio.sleep(0.05)
        Slow.gate.set()
        return await first, await late

    first, late = asyncio.run(main())
    assert (first.status, late.status) == (200, 504)


def test_the_end_waits_for_requests_under_way(slow: pretzel.Runtime) -> None:
    app = pretzel.serving.app(slow, close=True, warm_up=False)

    async def main() -> Any:
        events: asyncio.Queue[Any] = asyncio.Queue()
        sent: list[str] = []

        async def send(message: Any) -> None:
            sent.append(message["type"])

        life = asyncio.create_task(app({"type": "lifespan"}, events.get, send))
        events.put_nowait({"type": "lifespan.startup"})
        first = asyncio.create_task(call(app, "POST", "/models/slow/predict", [1.0]))
        await begun()
        events.put_nowait({"type": "lifespan.shutdown"})
        await asyncio.sleep(0.05)
        refused = await call(app, "POST", "/models/churn/de/predict", ROW)
        ready = await call(app, "GET", "/v2/health/ready")
        live = await call(app, "GET", "/v2/health/live")
        assert sent == ["lifespan.startup.complete"]
        Slow.gate.set()
        await life
        assert sent[1:] == ["lifespan.shutdown.complete"]
        return await first, refused, ready, live

    first, refused, ready, live = asyncio.run(main())
    assert [first.status, refused.status, ready.status, live.status] == [200, 503, 503, 200]
    assert refused.headers["retry-after"] == "1"
    with pytest.raises(RuntimeError, match="closed"):
        slow.register("a", churn())


def test_a_client_that_goes_away_while_its_answer_is_computed(slow: pretzel.Runtime, caplog: Any) -> None:
    """Nothing is sent any more, the request no longer counts as one under way, and other connections go on."""
    uvicorn = pytest.importorskip("uvicorn")
    app = pretzel.serving.app(slow, warm_up=False, max_requests=1)
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_config=None, lifespan="off"))

    async def post(port: int) -> Any:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"POST /models/slow/predict HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\n[1.0]")
        await writer.drain()
        return reader, writer

    async def main() -> bytes:
        serving = asyncio.create_task(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        port = server.servers[0].sockets[0].getsockname()[1]
        _, gone = await post(port)
        await begun()
        gone.transport.abort()
        Slow.gate.set()
        while app.active:
            await asyncio.sleep(0.01)
        reader, writer = await post(port)
        line = await reader.readline()
        writer.close()
        server.should_exit = True
        await serving
        return bytes(line)

    async def limited() -> bytes:
        return await asyncio.wait_for(main(), 30)

    with caplog.at_level("WARNING"):
        assert b" 200 " in asyncio.run(limited())
    assert [each.getMessage() for each in caplog.records if each.levelname in ("ERROR", "CRITICAL")] == []


def test_the_end_does_not_wait_for_ever(slow: pretzel.Runtime) -> None:
    app = pretzel.serving.app(slow, drain=0.05)

    async def main() -> Any:
        first = asyncio.create_task(call(app, "POST", "/models/slow/predict", [1.0]))
        await begun()
        await app.drain()
        Slow.gate.set()
        return await first

    assert asyncio.run(main()).status == 200


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (ValueError("odd"), 400),
        (TypeError("odd"), 400),
        (KeyError("odd"), 400),
        (AttributeError("odd"), 400),
        (ZeroDivisionError("odd"), 400),
        (RuntimeError("secret"), 500),
        (MemoryError("secret"), 500),
        (StopIteration("secret"), 500),
        (SystemExit("secret"), 500),
        (KeyboardInterrupt("secret"), 500),
        (asyncio.CancelledError("secret"), 500),
    ],
)
def test_errors_of_a_model(
    slow: pretzel.Runtime, error: BaseException, expected: int, caplog: pytest.LogCaptureFixture
) -> None:
    Slow.gate.set()
    Slow.error = error
    client = Client(pretzel.serving.app(slow))
    for path, body in (("/models/slow/predict", [1.0]), ("/models/slow/predict", [[1.0], [2.0]])):
        answer = client.post(path, body, headers={"X-Request-Id": "r7"})
        assert answer.status == expected
        if expected == 500:
            assert "secret" not in answer.error
            assert answer.error.startswith("slow: predict failed")
            assert "secret" in caplog.text
            assert "r7" in answer.error
            assert "r7" in caplog.text


def test_every_error_has_a_status_in_one_table() -> None:
    text = failures.__doc__ or ""
    table = {
        name: int(code)
        for names, code in re.findall(r"^(`[^\n]*?`)\s+(\d{3}) ", text, re.M)
        for name in re.findall(r"`(\w+)`", names)
    }
    assert table == {kind.__name__: code for kind, code in failures.STATUS.items()}
    for name, kind in vars(errors).items():
        if isinstance(kind, type) and issubclass(kind, errors.PretzelError):
            error = kind("x")
            blamed = not isinstance(error, errors.CompileError | errors.KernelError)
            known = name in ("PretzelError", "OvenBug") or blamed
            assert (failures.status_of(error) == 500) == (not blamed or name in ("PretzelError", "OvenBug")), name
            assert known or not blamed


@pytest.mark.parametrize("leaving", [False, True])
def test_a_request_that_is_cut_off_when_the_server_ends(runtime: pretzel.Runtime, leaving: bool) -> None:
    app, sent = pretzel.serving.app(runtime), []

    async def send(message: Any) -> None:
        sent.append(message)

    async def main() -> None:
        parts = [{"type": "http.request", "body": b"[1.0,", "more_body": True}]

        async def receive() -> Any:
            return parts.pop() if parts else await asyncio.Event().wait()

        scope = {"type": "http", "method": "POST", "path": "/models/numbers/predict", "headers": []}
        task = asyncio.create_task(app(scope, receive, send))
        await asyncio.sleep(0.01)
        app.leaving = leaving
        task.cancel()
        await task

    if leaving:
        asyncio.run(main())
        assert sent[0]["status"] == 503
        assert b"send it to another one" in sent[1]["body"]
    else:
        with pytest.raises(asyncio.CancelledError):
            asyncio.run(main())
    assert app.active == 0


def test_clients_that_go_away(client: Client) -> None:
    async def receive() -> Any:
        return {"type": "http.disconnect"}

    async def send(message: Any) -> None:
        raise AssertionError(message)

    scope = {"type": "http", "method": "POST", "path": "/models/churn/de/predict", "headers": []}
    asyncio.run(client.app(scope, receive, send))
    assert client.app.active == 0


def test_websockets_are_closed(client: Client) -> None:
    sent: list[Any] = []

    async def receive() -> Any:
        return {"type": "websocket.connect"}

    async def send(message: Any) -> None:
        sent.append(message)

    asyncio.run(client.app({"type": "websocket", "path": "/"}, receive, send))
    assert sent[0]["type"] == "websocket.close"


def test_metrics(client: Client) -> None:
    client.post("/models/churn/de/predict", ROW)
    client.post("/models/churn/de/predict", {})
    answer = client.get("/metrics")
    assert answer.headers["content-type"].startswith("text/plain")
    text = answer.body.decode()
    assert 'pretzel_requests_total{method="predict_one",model="churn/de",outcome="answered"}' in text
    assert 'pretzel_http_responses_total{status="400"} 1.0' in text
    assert "pretzel_http_requests_in_progress 1.0" in text
    opened = client.get("/metrics", headers={"Accept": "application/openmetrics-text"})
    assert opened.headers["content-type"].startswith("application/openmetrics-text")


@pytest.mark.parametrize(
    "accept",
    [
        "text/plain; version=x.y.z",
        "text/plain; version=1.²",
        "application/openmetrics-text; version=abc",
        "application/openmetrics-text; version=; q=1",
        ";;=;=",
    ],
)
def test_metrics_in_a_version_that_is_none(client: Client, accept: str) -> None:
    answer = client.get("/metrics", headers={"Accept": accept})
    assert answer.status == 200
    assert b"pretzel_processes 1.0" in answer.body


def test_metrics_need_a_package(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    assert client.get("/metrics").status == 501


def test_metrics_that_workers_share_need_a_folder(
    runtime: pretzel.Runtime, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path / "nothing"))
    with pytest.raises(OptionError, match="folder that the workers share"):
        pretzel.serving.app(runtime)
    monkeypatch.setenv("PROMETHEUS_MULTIPROC_DIR", str(tmp_path))
    with pytest.raises(OptionError, match="after prometheus_client had been imported"):
        pretzel.serving.app(runtime)


def test_the_page(client: Client) -> None:
    client.post("/models/churn/de/predict", ROW)
    answer = client.get("/")
    assert answer.headers["content-type"] == "text/html; charset=utf-8"
    text = answer.body.decode()
    assert "<code>churn/de</code>" in text
    assert "color-scheme: light dark" in text
    assert not re.search(r"""(?:src|href)=["']?(?:https?:)?//|@import|url\(|<script""", text)


def test_names_are_escaped_on_the_page() -> None:
    with pretzel.Runtime(store=pretzel.ObjectStore()) as runtime:
        runtime.register("<script>alert(1)</script>", churn())
        runtime.alias("<b>", "<script>alert(1)</script>")
        text = Client(pretzel.serving.app(runtime)).get("/").body.decode()
        assert "<script" not in text
        assert "<b>" not in text


def test_quantiles_of_counted_times() -> None:
    edges = status.call_seconds()
    counts = [0] * (len(edges) + 1)
    assert status.quantile(counts, 0.5) is None
    counts[3] = 10
    assert edges[2] < (status.quantile(counts, 0.5) or 0) <= edges[3]
    counts[-1] = 90
    assert status.quantile(counts, 0.99) == edges[-1]


def test_one_model_is_described(client: Client) -> None:
    found = client.get("/models/churn/de").json
    assert found["row"]["required"] == ["age", "city"]
    assert found["methods"]["predict"] == {"enum": ["no", "yes"]}
    assert client.get("/models/opaque").json["opaque_steps"]
    assert client.get("/models/nobody").status == 404
    assert "/models/churn/de@v1/predict" in client.get("/openapi.json", query="model=churn/de%40v1").json["paths"]
    assert client.get("/openapi.json", query="model=nobody").status == 404


@pytest.mark.parametrize(
    "settings",
    [
        {"manage": 1},
        {"max_bytes": "x"},
        {"max_bytes": -1},
        {"max_requests": 0},
        {"drain": -1},
        {"drain": "x"},
        {"close": 0},
    ],
)
def test_settings_are_checked(runtime: pretzel.Runtime, settings: dict[str, Any]) -> None:
    with pytest.raises(OptionError):
        pretzel.serving.app(runtime, **settings)


def test_what_is_no_runtime_is_refused(tmp_path):
    with pytest.raises(
        OptionError, match=r"a Runtime, got 'store': make one first: app\(pretzel.Runtime\(store='store'"
    ):
        pretzel.serving.app("store")
    with pytest.raises(OptionError, match=r"store='.*models'"):
        pretzel.serving.app(tmp_path / "models")
    plan = pretzel.compile(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]))
    with pytest.raises(OptionError, match=r"of a Runtime, got <pretzel.Plan.*runtime.register\(name, model\)"):
        pretzel.serving.app(plan)
