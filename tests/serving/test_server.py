"""``pretzel serve``, asked by real clients; and the application inside other applications."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import httpx
import numpy as np
import pytest

import pretzel
from tests.serving.conftest import FRAME, TEXTS, X, churn
from tests.serving.servers import ask, free_port, serving

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory, estimators: dict[str, Any]) -> Path:
    """A store with the models that need no estimator."""
    path = tmp_path_factory.mktemp("served") / "models"
    plans = pretzel.PlanStore(path)
    for name, estimator in estimators.items():
        if name != "opaque":
            plans.publish(name, estimator)
    return path


@pytest.fixture(scope="module")
def port(store: Path) -> Iterator[int]:
    """The port of a server."""
    with serving(store, "--manage") as (port, _):
        yield port


def test_curl(port: int, store: Path) -> None:
    curl = shutil.which("curl")
    if curl is None:
        pytest.skip("no curl on this system")
    plan = pretzel.PlanStore(store).load("churn/de")

    def run(*arguments: str) -> str:
        url = f"http://127.0.0.1:{port}/models/churn/de/predict"
        command = [curl, "-s", "--noproxy", "*", *arguments, url]
        return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout

    assert json.loads(run("-d", '{"age": 42, "city": "Köln"}')) == plan.predict_one({"age": 42, "city": "Köln"})
    assert json.loads(run("--json", '[{"age": 42, "city": "Köln"}]')) == [plan.predict_one((42, "Köln"))]
    assert run("-w", " %{http_code}", "-d", "{}").endswith(" 400")
    assert run("-w", " %{http_code}", "-H", "Transfer-Encoding: chunked", "-d", '[1, "x"]').endswith(" 200")


def test_tritonclient(port: int, store: Path) -> None:
    http = pytest.importorskip("tritonclient.http")
    plans = pretzel.PlanStore(store)
    client = http.InferenceServerClient(f"127.0.0.1:{port}")
    try:
        assert client.is_server_live()
        assert client.is_server_ready()
        assert client.is_model_ready("churn/de")
        assert client.is_model_ready("churn/de", "v1")
        assert not client.is_model_ready("nobody")
        assert client.get_server_metadata()["name"] == "pretzel"
        assert client.get_model_metadata("churn/de")["inputs"][0]["name"] == "age"
        assert {each["name"] for each in client.get_model_repository_index()} >= {"churn/de", "numbers"}
        client.unload_model("rent")
        assert not client.is_model_ready("rent")
        client.load_model("rent")
        assert client.is_model_ready("rent")

        frame = FRAME.head(8)
        for binary in (True, False):
            age = http.InferInput("age", [8], "FP64")
            age.set_data_from_numpy(frame["age"].to_numpy(), binary_data=binary)
            city = http.InferInput("city", [8, 1], "BYTES")
            city.set_data_from_numpy(frame[["city"]].to_numpy(dtype=object), binary_data=binary)
            asked = [http.InferRequestedOutput(name, binary_data=binary) for name in ("predict", "predict_proba")]
            found = client.infer("churn/de", [age, city], outputs=asked, request_id="seven", timeout=5_000_000)
            assert found.get_response()["id"] == "seven"
            assert found.get_response()["model_version"] == "v1"
            labels = [each.decode() if isinstance(each, bytes) else each for each in found.as_numpy("predict")]
            plan = plans.load("churn/de")
            assert labels == plan.predict(frame).tolist()
            np.testing.assert_array_equal(found.as_numpy("predict_proba"), plan.predict_proba(frame))

        for dtype, name in ((np.float64, "FP64"), (np.float32, "FP32")):
            tensor = http.InferInput("input", [4, 3], name)
            tensor.set_data_from_numpy(X[:4].astype(dtype))
            found = client.infer("scaled", [tensor], request_compression_algorithm="gzip").as_numpy("transform")
            expected = plans.load("scaled").transform(X[:4].astype(dtype))
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)

        text = http.InferInput("text", [len(TEXTS)], "BYTES")
        text.set_data_from_numpy(np.array(TEXTS, dtype=object))
        found = client.infer("spam", [text], model_version="v1").as_numpy("predict")
        np.testing.assert_array_equal(found, plans.load("spam").predict(TEXTS))
        with pytest.raises(Exception, match="missing 'city'"):
            client.infer("churn/de", [age])
    finally:
        client.close()


@pytest.mark.parametrize("workers", [1, 2])
def test_tritonclient_over_grpc(store: Path, workers: int) -> None:
    triton = pytest.importorskip("tritonclient.grpc")
    plans = pretzel.PlanStore(store)
    grpc_port = free_port()
    managed = ["--manage"] if workers == 1 else ["--workers", str(workers)]
    with serving(store, "--grpc-port", str(grpc_port), *managed):
        client = triton.InferenceServerClient(f"127.0.0.1:{grpc_port}")
        try:
            end = time.monotonic() + 60
            while workers > 1:  # each has a server of its own, after that of HTTP or before
                with contextlib.suppress(triton.InferenceServerException):
                    if client.is_server_ready():
                        break
                assert time.monotonic() < end
            assert client.is_server_live()
            assert client.is_server_ready()
            assert client.is_model_ready("churn/de", "v1")
            with pytest.raises(triton.InferenceServerException, match="no model is registered as 'nobody'"):
                client.is_model_ready("nobody")
            assert client.get_server_metadata().name == "pretzel"
            assert client.get_model_metadata("churn/de").inputs[0].name == "age"
            assert {each.name for each in client.get_model_repository_index().models} >= {"churn/de", "numbers"}
            if workers == 1:
                client.unload_model("rent")
                assert not client.is_model_ready("rent")
                client.load_model("rent")
                assert client.is_model_ready("rent")

            frame, plan = FRAME.head(8), plans.load("churn/de")
            age = triton.InferInput("age", [8], "FP64")
            age.set_data_from_numpy(frame["age"].to_numpy())
            city = triton.InferInput("city", [8, 1], "BYTES")
            city.set_data_from_numpy(frame[["city"]].to_numpy(dtype=object))
            asked = [triton.InferRequestedOutput(name) for name in ("predict", "predict_proba")]
            found = client.infer("churn/de", [age, city], outputs=asked, request_id="seven", client_timeout=30)
            assert (found.get_response().id, found.get_response().model_version) == ("seven", "v1")
            assert [each.decode() for each in found.as_numpy("predict")] == plan.predict(frame).tolist()
            np.testing.assert_array_equal(found.as_numpy("predict_proba"), plan.predict_proba(frame))
            tensor = triton.InferInput("input", [4, 3], "FP32")
            tensor.set_data_from_numpy(X[:4].astype(np.float32))
            found = client.infer("scaled", [tensor], compression_algorithm="gzip").as_numpy("transform")
            np.testing.assert_array_equal(found, plans.load("scaled").transform(X[:4].astype(np.float32)))
            with pytest.raises(triton.InferenceServerException, match="missing 'city'") as caught:
                client.infer("churn/de", [age])
            assert caught.value.status() == "StatusCode.INVALID_ARGUMENT"
        finally:
            client.close()


def test_what_is_published_is_served(port: int, store: Path) -> None:
    row = {"age": 17, "city": "Köln"}
    plans = pretzel.PlanStore(store)
    plans.publish("new", churn())
    assert ask(port, "/models/new/predict", row) == "yes"
    plans.publish("new", churn(("yes", "no")))
    end = time.monotonic() + 20
    while ask(port, "/models/new/predict", row) != "no":
        assert time.monotonic() < end
        time.sleep(0.05)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_requests_under_way_are_answered_when_the_server_is_told_to_stop(store: Path, workers: str) -> None:
    with serving(store, "--workers", workers) as (port, process):
        row = [1.0, 2.0, 3.0]
        expected = ask(port, "/models/numbers/predict", row)
        with socket.create_connection(("127.0.0.1", port)) as client:
            body = json.dumps(row).encode()
            head = f"POST /models/numbers/predict HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\n\r\n"
            client.sendall(head.encode() + body[:5])
            time.sleep(0.2)
            process.send_signal(signal.SIGTERM)
            time.sleep(0.3)
            client.sendall(body[5:])
            answer = b""
            while part := client.recv(65536):
                answer += part
        assert answer.startswith(b"HTTP/1.1 200")
        assert json.loads(answer.partition(b"\r\n\r\n")[2]) == expected
        assert process.wait(20) == 0


def test_a_line_of_json_for_each_request(store: Path) -> None:
    with serving(store, "--access-log", "--log-format", "json") as (port, process):
        ask(port, "/models/numbers/predict", [[1.0, 2.0, 3.0]] * 2, **{"X-Request-Id": "seven"})
        process.send_signal(signal.SIGTERM)
        assert process.wait(20) == 0
        assert process.stderr is not None
        lines = [json.loads(line) for line in process.stderr.read().splitlines() if line.startswith("{")]
    (found,) = (line for line in lines if line.get("request_id") == "seven")
    expected = {"model": "numbers", "version": "v1", "method": "predict", "rows": 2, "status": 200}
    assert {name: found[name] for name in expected} == expected
    assert found["logger"] == "pretzel.requests"


def test_the_command_says_what_is_wrong(tmp_path: Path) -> None:
    from click.testing import CliRunner

    from pretzel.cli.group import cli

    missing = CliRunner().invoke(cli, ["serve", str(tmp_path / "nothing")])
    assert (missing.exit_code, "there is no store" in missing.output) == (2, True)
    both = CliRunner().invoke(cli, ["serve", str(tmp_path), "--manage", "--workers", "2"])
    assert (both.exit_code, "one of several processes" in both.output) == (2, True)
    empty = CliRunner().invoke(cli, ["serve", str(tmp_path)])
    assert empty.exit_code == 3
    pretzel.PlanStore(tmp_path / "models")
    for option in ("--max-bytes", "--memory-limit"):
        odd = CliRunner().invoke(cli, ["serve", str(tmp_path / "models"), option, "many"])
        assert (odd.exit_code, "expected a number of bytes" in odd.output) == (2, True)


@pytest.mark.parametrize("workers", ["1", "2"])
def test_a_port_that_is_taken(store: Path, workers: str) -> None:
    """What is served where is said only once it is."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        command = [sys.executable, "-m", "pretzel", "serve", str(store), "--workers", workers, "--no-warm-up"]
        done = subprocess.run(
            [*command, "--port", str(taken.getsockname()[1])], capture_output=True, text=True, timeout=60
        )
    assert done.returncode != 0
    assert "address already in use" in done.stderr.lower()
    assert "model(s) of" not in done.stderr


