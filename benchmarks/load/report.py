"""The figures as a table, and against the bars."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks.bars import Verdict
from benchmarks.report import number, table

if TYPE_CHECKING:
    from collections.abc import Iterator

PRETZEL, THREADS, PROCESSES, ONNX = "pretzel", "scikit-learn threads", "scikit-learn processes", "onnxruntime"
PRETZEL_ONNX = "pretzel, onnx mix"
SHARES = ("rejected", "unanswered", "late")
BUSY = 0.8  # of saturation: the rate at which the tail is judged


def at(result: dict[str, Any], fraction: float) -> dict[str, Any]:
    """The point of a curve at a share of its own saturation."""
    return min(result["points"], key=lambda point: abs(point["fraction"] - fraction))


def near(result: dict[str, Any], rate: float) -> dict[str, Any]:
    """The point of a curve at a rate."""
    return min(result["points"], key=lambda point: abs(point["rate"] - rate))


def judge(document: dict[str, Any]) -> Iterator[Verdict]:
    """All bars of the load."""
    found = document["contenders"]
    for name, result in found.items():
        if "error" in result:
            yield Verdict("load", name, "runs", result["error"], False)
    if "error" in found.get(PRETZEL, {"error": ""}):
        return
    ours = found[PRETZEL]
    differences = ours["differences"]
    wrong = differences["mismatches"] + differences["outside"]
    yield Verdict("load", "answers that differ", "0", f"{wrong} of {differences['values']:,}", wrong == 0)
    yield from _tail(ours, found.get(THREADS, {}))
    yield from _saturation(found)
    yield from _executors(document["executors"])


def _tail(ours: dict[str, Any], theirs: dict[str, Any]) -> Iterator[Verdict]:
    busy, unloaded = at(ours, BUSY), ours["unloaded"]["single"]["p50"]
    what = f"single rows at {BUSY:.0%} of saturation: p99"
    yield _at_most(f"{what} / unloaded p50", busy["single"]["p99"] / unloaded, 3)
    if "points" not in theirs:
        return
    unanswered = "no single row was answered"  # in so little time
    same = near(theirs, busy["rate"])["single"]["p99"]
    each = f"{what} / scikit-learn threads, same rate"
    if same is None:
        yield Verdict("load", each, "at most 1/20", unanswered, None)
    else:
        yield _at_most(each, busy["single"]["p99"] / same, 1 / 20)
    own = at(theirs, BUSY)["single"]["p99"]
    text = unanswered if own is None else f"1/{own / busy['single']['p99']:,.1f}"
    yield Verdict("load", f"{what} / scikit-learn threads, each at its own", "for information", text, None)


def _saturation(found: dict[str, dict[str, Any]]) -> Iterator[Verdict]:
    peers = [found[name]["saturation"] for name in (THREADS, PROCESSES) if "saturation" in found.get(name, {})]
    if peers:
        ratio = found[PRETZEL]["saturation"] / max(peers)
        yield _at_least("saturation against the best scikit-learn", ratio, 20)
    if "saturation" in found.get(ONNX, {}) and "saturation" in found.get(PRETZEL_ONNX, {}):
        ratio = found[PRETZEL_ONNX]["saturation"] / found[ONNX]["saturation"]
        yield _at_least("saturation against onnxruntime, models it can serve", ratio, 5)


def _executors(executors: dict[str, dict[str, float]]) -> Iterator[Verdict]:
    if {"1", "2"} <= executors.keys():
        ratios = {mix: executors["2"][mix] / executors["1"][mix] for mix in executors["1"]}
        yield _at_least("2 executors against 1, batches", ratios["batches"], 1.8)
        yield Verdict("load", "2 executors against 1, whole mix", "for information", f"{ratios['mix']:.2f}x", None)


def _at_least(what: str, ratio: float, bar: float) -> Verdict:
    return Verdict("load", what, f"at least {bar:g}x", f"{ratio:.2f}x", ratio >= bar)


def _at_most(what: str, ratio: float, bar: float) -> Verdict:
    required = f"at most {bar:g}x" if bar >= 1 else f"at most 1/{1 / bar:g}"
    measured = f"{ratio:.2f}x" if ratio >= 1 else f"1/{1 / ratio:,.1f}"
    return Verdict("load", what, required, measured, ratio <= bar)


def markdown(document: dict[str, Any]) -> str:
    """The whole report."""
    machine = "\n".join(f"- {key}: {value}" for key, value in document["machine"].items())
    parts = [f"# Under load\n\n{machine}", _models(document)]
    parts += [
        "## Latency from arrival to answer, microseconds",
        "Of it, the contender's own is what comes after a client has taken the request. Shares are of the class of "
        "request. `*`: saturated.",
        table(
            ["contender", "load", "requests/s", "class", "p50", "p99", "p99.9", "own p50", "own p99", *SHARES],
            list(_latencies(document["contenders"])),
        ),
        "## Saturation, requests per second",
        table(["contender", "models", "requests/s"], list(_throughputs(document))),
        busy(document["contenders"]),
        "## Bars",
        table(["what", "required", "measured", ""], list(_verdicts(document["bars"]))),
    ]
    return "\n\n".join(parts) + "\n"


def busy(found: dict[str, dict[str, Any]]) -> str:
    """CPU use of other processes: above a tenth of a core, tails mean nothing."""
    cores = ", ".join(f"{result['others']:.2f} ({name})" for name, result in found.items() if "others" in result)
    return f"Cores that other processes of the machine took meanwhile, which should be 0: {cores}."


def _models(document: dict[str, Any]) -> str:
    counts = ", ".join(f"{count} {kind}" for kind, count in document["models"].items())
    lines = [f"Models: {counts}. Half the requests are single rows, half are batches of 100."]
    if document.get("onnx"):
        converted = ", ".join(f"{count} {kind}" for kind, count in document["onnx"]["converted"].items()) or "none"
        lines.append(f"onnxruntime serves the most popular that skl2onnx converts ({converted}); rejected were:")
        reasons: dict[str, list[str]] = {}
        for name, why in document["onnx"]["rejected"].items():
            reasons.setdefault(why, []).append(name)
        lines += [f"- {len(names)} models such as `{names[0]}`: {why}" for why, names in reasons.items()]
    return "\n".join(lines)


def _latencies(found: dict[str, dict[str, Any]]) -> Iterator[list[str]]:
    for name, result in found.items():
        if "error" in result:
            continue
        for label, point in [
            ("unloaded", result["unloaded"]),
            *((f"{point['fraction']:.0%}", point) for point in result["points"]),
        ]:
            star = "*" if point["saturated"] else ""
            for kind in ("single", "batch"):
                one = point[kind]
                times = [one[key] for key in ("p50", "p99", "p99.9")] + [one["own"][key] for key in ("p50", "p99")]
                cells = [number(value) if value is not None else "-" for value in times]
                yield [name, label + star, number(point["rate"]), kind, *cells, *(f"{one[key]:.1%}" for key in SHARES)]


def _throughputs(document: dict[str, Any]) -> Iterator[list[str]]:
    for name, result in document["contenders"].items():
        if "saturation" in result:
            yield [name, str(result["models"]), number(result["saturation"])]
    for executors, rates in document["executors"].items():
        for mix, rate in rates.items():
            yield [f"{PRETZEL}, {executors} executors, {mix}", "", number(rate)]


def _verdicts(bars: list[dict[str, Any]]) -> Iterator[list[str]]:
    words = {True: "met", False: "NOT MET", None: ""}
    for bar in bars:
        yield [bar["what"], bar["required"], bar["measured"][:60], words[bar["met"]]]
