"""What ``pretzel top`` reads of a server: its metrics, and what they have grown by since the look before."""

from __future__ import annotations

import json
import math
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pretzel.errors import PretzelError
from pretzel.runtime.traffic import FAILED
from pretzel.serving.status import quantile

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

LONGEST = 50_000_000
"""Bytes that metrics may have."""

LARGEST = 2.0**63
"""Figures that are larger are no counts of anything."""

BUCKETS = "pretzel_request_seconds_bucket"
"""Name of the samples of calls by their time."""


class NoServer(PretzelError):
    """No server of Pretzel answers at a URL."""


@dataclass(frozen=True, slots=True)
class Scrape:
    """Metrics at one time.

    Parameters
    ----------
    samples : dict of str to dict
        By the name of a sample: values by labels, which are sorted pairs.
    when : float
        Of `time.monotonic`.
    """

    samples: dict[str, dict[tuple[tuple[str, str], ...], float]]
    when: float = field(default_factory=time.monotonic)

    def by(self, name: str, *labels: str) -> dict[tuple[str, ...], float]:
        """Sums of the samples of a name by some of their labels."""
        found: dict[tuple[str, ...], float] = {}
        for pairs, value in self.samples.get(name, {}).items():
            given = dict(pairs)
            key = tuple(given.get(label, "") for label in labels)
            found[key] = found.get(key, 0.0) + value
        return found

    def since(self, before: Scrape) -> Scrape:
        """What counters have grown by; one that has fallen began anew, with its server."""
        grown = {
            name: {
                key: value - old if (old := before.samples.get(name, {}).get(key, 0.0)) <= value else value
                for key, value in values.items()
            }
            for name, values in self.samples.items()
        }
        return Scrape(grown, self.when)


@dataclass(frozen=True, slots=True)
class Row:
    """Traffic of one model.

    Parameters
    ----------
    model : str
    rate : float or None
        Calls in a second since the look before; None at the first one.
    calls, failed : int
        Since the server has started; those that were not answered, though the request was valid.
    p50, p99 : float or None
        Seconds, since the look before if calls were timed since then, else since the start; None if none were.
    versions : dict of str to float
        Share of the calls of each version, since the same time.
    """

    model: str
    rate: float | None
    calls: int
    failed: int
    p50: float | None
    p99: float | None
    versions: dict[str, float]


def url_of(text: str) -> str:
    """The URL of the metrics of the server that a text means.

    Raises
    ------
    ValueError
        It is no URL of HTTP.
    """
    url = text if "://" in text else f"http://{text}"
    if not url.startswith(("http://", "https://")) or url.endswith("://"):
        raise ValueError(f"{text!r} is no URL of a server: expected one such as http://localhost:8000")
    url = url.rstrip("/")
    return url if url.endswith("/metrics") else f"{url}/metrics"


def scraped(url: str, timeout: float = 5.0) -> Scrape:
    """The metrics of a server.

    Raises
    ------
    NoServer
        There is none, or it has no metrics of Pretzel.
    """
    from prometheus_client.parser import text_string_to_metric_families

    try:
        with urllib.request.urlopen(url, timeout=timeout) as answer:
            text = answer.read(LONGEST).decode("utf-8", "replace")
    except urllib.error.HTTPError as error:
        raise NoServer(f"{url} answers {error.code}: {_told(error)}") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        raise NoServer(f"no server at {url} ({getattr(reason, 'strerror', None) or reason})") from None
    samples: dict[str, dict[tuple[tuple[str, str], ...], float]] = {}
    try:
        for family in text_string_to_metric_families(text):
            for sample in filter(_is_known, family.samples):
                samples.setdefault(sample.name, {})[tuple(sorted(sample.labels.items()))] = sample.value
    except (ValueError, IndexError):  # the parser raises either
        samples = {}
    if "pretzel_models" not in samples:
        raise NoServer(f"{url} has no metrics of Pretzel: name the place where its application is mounted")
    return Scrape(samples)


def _is_known(sample: Sample) -> bool:
    """Whether a sample holds a figure, and belongs to a bucket if it counts one: other programs may write anything."""
    if not abs(sample.value) <= LARGEST:  # NaN is not, either
        return False
    if sample.name != BUCKETS:
        return True
    try:
        return float(sample.labels["le"]) > -math.inf
    except (KeyError, ValueError):
        return False


