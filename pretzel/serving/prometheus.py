"""``GET /metrics``: the metrics of the runtime (`pretzel.runtime.metrics`), and answers by status."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from pretzel.serving.failures import NotInstalled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretzel.serving.application import Application
    from pretzel.serving.shared_metrics import SharedMetrics

_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


class Answers:
    """Collects answers by status, and requests under way, of this process.

    Parameters
    ----------
    app : Application
    """

    def __init__(self, app: Application) -> None:
        self._app = app

    def collect(self) -> Iterator[Any]:
        """The metrics as they are now."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        answers = CounterMetricFamily("pretzel_http_responses", "Answers by status", labels=["status"])
        for status, count in sorted(self._app.statuses.copy().items()):
            answers.add_metric([str(status)], count)
        yield answers
        codes = CounterMetricFamily("pretzel_grpc_responses", "Answers over gRPC by status", labels=["code"])
        for code, count in sorted(self._app.codes.copy().items()):
            codes.add_metric([code], count)
        yield codes
        yield GaugeMetricFamily("pretzel_http_requests_in_progress", "Requests under way", self._app.active)
        yield GaugeMetricFamily("pretzel_processes", "Processes that serve", 1)


def shared(app: Application) -> SharedMetrics | None:
    """What writes the metrics of this process to where other workers read them, if there is such a place."""
    if not os.environ.get(_VARIABLE):
        return None
    try:
        from prometheus_client import CollectorRegistry
    except ImportError:
        return None
    from pretzel.serving.shared_metrics import SharedMetrics

    return SharedMetrics(app.runtime.metrics(CollectorRegistry(auto_describe=False)), Answers(app))


def text(app: Application, accept: str) -> tuple[bytes, bytes]:
    """The metrics in the format that the client accepts, and its content type."""
    try:
        from prometheus_client import CollectorRegistry
        from prometheus_client.exposition import choose_encoder
    except ImportError:
        raise NotInstalled("this server has no metrics: prometheus-client is not installed there") from None
    registry = app.kept.get("metrics")
    if registry is None:
        registry = CollectorRegistry(auto_describe=False)
        if app.shared is None:
            app.runtime.metrics(registry)
            registry.register(Answers(app))
        else:
            registry.register(app.shared)
        app.kept["metrics"] = registry
    try:
        encoder, kind = choose_encoder(accept)
    except (TypeError, ValueError):  # a version that is none
        encoder, kind = choose_encoder("")
    return encoder(registry), kind.encode()