def test_mounted_in_starlette(runtime: pretzel.Runtime) -> None:
    """As in FastAPI, which is Starlette underneath."""
    from starlette.applications import Starlette
    from starlette.responses import PlainTextResponse
    from starlette.routing import Mount, Route

    async def home(request: Any) -> Any:
        return PlainTextResponse("home")

    app = Starlette(routes=[Route("/", home), Mount("/ml", pretzel.serving.app(runtime))])

    async def main() -> None:
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            assert (await client.get("/")).text == "home"
            answer = await client.post("/ml/models/churn/de/predict", json={"age": 42, "city": "Bonn"})
            assert answer.json() == "no"
            assert (await client.get("/ml/v2/models/churn/de")).json()["name"] == "churn/de"
            assert (await client.get("/ml/")).status_code == 200
            assert (await client.get("/ml/openapi.json")).json()["servers"] == [{"url": "/ml"}]

    asyncio.run(main())


def test_beside_django(runtime: pretzel.Runtime) -> None:
    """The dispatch that its documentation shows for another ASGI application."""
    from django.conf import settings
    from django.core.handlers.asgi import ASGIHandler

    if not settings.configured:
        settings.configure(ROOT_URLCONF=(), ALLOWED_HOSTS=["*"], SECRET_KEY="of a test", DEBUG=False)
    import django

    django.setup()
    inner, outer = pretzel.serving.app(runtime), ASGIHandler()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http" and scope["path"].startswith("/ml/"):
            scope = {**scope, "root_path": "/ml"}
            await inner(scope, receive, send)
        else:
            await outer(scope, receive, send)

    async def main() -> Any:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            found = await client.post("/ml/models/churn/de/predict", json={"age": 42, "city": "Bonn"})
            return found.json(), (await client.get("/nothing")).status_code

    assert asyncio.run(main()) == ("no", 404)


def test_in_flask(runtime: pretzel.Runtime) -> None:
    """By a2wsgi, where it is installed."""
    a2wsgi = pytest.importorskip("a2wsgi")
    import flask
    from werkzeug.middleware.dispatcher import DispatcherMiddleware
    from werkzeug.test import Client

    app = flask.Flask(__name__)
    inner = a2wsgi.ASGIMiddleware(pretzel.serving.app(runtime))
    client = Client(DispatcherMiddleware(app.wsgi_app, {"/ml": inner}))
    answer = client.post("/ml/models/churn/de/predict", json={"age": 42, "city": "Bonn"})
    assert answer.get_json() == "no"


def test_threads_of_clients(port: int) -> None:
    failures: list[Any] = []

    def work() -> None:
        try:
            for _ in range(30):
                assert ask(port, "/models/churn/de/predict", {"age": 17, "city": "Köln"}) == "yes"
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failures
