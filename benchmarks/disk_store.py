"""Stores on disk: their size, what processes that serve from them take, and how fast they open.

``python -m benchmarks.disk_store [--models 250] [--small 10000]`` publishes models of texts and of numbers in one
store, many small models and text models with samples of their own in others, and measures in fresh processes: memory of
one and of eight processes, memory of scikit-learn, time to the first answer, opening, processes that were forked after
loading, what is known of the memory before loading, and a memory limit of a tenth of the working set.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.memory import ROOT, resident

if TYPE_CHECKING:
    import pretzel

PROCESSES = 8
WORKERS = 4
CALLS = 40_000
HOT = 5
"""Models that are called most."""

_RUN = "import sys; sys.path.append({root!r}); from benchmarks import disk_store; disk_store.{call}"


def proportional() -> int:
    """Bytes of this process, where memory that n processes share counts as one n-th."""
    rollup = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return 1024 * int(next(line for line in rollup if line.startswith("Pss:")).split()[1])


def child(call: str) -> subprocess.Popen[str]:
    """Run a function of this module in a fresh process."""
    code = _RUN.format(root=ROOT, call=call)
    return subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)


def ask(call: str) -> Any:
    """What a function of this module says in a fresh process."""
    process = child(call)
    said, _ = process.communicate(timeout=1800)
    if process.returncode:
        raise RuntimeError(f"{call} failed")
    return json.loads(said.splitlines()[-1])


# -- in fresh processes ----------------------------------------------------------------------------------------------


def opened(path: str, limit: int = 0) -> tuple[pretzel.Runtime, int, int]:
    """A runtime over a store, and the memory of a process that has imported everything and served one model."""
    import pretzel

    plans = pretzel.PlanStore(path, store=pretzel.ObjectStore())
    plan = plans.load(plans.names()[0])
    next(iter(plan.methods.values()))  # a program needs modules that are imported late
    del plan
    gc.collect()
    return pretzel.Runtime(store=path, memory_limit=limit or None), resident(), proportional()


def serve(path: str, requests: str) -> None:
    """Load and call every model; say how much memory that takes, wait for a line, and say what it is then."""
    rows = pickle.loads(Path(requests).read_bytes())
    runtime, before, shared = opened(path)
    for name, row in rows.items():
        runtime[name].predict_one(row)
    print(json.dumps({"resident": resident() - before, "used": runtime.stats()["memory"]["used"]}), flush=True)
    sys.stdin.readline()
    print(json.dumps({"proportional": proportional() - shared}), flush=True)
    sys.stdin.readline()


def foreseen(path: str, requests: str) -> None:
    """Load every model; compare what was known of its memory before with what it takes."""
    import pretzel

    rows = [*pickle.loads(Path(requests).read_bytes()).items()]
    plans = pretzel.PlanStore(path, store=pretzel.ObjectStore())
    runtime = pretzel.Runtime(store=plans)
    before = expected = 0
    for number, (name, row) in enumerate(rows):
        expected += plans.bytes_to_load(name)
        runtime[name].predict_one(row)
        if number == 0:  # which brings memory of its thread, and modules that are imported late
            before, expected = resident(), 0
    print(json.dumps({"foreseen": expected / (resident() - before)}))


def preloaded(path: str, requests: str, calls: int) -> None:
    """Load every model, fork, and let the children answer; say which part of the store's pages is their own then."""
    rows = [*pickle.loads(Path(requests).read_bytes()).items()]
    runtime, *_ = opened(path)
    handles = [(runtime[name], row) for name, row in rows]
    found = []
    for worker in range(WORKERS):
        reader, writer = os.pipe()
        if os.fork() == 0:
            for i in range(worker, calls, WORKERS):
                handle, row = handles[i % len(handles)]
                handle.predict_one(row)
            gc.collect()
            os.write(writer, json.dumps(_pages_of(path)).encode())
            os._exit(0)
        os.close(writer)
        found.append(json.loads(os.read(reader, 1000)))
        os.close(reader)
        os.wait()
    print(json.dumps({"mapped": found[0][0], "dirtied": max(dirty / mapped for mapped, dirty in found)}))


def _pages_of(path: str) -> tuple[int, int]:
    """Bytes of the files of a store that this process has mapped, and those of them that it has written to."""
    mapped, dirty, counts = 0, 0, False
    for line in Path("/proc/self/smaps").read_text().splitlines():
        key, _, value = line.partition(":")
        if "-" in key:
            counts = path in line
        elif counts and key == "Rss":
            mapped += 1024 * int(value.split()[0])
        elif counts and key == "Private_Dirty":
            dirty += 1024 * int(value.split()[0])
    return mapped, dirty


def unpickle(folder: str, requests: str) -> None:
    """The same for models of scikit-learn, each in a file of its own."""
    import sklearn  # noqa: F401

    rows = pickle.loads(Path(requests).read_bytes())
    paths = sorted(Path(folder).glob("*.pickle"))
    first = pickle.loads(paths[0].read_bytes())
    first.predict(_table(next(iter(rows.values()))))
    before = resident()
    models = [pickle.loads(path.read_bytes()) for path in paths[1:]]
    print(json.dumps({"resident": (resident() - before) / len(models)}))


