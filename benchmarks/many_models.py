"""Hundreds of models called one row each, at random, against one model alone: ``python -m benchmarks.many_models``.

What a model reads has left the caches by the time its next call comes. One process holds all models; blocks of calls
to models drawn at random take turns with blocks in which the same rows go to one model of each kind alone.
"""

from __future__ import annotations

import argparse
import gc
import itertools
import json
import pickle
import sys
import time
from collections import defaultdict
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import data, families, tasks
from benchmarks.bars import Verdict
from benchmarks.measure import no_collection
from benchmarks.report import number, table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.families import Member

SENTIMENT, ATTENDEES, INCOME = 250, 250, 100
ROWS = 1000  # different rows of each kind
WARM = 20  # untimed calls at the beginning of a block
ALONE = 7  # models of a kind that are timed alone, in turn
SENTIMENT_BAR, OTHER_BAR = 2.5, 1.5  # times the p99 of one model alone


@dataclass(frozen=True)
class Group:
    """Models that do the same work.

    Parameters
    ----------
    name : str
        Family and last step.
    bar : float
        How many times the p99 of one model alone that of a random one may be.
    models : list of pretzel.Model
        Handles.
    rows : list
        What the calls are given.
    copy : callable
        Makes a row anew, as if it had just been received.
    """

    name: str
    bar: float
    models: list[Any]
    rows: list[Any]
    copy: Callable[[Any], Any]


@dataclass(frozen=True)
class Result:
    """Microseconds of one model alone and of models drawn at random.

    Parameters
    ----------
    models : int
        Of this group.
    calls : int
        That were timed at random; as many were timed alone.
    alone_p50, alone_p99, random_p50, random_p99 : float
        Over all calls.
    """

    models: int
    calls: int
    alone_p50: float
    alone_p99: float
    random_p50: float
    random_p99: float

    @property
    def ratio(self) -> float:
        """Of the p99."""
        return self.random_p99 / self.alone_p99


def fitted(name: str, make: Callable[[int], Iterable[Member]], count: int) -> list[Member]:
    """Models of a family, fitted once and then kept beside the data sets."""
    import sklearn

    path = data.cache_folder() / "many_models" / f"{name}-{count}-sklearn-{sklearn.__version__}.pickle"
    if path.exists():
        return list(pickle.loads(path.read_bytes()))
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        members = list(make(count))
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_suffix(".partial")
    partial.write_bytes(pickle.dumps(members, protocol=5))
    partial.replace(path)
    return members


def same_text(row: str) -> str:
    """An equal text in other memory."""
    return f"{row} "[:-1]


def rows_of(family: str) -> tuple[list[Any], Callable[[Any], Any]]:
    """Random rows as calls take them, and how to make one anew."""
    X, _ = families.FAMILIES[family][1]()
    X = tasks.take(X, np.random.default_rng(99).permutation(len(X))[:ROWS])
    if isinstance(X, list):
        return X, same_text
    return (list(X), np.copy) if isinstance(X, np.ndarray) else (X.to_dict("records"), dict)


def register(runtime: Any, family: str, members: Iterable[Member]) -> list[Group]:
    """Register models of a family and group them by their last step, since that decides how long a call takes."""
    rows, copy = rows_of(family)
    models = defaultdict(list)
    bar = SENTIMENT_BAR if family == "sentiment" else OTHER_BAR
    for member in members:
        last = type(member.estimator.steps[-1][1]).__name__
        models[f"{family}, {last}"].append(runtime.register(member.name, member.estimator))
    return [Group(name, bar, each, rows, copy) for name, each in models.items()]


def load(quick: bool) -> tuple[Any, list[Group]]:
    """A runtime with all models in it."""
    import pretzel

    runtime = pretzel.Runtime()
    groups = register(runtime, "sentiment", families.sentiment_heads(SENTIMENT, 5_000 if quick else 20_000))
    groups += register(runtime, "attendees", fitted("attendees", families.attendee_models, ATTENDEES))
    groups += register(runtime, "income", fitted("income", families.table_models, INCOME))
    gc.collect()
    return runtime, groups


