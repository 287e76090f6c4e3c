"""Random graphs with branches and loops, and plans of them. ``python -m tests.subplans [count]`` checks many."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import numpy as np

from pretzel.input_spec import InputKind, InputSpec
from pretzel.options import Options
from pretzel.oven.compiler import Graphs
from pretzel.oven.frontends.importer import Imported
from pretzel.oven.ir.columns import LoopState, NumericLeaf, Select
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Node, Output
from pretzel.oven.ir.interpret import interpret
from pretzel.oven.ir.scale import MulAdd, SubDiv
from pretzel.oven.ir.subplan import Branch, Loop
from pretzel.oven.lower import Lowering
from pretzel.oven.report import report
from pretzel.oven.stored_graph import store_graph
from pretzel.plan import PhysicalPlan
from pretzel.runtime.input.table_reader import read
from pretzel.runtime.model import Plan
from pretzel.store.object_store import ObjectStore

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Array

NUMBERS = 4
"""Columns of a composition that hold numbers; every branch and loop has a column of its own behind them."""

STARTS = 30
"""Places from which the largest peak is searched: which choice takes most depends on the others."""


def plan_of(node: Node, width: int, store: ObjectStore | None = None) -> Plan:
    """A plan whose method ``predict`` computes a node from rows of ``width`` numbers."""
    store = store or ObjectStore()
    lease = store.lease()
    lowering = Lowering(store, lease, {})
    output = {"predict": Output(node, needs_rows=False)}
    method = lowering.method(output["predict"])
    lease.complete()
    spec = InputSpec(InputKind.TABLE, width, required=tuple(range(width)))
    told = report([Graphs(Imported(spec, output), output, [], {})], Options(), 0.0)
    graph = store_graph({"predict": node}, lowering.calls, store)
    return Plan(PhysicalPlan(spec, {"predict": method}, {}, lease.digests, told, graph), store, lease)


class Composition:
    """A random graph: ``node`` reads ``width`` columns; ``choices`` says which values those of branches and loops take.

    Parameters
    ----------
    rng : numpy Generator
    depth : int
        How deep branches and loops lie in each other.
    """

    def __init__(self, rng: np.random.Generator, depth: int) -> None:
        self.rng = rng
        self.choices: list[int] = []
        self.loops = 0
        self.x = NumericLeaf((), tuple(range(64)))
        self.node = self._value(depth, int(rng.integers(1, 5)), [self._numbers()])
        self.node = self._steps(self.node)
        self.width = 64

    def rows(self, n: int, mostly: dict[int, int] | None = None) -> Array:
        """Rows in which most take the given choices, those of other columns are random."""
        X = self.rng.integers(-8, 8, size=(n, self.width)).astype(np.float32)
        for column, choices in enumerate(self.choices, start=NUMBERS):
            X[:, column] = self.rng.integers(0, choices, size=n)
            if mostly is not None and column in mostly:
                X[(np.arange(n) + 5 * column) % 16 != 7, column] = mostly[column]
        return X

    def _numbers(self) -> Node:
        return Select((self.x,), tuple(range(NUMBERS)))

    def _choice(self, of: int) -> Node:
        self.choices.append(of)
        return Select((self.x,), (NUMBERS + len(self.choices) - 1,))

    def _steps(self, node: Node) -> Node:
        """Some steps behind a value, all of them exact."""
        for _ in range(int(self.rng.integers(0, 4))):
            width = node.schema().width
            factors, offsets = self.rng.integers(1, 4, size=(2, width)).astype(float)
            node = (MulAdd if self.rng.random() < 0.5 else SubDiv)((node,), factors, offsets)
        return node

    def _leaf(self, width: int, given: list[Node]) -> Node:
        parts = []
        left = width
        while left > 0:
            source = given[int(self.rng.integers(len(given)))]
            size = int(self.rng.integers(1, left + 1))
            columns = tuple(self.rng.integers(0, source.schema().width, size=size).tolist())
            parts.append(Select((source,), columns))
            left -= size
        return self._steps(parts[0] if len(parts) == 1 else Concat(tuple(parts)))

    def _value(self, depth: int, width: int, given: list[Node]) -> Node:
        kind = self.rng.random()
        if depth == 0 or len(self.choices) > 40 or kind < 0.1:
            return self._leaf(width, given)
        if kind < 0.7:
            ways = int(self.rng.integers(1, 5))
            codes = self._choice(ways)
            if self.rng.random() < 0.5:
                given = [*given, self._value(0, int(self.rng.integers(1, 40)), given)]
            values = tuple(self._steps(self._value(depth - 1, width, given)) for _ in range(ways))
            return self._steps(Branch((codes, *values)))
        limit = int(self.rng.integers(1, 5))
        rounds = MulAdd((self._choice(5),), np.ones(1), -np.ones(1))  # some rows are done before the first
        first = Concat((rounds, self._leaf(width, given)))
        self.loops += 1
        token = self.loops
        state = LoopState((), width + 1, token)
        count = MulAdd((Select((state,), (0,)),), np.ones(1), -np.ones(1))
        made = self._value(depth - 1, width, [*given, state])
        loop = Loop((first, Concat((count, made))), token, limit)
        return Select((loop,), tuple(range(1, width + 1)))


def check(composition: Composition, rows: int) -> tuple[int, int]:
    """Compare the answers with the reference, alone and together; the bound on memory and the largest peak found."""
    plan = plan_of(composition.node, composition.width)
    X = composition.rows(max(rows, 50))
    expected = interpret([composition.node], X)[composition.node]
    got = plan.predict(X)
    assert got.tobytes() == expected.tobytes()
    for row in range(0, len(X), 9):
        assert plan.predict(X[row : row + 1]).tobytes() == got[row : row + 1].tobytes()
    bound = plan.estimate(rows).arena_bytes
    return bound, _peak(plan, composition, rows, bound / 1.5)


def _peak(plan: Plan, composition: Composition, rows: int, enough: float) -> int:
    """The most memory that requests of so many rows take, over which branches and loops most rows choose.

    One choice after another is changed where that takes as much or more; begun again elsewhere, up to `STARTS` times,
    while less than ``enough`` is found.
    """
    program = plan.methods["predict"].program
    spec = plan.physical.input

    def measure(mostly: dict[int, int]) -> int:
        n, columns, _ = read(spec, program.leaves, composition.rows(rows, mostly))
        return int(program.peak_bytes(columns, n))

    columns = [*enumerate(composition.choices, start=NUMBERS)]
    most = 0
    for start in range(STARTS):
        mostly = {column: int(composition.rng.integers(choices)) for column, choices in columns} if start else {}
        here = measure(mostly)
        for column, choices in columns * 2:
            for choice in range(choices):
                found = measure({**mostly, column: choice})
                if found >= here:
                    here, mostly = found, {**mostly, column: choice}
        most = max(most, here)
        if most >= enough:
            break
    return most


def main(count: int) -> None:
    """Check ``count`` compositions; ends with an error where a bound is too low or too high."""
    ratios = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        composition = Composition(rng, int(rng.integers(1, 5)))
        bound, peak = check(composition, int(rng.choice([1, 2, 17, 64, 300])))
        assert peak <= bound <= 1.5 * peak, f"composition {seed}: a peak of {peak:,} bytes, a bound of {bound:,}"
        ratios.append(bound / peak)
    print(f"{count} compositions: bound by peak {np.mean(ratios):.3f} on average, at most {max(ratios):.3f}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 1000)
