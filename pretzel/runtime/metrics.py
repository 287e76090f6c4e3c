"""Prometheus metrics of a runtime. Counters are read by a scrape, so that calls pay nothing for them.

====================================  ==========================================================================
``pretzel_requests_total``            calls by model, method and outcome
``pretzel_version_calls_total``       calls by version and method, under any name, of models with labels of their own
``pretzel_version_failures_total``    those of them that were not answered, by outcome
``pretzel_request_seconds``           latency by model and method, of one in 64 calls with one row, one in 8 with
                                      tables, and all that are submitted or suspended; with traces as exemplars
``pretzel_stage_seconds``, ``_rows``  work of the stages, by their kernels
``pretzel_queue_requests``            requests in the batch engines: waiting, started, in Python
``pretzel_rejections_total``          requests rejected on arrival, by reason
``pretzel_engine_requests_total``     accepted requests that are over, by outcome
``pretzel_estimate_error_ratio``      time that requests took / time that was estimated
``pretzel_cache_requests_total``      look-ups by cache and result
``pretzel_cache_bytes``               memory of the caches
``pretzel_bytes``, ``_models``        memory by kind, and the number of models
``pretzel_store_plans_total``         plans of the store on disk by event: loaded, evicted, failed
``pretzel_resident_plans``            plans of the store on disk in memory
``pretzel_stale_models``              models that could not follow the store on disk
``pretzel_memory_bytes``              memory by kind: used, and the limit if there is one
====================================  ==========================================================================

The number of labels is bounded (`pretzel.runtime.traffic`).
"""

from __future__ import annotations

from itertools import accumulate
from typing import TYPE_CHECKING, Any

from pretzel._native import call_seconds
from pretzel.runtime import exemplars
from pretzel.runtime.statistics import reservations, stage_times, totals
from pretzel.runtime.traffic import MODELS as MODELS
from pretzel.runtime.traffic import Traffic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pretzel.runtime.catalog import Catalog
    from pretzel.runtime.engine import BatchEngine
    from pretzel.runtime.traffic import Counts
    from pretzel.store.object_store import ObjectStore

_REJECTIONS = {"rejected_overload": "overload", "rejected_deadline": "deadline"}
_OUTCOMES = ("done", "failed", "expired", "cancelled", "lost")


def register(collector: Collector, registry: Any = None) -> Collector:
    """Register a collector with a Prometheus registry; None: the registry of the process."""
    if registry is None:
        try:
            import prometheus_client
        except ImportError as error:
            raise ImportError("metrics are given to prometheus_client: pip install prometheus-client") from error

        registry = prometheus_client.REGISTRY
    registry.register(collector)
    return collector


