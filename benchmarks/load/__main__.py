"""Serving under load: ``python -m benchmarks.load [--quick] [--overload]``.

Hundreds of models in one process, Poisson arrivals, half single rows and half batches of a hundred, popularity by the
law of Zipf. Pretzel, scikit-learn in threads and in processes, and onnxruntime take the same requests from the same
clients.
"""

from __future__ import annotations

import argparse
import collections
import contextlib
import dataclasses
import functools
import gc
import json
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import data, onnx_peer
from benchmarks.load import contenders, converted, models, overload, plot, report, rows
from benchmarks.load.arrivals import popularity
from benchmarks.load.trial import Effort, Site, Trial, cores, in_child
from benchmarks.versus import machine

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from benchmarks.load.contenders import Contender

FULL = Effort(saturation=5.0, repeats=3, point=6.0, fractions=(0.2, 0.4, 0.6, 0.8, 0.9, 1.1))
QUICK = Effort(saturation=1.5, repeats=1, point=1.5, fractions=(0.4, 0.8, 1.1))
LIMIT = 240.0  # seconds for one contender
PEERS = {"threads": report.THREADS, "processes": report.PROCESSES, "onnx": report.ONNX}


def parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    """Command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.load", description=__doc__)
    parser.add_argument("--models", type=int, metavar="N", help="text and number models together (500; 60 if quick)")
    parser.add_argument("--quick", action="store_true", help="few models and short runs: two minutes")
    parser.add_argument("--overload", action="store_true", help="instead: deadlines and a reserved plan under overload")
    parser.add_argument("--seconds", type=float, metavar="S", help="how long one rate or closed loop is measured")
    parser.add_argument(
        "--peers", default=",".join(PEERS), metavar="NAMES", help="peers to measure, by default all: %(default)s"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the measurements")
    parser.add_argument("--png", type=Path, metavar="FILE", help="draw the picture")
    options = parser.parse_args(arguments)
    options.models = options.models or (60 if options.quick else 500)
    options.peers = [name for name in options.peers.split(",") if name]
    unknown = set(options.peers) - PEERS.keys()
    if unknown:
        parser.error(f"no peer is named {', '.join(sorted(unknown))}")
    return options


def say(text: str, start: float) -> None:
    """Progress."""
    print(f"{time.perf_counter() - start:6.0f} s  {text}", file=sys.stderr, flush=True)


def compiled(site: Site) -> list[Any]:
    """Plans of all models, compiled before the serving processes are forked."""
    import pretzel

    plans = [pretzel.compile(member.estimator) for member in site.members]
    gc.collect()
    gc.freeze()  # children must not write to inherited objects, because that copies their pages
    return plans


def compete(site: Site, effort: Effort, peers: Sequence[str], progress: Callable[[str], None]) -> dict[str, Any]:
    """All contenders in turn, each in a process of its own.

    Parameters
    ----------
    site : Site
        Models and rows to serve.
    effort : Effort
        How long to measure.
    peers : sequence of str
        Keys of `PEERS`.
    progress : callable
        Called with progress messages.
    """
    workers = cores()
    document: dict[str, Any] = {"contenders": {}, "executors": {}}
    found = document["contenders"]
    graphs: dict[int, bytes] = {}
    if "onnx" in peers:
        progress("converting models for onnxruntime")
        missing = ", ".join(onnx_peer.missing_libraries())
        rejected = {"all models": f"{missing}: not installed"}
        if not missing:
            graphs, rejected = converted.graphs(site.members, site.shares, site.rows)
        kinds = collections.Counter(site.members[i].kind for i in graphs)
        document["onnx"] = {"converted": dict(kinds), "rejected": rejected}
    progress("compiling")
    plans, names = compiled(site), [member.name for member in site.members]

    def measure(name: str, make: Callable[[], Contender], at: Site = site, rates: Sequence[float] = ()) -> None:
        progress(name)
        found[name] = in_child(lambda: _curve(make, at, effort, rates), LIMIT)

    measure(report.PRETZEL, lambda: contenders.Pretzel(names, plans, workers))
    rates = []
    if "saturation" in found[report.PRETZEL]:
        busy = report.at(found[report.PRETZEL], report.BUSY)["rate"]
        rates = [busy]
        progress("the harness alone")
        found["the harness alone"] = in_child(lambda: _harness(site, effort, busy), LIMIT)
    counts = sorted({1, workers})
    progress(f"pretzel with {' and '.join(map(str, counts))} executors")
    result = in_child(lambda: _scaling(names, plans, counts, site, effort), LIMIT)
    if "error" in result:
        found[f"{report.PRETZEL}, number of executors"] = result
    else:
        document["executors"] = result["executors"]
    if "threads" in peers:
        measure(report.THREADS, lambda: contenders.Threads(site.members, workers), rates=rates)
    if "processes" in peers:
        measure(report.PROCESSES, lambda: contenders.Processes(site.members, workers))
    if graphs:
        chosen = list(graphs)
        part = site.only(chosen)
        contents = list(graphs.values())
        measure(report.ONNX, lambda: contenders.Onnx(part.members, contents, part.rows, workers), part)
        some = [plans[i] for i in chosen]
        mine = [names[i] for i in chosen]
        measure(report.PRETZEL_ONNX, lambda: contenders.Pretzel(mine, some, workers), part)
    return document


def _curve(make: Callable[[], Contender], site: Site, effort: Effort, rates: Sequence[float]) -> dict[str, Any]:
    with contextlib.closing(make()) as contender:
        return Trial(contender, site).curve(effort, rates)


def _harness(site: Site, effort: Effort, rate: float) -> dict[str, Any]:
    """Latencies of the empty contender at the rate of the verdict on Pretzel."""
    trial = Trial(contenders.Nothing(), site)
    busy = trial.point(rate, effort.point)
    unloaded = trial.point(rate / 16, effort.point)
    return {"models": len(site.members), "unloaded": unloaded, "points": [{"fraction": report.BUSY, **busy}]}


def _scaling(
    names: Sequence[str], plans: Sequence[Any], counts: Sequence[int], site: Site, effort: Effort
) -> dict[str, Any]:
    """Saturation with each number of executors, by the whole mix and by batches alone, which are the work of executors.

    The numbers take turns, because a machine may be slower a minute later.
    """
    rates: dict[str, dict[str, list[float]]] = {str(count): {"batches": [], "mix": []} for count in counts}
    with contextlib.ExitStack() as stack:
        each = {str(n): stack.enter_context(contextlib.closing(contenders.Pretzel(names, plans, n))) for n in counts}
        for contender in each.values():
            Trial(contender, site).warm()
        for turn in range(effort.repeats):
            for mix, share in (("batches", 1.0), ("mix", 0.5)):
                for count, contender in each.items():
                    trial = Trial(contender, site, seed=1 + turn)
                    rates[count][mix].append(trial.saturation(effort.saturation, batch_share=share))
    medians = {count: {mix: float(np.median(some)) for mix, some in mixes.items()} for count, mixes in rates.items()}
    return {"executors": medians}


def serve(total: int) -> Site:
    """The models with their popularity, and rows for each kind."""
    members = models.fleet(total)
    kinds = [member.kind for member in members]
    return Site(members, popularity(kinds, seed=3), [rows.ready(kind) for kind in dict.fromkeys(kinds)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, report, and return 1 if a bar is not met."""
    options, start = parse(arguments), time.perf_counter()
    effort = QUICK if options.quick else FULL
    if options.seconds is not None:
        effort = dataclasses.replace(effort, saturation=options.seconds, point=options.seconds)
    say(f"models: {models.counts(options.models)}", start)
    try:
        site = serve(options.models)
    except data.DataMissing as missing:
        print(f"The load needs real data: {missing}")
        return 1
    progress = functools.partial(say, start=start)
    document = {"machine": machine(), "quick": options.quick, "models": models.counts(options.models)}
    if options.overload:
        progress("compiling")
        plans = compiled(site)
        progress("overload")
        document["overload"] = overload.measure(site, plans, effort.point)
        document["bars"] = [verdict.as_dict() for verdict in overload.judge(document["overload"])]
        text = overload.markdown(document["overload"])
    else:
        document |= compete(site, effort, options.peers, progress)
        document["bars"] = [verdict.as_dict() for verdict in report.judge(document)]
        text = report.markdown(document)
    document["seconds"] = time.perf_counter() - start
    print(text)
    if options.json:
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    if options.png and not options.overload:
        plot.draw(document, options.png)
    return int(any(bar["met"] is False for bar in document["bars"]))


if __name__ == "__main__":
    sys.exit(main())