def first_answer(path: str, name: str, requests: str) -> None:
    """Serve one row from a store, and say what was imported."""
    import pretzel

    row = pickle.loads(Path(requests).read_bytes())[name]
    pretzel.PlanStore(path).load(name).predict_one(row)
    print(json.dumps([module for module in ("sklearn", "scipy", "pandas", "pyarrow") if module in sys.modules]))


def first_answer_of_source(file: str, name: str, requests: str) -> None:
    """The same with scikit-learn."""
    row = pickle.loads(Path(requests).read_bytes())[name]
    pickle.loads(Path(file).read_bytes()).predict(_table(row))
    print("{}")


def open_all(path: str, requests: str) -> None:
    """Open a store; look every model up; call each twice."""
    import pretzel

    rows = pickle.loads(Path(requests).read_bytes())
    make = pretzel.Runtime  # which imports NumPy and the extension: `first_answer` counts that
    start = time.perf_counter()
    runtime = make(store=path)
    names = list(runtime)
    opened = time.perf_counter() - start
    start = time.perf_counter()
    handles = [runtime[name] for name in rows]
    loaded = time.perf_counter() - start
    times = []
    for _ in range(6):
        once = []
        for handle in handles:
            row = rows[handle.name]
            begin = time.perf_counter()
            handle.predict_one(row)
            once.append(time.perf_counter() - begin)
        times.append(float(np.median(once)))
    print(json.dumps({"models": len(names), "open": opened, "load": loaded, "first": times[0], "hot": min(times[1:])}))


def limited(path: str, requests: str, limit: int, loads: float = 0.0) -> None:
    """Zipf arrivals over all models within a limit of memory, or without one (0).

    Parameters
    ----------
    loads : float
        Part of the calls after which a plan is loaded and dropped, which empties the caches of the processor.
    """
    import pretzel

    rows = pickle.loads(Path(requests).read_bytes())
    names = list(rows)
    ranks = np.arange(1, len(names) + 1)
    parts = 1.0 / ranks**1.1
    rng = np.random.default_rng(0)
    chosen = rng.choice(len(names), CALLS, p=parts / parts.sum())
    runtime, before, _ = opened(path, limit)
    others, disturbed = pretzel.PlanStore(path, store=pretzel.ObjectStore()), rng.random(CALLS) < loads
    peak, used = before, 0
    hot: list[float] = []
    failures = 0
    for count, number in enumerate(chosen):
        name = names[number]
        begin = time.perf_counter()
        try:
            runtime[name].predict_one(rows[name])
        except pretzel.PretzelError:
            failures += 1
        if number < HOT and count > CALLS // 10:
            hot.append(time.perf_counter() - begin)
        if disturbed[count]:
            others.load(names[-1 - number])
        if count % 16 == 0:
            peak = max(peak, resident())
        if count % 1000 == 0:
            used = max(used, runtime.stats()["memory"]["used"])
    memory = runtime.stats()["memory"]
    figures = {"peak": peak - before, "peak_used": used, "p99": float(np.quantile(hot, 0.99))}
    print(json.dumps({**figures, "median": float(np.median(hot)), "failures": failures, "loads": memory["loads"]}))


def _table(row: Any) -> Any:
    return [row] if isinstance(row, str) else np.asarray(row)[None]


# -- here ------------------------------------------------------------------------------------------------------------


def publish(path: Path, members: Any, sources: Path | None = None, kept: int = 0) -> dict[str, float]:
    """Publish models; keep the first few as pickles of scikit-learn."""
    import pretzel

    store, seconds, count = pretzel.PlanStore(path, store=pretzel.ObjectStore()), 0.0, 0
    before = _bytes_in(path)
    for count, member in enumerate(members, start=1):
        if sources is not None and count <= kept:
            (sources / f"{count:04}.pickle").write_bytes(pickle.dumps(member.estimator))
        start = time.perf_counter()
        store.publish(member.name, member.estimator)
        seconds += time.perf_counter() - start
    return {"models": count, "disk_bytes": _bytes_in(path) - before, "seconds_per_model": seconds / max(count, 1)}


def _bytes_in(path: Path) -> int:
    return sum(file.stat().st_size for file in path.rglob("*") if file.is_file())


def processes(path: Path, requests: Path, count: int) -> dict[str, float]:
    """Memory of processes that serve the same models at the same time."""
    arguments = f"serve({str(path)!r}, {str(requests)!r})"
    running = [child(arguments) for _ in range(count)]
    first = [json.loads(_said(process)) for process in running]
    for process in running:
        _tell(process)
    second = [json.loads(_said(process)) for process in running]
    for process in running:
        _tell(process)
        process.wait()
    return {**first[0], "proportional": sum(each["proportional"] for each in second)}


