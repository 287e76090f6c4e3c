"""A server is ready once each model has answered a row, and the first real call is not a slow one."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import statistics
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

import pretzel
import pretzel.serving
from pretzel.serving import warm_up
from pretzel.serving.warm_up import row_of
from tests.serving.conftest import Client, call, churn
from tests.serving.servers import serving

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

READY = "/v2/health/ready"
gate = threading.Event()


def waiting(X: Any) -> Any:
    """A step that waits for a gate."""
    assert gate.wait(30)
    return np.asarray(X)


def first_beyond_one(X: Any) -> Any:
    """A step that raises StopIteration where nothing is beyond one."""
    next(value for value in np.ravel(X) if value > 1)
    return np.asarray(X)


def test_rows_that_are_made_up_are_answered(estimators: dict[str, Any]) -> None:
    for name, estimator in estimators.items():
        plan = pretzel.compile(estimator)
        row = json.loads(json.dumps(row_of(plan.input_schema)))
        for method in plan.methods:
            getattr(plan, f"{method}_one")(tuple(row) if isinstance(row, list) else row)
            assert row or name


def test_a_server_is_ready_once_its_models_have_answered() -> None:
    X = np.arange(12.0).reshape(4, 3)
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1) as runtime:
        runtime.register("churn/de", churn())
        gate.set()
        estimator = make_pipeline(FunctionTransformer(waiting), LinearRegression()).fit(X, X[:, 0])
        runtime.register("slow", estimator)
        gate.clear()
        app = pretzel.serving.app(runtime)

        async def main() -> list[int]:
            first = await call(app, "GET", READY)
            models = [await call(app, "GET", f"/v2/models/{name}/ready") for name in ("churn/de", "slow", "nobody")]
            gate.set()
            end = time.monotonic() + 20
            while (last := await call(app, "GET", READY)).status != 200:
                assert time.monotonic() < end
            models.append(await call(app, "GET", "/v2/models/slow/ready"))
            return [each.status for each in (first, *models, last)]

        assert asyncio.run(main()) == [503, 200, 503, 404, 200, 200]
        assert [runtime[name].calls for name in runtime] == [0, 0]  # nothing of that is counted
        metrics = Client(app).get("/metrics").body.decode()
        assert "pretzel_version_calls_total{" not in metrics


def test_a_model_that_cannot_be_loaded_keeps_no_other_one_from_being_ready(tmp_path: Path) -> None:
    models = pretzel.PlanStore(tmp_path / "models")
    for name in ("good", "bad"):
        models.publish(name, churn(("yes", "no") if name == "bad" else ("no", "yes")))
    runtime = pretzel.Runtime(store=tmp_path / "models")
    digest = models.versions("bad").plans["v1"]
    for path in tmp_path.rglob(f"*{digest}*"):
        path.unlink()
    with runtime:
        client = Client(pretzel.serving.app(runtime))
        assert client.get(READY).status == 200
        assert client.get("/v2/models/good/ready").status == 200
        assert client.get("/v2/models/bad/ready").status == 503
        cold = Client(pretzel.serving.app(runtime, warm_up=False))
        assert cold.get(READY).status == 200
        assert cold.get("/v2/models/good/ready").status == 200


def test_a_model_that_does_not_answer_keeps_no_other_one_from_being_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm_up, "LONGEST", 0.05)
    X = np.arange(12.0).reshape(4, 3)
    gate.set()
    estimator = make_pipeline(FunctionTransformer(waiting), LinearRegression()).fit(X, X[:, 0])
    gate.clear()
    try:
        with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1) as runtime:
            runtime.register("slow", estimator)
            runtime.register("a", churn())
            app = pretzel.serving.app(runtime)

            async def main() -> list[int]:
                await app.warm_up.finish()
                paths = (READY, "/v2/models/a/ready", "/v2/models/slow/ready")
                found = [(await call(app, "GET", path)).status for path in paths]
                gate.set()
                return found

            assert asyncio.run(main()) == [200, 200, 503]
    finally:
        gate.set()


def test_a_model_whose_step_raises_stop_iteration_keeps_no_other_one_from_being_ready() -> None:
    X = np.arange(12.0).reshape(4, 3)
    estimator = make_pipeline(FunctionTransformer(first_beyond_one), LinearRegression()).fit(X + 2, X[:, 0])
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1) as runtime:
        runtime.register("a", estimator)
        runtime.register("b", churn())
        client = Client(pretzel.serving.app(runtime))
        assert client.get(READY).status == 200
        answer = client.post("/models/a/predict", [1, 1, 1])
        assert (answer.status, "a: predict" in answer.error) == (500, True)
        assert client.post("/models/a/predict", [2, 1, 1]).status == 200


def test_the_memory_limit_ends_it(tmp_path: Path) -> None:
    models = pretzel.PlanStore(tmp_path / "models")
    X = np.random.default_rng(0).normal(size=(10, 20_000))
    for i in range(8):
        models.publish(f"m{i}", LinearRegression().fit(X, X[:, i]))
    with pretzel.Runtime(store=tmp_path / "models") as runtime:
        used = runtime.stats()["memory"]["used"]
    with pretzel.Runtime(store=tmp_path / "models", memory_limit=used + 5_000_000) as runtime:
        app = pretzel.serving.app(runtime)
        asyncio.run(app.warm_up.finish())
        client = Client(app)
        assert client.get(READY).status == 200
        assert runtime.stats()["memory"]["evictions"] <= 1
        assert client.post("/models/m7/predict", X[0].tolist()).status == 200


def room_for(bytes_: int, store: Path) -> int:
    """A memory limit that leaves so many bytes for models."""
    with pretzel.Runtime(store=store) as runtime:
        return int(runtime.stats()["memory"]["used"]) + bytes_


def test_a_server_in_whose_memory_no_model_fits_is_not_ready_until_one_does(tmp_path: Path) -> None:
    models = pretzel.PlanStore(tmp_path / "models")
    X = np.random.default_rng(0).normal(size=(10, 200_000))
    models.publish("big", LinearRegression().fit(X, X[:, 0]))
    with pretzel.Runtime(store=tmp_path / "models", memory_limit=room_for(1_000_000, tmp_path / "models")) as runtime:
        app = pretzel.serving.app(runtime)
        client = Client(app)
        for _ in range(2):
            answer = client.get(READY)
            assert answer.status == 503
            assert "no model can be loaded: big@v1 needs" in answer.error
        assert client.get("/v2/health/live").status == 200
        assert client.post("/models/big/predict", [1]).status == 503
        models.publish("small", LinearRegression().fit(X[:, :3], X[:, 0]))
        assert client.get(READY).status == 200
        assert client.get("/v2/models/big/ready").status == 503
        assert client.get("/v2/models/small/ready").status == 200


def test_a_model_that_is_too_large_keeps_no_other_one_from_being_called_first(tmp_path: Path) -> None:
    models = pretzel.PlanStore(tmp_path / "models")
    X = np.random.default_rng(0).normal(size=(10, 200_000))
    models.publish("a", LinearRegression().fit(X, X[:, 0]))
    models.publish("b", LinearRegression().fit(X[:, :3], X[:, 0]))
    with pretzel.Runtime(store=tmp_path / "models", memory_limit=room_for(1_000_000, tmp_path / "models")) as runtime:
        app = pretzel.serving.app(runtime)
        assert Client(app).get(READY).status == 200
        assert runtime.stats()["memory"]["resident"] == 1


def test_the_first_call_of_a_fresh_worker(tmp_path: Path) -> None:
    """It takes less than five times as long as a later one."""
    pretzel.PlanStore(tmp_path / "models").publish("churn/de", churn())
    body = json.dumps({"age": 17, "city": "Köln"})

    def seconds(connection: http.client.HTTPConnection) -> float:
        start = time.perf_counter()
        connection.request("POST", "/models/churn/de/predict", body)
        assert connection.getresponse().read() == b'"yes"'
        return time.perf_counter() - start

    with contextlib.ExitStack() as stack:
        ports = [stack.enter_context(serving(tmp_path / "models"))[0] for _ in range(3)]
        ratios = []
        for port in ports:
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
            connection.connect()
            first = seconds(connection)
            ratios.append(first / statistics.median(seconds(connection) for _ in range(200)))
            connection.close()
    assert statistics.median(ratios) < 5, ratios
