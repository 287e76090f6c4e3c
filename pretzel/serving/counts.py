"""What the status page shows of traffic: of this process, or of all that share their metrics."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from pretzel._native import call_seconds
from pretzel.errors import ModelNotFoundError
from pretzel.runtime.traffic import FAILED

if TYPE_CHECKING:
    from pretzel.serving.application import Application
    from pretzel.serving.shared_metrics import SharedMetrics


@dataclass(slots=True)
class ModelCounts:
    """Calls of a name, those that failed, timed ones by the buckets of `call_seconds`, and calls by version."""

    calls: int = 0
    failed: int = 0
    timed: list[int] = field(default_factory=lambda: [0] * (len(call_seconds()) + 1))
    versions: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class Counts:
    """Answers by status, requests under way, waiting and rejected, bytes of memory, and calls by model."""

    processes: int = 1
    answers: Counter[int] = field(default_factory=Counter)
    active: int = 0
    waiting: int = 0
    rejected: int = 0
    used: int = 0
    limit: int | None = None
    models: dict[str, ModelCounts] = field(default_factory=dict)


def counts(app: Application, stats: dict[str, Any]) -> Counts:
    """What there is to be shown; ``stats`` are those of the runtime."""
    return _of_process(app, stats) if app.shared is None else _of_all(app.shared)


def _of_process(app: Application, stats: dict[str, Any]) -> Counts:
    engine, memory = stats["engine"], stats["memory"]
    rejected = engine["rejected_overload"] + engine["rejected_deadline"]
    answers = Counter(app.statuses.copy())
    found = Counts(1, answers, app.active, engine["waiting"], rejected, memory["used"], memory["limit"])
    for name, model in stats["models"].items():
        one = found.models[name] = ModelCounts(model["calls"])
        one.versions.update({label: held["calls"] for label, held in model["versions"].items()})
        try:
            endpoints = app.runtime[name].endpoints
        except ModelNotFoundError:  # unregistered a moment ago
            continue
        for endpoint in endpoints.values():
            for endings, _, timed in endpoint.statistics():
                one.failed += sum(count for ending, count in endings.items() if ending in FAILED)
                one.timed = [a + b for a, b in zip(one.timed, timed, strict=True)]
    return found


def _of_all(shared: SharedMetrics) -> Counts:
    samples: dict[str, list[tuple[dict[str, str], int]]] = {}
    for family in shared.collect():
        for sample in family.samples:
            samples.setdefault(sample.name, []).append((sample.labels, int(sample.value)))

    def total(name: str, **labels: str) -> int:
        return sum(value for own, value in samples.get(name, ()) if labels.items() <= own.items())

    found = Counts(
        processes=total("pretzel_processes"),
        active=total("pretzel_http_requests_in_progress"),
        waiting=total("pretzel_queue_requests", engine="shared", state="waiting"),
        rejected=total("pretzel_rejections_total", engine="shared"),
        used=total("pretzel_memory_bytes", kind="used"),
        limit=total("pretzel_memory_bytes", kind="limit") or None,
    )
    for labels, value in samples.get("pretzel_http_responses_total", ()):
        found.answers[int(labels["status"])] += value

    def of(labels: dict[str, str]) -> ModelCounts:
        return found.models.setdefault(labels["model"], ModelCounts())

    for labels, value in samples.get("pretzel_requests_total", ()):
        of(labels).calls += value
        of(labels).failed += value if labels["outcome"] in FAILED else 0
    for labels, value in samples.get("pretzel_version_calls_total", ()):
        of(labels).versions[labels["version"]] += value
    edges = [*call_seconds(), float("inf")]
    for labels, value in samples.get("pretzel_request_seconds_bucket", ()):  # as many as there are up to the edge
        at = next(i for i, edge in enumerate(edges) if edge >= float(labels["le"]) * (1 - 1e-9))
        of(labels).timed[at] += value
    for one in found.models.values():
        one.timed = [n - below for n, below in zip(one.timed, [0, *one.timed], strict=False)]
    return found
