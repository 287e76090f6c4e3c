"""Sixty models in one process, compared with scikit-learn on real data: ``make demo``."""

from __future__ import annotations

import gc
import sys
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import families, tasks, zoo
from benchmarks.data import DataMissing
from benchmarks.measure import Contender, Difference, compare, latencies, seconds_per_call
from benchmarks.report import number, table

if TYPE_CHECKING:
    from collections.abc import Callable

    from benchmarks.families import Member

MODELS = 20
ROWS = 1000


@dataclass(frozen=True)
class Group:
    """The fitted models of one family and rows they have mostly not seen."""

    name: str
    members: list[Member]
    X: Any


def fit() -> list[Group]:
    """Fit all families, on one thread: teams of threads wait for each other where others need the machine, too."""
    from threadpoolctl import threadpool_limits
    from tqdm import tqdm

    groups = []
    with tqdm(total=MODELS * len(families.FAMILIES), desc="fitting", unit=" models", file=sys.stdout) as bar:
        for name, (make, load) in families.FAMILIES.items():
            X, _ = load()
            rows = np.random.default_rng(99).permutation(len(X))[:ROWS]
            members = []
            with threadpool_limits(1):
                for member in make(MODELS):
                    members.append(member)
                    bar.update()
            groups.append(Group(name, members, tasks.take(X, rows)))
    return groups


def pickled(group: Group) -> int:
    """Bytes of the models as they would be loaded one by one, each with its own copy of everything."""
    import pickle

    return sum(len(pickle.dumps(member.estimator, protocol=5)) for member in group.members)


def in_turn(calls: list[Callable[[Any], Any]]) -> Callable[[tuple[int, Any]], Any]:
    """One callable that sends a (model, row) pair to its model."""

    def call(request: tuple[int, Any]) -> Any:
        return calls[request[0]](request[1])

    return call


def one_row(group: Group, runtime: Any) -> tuple[Any, Any]:
    """Latencies of scikit-learn and of the runtime, requests going round all models of the group."""
    from threadpoolctl import threadpool_limits

    method = zoo.methods(group.members[0].estimator)[0]
    rows = group.X.to_dict("records") if group.members[0].kind == zoo.TABLE else group.X
    pick = np.random.default_rng(5).integers(len(group.members), size=ROWS).tolist()
    ours = [getattr(runtime[member.name], f"{method}_one") for member in group.members]
    theirs = [getattr(member.estimator, method) for member in group.members]
    single = [(model, tasks.take(group.X, [i])) for i, model in enumerate(pick)]
    contenders = [
        Contender("scikit-learn", in_turn(theirs), single),
        Contender("pretzel", in_turn(ours), [(model, rows[i]) for i, model in enumerate(pick)]),
    ]
    with threadpool_limits(1):  # what suits single rows best
        timed = latencies(contenders, rounds=5, seconds=0.2)
    return timed["scikit-learn"], timed["pretzel"]


def batches(group: Group, runtime: Any) -> tuple[float, float, Difference]:
    """Rows per second of both over all models of the group, and how far their answers are apart."""
    spent, difference = [0.0, 0.0], Difference()
    for member in group.members:
        handle = runtime[member.name]
        for method in zoo.methods(member.estimator):
            labels = method == "predict" and hasattr(member.estimator, "classes_")
            expected, got = getattr(member.estimator, method)(group.X), getattr(handle, method)(group.X)
            difference += compare(got, expected, labels)
        timed = zoo.methods(member.estimator)[0]
        for i, model in enumerate((member.estimator, handle)):
            predict = getattr(model, timed)
            spent[i] += seconds_per_call(lambda predict=predict: predict(group.X), 0.0)
    rows = len(group.members) * ROWS
    return rows / spent[0], rows / spent[1], difference


def register(groups: list[Group], runtime: Any) -> float:
    """Register every model; seconds per model."""
    start = time.perf_counter()
    for group in groups:
        for member in group.members:
            runtime.register(member.name, member.estimator)
    return (time.perf_counter() - start) / sum(len(group.members) for group in groups)


def summary(groups: list[Group], runtime: Any) -> str:
    """The one table."""
    stats, rows = runtime.stats(), []
    for group in groups:
        models = [stats["models"][member.name] for member in group.members]
        slow, fast = one_row(group, runtime)
        theirs, ours, difference = batches(group, runtime)
        rows.append(
            [
                f"{group.name} ({len(models)})",
                f"{pickled(group) / 1e6:,.1f}",
                f"{sum(one['exclusive_bytes'] for one in models) / 1e6:,.1f}",
                f"{number(slow.p50)} / {number(slow.p99)}",
                f"{number(fast.p50)} / {number(fast.p99)}",
                f"{slow.p50 / fast.p50:,.0f}x",
                f"{theirs:,.0f}",
                f"{ours:,.0f}",
                f"{difference.mismatches + difference.outside} of {difference.values:,}",
            ]
        )
    header = ["models", "pickles MB", "own MB", "scikit-learn us", "pretzel us", "faster"]
    return table([*header, "scikit-learn rows/s", "pretzel rows/s", "differ"], rows)


def main() -> int:
    """Run the demonstration."""
    import pretzel

    try:
        groups = fit()
    except DataMissing as missing:
        print(f"The demonstration needs real data: {missing}")
        return 1
    runtime = pretzel.Runtime()
    seconds = register(groups, runtime)
    gc.collect()
    print(f"\nregistered {MODELS * len(groups)} models, {seconds * 1e3:.0f} ms each")
    stats = runtime.stats()
    before, after = stats["logical_bytes"], stats["unique_bytes"]
    print(f"memory: {before / 1e6:,.1f} MB if each model had its own copy, {after / 1e6:,.1f} MB as stored")
    print("one row: p50 / p99; own MB: bytes that no other model uses\n")
    print(summary(groups, runtime))
    return 0


if __name__ == "__main__":
    sys.exit(main())
