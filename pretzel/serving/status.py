"""``GET /``: models, versions, traffic, latency and memory on one page, which loads nothing from elsewhere."""

from __future__ import annotations

import time
from html import escape
from typing import TYPE_CHECKING, Any

from pretzel._native import call_seconds
from pretzel.serving.counts import ModelCounts, counts

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pretzel.serving.application import Application
    from pretzel.serving.counts import Counts

HEADERS = [
    (b"cache-control", b"no-store"),
    (b"content-security-policy", b"default-src 'none'; style-src 'unsafe-inline'"),
    (b"x-content-type-options", b"nosniff"),
]
_STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #8881; }
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; }
h1 { font-size: 1.3rem; } h2 { font-size: 1.05rem; margin-top: 2rem; }
dl { display: flex; flex-wrap: wrap; gap: .5rem 2rem; } dt { opacity: .7; } dd { margin: 0; font-weight: 600; }
div.table { overflow-x: auto; } table { border-collapse: collapse; width: 100%; }
th, td { text-align: right; padding: .3rem .6rem; border-bottom: 1px solid var(--line); white-space: nowrap; }
th:first-child, td:first-child, .text { text-align: left; } tbody tr:hover { background: var(--soft); }
.bad { color: #c33; } code { font-size: .9em; }
"""


def page(app: Application) -> str:
    """The page as it is now."""
    found = app.runtime.stats()
    counted = counts(app, found)
    known = found["models"]
    names = sorted({*app.runtime, *known})
    facts = [
        ("models", f"{len(names):,}"),
        ("in memory", f"{len(known):,}"),
        *([("processes", f"{counted.processes:,}")] if app.shared is not None else ()),
        ("answers", _answers(counted)),
        ("under way", f"{counted.active:,}"),
        ("waiting", f"{counted.waiting:,}"),
        ("rejected", f"{counted.rejected:,}"),
        ("memory", _bytes(counted.used) + (f" of {_bytes(counted.limit)}" if counted.limit else "")),
        ("shared", f"{_bytes(found['unique_bytes'])} hold {_bytes(found['logical_bytes'])}"),
        ("up for", _duration(time.time() - app.started)),
    ]
    state = ' <span class="bad">shutting down</span>' if app.draining else ""
    models = [_model_row(app, name, known.get(name), counted.models.get(name, ModelCounts())) for name in names]
    aliases = [
        (
            _code(name),
            f"{alias['calls']:,}",
            escape(", ".join(f"{target} {share:.0%}" for target, share in alias["shares"].items())),
        )
        for name, alias in found["aliases"].items()
    ]
    parts = [
        f"<h1>Pretzel{state}</h1>",
        "<dl>"
        + "".join(f"<div><dt>{escape(name)}</dt><dd>{escape(value)}</dd></div>" for name, value in facts)
        + "</dl>",
        "<h2>Models</h2>",
        _table(("model", "default", "versions", "calls", "failed", "p50", "p99", "size", "own"), models),
    ]
    if aliases:
        parts += ["<h2>Aliases</h2>", _table(("alias", "calls", "targets"), aliases)]
    parts.append(
        '<p><a href="models">models</a> · <a href="openapi.json">openapi.json</a> · <a href="metrics">metrics</a> · '
        '<a href="v2">v2</a></p>'
    )
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8"><title>Pretzel</title>'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<style>{_STYLE}</style></head><body>{''.join(parts)}</body></html>"
    )


def _model_row(app: Application, name: str, known: dict[str, Any] | None, counted: ModelCounts) -> tuple[str, ...]:
    if known is None:
        return (_code(name), "", "", f"{counted.calls:,}" if counted.calls else "not loaded", "", "", "", "", "")
    label = escape(known["version"])
    if name in app.models.unloaded:
        label += ' <span class="bad">unloaded</span>'
    if known["stale"]:
        label += f' <span class="bad" title="{escape(known["stale"], quote=True)}">stale</span>'
    return (
        _code(name),
        label,
        escape(", ".join(f"{each} ({counted.versions[each]:,})" for each in known["versions"])),
        f"{counted.calls:,}",
        f"{counted.failed:,}",
        in_seconds(quantile(counted.timed, 0.5)),
        in_seconds(quantile(counted.timed, 0.99)),
        _bytes(known["bytes"]),
        _bytes(known["exclusive_bytes"]),
    )


def quantile(buckets: Sequence[int], q: float, bounds: Sequence[float] | None = None) -> float | None:
    """A quantile of times that were counted in buckets with these upper bounds, but the last; None if none were.

    By default, they are those of `call_seconds`.
    """
    edges = [0.0, *(call_seconds() if bounds is None else bounds)]
    left = q * sum(buckets)
    if not left:
        return None
    for i, count in enumerate(buckets):
        if count >= left:
            low = edges[i]
            high = edges[i + 1] if i + 1 < len(edges) else low
            return low + (high - low) * left / count
        left -= count
    return edges[-1]


def _answers(counted: Counts) -> str:
    return ", ".join(f"{status}: {count:,}" for status, count in sorted(counted.answers.items())) or "none yet"


def _table(head: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    top = "".join(f"<th>{name}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="table"><table><thead><tr>{top}</tr></thead><tbody>{body}</tbody></table></div>'


def _code(name: str) -> str:
    return f"<code>{escape(name)}</code>"


def _bytes(size: float) -> str:
    for unit in ("B", "KB", "MB", "GB"):
        if size < 1000 or unit == "GB":
            break
        size /= 1000
    return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"


def in_seconds(value: float | None) -> str:
    """A time for people; None is nothing."""
    if value is None:
        return ""
    return f"{value * 1e6:.3g} µs" if value < 1e-3 else f"{value * 1e3:.3g} ms" if value < 1 else f"{value:.3g} s"


def _duration(seconds: float) -> str:
    minutes, hours = int(seconds) // 60, int(seconds) // 3600
    return (
        f"{hours // 24} d {hours % 24} h"
        if hours >= 24
        else f"{hours} h {minutes % 60} min"
        if hours
        else f"{minutes} min"
    )
