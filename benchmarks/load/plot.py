"""The picture: latency against load, and throughput against executors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

STYLES = {"p50": ":", "p99": "-", "p99.9": "--"}


def draw(document: dict[str, Any], path: Path) -> None:
    """Write the picture as PNG.

    Parameters
    ----------
    document : dict
        What `benchmarks.load` writes as JSON.
    path : Path
        Of the picture.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure

    with mpl.rc_context({"font.size": 9, "axes.grid": True, "grid.alpha": 0.3}):
        figure = Figure(figsize=(13, 5), layout="constrained")
        curve, bars = figure.subplots(1, 2, width_ratios=(2, 1))
        _curve(curve, document["contenders"])
        _bars(bars, document)
        figure.savefig(path, dpi=120)


def _curve(axes: Any, contenders: dict[str, dict[str, Any]]) -> None:
    for position, (name, result) in enumerate(contenders.items()):
        if "points" not in result:
            continue
        points = sorted([result["unloaded"], *result["points"]], key=lambda point: float(point["rate"]))
        for key, style in STYLES.items():
            known = [(point["rate"], point["single"][key]) for point in points if point["single"][key] is not None]
            label = name if key == "p99" else None
            axes.plot(*zip(*known, strict=True), style, color=f"C{position}", marker=".", label=label)
    axes.set(xscale="log", yscale="log", xlabel="requests per second", ylabel="microseconds from arrival to answer")
    axes.set_title("single rows: p50 dotted, p99 solid, p99.9 dashed")
    axes.legend()


def _bars(axes: Any, document: dict[str, Any]) -> None:
    rates = {name: one["saturation"] for name, one in document["contenders"].items() if "saturation" in one}
    for executors, mixes in document["executors"].items():
        for mix, rate in mixes.items():
            rates[f"{executors} executors: {mix}"] = rate
    drawn = axes.barh(list(rates), list(rates.values()), color="C0")
    axes.bar_label(drawn, fmt="{:,.0f}", padding=3)
    axes.invert_yaxis()
    axes.set(xscale="log", xlabel="requests per second at saturation")
    axes.margins(x=0.2)
    axes.set_title("throughput of the mix")