class Collector:
    """Collects the metrics of a runtime when a Prometheus registry asks for them.

    Parameters
    ----------
    catalog : Catalog
    store : ObjectStore
    engine : BatchEngine
        The shared one; the catalog knows the others.
    caches : dict of str to cache
    memory : callable
        Figures of the store on disk and of the memory limit.
    models : int
        The first so many models have labels of their own.
    """

    def __init__(
        self,
        catalog: Catalog,
        store: ObjectStore,
        engine: BatchEngine,
        caches: dict[str, Any],
        memory: Callable[[], dict[str, int | None]],
        models: int,
    ) -> None:
        self._catalog = catalog
        self._store = store
        self._engine = engine
        self._caches = caches
        self._memory = memory
        self._traffic = Traffic(catalog, models)
        exemplars.watch()

    def collect(self) -> Iterator[Any]:
        """Every metric as it is now."""
        yield from self.calls()
        yield from self.others()

    describe = collect  # its names tell the registry which collectors export the same metrics

    def total(self) -> int:
        """Calls that have begun, under any name."""
        return sum(handle.calls for handle in self._catalog.handles())

    def others(self) -> Iterator[Any]:
        """Every metric but those of calls."""
        yield from self._stages()
        yield from self._engines()
        yield from self._sizes()
        yield from self._stored()

    def calls(self) -> Iterator[Any]:
        """The metrics of calls, by model and by version."""
        from prometheus_client.core import HistogramMetricFamily

        requests = _counter("pretzel_requests", "Calls by what became of them", "model", "method", "outcome")
        times = HistogramMetricFamily(
            "pretzel_request_seconds", "Time of calls, of which a sample is timed", labels=["model", "method"]
        )
        edges = [*map(repr, call_seconds()), "+Inf"]
        for (model, method), counts in self._traffic.by_model().items():
            for outcome, count in counts.endings.items():
                requests.add_metric([model, method, outcome], count)
            cumulative = list(accumulate(counts.buckets))
            if cumulative[-1]:
                buckets = [
                    (edge, n, _exemplar(counts, i)) for i, (edge, n) in enumerate(zip(edges, cumulative, strict=True))
                ]
                times.add_metric([model, method], buckets, counts.seconds)
        yield requests
        yield times
        yield from self._versions()

    def _versions(self) -> Iterator[Any]:
        calls = _counter("pretzel_version_calls", "Calls by version, under any name", "model", "version", "method")
        failures = _counter(
            "pretzel_version_failures",
            "Calls by version that were not answered",
            "model",
            "version",
            "method",
            "outcome",
        )
        for (model, version), counts in self._traffic.by_version().items():
            for (method, outcome), count in counts.items():
                if outcome:
                    failures.add_metric([model, version, method, outcome], count)
                else:
                    calls.add_metric([model, version, method], count)
        yield from (calls, failures)

    def _stages(self) -> Iterator[Any]:
        seconds = _gauge("pretzel_stage_seconds", "Time in stages of registered models, by kernels", "stage")
        rows = _gauge("pretzel_stage_rows", "Rows that passed the stages", "stage")
        for stage, times in stage_times(self._catalog).items():
            seconds.add_metric([stage], times["seconds"])
            rows.add_metric([stage], times["rows"])
        yield from (seconds, rows)

    def _engines(self) -> Iterator[Any]:
        shared = self._engine
        own = [engine.load() for engine in reservations(self._catalog, shared).values()]
        queue = _gauge("pretzel_queue_requests", "Requests in the batch engine", "engine", "state")
        rejections = _counter("pretzel_rejections", "Requests rejected on arrival", "engine", "reason")
        ended = _counter("pretzel_engine_requests", "Accepted requests that are over", "engine", "outcome")
        for engine, loads in (("shared", [shared.load()]), ("reserved", own)):
            for state in ("waiting", "started", "in_python"):
                queue.add_metric([engine, state], sum(load[state] for load in loads))
            for key, reason in _REJECTIONS.items():
                rejections.add_metric([engine, reason], sum(load[key] for load in loads))
            for outcome in _OUTCOMES:
                ended.add_metric([engine, outcome], sum(load[outcome] for load in loads))
        ratio = _gauge("pretzel_estimate_error_ratio", "Time that requests took / time that was estimated")
        ratio.add_metric([], shared.load()["estimate_error_ratio"])
        yield from (queue, rejections, ended, ratio)

    def _sizes(self) -> Iterator[Any]:
        held = totals(self._catalog, self._store)
        size = _gauge("pretzel_bytes", "Memory of models and of working threads", "kind")
        for kind in ("logical", "unique", "arena"):
            size.add_metric([kind], held[f"{kind}_bytes"])
        models = _gauge("pretzel_models", "Registered models")
        models.add_metric([], len(self._catalog))
        looked_up = _counter("pretzel_cache_requests", "Cache look-ups", "cache", "result")
        cached = _gauge("pretzel_cache_bytes", "Memory of caches", "cache")
        for name, cache in self._caches.items():
            counts = cache.counts()
            looked_up.add_metric([name, "hit"], counts["hits"])
            looked_up.add_metric([name, "miss"], counts["misses"])
            cached.add_metric([name], counts["bytes"])
        yield from (size, models, looked_up, cached)

    def _stored(self) -> Iterator[Any]:
        counts = self._memory()
        plans = _counter("pretzel_store_plans", "Plans of the store on disk by what became of them", "event")
        for event, key in (("loaded", "loads"), ("evicted", "evictions"), ("failed", "failures")):
            plans.add_metric([event], counts[key])
        resident = _gauge("pretzel_resident_plans", "Plans of the store on disk in memory")
        resident.add_metric([], counts["resident"])
        stale = _gauge("pretzel_stale_models", "Models that could not follow the store on disk")
        stale.add_metric([], counts["stale"])
        memory = _gauge("pretzel_memory_bytes", "Memory in use, and its limit", "kind")
        for kind in ("used", "limit"):
            if counts[kind] is not None:
                memory.add_metric([kind], counts[kind])
        yield from (plans, resident, stale, memory)


def _exemplar(counts: Counts, bucket: int) -> Any:
    from prometheus_client.samples import Exemplar

    found = counts.exemplars.get(bucket)
    return None if found is None else Exemplar(found.labels, found.seconds, found.when)


def _counter(name: str, text: str, *labels: str) -> Any:
    from prometheus_client.core import CounterMetricFamily

    return CounterMetricFamily(name, text, labels=labels)


def _gauge(name: str, text: str, *labels: str) -> Any:
    from prometheus_client.core import GaugeMetricFamily

    return GaugeMetricFamily(name, text, labels=labels)