def _said(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline()


def _tell(process: subprocess.Popen[str]) -> None:
    assert process.stdin is not None
    process.stdin.write("\n")
    process.stdin.flush()


def timed(call: str) -> float:
    """Seconds of a fresh process, the median of five after one that warms the page cache."""
    times = []
    for _ in range(6):
        start = time.perf_counter()
        ask(call)
        times.append(time.perf_counter() - start)
    return float(np.median(times[1:]))


def measure(folder: Path, store: Path, names: list[str], rows: Any) -> dict[str, Any]:
    """What processes take that serve these models of a store, which share little where ``within`` is of use."""
    requests = folder / "rows"
    requests.write_bytes(pickle.dumps({name: rows[i % len(rows)] for i, name in enumerate(names)}))
    place = f"{str(store)!r}, {str(requests)!r}"
    one, many = processes(store, requests, 1), processes(store, requests, PROCESSES)
    return {
        "resident": one["resident"],
        "used": one["used"],
        "processes_to_one": many["proportional"] / one["proportional"],
        **ask(f"foreseen({place})"),
        **ask(f"preloaded({place}, 100_000)"),
        **ask(f"open_all({place})"),
    }


def against_source(folder: Path, store: Path, sources: Path, name: str) -> dict[str, float]:
    """Memory of a model of scikit-learn, and the time of a fresh process to its first answer."""
    requests = folder / "rows"
    ours = timed(f"first_answer({str(store)!r}, {name!r}, {str(requests)!r})")
    theirs = timed(f"first_answer_of_source({str(sources / '0001.pickle')!r}, {name!r}, {str(requests)!r})")
    source = ask(f"unpickle({str(sources)!r}, {str(requests)!r})")["resident"]
    return {"sklearn": source, "first_answer": ours, "first_answer_sklearn": theirs, "fresh_faster": theirs / ours}


def within(folder: Path, store: Path, used: int) -> dict[str, float]:
    """A memory limit of a tenth, against none, and against none while as many plans are loaded."""
    place, limit = f"{str(store)!r}, {str(folder / 'rows')!r}", used // 10
    found, free = ask(f"limited({place}, {limit})"), ask(f"limited({place}, 0)")
    busy = ask(f"limited({place}, 0, {found['loads'] / CALLS})")
    return {
        "limit": limit,
        "peak_to_limit": found["peak"] / limit,
        "used_to_limit": found["peak_used"] / limit,
        "hot_p99_ratio": found["p99"] / free["p99"],
        "hot_p99_ratio_busy": found["p99"] / busy["p99"],
        "hot_median_ratio": found["median"] / free["median"],
        "hot_median_ratio_busy": found["median"] / busy["median"],
        "failures": found["failures"],
        "loads": found["loads"],
    }


def _names(path: Path) -> list[str]:
    import pretzel

    return pretzel.PlanStore(path, store=pretzel.ObjectStore()).names()


def small_models(count: int) -> Any:
    """Small models of one shape that differ in every number."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    from benchmarks.families import Member

    random = np.random.default_rng(0)
    X = random.normal(size=(60, 12))
    for number in range(count):
        estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, random.normal(size=60) > 0)
        yield Member(f"small/{number}", "numbers", estimator)


def main() -> None:
    """Measure and print."""
    from benchmarks import families, tasks

    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--models", type=int, default=250)
    parser.add_argument("--small", type=int, default=10_000)
    sizes = parser.parse_args()
    texts = list(tasks.sentiment()[0][:200])
    numbers = [tuple(map(float, row)) for row in np.asarray(tasks.attendees()[0][:200])]
    rows = np.random.default_rng(0).normal(size=(50, 12)).tolist()
    kinds = {
        "sentiment": (families.sentiment_heads(sizes.models), texts),
        "attendees": (families.attendee_models(sizes.models), numbers),
        "small": (small_models(sizes.small), [tuple(row) for row in rows]),
        "own": (families.own_sentiment_models(range(20)), texts),
    }
    with tempfile.TemporaryDirectory() as name:
        folder, store = Path(name), Path(name) / "store"
        both: dict[str, Any] = {}
        for kind, (members, requests) in kinds.items():
            sources, place = folder / kind, folder / kind if kind in ("small", "own") else folder
            sources.mkdir()
            store = place / "store"
            before = set(_names(store))
            show(kind, publish(store, members, sources, kept=8))
            names = [each for each in _names(store) if each not in before]
            found = measure(place, store, names, requests)
            show(kind, found)
            show(kind, against_source(place, store, sources, names[0]))
            if kind not in ("sentiment", "own"):  # a vectorizer of theirs is larger than a tenth of all, or nearly
                show(kind, within(place, store, found["used"]))
            both |= {each: requests[i % len(requests)] for i, each in enumerate(names)}
            if kind == "attendees":
                show("both", measure(folder, store, [*both], [*both.values()]))


def show(kind: str, figures: dict[str, Any]) -> None:
    """Print figures."""
    for key, figure in figures.items():
        print(f"{kind:10} {key:22} {figure:,.6g}", flush=True)


if __name__ == "__main__":
    main()
