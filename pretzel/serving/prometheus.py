"""``GET /metrics``: the metrics of the runtime (`pretzel.runtime.metrics`), and answers by status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.serving.failures import NotInstalled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretzel.serving.application import Application


class Answers:
    """Collects ``pretzel_http_responses_total``, ``pretzel_grpc_responses_total``, and how many requests are under way.

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
        app.runtime.metrics(registry)
        registry.register(Answers(app))
        app.kept["metrics"] = registry
    encoder, kind = choose_encoder(accept)
    return encoder(registry), kind.encode()
