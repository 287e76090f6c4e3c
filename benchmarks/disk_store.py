"""A store on disk: its size, what processes that serve from it take, and how fast it opens.

``python -m benchmarks.disk_store [--models 250] [--small 10000]`` publishes families of models in a temporary directory
and measures in fresh processes: memory of one and of eight processes, memory of scikit-learn, time to the first answer,
opening, and a memory limit of a tenth of the working set.
"""

from __future__ import annotations

import argparse
import json
import pickle
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.memory import ROOT, resident

PROCESSES = 8
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


def serve(path: str, requests: str) -> None:
    """Load and call every model; say how much memory that takes, wait for a line, and say what it is then."""
    import pretzel

    rows = pickle.loads(Path(requests).read_bytes())
    before, shared = resident(), proportional()
    runtime = pretzel.Runtime(store=path)
    for name, row in rows.items():
        runtime[name].predict_one(row)
    print(json.dumps({"resident": resident() - before, "used": runtime.stats()["memory"]["used"]}), flush=True)
    sys.stdin.readline()
    print(json.dumps({"proportional": proportional() - shared}), flush=True)
    sys.stdin.readline()


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
    start = time.perf_counter()
    runtime = pretzel.Runtime(store=path)
    names = list(runtime)
    opened = time.perf_counter() - start
    start = time.perf_counter()
    handles = [runtime[name] for name in names]
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


def limited(path: str, requests: str, limit: int, calls: int) -> None:
    """Zipf arrivals over all models within a limit of memory, or without one (0)."""
    import pretzel

    rows = pickle.loads(Path(requests).read_bytes())
    names = list(rows)
    ranks = np.arange(1, len(names) + 1)
    parts = 1.0 / ranks**1.1
    chosen = np.random.default_rng(0).choice(len(names), calls, p=parts / parts.sum())
    runtime = pretzel.Runtime(store=path, memory_limit=limit or None)
    before = peak = resident()
    hot: list[float] = []
    failures = 0
    for count, number in enumerate(chosen):
        name = names[number]
        begin = time.perf_counter()
        try:
            runtime[name].predict_one(rows[name])
        except Exception:
            failures += 1
        if number < 5:
            hot.append(time.perf_counter() - begin)
        if count % 16 == 0:
            peak = max(peak, resident())
    memory = runtime.stats()["memory"]
    found = {"peak": peak - before, "p99": float(np.quantile(hot, 0.99)), "median": float(np.median(hot))}
    print(json.dumps({**found, "failures": failures, "loads": memory["loads"], "evictions": memory["evictions"]}))


def _table(row: Any) -> Any:
    return [row] if isinstance(row, str) else np.asarray(row)[None]


# -- here ------------------------------------------------------------------------------------------------------------


def publish(path: Path, members: Any, sources: Path | None = None, kept: int = 0) -> dict[str, float]:
    """Publish models; keep the first few as pickles of scikit-learn."""
    import pretzel

    store, seconds, count = pretzel.PlanStore(path, store=pretzel.ObjectStore()), 0.0, 0
    for count, member in enumerate(members, start=1):
        if sources is not None and count <= kept:
            (sources / f"{count:04}.pickle").write_bytes(pickle.dumps(member.estimator))
        start = time.perf_counter()
        store.publish(member.name, member.estimator)
        seconds += time.perf_counter() - start
    size = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    return {"models": count, "disk_bytes": size, "seconds_per_model": seconds / max(count, 1)}


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


def family(folder: Path, members: Any, rows: Any) -> dict[str, Any]:
    """Everything about one family of models."""
    path, sources, requests = folder / "store", folder / "sources", folder / "rows"
    sources.mkdir(parents=True)
    found: dict[str, Any] = publish(path, members, sources, kept=8)
    names = _names(path)
    requests.write_bytes(pickle.dumps({name: rows[i % len(rows)] for i, name in enumerate(names)}))
    source = ask(f"unpickle({str(sources)!r}, {str(requests)!r})")["resident"] * len(names)
    one, many = processes(path, requests, 1), processes(path, requests, PROCESSES)
    found.update(
        resident=one["resident"],
        used=one["used"],
        sklearn=source,
        smaller=source / one["resident"],
        disk_smaller=source / found["disk_bytes"],
        processes_to_one=many["proportional"] / one["proportional"],
    )
    place = f"{str(path)!r}, {str(requests)!r}"
    ours = timed(f"first_answer({str(path)!r}, {names[0]!r}, {str(requests)!r})")
    theirs = timed(f"first_answer_of_source({str(sources / '0001.pickle')!r}, {names[0]!r}, {str(requests)!r})")
    found.update(first_answer=ours, first_answer_sklearn=theirs, **ask(f"open_all({place})"))
    everything = ask(f"limited({place}, 0, 40000)")
    limit = one["used"] // 10  # of use where models share little
    within = ask(f"limited({place}, {limit}, 40000)")
    found.update(
        limit=limit,
        peak_to_limit=within["peak"] / limit,
        hot_p99_ratio=within["p99"] / everything["p99"],
        hot_median_ratio=within["median"] / everything["median"],
        **{key: within[key] for key in ("failures", "loads", "evictions")},
    )
    return found


def _names(path: Path) -> list[str]:
    import pretzel

    return pretzel.PlanStore(path).names()


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
    rng = np.random.default_rng(0)
    texts = list(tasks.sentiment()[0][:200])
    numbers = [tuple(map(float, row)) for row in np.asarray(tasks.attendees()[0][:200])]
    kinds = {
        "sentiment": (families.sentiment_heads(sizes.models), texts),
        "attendees": (families.attendee_models(sizes.models), numbers),
        "small": (small_models(sizes.small), [tuple(row) for row in rng.normal(size=(50, 12)).tolist()]),
    }
    for kind, (members, rows) in kinds.items():
        with tempfile.TemporaryDirectory() as folder:
            for key, figure in family(Path(folder), members, rows).items():
                print(f"{kind:10} {key:22} {figure:,.6g}", flush=True)


if __name__ == "__main__":
    main()
