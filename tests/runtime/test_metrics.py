"""What Prometheus is told about a runtime."""

from __future__ import annotations

import asyncio
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

import pretzel
from pretzel.errors import DeadlineExceeded, InputError
from pretzel.runtime import metrics, traffic

from .models import ROWS, constant

prometheus_client = pytest.importorskip("prometheus_client")

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

ROW = tuple(ROWS[0].tolist())


@pytest.fixture
def runtime() -> Iterator[pretzel.Runtime]:
    """A runtime over a store of its own."""
    with pretzel.Runtime(store=pretzel.ObjectStore(), executors=2) as runtime:
        yield runtime


@pytest.fixture
def registry() -> Any:
    """A registry of its own."""
    return prometheus_client.CollectorRegistry()


def requests(registry: Any) -> dict[tuple[str, str, str], float]:
    """Calls by model, method and outcome, where there were any."""
    return {
        (sample.labels["model"], sample.labels["method"], sample.labels["outcome"]): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "pretzel_requests_total" and sample.value
    }


def test_a_registry_takes_the_metrics_once(runtime: pretzel.Runtime, registry: Any) -> None:
    collector = runtime.metrics(registry)
    families = len(list(registry.collect()))
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        runtime.metrics(registry)
    assert len(list(registry.collect())) == families
    registry.unregister(collector)
    assert runtime.metrics(registry) is not collector
    assert len(list(registry.collect())) == families


