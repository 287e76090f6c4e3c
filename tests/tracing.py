"""A tracer provider of OpenTelemetry for one test, whose spans are kept."""

from __future__ import annotations

from typing import Any

import pytest


def exporter_of_spans(monkeypatch: pytest.MonkeyPatch) -> Any:
    """What keeps all spans that end until the test does; the process has a tracer provider for so long."""
    sdk = pytest.importorskip("opentelemetry.sdk.trace")
    from opentelemetry import trace
    from opentelemetry.sdk.trace.export import SimpleSpanProcessor
    from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

    exporter = InMemorySpanExporter()
    provider = sdk.TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    monkeypatch.setattr(trace, "_TRACER_PROVIDER", provider)  # a process can set one only once
    return exporter
