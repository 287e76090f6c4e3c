"""What the log and traces tell: changes of the catalog, rejections now and then, lost workers, and spans."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

import pytest

import pretzel
from pretzel.errors import DeadlineExceeded, WorkerLost
from pretzel.runtime import log
from tests.tracing import exporter_of_spans

from .models import ROWS, constant

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def runtime() -> Iterator[pretzel.Runtime]:
    """A runtime over a store of its own, with a model."""
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1) as runtime:
        runtime.register("m", constant(1.0))
        yield runtime


def test_changes_are_told(runtime: pretzel.Runtime, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "pretzel"):
        runtime.replace("m", constant(2.0))
        runtime.register("m", constant(3.0), default=False)
        runtime.unregister("m")
    assert caplog.messages == ["registered m@v2, the default", "registered m@v3", "unregistered m"]


def test_rejections_are_told_now_and_then(
    runtime: pretzel.Runtime, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    def reject() -> None:
        with pytest.raises(DeadlineExceeded):
            runtime.submit("m", ROWS, deadline=0.0)

    for _ in range(5):
        reject()
    assert len(caplog.messages) == 1
    monkeypatch.setattr(log, "PAUSE", 0.0)
    reject()
    assert "(and 4 more since the last such message)" in caplog.messages[1]
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_a_lost_worker_is_told(runtime: pretzel.Runtime, caplog: pytest.LogCaptureFixture) -> None:
    runtime.engine.scheduler.inject_fault()
    with pytest.raises(WorkerLost):
        runtime.submit("m", ROWS).result(10)
    runtime.close()  # the notifier has had its say
    assert any("worker" in message for message in caplog.messages)


def test_submitted_requests_have_spans(monkeypatch: pytest.MonkeyPatch) -> None:
    exporter = exporter_of_spans(monkeypatch)
    from opentelemetry import trace

    def spans(tracing: bool | None) -> list[Any]:
        exporter.clear()
        with pretzel.Runtime(store=pretzel.ObjectStore(), executors=1, tracing=tracing) as runtime:
            model = runtime.register("m", constant(1.0))
            with trace.get_tracer("caller").start_as_current_span("outer"):
                model.predict_one(ROWS[0])
                model.submit(ROWS).result(10)
                with pytest.raises(DeadlineExceeded):
                    model.submit(ROWS, deadline=0.0)
        return list(exporter.get_finished_spans())

    assert [span.name for span in spans(False)] == ["outer"]
    for tracing in (True, None):  # None: the API is imported here
        found = {span.name: span for span in spans(tracing)}
        inner = [span for span in exporter.get_finished_spans() if span.name == "pretzel.request"]
        assert len(inner) == 2
        assert {span.parent.span_id for span in inner} == {found["outer"].context.span_id}
        assert {span.attributes["pretzel.model"] for span in inner} == {"m"}
        assert sorted(span.status.is_ok for span in inner) == [False, True]
        assert all(span.end_time >= span.start_time for span in inner)