def test_without_the_client_it_is_said_what_to_install(
    runtime: pretzel.Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    with pytest.raises(ImportError, match="pip install prometheus-client"):
        runtime.metrics()


def test_calls_by_version(runtime: pretzel.Runtime, registry: Any) -> None:
    model = runtime.register("m", constant(1.0))
    runtime.register("m", constant(2.0), default=False)
    runtime.alias("live", {"m@v1": 0.5, "m@v2": 0.5})
    runtime.metrics(registry, models=2)
    runtime.register("other", constant(3.0)).predict_one(ROW)
    model.predict_one(ROW)
    for _ in range(4):
        runtime["live"].predict_one(ROW)
    found = {
        (sample.labels["model"], sample.labels["version"], sample.labels["method"]): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "pretzel_version_calls_total"
    }
    assert found == {("m", "v1", "predict"): 3, ("m", "v2", "predict"): 2}


def by_version(registry: Any, name: str) -> dict[tuple[str, ...], float]:
    """Values of a metric by its labels: model, version, method, and outcome if it has one."""
    return {
        tuple(sample.labels[each] for each in ("model", "version", "method", "outcome") if each in sample.labels): (
            sample.value
        )
        for family in registry.collect()
        for sample in family.samples
        if sample.name == name and sample.value
    }


def test_failures_by_version_and_outcome(runtime: pretzel.Runtime, registry: Any) -> None:
    model = runtime.register("m", constant(1.0))
    runtime.register("m", constant(2.0), default=False)
    runtime.alias("live", {"m@v1": 0.5, "m@v2": 0.5})
    runtime.metrics(registry)
    with pytest.raises(InputError):
        model.predict_one(None)
    with pytest.raises(InputError):
        model.predict(ROWS[:, :2])
    with pytest.raises(InputError):
        model.call_with_version(None, method="predict_one")
    with pytest.raises(DeadlineExceeded):
        runtime["m@v2"].submit(ROWS, deadline=0.0)
    for _ in range(4):
        with pytest.raises(InputError):
            runtime["live"].predict_one(None)

    async def awaited() -> None:
        for call in (model.apredict_one(None), model.apredict(ROWS[:, :2])):
            with pytest.raises(InputError):
                await call

    asyncio.run(awaited())
    assert by_version(registry, "pretzel_version_failures_total") == {
        ("m", "v1", "predict", "invalid"): 7,
        ("m", "v2", "predict", "invalid"): 2,
        ("m", "v2", "predict", "rejected"): 1,
    }
    assert by_version(registry, "pretzel_version_calls_total") == {
        ("m", "v1", "predict"): 7,
        ("m", "v2", "predict"): 3,
    }


def test_names_that_requests_ask_for_are_no_labels(runtime: pretzel.Runtime, registry: Any) -> None:
    """Calls to versions and aliases count for the model, wherever an alias leads later."""
    runtime.register("m", constant(1.0)).predict_one(ROW)
    runtime.register("n", constant(2.0)).predict_one(ROW)
    runtime.metrics(registry)
    runtime["m@v1"].predict_one(ROW)
    live = runtime.alias("live", "m")
    live.predict_one(ROW)
    with pytest.raises(pretzel.errors.ModelNotFoundError):
        runtime["nobody"]

    def counted() -> dict[str, float]:
        return {model: value for (model, _, _), value in requests(registry).items()}

    assert counted() == counted() == {"m": 3, "n": 1}
    runtime.alias("live", "n@v1")
    live.predict_one(ROW)
    assert counted() == {"m": 3, "n": 2}
    runtime.alias("live", {"m": 0.5, "n": 0.5})
    live.predict_one(ROW)
    assert counted() == {"m": 3, "n": 2, "other": 1}
    live.predict_one(ROW)
    runtime.unregister("live")
    assert counted() == {"m": 3, "n": 2, "other": 2}
    runtime.unregister("n")
    assert counted() == {"m": 3, "other": 2}


def test_few_versions_have_labels(runtime: pretzel.Runtime, registry: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(traffic, "VERSIONS", 2)
    runtime.register("m", constant(1.0)).predict_one(ROW)
    runtime.metrics(registry)

    def counted() -> dict[str, float]:
        return {
            version: count for (_, version, _), count in by_version(registry, "pretzel_version_calls_total").items()
        }

    for number in (2, 3):
        runtime.register("m", constant(float(number)), default=False)
        runtime[f"m@v{number}"].predict_one(ROW)
        assert counted() == {"v1": 1, f"v{number}": 1}
    runtime["m@v2"].predict_one(ROW)
    assert counted() == {"v1": 1, "v3": 1, "other": 1}
    runtime.promote("m@v2")
    assert counted() == {"v2": 2, "v3": 1, "other": 1}
    runtime.unregister("m@v1")
    assert counted() == {"v2": 2, "v3": 1, "other": 1}


def test_failures_of_plans_that_left_memory_count(tmp_path: Path, registry: Any) -> None:
    pretzel.PlanStore(tmp_path / "s").publish("m", constant(1.0))
    with pretzel.Runtime(store=tmp_path / "s") as runtime:
        runtime.metrics(registry)
        for _ in range(2):
            with pytest.raises(InputError):
                runtime["m"].predict_one(None)
            runtime._stored._residency.evict(runtime._catalog.version_of("m"))
        assert by_version(registry, "pretzel_version_failures_total") == {("m", "v1", "predict", "invalid"): 2}


def test_buckets_have_traces(runtime: pretzel.Runtime, registry: Any) -> None:
    trace = pytest.importorskip("opentelemetry.trace")
    from prometheus_client.openmetrics.exposition import generate_latest
    from prometheus_client.openmetrics.parser import text_string_to_metric_families

    model = runtime.register("m", constant(1.0))
    runtime.metrics(registry)
    model.predict_one(ROW)  # no span, no trace
    assert " # {" not in generate_latest(registry).decode()
    for number, flags in ((7, 1), (8, 0)):  # the latter is not sampled
        context = trace.SpanContext(number, 5, is_remote=False, trace_flags=trace.TraceFlags(flags))
        with trace.use_span(trace.NonRecordingSpan(context)):
            for _ in range(128):
                model.predict_one(ROW)
            model.predict(ROWS)
            answer = model.submit(ROWS)
        answer.result(10)
    found = list(text_string_to_metric_families(generate_latest(registry).decode()))
    (times,) = (family for family in found if family.name == "pretzel_request_seconds")
    traced = [sample for sample in times.samples if sample.exemplar is not None]
    assert {sample.labels["method"] for sample in traced} == {"predict", "predict_one"}
    for sample in traced:
        assert sample.exemplar.labels == {"trace_id": f"{7:032x}", "span_id": f"{5:016x}"}
        assert sample.exemplar.value <= float(sample.labels["le"])


def test_calls_by_outcome(runtime: pretzel.Runtime, registry: Any) -> None:
    model = runtime.register("m", constant(1.0))
    runtime.metrics(registry)
    for _ in range(5):
        model.predict_one(ROW)
    model.predict(ROWS)
    for bad in (None, (1.0,)):
        with pytest.raises(InputError):
            model.predict_one(bad)
    with pytest.raises(DeadlineExceeded):
        model.submit(ROWS, deadline=0.0)
    cancelled = model.submit(ROWS)
    runtime.engine.scheduler.pause()
    waiting = model.submit(ROWS)
    assert waiting.cancel()
    runtime.engine.scheduler.pause(False)
    cancelled.result(10)

    async def main() -> None:
        await model.apredict_one(ROW)
        await model.apredict(np.repeat(ROWS, 20, axis=0))

    asyncio.run(main())
    expected = {
        ("m", "predict_one", "answered"): 6,
        ("m", "predict_one", "invalid"): 2,
        ("m", "predict", "answered"): 3,
        ("m", "predict", "rejected"): 1,
        ("m", "predict", "cancelled"): 1,
    }
    for _ in range(200):  # a future is counted after its callbacks have run
        if requests(registry) == expected:
            break
        time.sleep(0.01)
    assert requests(registry) == expected
    assert runtime.stats()["models"]["m"]["calls"] == sum(expected.values())


def test_times_are_those_of_a_sample(runtime: pretzel.Runtime, registry: Any) -> None:
    model = runtime.register("m", constant(1.0))
    runtime.metrics(registry)
    began = time.perf_counter()
    for _ in range(6400):
        model.predict_one(ROW)
    took = time.perf_counter() - began
    labels = {"model": "m", "method": "predict_one"}
    count = registry.get_sample_value("pretzel_request_seconds_count", labels)
    assert 90 <= count <= 110
    assert 0 < registry.get_sample_value("pretzel_request_seconds_sum", labels) < took
    below = [
        registry.get_sample_value("pretzel_request_seconds_bucket", {**labels, "le": repr(edge)})
        for edge in metrics.call_seconds()
    ]
    assert below == sorted(below)
    assert below[-1] == registry.get_sample_value("pretzel_request_seconds_bucket", {**labels, "le": "+Inf"}) == count


def test_few_models_have_labels_and_no_counter_falls(runtime: pretzel.Runtime, registry: Any) -> None:
    runtime.metrics(registry, models=2)
    models = [runtime.register(f"m{i}", constant(float(i))) for i in range(5)]
    for i, model in enumerate(models):
        for _ in range(i + 1):
            model.predict_one(ROW)

    def counted() -> dict[str, float]:
        return {model: value for (model, _, _), value in requests(registry).items()}

    assert counted() == {"m0": 1, "m1": 2, "other": 3 + 4 + 5}
    runtime.unregister("m3")
    runtime.register("m3", constant(9.0)).predict_one(ROW)
    assert counted() == {"m0": 1, "m1": 2, "other": 3 + 4 + 5 + 1}
    runtime.unregister("m0")
    runtime.register("m9", constant(9.0)).predict_one(ROW)
    assert counted() == {"m9": 1, "m1": 2, "other": 3 + 4 + 5 + 1}


def test_engines_and_bytes(runtime: pretzel.Runtime, registry: Any) -> None:
    collector = runtime.metrics(registry)
    model = runtime.register("m", constant(1.0))
    own = runtime.register("own", constant(2.0), reserve=pretzel.Reservation())
    runtime.engine.scheduler.pause()
    answers = [model.submit(ROWS) for _ in range(3)]

    def value(name: str, **labels: str) -> float:
        return registry.get_sample_value(name, labels)

    assert value("pretzel_queue_requests", engine="shared", state="waiting") == 3
    runtime.engine.scheduler.pause(False)
    for answer in [*answers, own.submit(ROWS)]:
        answer.result(10)
    with pytest.raises(DeadlineExceeded):
        model.submit(ROWS, deadline=0.0)
    assert value("pretzel_queue_requests", engine="shared", state="waiting") == 0
    assert value("pretzel_engine_requests_total", engine="shared", outcome="done") == 3
    assert value("pretzel_engine_requests_total", engine="reserved", outcome="done") == 1
    assert value("pretzel_rejections_total", engine="shared", reason="deadline") == 1
    stats = runtime.stats()
    assert value("pretzel_bytes", kind="unique") == stats["unique_bytes"] > 0
    assert value("pretzel_bytes", kind="logical") == stats["logical_bytes"]
    assert value("pretzel_models") == 2
    assert stats["engine"]["done"] == 3
    assert stats["reservations"]["own@v1"]["done"] == 1
    registry.unregister(collector)
    assert value("pretzel_models") is None


def test_time_by_stage(runtime: pretzel.Runtime, registry: Any) -> None:
    """Every morsel of the batch engine is timed, so what it says of tables is no projection."""
    model = runtime.register("m", constant(1.0), engine="batch")
    runtime.metrics(registry)
    for _ in range(5):
        model.predict(ROWS)
    stages = runtime.stats()["stage_times"]
    assert stages
    for times in stages.values():
        assert times["rows"] == 5 * len(ROWS)
        assert 0 < times["seconds"] < 60
    for name, key in (("pretzel_stage_seconds", "seconds"), ("pretzel_stage_rows", "rows")):
        shown = {stage: registry.get_sample_value(name, {"stage": stage}) for stage in stages}
        assert shown == {stage: times[key] for stage, times in stages.items()}
    runtime.unregister("m")
    assert not runtime.stats()["stage_times"]
