"""100,000 models over many nodes: which node holds which, by simulation: ``python -m benchmarks.placement``.

What a model takes in memory beside what it shares, how long it loads from a store and how long it answers are measured
here, on text models over shared vocabularies and models of a mixed table. Requests are drawn by Zipf's law.
Each node keeps what it can within its memory, least recently called models leaving first (Che's approximation: a
model is there if it was called within a time that is the same for all models of a node).
"""

from __future__ import annotations

import argparse
import gc
import itertools
import sys
import tempfile
import time
from dataclasses import dataclass
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.report import number, table

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    Floats = npt.NDArray[np.float64]
    Integers = npt.NDArray[np.int64]

MODELS, FAMILY = 100_000, 1_000
ZIPF = 1.1
MEMORY = 16e9
NODES = (4, 8, 16, 32)
BOUND = 1.25
"""Requests of a node with bounded load, in parts of the mean."""
REQUESTS = 200_000


@dataclass(frozen=True)
class Kind:
    """Models that do the same work.

    Parameters
    ----------
    name : str
    own, shared : float
        Bytes of one model alone, and of what the models of a family share.
    load, answer : float
        Seconds to load a plan from a store, and to answer one row.
    """

    name: str
    own: float
    shared: float
    load: float
    answer: float


@dataclass(frozen=True)
class Outcome:
    """A placement on some nodes.

    Parameters
    ----------
    hits : float
        Part of the requests whose model is in memory.
    seconds : float
        Of a request on average, loading included.
    bytes : float
        In memory of a node on average.
    busiest : float
        Requests of the busiest node, in parts of the mean.
    """

    hits: float
    seconds: float
    bytes: float
    busiest: float


# -- placement -------------------------------------------------------------------------------------------------------


def rendezvous(key: str, nodes: Sequence[str]) -> list[str]:
    """Nodes by preference: those of a key stay in order when others join or leave."""
    return sorted(nodes, key=lambda node: blake2b(f"{node}\0{key}".encode(), digest_size=8).digest(), reverse=True)


def preferences(keys: Integers, nodes: Sequence[int]) -> Integers:
    """The same for many keys, as an array of places in ``nodes``; splitmix64 takes the place of blake2b."""
    with np.errstate(over="ignore"):
        x = keys.astype(np.uint64)[:, None] * np.uint64(0x9E3779B97F4A7C15)
        x = x ^ (np.asarray(nodes, np.uint64) + np.uint64(1))[None] * np.uint64(0xD1B54A32D192ED03)
        for shift, factor in ((30, 0xBF58476D1CE4E5B9), (27, 0x94D049BB133111EB), (31, 1)):
            x = (x ^ (x >> np.uint64(shift))) * np.uint64(factor)
    return np.argsort(x, axis=1)[:, ::-1].astype(np.int64)


def anywhere(popularity: Floats, order: Integers) -> Floats:
    """Any node answers for any model."""
    return np.repeat(popularity[:, None] / order.shape[1], order.shape[1], 1)


def first(popularity: Floats, order: Integers) -> Floats:
    """The node that comes first for a model."""
    return copies(popularity, order, np.ones(len(popularity), np.int64))


def replicated(popularity: Floats, order: Integers) -> Floats:
    """Several nodes for a model with more than a quarter of the requests that a node has on average."""
    count = order.shape[1]
    return copies(popularity, order, np.clip(np.ceil(popularity * count * 4), 1, count).astype(np.int64))


def copies(popularity: Floats, order: Integers, replicas: Integers) -> Floats:
    """Requests of each model at the first nodes of its order, in equal parts."""
    found = np.zeros(order.shape)
    chosen = np.arange(order.shape[1])[None] < replicas[:, None]
    models = np.nonzero(chosen)[0]
    found[models, order[chosen]] = (popularity / replicas)[models]
    return found


