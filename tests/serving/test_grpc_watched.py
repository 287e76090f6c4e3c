"""Calls of gRPC in the log of requests, and their spans."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
import pytest

from tests.serving.test_grpc import INFERENCE, Served
from tests.tracing import exporter_of_spans

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.serving.conftest import Client

FIELDS = ("rpc_service", "rpc_method", "model", "version", "rows", "outcome", "status")
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
        records = until(3, lambda: [each for each in caplog.records if each.name == "pretzel.requests"])
    assert [tuple(vars(each)[name] for name in FIELDS) for each in records] == [
        (INFERENCE, "ModelInfer", "scaled", "v1", 2, "answered", "OK"),
        (INFERENCE, "ModelInfer", "unknown", None, 2, "invalid", "NOT_FOUND"),
        (INFERENCE, "ServerLive", None, None, None, "answered", "OK"),
    ]
    assert all(vars(each)["milliseconds"] > 0 for each in records)
    assert [vars(each)["request_id"] is None for each in records] == [True, False, True]


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
