"""Prometheus metrics of a runtime. Counters are read when somebody scrapes them, so that calls pay for nothing.

``prometheus_client`` is imported by `register` only.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from pretzel._native import call_seconds
from pretzel.runtime.statistics import reservations, stage_times, totals

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretzel.runtime.handle import Model
    from pretzel.runtime.runtime import Runtime

MODELS = 100
"""Models that get labels of their own, unless `register` is told otherwise."""

_OTHER = "other"
_REFUSALS = {"overloaded": "overloaded", "refused": "deadline", "late": "late"}
_ENDINGS = ("done", "failed", "late", "cancelled", "lost")


def register(runtime: Runtime, registry: Any = None, *, models: int = MODELS) -> Any:
    """Show a runtime to Prometheus.

    Metrics are ``pretzel_requests_total`` by model, method and outcome, ``pretzel_request_seconds`` by model and method
    (one of 64 calls with one row is timed, one of 8 with tables, and all that are submitted or suspended),
    ``pretzel_stage_seconds`` and ``pretzel_stage_rows`` by the kernels of a stage, those of the batch engine
    (``pretzel_queue_requests``, ``pretzel_refusals_total``, ``pretzel_engine_requests_total``,
    ``pretzel_engine_pace``), ``pretzel_cache_requests_total`` and ``pretzel_cache_bytes``, ``pretzel_bytes`` and
    ``pretzel_models``.

    Parameters
    ----------
    runtime : Runtime
    registry : prometheus_client.CollectorRegistry, optional
        That of the process by default.
    models : int
        So many models have labels of their own, in the order in which they are first seen; the others share
        ``model="other"``, so that there are never more series than that.

    Returns
    -------
    Collector
        For ``registry.unregister``.
    """
    if registry is None:
        import prometheus_client

        registry = prometheus_client.REGISTRY
    collector = Collector(runtime, models)
    registry.register(collector)
    return collector


@dataclass(slots=True)
class Counts:
    """Of one method, for rows or for tables; or sums of several.

    Parameters
    ----------
    endings : dict of str to int
    seconds : float
        Of all calls that were timed.
    buckets : list of int
    """

    endings: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(call_seconds()) + 1))

    def add(self, endings: dict[str, int], seconds: float, buckets: list[int]) -> None:
        """Add others to these."""
        for ending, count in endings.items():
            self.endings[ending] = self.endings.get(ending, 0) + count
        self.seconds += seconds
        self.buckets = [a + b for a, b in zip(self.buckets, buckets, strict=True)]


class Collector:
    """What a Prometheus registry asks for metrics.

    Parameters
    ----------
    runtime : Runtime
    models : int
    """

    def __init__(self, runtime: Runtime, models: int) -> None:
        self._runtime = runtime
        self._models = models
        self._labelled: set[Model] = set()
        self._others: set[Model] = set()
        self._gone: dict[str, Counts] = {}  # of others that have been unregistered: a counter never falls

    def describe(self) -> list[Any]:
        """Nothing: what there is depends on what has been registered."""
        return []

    def collect(self) -> Iterator[Any]:
        """Every metric as it is now."""
        yield from self._calls()
        yield from self._stages()
        yield from self._engines()
        yield from self._sizes()

    def _calls(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, HistogramMetricFamily

        requests = CounterMetricFamily(
            "pretzel_requests", "Calls by what became of them", labels=["model", "method", "outcome"]
        )
        times = HistogramMetricFamily(
            "pretzel_request_seconds", "Time of calls, of which a sample is timed", labels=["model", "method"]
        )
        edges = [*map(repr, call_seconds()), "+Inf"]
        for (model, method), counts in self._counts().items():
            for outcome, count in counts.endings.items():
                requests.add_metric([model, method, outcome], count)
            cumulative = list(accumulate(counts.buckets))
            if cumulative[-1]:
                times.add_metric([model, method], list(zip(edges, cumulative, strict=True)), counts.seconds)
        yield requests
        yield times

    def _counts(self) -> dict[tuple[str, str], Counts]:
        handles = self._runtime._catalog.handles()
        self._labelled.intersection_update(handles)
        for model in self._others.difference(handles):
            for method, counts in _of(model):
                self._gone.setdefault(method, Counts()).add(counts.endings, counts.seconds, counts.buckets)
        self._others.intersection_update(handles)
        for model in handles:
            if model not in self._labelled and model not in self._others:
                (self._labelled if len(self._labelled) < self._models else self._others).add(model)
        found: dict[tuple[str, str], Counts] = {}
        rest = [(_OTHER, method, counts) for method, counts in self._gone.items()]
        rest += [
            (model.name if model in self._labelled else _OTHER, method, counts)
            for model in handles
            for method, counts in _of(model)
        ]
        for name, method, counts in rest:
            found.setdefault((name, method), Counts()).add(counts.endings, counts.seconds, counts.buckets)
        return found

    def _stages(self) -> Iterator[Any]:
        from prometheus_client.core import GaugeMetricFamily

        seconds = GaugeMetricFamily(
            "pretzel_stage_seconds", "Time in stages of the registered models, by their kernels", labels=["stage"]
        )
        rows = GaugeMetricFamily("pretzel_stage_rows", "Rows that went through them", labels=["stage"])
        for stage, times in stage_times(self._runtime._catalog).items():
            seconds.add_metric([stage], times["seconds"])
            rows.add_metric([stage], times["rows"])
        yield from (seconds, rows)

    def _engines(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        shared = self._runtime.engine
        own = [engine.load() for engine in reservations(self._runtime._catalog, shared).values()]
        queue = GaugeMetricFamily("pretzel_queue_requests", "Requests in the batch engine", labels=["engine", "state"])
        refusals = CounterMetricFamily("pretzel_refusals", "Requests that were refused", labels=["engine", "reason"])
        ended = CounterMetricFamily("pretzel_engine_requests", "Requests that ended", labels=["engine", "ending"])
        for engine, loads in (("shared", [shared.load()]), ("reserved", own)):
            for state in ("waiting", "begun", "in_python"):
                queue.add_metric([engine, state], sum(load[state] for load in loads))
            for key, reason in _REFUSALS.items():
                refusals.add_metric([engine, reason], sum(load[key] for load in loads))
            for ending in _ENDINGS:
                ended.add_metric([engine, ending], sum(load[ending] for load in loads))
        pace = GaugeMetricFamily("pretzel_engine_pace", "Time that requests take, by the time that was estimated")
        pace.add_metric([], shared.load()["pace"])
        yield from (queue, refusals, ended, pace)

    def _sizes(self) -> Iterator[Any]:
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        held = totals(self._runtime._catalog, self._runtime.store)
        size = GaugeMetricFamily("pretzel_bytes", "Memory of models, and of what works for them", labels=["kind"])
        for kind in ("logical", "unique", "arena"):
            size.add_metric([kind], held[f"{kind}_bytes"])
        models = GaugeMetricFamily("pretzel_models", "Models that are registered")
        models.add_metric([], len(self._runtime))
        looked_up = CounterMetricFamily("pretzel_cache_requests", "Look-ups in caches", labels=["cache", "result"])
        cached = GaugeMetricFamily("pretzel_cache_bytes", "Memory of caches", labels=["cache"])
        for name, cache in (("materialized", self._runtime._shared), ("results", self._runtime._results)):
            counts = cache.counts()
            looked_up.add_metric([name, "hit"], counts["hits"])
            looked_up.add_metric([name, "miss"], counts["misses"])
            cached.add_metric([name], counts["bytes"])
        yield from (size, models, looked_up, cached)


def _of(model: Model) -> Iterator[tuple[str, Counts]]:
    """What has been counted under a name: for each method, and for its rows."""
    for method, endpoint in list(model._endpoints.items()):
        rows, tables = endpoint.statistics()
        for name, counts in ((f"{method}_one", rows), (method, tables)):
            if any(counts[0].values()):
                yield name, Counts(*counts)