def bounded(popularity: Floats, order: Integers) -> Floats:
    """The first node of the order that has not had `BOUND` times its share of the requests so far."""
    count = order.shape[1]
    drawn = np.random.default_rng(1).choice(len(popularity), REQUESTS, p=popularity)
    loads = [0] * count
    found = np.zeros(order.shape)
    preferred = order[drawn].tolist()
    for done, model in enumerate(drawn):
        limit = BOUND * (done + 1) / count + 1
        node = next(node for node in preferred[done] if loads[node] < limit)
        loads[node] += 1
        found[model, node] += 1
    seen = found.sum(1) > 0  # models that were not drawn go to their first node
    found[seen] *= (popularity[seen] / found[seen].sum(1))[:, None]
    return np.where(seen[:, None], found, first(popularity, order))


# -- simulation ------------------------------------------------------------------------------------------------------


def popularity_of(models: int, exponent: float) -> Floats:
    """Parts of the requests, the models in random order."""
    parts = np.random.default_rng(0).permutation(1.0 / np.arange(1, models + 1) ** exponent)
    found: Floats = parts / parts.sum()
    return found


def present(rates: Floats, sizes: Floats, room: float) -> Floats:
    """How likely each model is in memory, where the least recently called leaves."""
    found = (rates > 0).astype(float)
    called = np.nonzero(rates)[0]
    rates, sizes = rates[called], sizes[called]
    if sizes.sum() <= room:
        return found
    low, high = 1.0, 50.0 / rates.min()
    for _ in range(40):
        middle = (low * high) ** 0.5
        taken = (sizes * -np.expm1(-rates * middle)).sum()
        low, high = (middle, high) if taken < room else (low, middle)
    found[called] = -np.expm1(-rates * low)
    return found


def simulate(shares: Floats, kinds: Sequence[Kind], family: int = FAMILY, memory: float = MEMORY) -> Outcome:
    """What nodes have to do and to hold.

    Parameters
    ----------
    shares : ndarray
        Part of all requests by model and node.
    kinds : sequence of Kind
        Families are of one kind after the other.
    family : int
        Models that share.
    memory : float
        Bytes of a node.
    """
    models, nodes = shares.shape
    families = np.arange(models) // family
    shared = np.array([kind.shared for kind in kinds])
    own, load, answer = (
        np.array([getattr(kind, field) for kind in kinds])[families % len(kinds)] for field in ("own", "load", "answer")
    )
    hits = taken = 0.0
    seconds = float(shares.sum(1) @ answer)
    for rates in shares.T:
        common = float(shared[np.unique(families[rates > 0]) % len(kinds)].sum())
        there = present(rates, own, max(memory - common, 0.0))
        hits += float(rates @ there)
        taken += common + float(own @ there)
        seconds += float(rates @ ((1 - there) * load))
    return Outcome(hits, seconds, taken / nodes, float(shares.sum(0).max() * nodes))


def moved(keys: Integers, popularity: Floats, before: Sequence[int], after: Sequence[int]) -> tuple[float, float]:
    """Which part of the models, and of the requests, goes to another node when nodes join or leave."""
    old, new = (np.asarray(nodes)[preferences(keys, nodes)[:, 0]] for nodes in (before, after))
    return float((old != new).mean()), float(popularity[old != new].sum())


def moved_by_modulo(keys: Integers, before: int, after: int) -> float:
    """The same where the node is the hash modulo the number of nodes."""
    hashed = np.random.default_rng(2).integers(2**62, size=len(keys))
    return float((hashed % before != hashed % after).mean())


PLACEMENTS: dict[str, tuple[str, Callable[[Floats, Integers], Floats]]] = {
    "any node": ("model", anywhere),
    "first by model": ("model", first),
    "first by family": ("family", first),
    "bounded loads": ("model", bounded),
    "replicas of hot models": ("model", replicated),
    "the same by family": ("family", replicated),
}
"""What is hashed, and which nodes of the order answer."""


