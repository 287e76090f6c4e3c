"""Ray Serve on two nodes, 1,000 models of one store: ``python -m benchmarks.engines [--quick] [--json FILE]``.

A request for one row of a model drawn at random is held against one for a handler of the same deployment that answers
with a constant: what it takes more is Pretzel. The two take turns, request by request. scikit-learn has a deployment of
its own, multiplexed over pickles of some of the same models, which all stay in its memory.
"""

from __future__ import annotations

import argparse
import contextlib
import itertools
import json
import os
import pickle
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import families
from benchmarks.bars import Verdict
from benchmarks.many_models import fitted, rows_of
from benchmarks.measure import no_collection
from benchmarks.report import table

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

SENTIMENT, INCOME, HEADS = 100, 300, 600
TEXTS = 5_000
"""Of which the vocabularies are made."""
SOURCES = 0.1
"""Part of the models that scikit-learn has."""
NODES = 2
BAR = 1.10


@dataclass(frozen=True)
class Result:
    """Milliseconds of a request, and memory of replicas.

    Parameters
    ----------
    requests : int
        Of each kind.
    p50, p99 : dict of str to float
    memory : list of dict
        Of each replica of Pretzel: models in memory, bytes as the store counts them, resident bytes.
    source_models, source_bytes : list
        Models and resident bytes of each replica of scikit-learn.
    """

    requests: int
    p50: dict[str, float]
    p99: dict[str, float]
    memory: list[dict[str, int]]
    source_models: list[int]
    source_bytes: list[int]


def publish(folder: Path, sentiment: int, income: int, heads: int) -> tuple[str, dict[str, str], dict[str, list[Any]]]:
    """A store with all models, pickles of some, and rows by the first word of a name."""
    import pretzel

    plans = pretzel.PlanStore(folder / "models", store=pretzel.ObjectStore())
    pickles, pick = {}, round(1 / SOURCES)
    members = itertools.chain(
        families.sentiment_heads(sentiment, TEXTS),
        fitted("income", families.table_models, income),
        families.table_heads(heads),
    )
    for place, member in enumerate(members):
        plans.publish(member.name, member.estimator)
        if place % pick == 0:
            path = folder / f"{place}.pickle"
            path.write_bytes(pickle.dumps(member.estimator, protocol=5))
            pickles[member.name] = str(path)
    return str(folder / "models"), pickles, {kind: rows_of(kind)[0] for kind in ("sentiment", "income")}


@contextlib.contextmanager
def cluster() -> Iterator[None]:
    """Two nodes of Ray on this machine."""
    import ray
    from ray import serve
    from ray.cluster_utils import Cluster

    os.environ |= {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "OMP_NUM_THREADS": "1"}
    found = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False})
    try:
        for _ in range(NODES - 1):
            found.add_node(num_cpus=1)
        ray.init(address=found.address, logging_level="ERROR", log_to_driver=False)
        serve.start(proxy_location="Disabled")
        yield
    finally:
        serve.shutdown()
        ray.shutdown()
        found.shutdown()


def deployed(store: str, pickles: Mapping[str, str]) -> tuple[Any, Any]:
    """Handles of Pretzel's deployment, with a constant beside its methods, and of scikit-learn's."""
    from ray import serve

    from pretzel.integrations.ray_serve import deployment

    options = {
        "num_replicas": NODES,
        "max_replicas_per_node": 1,
        "ray_actor_options": {"num_cpus": 0},
        "logging_config": {"enable_access_log": False},
    }

    def resident() -> int:
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    class Measured(deployment(store, watch=0).func_or_class):
        """Pretzel's deployment and the constant."""

        async def constant(self, row: Any) -> bool:
            return True

        async def memory(self) -> dict[str, Any]:
            found = await self.stats()
            used = {name: found["memory"][name] for name in ("resident", "used")}
            return {"replica": found["replica"], "models": used["resident"], "store": used["used"], "bytes": resident()}

    class Sources:
        """scikit-learn over the pickles."""

        def __init__(self) -> None:
            self._count = 0

        @serve.multiplexed(max_num_models_per_replica=-1)
        async def model_of(self, name: str) -> Any:
            self._count += 1
            return pickle.loads(Path(pickles[name]).read_bytes())

        async def ask_one(self, row: Any) -> Any:
            model = await self.model_of(serve.get_multiplexed_model_id())
            if isinstance(row, str):
                return model.predict([row])[0]
            import pandas as pd

            return model.predict(pd.DataFrame([row]))[0]

        async def memory(self) -> dict[str, Any]:
            replica = serve.get_replica_context().replica_id.unique_id
            return {"replica": replica, "models": self._count, "bytes": resident()}

    ours = serve.run(serve.deployment(**options)(Measured).bind(), name="pretzel", route_prefix="/pretzel")
    theirs = serve.run(serve.deployment(**options)(Sources).bind(), name="sources", route_prefix="/sources")
    return ours, theirs