def _told(error: urllib.error.HTTPError) -> str:
    try:
        return str(json.loads(error.read(10_000))["error"])
    except (ValueError, LookupError, TypeError, OSError):
        return error.reason


def rows(now: Scrape, before: Scrape | None) -> list[Row]:
    """Traffic by model."""
    grown = None if before is None else now.since(before)
    seconds = 0.0 if before is None else now.when - before.when
    calls, failed = _calls(now)
    lately = {} if grown is None else _calls(grown)[0]
    shares = _shares(now)
    shares_lately = {} if grown is None else _shares(grown)
    buckets = _buckets(now)
    buckets_lately = {} if grown is None else _buckets(grown)
    found = []
    for model, count in calls.items():
        edges, counts = buckets_lately.get(model, ((), ()))
        if not sum(counts):
            edges, counts = buckets.get(model, ((), ()))
        found.append(
            Row(
                model,
                lately.get(model, 0.0) / seconds if seconds > 0 else None,
                int(count),
                int(failed.get(model, 0)),
                quantile(counts, 0.5, edges),
                quantile(counts, 0.99, edges),
                shares_lately.get(model) or shares.get(model, {}),
            )
        )
    return found


def _calls(of: Scrape) -> tuple[dict[str, float], dict[str, float]]:
    """Calls by model, and those that were not answered, though the request was valid."""
    calls: dict[str, float] = {}
    failed: dict[str, float] = {}
    for (model, outcome), count in of.by("pretzel_requests_total", "model", "outcome").items():
        calls[model] = calls.get(model, 0.0) + count
        failed[model] = failed.get(model, 0.0) + (count if outcome in FAILED else 0.0)
    return calls, failed


def _shares(of: Scrape) -> dict[str, dict[str, float]]:
    """By model the share of calls of each version that has any."""
    found: dict[str, dict[str, float]] = {}
    for (model, version), count in of.by("pretzel_version_calls_total", "model", "version").items():
        if count > 0:
            found.setdefault(model, {})[version] = count
    return {
        model: {version: count / sum(counts.values()) for version, count in counts.items()}
        for model, counts in found.items()
    }


def _buckets(of: Scrape) -> dict[str, tuple[list[float], list[int]]]:
    """By model the upper bounds of buckets, but the last one, and the timed calls in each."""
    found: dict[str, dict[float, float]] = {}
    for (model, edge), count in of.by(BUCKETS, "model", "le").items():
        found.setdefault(model, {})[float(edge)] = count
    buckets = {}
    for model, counts in found.items():
        edges = sorted(counts)
        cumulative = [0.0, *(counts[edge] for edge in edges)]
        buckets[model] = (
            [edge for edge in edges if math.isfinite(edge)],
            [max(int(high - low), 0) for low, high in pairwise(cumulative)],
        )
    return buckets


def facts(now: Scrape, before: Scrape | None) -> dict[str, Any]:
    """Figures of the server as a whole; None for what is not known."""

    def one(name: str, **labels: str) -> float | None:
        wanted = labels.items()
        values = [value for key, value in now.samples.get(name, {}).items() if wanted <= dict(key).items()]
        return sum(values) if values else None

    since = now if before is None else now.since(before)
    seconds = None if before is None else max(now.when - before.when, 1e-9)
    return {
        "processes": one("pretzel_processes"),
        "models": one("pretzel_models"),
        "resident": one("pretzel_resident_plans"),
        "stale": one("pretzel_stale_models"),
        "memory": one("pretzel_memory_bytes", kind="used"),
        "limit": one("pretzel_memory_bytes", kind="limit"),
        "unique": one("pretzel_bytes", kind="unique"),
        "logical": one("pretzel_bytes", kind="logical"),
        "waiting": one("pretzel_queue_requests", state="waiting"),
        "started": one("pretzel_queue_requests", state="started"),
        "under_way": one("pretzel_http_requests_in_progress"),
        "rejected": one("pretzel_rejections_total"),
        "answers": {
            status: count if seconds is None else count / seconds
            for (status,), count in sorted(since.by("pretzel_http_responses_total", "status").items())
        },
    }
