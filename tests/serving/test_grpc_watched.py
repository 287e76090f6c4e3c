"""Calls of gRPC in the log of requests, and their spans."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest

import pretzel
import pretzel.serving
from tests.serving.test_application import Slow
from tests.serving.test_grpc import INFERENCE, ONE, Served, request, slow  # noqa: F401  (a fixture)
from tests.tracing import exporter_of_spans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.serving.conftest import Client

FIELDS = ("rpc_service", "rpc_method", "model", "version", "method", "rows", "outcome", "status")
HEALTH = "grpc.health.v1.Health"
TRACE = 0x4BF92F3577B34DA6A3CE929D0E0E4736
ROWS = ("input", np.ones((2, 3)))


@pytest.fixture
def served(client: Client) -> Iterator[Served]:
    found = Served(client.app.runtime)
    try:
        yield found
    finally:
        found.close()


def until(count: int, found: Any) -> list[Any]:
    """What is there once there are ``count``: a client has its answer before the server has written its record."""
    end = time.monotonic() + 20
    while len(found()) < count and time.monotonic() < end:
        time.sleep(0.01)
    return list(found())


def test_a_record_for_each_call(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "pretzel.requests"):
        served.infer("scaled", ROWS)
        with pytest.raises(grpc.RpcError):
            served.infer("unknown", ROWS)
        served.call("ServerLive")
        served.infer("numbers", ROWS, outputs=[{"name": "predict_proba"}, {"name": "predict"}])
        served.health("scaled")
        records = until(5, lambda: [each for each in caplog.records if each.name == "pretzel.requests"])
    assert [tuple(vars(each)[name] for name in FIELDS) for each in records] == [
        (INFERENCE, "ModelInfer", "scaled", "v1", "transform", 2, "answered", "OK"),
        (INFERENCE, "ModelInfer", "unknown", None, None, 2, "invalid", "NOT_FOUND"),
        (INFERENCE, "ServerLive", None, None, None, None, "answered", "OK"),
        (INFERENCE, "ModelInfer", "numbers", "v1", "predict_proba,predict", 2, "answered", "OK"),
        (HEALTH, "Check", "scaled", None, None, None, "answered", "OK"),
    ]
    assert all(vars(each)["milliseconds"] > 0 for each in records)
    assert [vars(each)["request_id"] is None for each in records] == [True, False, True, True, True]


def test_a_record_of_what_was_watched(served: Served, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "pretzel.requests"):
        watch, asked = served.method("Watch", HEALTH)
        watched = watch(asked(service="scaled"), timeout=20)
        assert next(watched).status == 1
        watched.cancel()
        (record,) = until(1, lambda: [each for each in caplog.records if each.name == "pretzel.requests"])
    found = tuple(vars(record)[name] for name in FIELDS)
    assert found == (HEALTH, "Watch", "scaled", None, None, None, "cancelled", "CANCELLED")
    unread = served.channel.unary_stream(f"/{HEALTH}/Watch", lambda data: data, lambda data: data)
    with pytest.raises(grpc.RpcError) as refused:
        list(unread(b"\xff\xff", timeout=20))
    assert refused.value.code() is grpc.StatusCode.INVALID_ARGUMENT


def test_calls_that_their_clients_cancel(caplog: pytest.LogCaptureFixture, slow: pretzel.Runtime) -> None:  # noqa: F811
    app = pretzel.serving.app(slow, warm_up=False)
    served = Served(app)
    try:
        with caplog.at_level(logging.INFO, "pretzel.requests"):
            method, asked = served.method("ModelInfer")
            wanted = asked(**request("slow", ONE, raw=True))
            call = method.future(wanted, timeout=20)
            assert Slow.begun.wait(20)
            Slow.begun.clear()
            waiting = method.future(wanted, timeout=20)
            until(2, lambda: [None] * app.active)
            call.cancel()
            waiting.cancel()
            records = until(2, lambda: [each for each in caplog.records if each.name == "pretzel.requests"])
        assert {tuple(vars(each)[name] for name in FIELDS[1:]) for each in records} == {
            ("ModelInfer", "slow", None, None, 1, "cancelled", "CANCELLED")
        }
        assert app.active == 0
        assert app.codes["CANCELLED"] == 2
        assert until(1, lambda: [None] * (slow.engine.load()["in_python"] == 0))  # the place is free again
        assert not Slow.begun.is_set()
        Slow.gate.set()
        assert served.infer("slow", ONE).outputs
    finally:
        Slow.gate.set()
        served.close()


def test_a_span_for_each_call(served: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = exporter_of_spans(monkeypatch)
    served.infer("scaled", ROWS)
    with pytest.raises(grpc.RpcError):
        served.infer("unknown", ROWS)
    method, asked = served.method("ServerLive")
    method(asked(), metadata=[("traceparent", f"00-{TRACE:032x}-00f067aa0ba902b7-01")], timeout=20)
    found = until(3, lambda: [each for each in exporter.get_finished_spans() if each.name.startswith(INFERENCE)])
    assert [each.name.rpartition("/")[2] for each in found] == ["ModelInfer", "ModelInfer", "ServerLive"]
    assert [each.attributes["rpc.grpc.status_code"] for each in found] == [0, 5, 0]
    assert {each.attributes["rpc.system"] for each in found} == {"grpc"}
    assert {each.attributes["rpc.service"] for each in found} == {INFERENCE}
    assert (found[0].attributes["pretzel.model"], found[0].attributes["pretzel.rows"]) == ("scaled", 2)
    assert found[1].attributes["pretzel.outcome"] == "invalid"
    assert [each.context.trace_id == TRACE for each in found] == [False, False, True]