def block(models: Sequence[Any], rows: Sequence[Any], copies: Sequence[Callable[[Any], Any]]) -> Any:
    """Nanoseconds of every call; a row is made just before, so that it is as near as one that has just been parsed."""
    clock, taken = time.perf_counter_ns, []
    for model, row, copy in zip(models, rows, copies, strict=True):
        fresh = copy(row)
        start = clock()
        model.predict_one(fresh)
        taken.append(clock() - start)
    return np.array(taken)


def measure(groups: Sequence[Group], rounds: int, size: int) -> list[Result]:
    """Blocks of `size` calls to random models, and the same rows to one model of each group alone, taking turns."""
    random = np.random.default_rng(0)
    everyone = [(g, model) for g, group in enumerate(groups) for model in group.models]
    alone: list[list[Any]] = [[] for _ in groups]
    mixed: list[list[Any]] = [[] for _ in groups]
    with no_collection():
        for turn in range(rounds):
            drawn = [everyone[i] for i in random.integers(len(everyone), size=size + WARM)]
            kinds = np.array([g for g, _ in drawn])
            rows = [groups[g].rows[i] for g, i in zip(kinds, random.integers(ROWS, size=len(kinds)), strict=True)]
            taken = block([model for _, model in drawn], rows, [groups[g].copy for g in kinds])[WARM:]
            for g, group in enumerate(groups):
                mixed[g].append(taken[kinds[WARM:] == g])
                same = [row for row, kind in zip(rows[WARM:], kinds[WARM:], strict=True) if kind == g]
                same = [*itertools.islice(itertools.cycle(group.rows), WARM), *same]
                model = group.models[(turn % ALONE) * len(group.models) // ALONE]
                alone[g].append(block([model] * len(same), same, [group.copy] * len(same))[WARM:])
    results = []
    for group, one, many in zip(groups, alone, mixed, strict=True):
        one, many = np.concatenate(one), np.concatenate(many)
        figures = [float(np.percentile(taken, q)) / 1e3 for taken in (one, many) for q in (50, 99)]
        results.append(Result(len(group.models), len(many), *figures))
    return results


def report(groups: Sequence[Group], results: Sequence[Result]) -> str:
    """The one table."""
    rows = [
        [
            group.name,
            str(one.models),
            f"{number(one.alone_p50)} / {number(one.alone_p99)}",
            f"{number(one.random_p50)} / {number(one.random_p99)}",
            f"{one.random_p50 / one.alone_p50:.2f}x",
            f"{one.ratio:.2f}x",
            f"{group.bar}x",
            "met" if one.ratio <= group.bar else "NOT MET",
        ]
        for group, one in zip(groups, results, strict=True)
    ]
    header = ["models", "number", "alone us", "at random us", "p50", "p99", "at most", ""]
    return table(header, rows)


def verdicts(groups: Sequence[Group], results: Sequence[Result]) -> list[Verdict]:
    """The results against the bars."""
    what = "p99 among all models against alone"
    return [
        Verdict(group.name, what, f"at most {group.bar}x", f"{one.ratio:.2f}x", one.ratio <= group.bar)
        for group, one in zip(groups, results, strict=True)
    ]


def main(arguments: list[str] | None = None) -> int:
    """Measure, report, and return 1 if a bar is not met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.many_models", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer calls, a smaller vocabulary")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the measurements")
    options = parser.parse_args(arguments)
    runtime, groups = load(options.quick)
    results = measure(groups, rounds=21 if options.quick else 70, size=3000)
    bars = verdicts(groups, results)
    stats = runtime.stats()
    print(f"{len(stats['models'])} models, {stats['unique_bytes'] / 1e6:,.0f} MB; one row: p50 / p99\n")
    print(report(groups, results))
    if options.json:
        document = {
            "groups": {group.name: asdict(one) for group, one in zip(groups, results, strict=True)},
            "bars": [one.as_dict() for one in bars],
        }
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    return int(any(one.met is False for one in bars))


if __name__ == "__main__":
    sys.exit(main())