def replicas(handle: Any) -> list[dict[str, Any]]:
    """What `memory` says of all replicas."""
    found: dict[str, Any] = {}
    while len(found) < NODES:
        one = handle.memory.remote().result()
        found[one["replica"]] = one
    return [*found.values()]


def measure(store: str, pickles: Mapping[str, str], rows: Mapping[str, Sequence[Any]], requests: int) -> Result:
    """Requests one after the other, the kinds taking turns, for models drawn at random; all are in memory."""
    import pretzel

    names = pretzel.PlanStore(store).names()
    before, theirs = deployed(store, pickles)
    empty = {one["replica"]: one["bytes"] for one in (*replicas(before), *replicas(theirs))}
    ours = {name: before.options(multiplexed_model_id=name) for name in names}
    sources = {name: theirs.options(multiplexed_model_id=name) for name in pickles}
    random = np.random.default_rng(0)

    def row_of(name: str) -> Any:
        known = rows[name.partition("/")[0]]
        return known[random.integers(len(known))]

    for handles in (ours, sources):
        for _ in range(2):  # the second round finds where models are
            for name, handle in handles.items():
                handle.ask_one.remote(row_of(name)).result()
            time.sleep(0.5)
    taken: dict[str, list[float]] = {"constant": [], "pretzel": [], "scikit-learn": []}
    drawn = [names[i] for i in random.integers(len(names), size=requests)]
    others = [[*pickles][i] for i in random.integers(len(pickles), size=requests)]
    with no_collection():
        for turn, (name, other) in enumerate(zip(drawn, others, strict=True)):
            row, another = row_of(name), row_of(other)
            calls: list[tuple[str, Callable[[Any], Any], Any]] = [
                ("constant", ours[name].constant.remote, row),
                ("pretzel", ours[name].ask_one.remote, row),
                ("scikit-learn", sources[other].ask_one.remote, another),
            ]
            for kind, call, argument in calls[turn % 3 :] + calls[: turn % 3]:
                start = time.perf_counter()
                call(argument).result()
                taken[kind].append((time.perf_counter() - start) * 1e3)
    memory = [{**one, "bytes": one["bytes"] - empty[one.pop("replica")]} for one in replicas(before)]
    source = replicas(theirs)
    return Result(
        requests,
        *({kind: float(np.percentile(times, q)) for kind, times in taken.items()} for q in (50, 99)),
        memory,
        [one["models"] for one in source],
        [one["bytes"] - empty[one["replica"]] for one in source],
    )


def verdict(result: Result) -> Verdict:
    """The one bar."""
    ratio = result.p50["pretzel"] / result.p50["constant"]
    return Verdict("Ray Serve", "one row against a constant", f"at most {BAR}x", f"{ratio:.2f}x", ratio <= BAR)


def report(result: Result) -> str:
    """The tables."""
    lines = [
        [
            kind,
            f"{result.p50[kind]:.2f}",
            f"{result.p99[kind]:.2f}",
            f"{result.p50[kind] / result.p50['constant']:.2f}x",
        ]
        for kind in result.p50
    ]
    parts = [table([f"{result.requests:,} requests", "p50 ms", "p99 ms", "constant"], lines)]
    lines = [
        ["pretzel", str(one["models"]), f"{one['store'] / 1e6:,.0f}", f"{one['bytes'] / 1e6:,.0f}"]
        for one in result.memory
    ]
    for models, size in zip(result.source_models, result.source_bytes, strict=True):
        lines.append(["scikit-learn", str(models), "-", f"{size / 1e6:,.0f}"])
    parts.append(table(["replica of", "models", "store MB", "resident MB"], lines))
    one = verdict(result)
    parts.append(f"{one.what}: {one.measured}, required {one.required}: {'met' if one.met else 'NOT MET'}")
    return "\n\n".join(parts)


def main(arguments: list[str] | None = None) -> int:
    """Measure, report, and return 1 if the bar is not met."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.engines", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer models and requests")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the measurements")
    options = parser.parse_args(arguments)
    counts = (20, 30, 50) if options.quick else (SENTIMENT, INCOME, HEADS)
    with tempfile.TemporaryDirectory() as folder:
        store, pickles, rows = publish(Path(folder), *counts)
        with cluster():
            result = measure(store, pickles, rows, 500 if options.quick else 1_500)
    print(report(result))
    if options.json:
        options.json.write_text(json.dumps(asdict(result), indent=1) + "\n")
    return int(not verdict(result).met)


if __name__ == "__main__":
    sys.exit(main())