def outcomes(
    kinds: Sequence[Kind],
    nodes: int,
    *,
    models: int = MODELS,
    family: int = FAMILY,
    memory: float = MEMORY,
    exponent: float = ZIPF,
) -> dict[str, Outcome]:
    """All placements on so many nodes."""
    popularity = popularity_of(models, exponent)
    keys = np.arange(models)
    orders = {"model": preferences(keys, range(nodes)), "family": preferences(keys // family, range(nodes))}
    return {
        name: simulate(place(popularity, orders[by]), kinds, family, memory) for name, (by, place) in PLACEMENTS.items()
    }


# -- measured here ---------------------------------------------------------------------------------------------------


def measured(count: int = 40, size: int = 20_000) -> list[Kind]:
    """Text models over two vocabularies, and logistic models over one transformer of a mixed table."""
    import pretzel
    from benchmarks import families
    from benchmarks.many_models import rows_of

    found = []
    for name, members in (
        ("sentiment", families.sentiment_heads(count, size)),
        ("income", itertools.islice(families.table_models(2 * count), count)),  # the logistic ones
    ):
        with tempfile.TemporaryDirectory() as folder:
            plans = pretzel.PlanStore(folder, store=pretzel.ObjectStore())
            names = [plans.publish(member.name, member.estimator) and member.name for member in members]
            rows, _ = rows_of(name)
            found.append(_measured(name, folder, names, rows))
    return found


def _measured(name: str, folder: str, names: Sequence[str], rows: Sequence[Any]) -> Kind:
    import pretzel

    runtime = pretzel.Runtime(store=pretzel.PlanStore(folder, store=pretzel.ObjectStore()))
    gc.collect()
    loads, marks = [], []
    for each in names:
        start = time.perf_counter()
        runtime[each].predict_one(rows[0])
        loads.append(time.perf_counter() - start)
        marks.append(runtime.stats()["memory"]["used"])
    own = (marks[-1] - marks[1]) / (len(names) - 2)
    answers = []
    for i in range(5_000):
        model, row = runtime[names[i % len(names)]], rows[i % len(rows)]
        start = time.perf_counter()
        model.predict_one(row)
        answers.append(time.perf_counter() - start)
    return Kind(name, own, marks[0] - own, float(np.median(loads[1:])), float(np.median(answers)))


def report(kinds: Sequence[Kind], memory: float, exponent: float, nodes: Sequence[int]) -> str:
    """The tables."""
    header = ["kind", "own kB", "shared MB", "load ms", "row us"]
    lines = [
        [each.name, *map(number, (each.own / 1e3, each.shared / 1e6, each.load * 1e3, each.answer * 1e6))]
        for each in kinds
    ]
    total = sum(each.own + each.shared / FAMILY for each in kinds) * MODELS / len(kinds)
    parts = [f"{MODELS:,} models: {total / 1e9:.0f} GB; nodes of {memory / 1e9:.0f} GB", table(header, lines)]
    lines = []
    for count in nodes:
        for name, one in outcomes(kinds, count, memory=memory, exponent=exponent).items():
            figures = [f"{one.hits:.2%}", f"{one.seconds * 1e6:,.0f}", f"{one.bytes / 1e9:.1f}", f"{one.busiest:.2f}"]
            lines.append([f"{count} nodes, {name}", *figures])
    parts.append(table(["placement", "in memory", "us", "GB of a node", "busiest"], lines))
    keys, popularity = np.arange(MODELS), popularity_of(MODELS, exponent)
    lines = []
    for count in nodes:
        joins = moved(keys, popularity, range(count), range(count + 1))
        leaves = moved(keys, popularity, range(count), range(1, count))
        modulo = moved_by_modulo(keys, count, count + 1)
        lines.append([str(count), f"{joins[0]:.1%}", f"{leaves[0]:.1%}", f"{modulo:.1%}"])
    parts.append(table(["nodes", "moves when one joins", "when one leaves", "modulo, when one joins"], lines))
    return "\n\n".join(parts)


def main(arguments: list[str] | None = None) -> int:
    """Measure, simulate, report."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.placement", description=__doc__)
    parser.add_argument("--memory", type=float, default=MEMORY, metavar="BYTES", help="of a node")
    parser.add_argument("--zipf", type=float, default=ZIPF, metavar="EXPONENT")
    parser.add_argument("--nodes", type=int, nargs="+", default=NODES)
    options = parser.parse_args(arguments)
    print(report(measured(), options.memory, options.zipf, options.nodes))
    return 0


if __name__ == "__main__":
    sys.exit(main())
