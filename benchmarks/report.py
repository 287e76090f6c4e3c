"""Tables of the measurements, for people."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Markdown table whose source is aligned; all columns but the first are flushed right."""
    widths = [max(len(str(row[i])) for row in [header, *rows]) for i in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        padded = [
            f"{cell:<{w}}" if i == 0 else f"{cell:>{w}}" for i, (cell, w) in enumerate(zip(cells, widths, strict=True))
        ]
        return "| " + " | ".join(padded) + " |"

    rule = ["-" * w if i == 0 else "-" * (w - 1) + ":" for i, w in enumerate(widths)]
    return "\n".join([line(header), "| " + " | ".join(rule) + " |", *map(line, rows)])


def number(value: float) -> str:
    """Three significant digits, thousands separated."""
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


def markdown(document: dict[str, Any]) -> str:
    """The whole report.

    Parameters
    ----------
    document : dict
        What `benchmarks.versus` writes as JSON.
    """
    parts = [f"# Pretzel, scikit-learn and onnxruntime side by side\n\n{_bullets(document['machine'])}"]
    results = {name: one for name, one in document["cases"].items() if "error" not in one}
    if results:
        parts += [
            "## One row: p50 / p99 in microseconds",
            table(["pipeline", "contender", "p50", "p99", "times pretzel"], list(_latency_rows(results))),
            "## Rows per second\n\n`*`: measured on fewer rows, for slowness.",
            table(
                ["pipeline", "rows", "pretzel", "scikit-learn", "all threads", "onnxruntime"], list(_rate_rows(results))
            ),
            "## Answers\n\nAgainst scikit-learn: labels that differ, numbers outside rtol 1e-9 / atol 1e-12.",
            table(
                ["pipeline", "rows", "labels", "numbers", "max diff.", "same bits", "onnx labels", "onnx max diff."],
                list(_parity_rows(results)),
            ),
        ]
        rejected = {name: one["onnx_reason"] for name, one in results.items() if one["onnx_reason"]}
        if rejected:
            parts += ["## Not in onnxruntime", _bullets({f"`{name}`": reason for name, reason in rejected.items()})]
    failed = {f"`{name}`": one["error"] for name, one in document["cases"].items() if "error" in one}
    if failed:
        parts += ["## Not measured", _bullets(failed)]
    if document.get("memory"):
        parts += ["## Memory", _bullets(document["memory"])]
    parts += ["## Bars", table(["pipeline", "what", "required", "measured", ""], list(_bar_rows(document["bars"])))]
    return "\n\n".join(parts) + "\n"


def _bullets(items: dict[str, Any]) -> str:
    return "\n".join(
        f"- {key}: {value:,.0f}" if isinstance(value, float | int) else f"- {key}: {value}"
        for key, value in items.items()
    )


def _latency_rows(results: dict[str, Any]) -> Iterator[list[str]]:
    for name, result in results.items():
        ours = result["latency"]["pretzel"]["p50"]
        for contender, one in sorted(result["latency"].items(), key=lambda item: item[1]["p50"]):
            yield [name, contender, number(one["p50"]), number(one["p99"]), number(one["p50"] / ours)]


def _rate_rows(results: dict[str, Any]) -> Iterator[list[str]]:
    for name, result in results.items():
        for size, rates in result["throughput"].items():
            cells = []
            for contender in ("pretzel", "scikit-learn", "scikit-learn, all threads", "onnxruntime"):
                one = rates.get(contender)
                star = "*" if one and one["rows"] < int(size) else ""
                cells.append(number(one["rows_per_second"]) + star if one else "-")
            yield [name, f"{int(size):,}", *cells]


def _parity_rows(results: dict[str, Any]) -> Iterator[list[str]]:
    for name, result in results.items():
        parity = result["parity"]
        ours, onnx = parity["pretzel"], parity["onnxruntime"]
        theirs = [str(onnx["mismatches"]), f"{onnx['largest']:.1e}"] if onnx else ["-", "-"]
        same = "yes" if parity["batch_invariant"] else "NO"
        counts = [f"{parity['rows']:,}", str(ours["mismatches"]), str(ours["outside"]), f"{ours['largest']:.1e}"]
        yield [name, *counts, same, *theirs]


def _bar_rows(bars: list[dict[str, Any]]) -> Iterator[list[str]]:
    words = {True: "met", False: "NOT MET", None: "no peer"}
    for bar in bars:
        yield [bar["case"], bar["what"], bar["required"], bar["measured"][:60], words[bar["met"]]]
