"""Runs the rules to a fix-point: owns traversal, disabling, verification after each change, timing and the trace.

The rules run in rounds, each rule in its turn until it no longer fires. A sweep of a rule visits the nodes it has to
look at, inputs first: those that it has not seen yet, and those where something it asked about has changed since. So
the cost grows with the number of nodes and firings, not with their product.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pretzel.errors import OvenBug
from pretzel.oven.ir.columns import Raw
from pretzel.oven.ir.graph import Node, Output, Parity
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.ir.verify import check_node
from pretzel.oven.live_graph import LiveGraph, Place, Readers
from pretzel.oven.rules import RULES, Rule

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pretzel.options import Options
    from pretzel.schema import Schema

FIRINGS_PER_NODE = 16
"""Firings of which each continues the one before, for each node of the graph they started from.

A firing takes up at least one node of the pattern it matched, and few rules match the same node, so that a chain of
firings cannot be much longer than the graph is large. How many chains there are does not matter.
"""


@dataclass(frozen=True, slots=True)
class Change:
    """One firing of a rule, for the trace that ``explain`` prints; ``seconds`` without rebuilding the nodes above."""

    rule: str
    before: str
    after: str
    origin: str
    seconds: float


def active_rules(options: Options, rules: Sequence[Rule] = RULES) -> list[Rule]:
    """The rules that these options leave in, in order.

    Raises
    ------
    ValueError
        The options disable a rule that does not exist.
    """
    known = {rule.name for rule in (*RULES, *rules)}
    if unknown := sorted(set(options.disable) - known):
        raise ValueError(f"there is no rule {', '.join(map(repr, unknown))} to disable; rules are {sorted(known)}")
    strict = options.numerics == "strict"
    return [r for r in rules if r.name not in options.disable and not (strict and r.parity is Parity.TOLERANCE)]


def optimize(
    methods: Mapping[str, Output],
    options: Options,
    origins: dict[Node, str] | None = None,
    rules: Sequence[Rule] = RULES,
) -> tuple[dict[str, Output], list[Change]]:
    """Rewrite the graphs of all methods together.

    Parameters
    ----------
    methods : mapping of str to Output
    options : Options
    origins : dict of Node to str, optional
        Which part of the estimator made a node; new nodes inherit from those they replace.
    rules : sequence of Rule

    Returns
    -------
    methods : dict of str to Output
    trace : list of Change

    Raises
    ------
    OvenBug
        A rule changed the schema of an output or built a node that does not fit its inputs, or the rules undo each
        other.
    """
    origins = {} if origins is None else origins
    names = list(methods)
    run = _Run([methods[name].node for name in names], active_rules(options, rules), origins)
    run.to_the_end()
    changed = {name: replace(methods[name], node=node) for name, node in zip(names, run.graph.outputs, strict=True)}
    run.graph.clear()
    return changed, run.trace


@dataclass(frozen=True, slots=True)
class _Firing:
    """What to name when the graph turns out to be broken."""

    rule: Rule
    before: Node
    after: Node

    def broke(self, error: Exception) -> OvenBug:
        return OvenBug(f"rule {self.rule.name} broke the graph: {_named(self.before)} -> {_named(self.after)}: {error}")


class _Run:
    """One optimization: the graph, and for each rule the places that it has yet to look at."""

    def __init__(self, outputs: Sequence[Node], rules: Sequence[Rule], origins: dict[Node, str]) -> None:
        self.rules = rules
        self.origins = origins
        self.trace: list[Change] = []
        self.graph = LiveGraph(outputs, len(rules))
        self.pending = self.graph.pending
        self.users = Readers(self.graph)
        self.longest_chain = FIRINGS_PER_NODE * (len(self.graph) + 1)

    def to_the_end(self) -> None:
        """Rounds until no rule has anything left to look at."""
        seen = {tuple(self.graph.outputs)}
        while any(self.pending):
            before = len(self.trace)
            for number in range(len(self.rules)):
                self._exhaust(number)
            state = tuple(self.graph.outputs)
            if len(self.trace) > before and state in seen:
                raise self._endless(before)
            seen.add(state)

    def _exhaust(self, number: int) -> None:
        """Sweeps of one rule until it no longer fires."""
        while self.graph.has_stale or any(place.is_live for place in self.pending[number]):
            for place in self.graph.order():
                if place.is_stale or place in self.pending[number]:
                    self._visit(number, place)
        self.pending[number].clear()

    def _visit(self, number: int, place: Place) -> None:
        """Let a rule fire at a place, and at those that it makes there, until it no longer does."""
        agenda = [place]
        while agenda:
            place = agenda.pop()
            if place.is_live and place.is_stale:
                place = self._rebuild(place)
            if not place.is_live or place.is_stale or place not in self.pending[number]:
                continue
            self.pending[number].discard(place)
            agenda += reversed(self._fire(number, place))

    def _fire(self, number: int, place: Place) -> list[Place]:
        """Try a rule at a place; the places of what it made, inputs first, or nothing."""
        rule, node = self.rules[number], place.node
        start = time.perf_counter()
        self.users.asking = (number, place)
        new = rule.function(node, self.users)
        self.users.asking = None
        if new is None or new is node:
            return []
        firing = _Firing(rule, node, new)
        is_result = place.results > 0
        made = self.graph.change(place, new, firing)
        _verify(firing, (each.node for each in made), (node, new) if is_result else None)
        origin = self.origins.get(node, "")
        for each in made:
            self.origins.setdefault(each.node, origin)
        self.trace.append(Change(rule.name, repr(node), repr(new), origin, time.perf_counter() - start))
        if made[-1].depth > self.longest_chain:
            raise self._endless(-50)
        return made

    def _rebuild(self, place: Place) -> Place:
        node, firing, is_result = place.node, place.cause, place.results > 0
        rebuilt = self.graph.rebuild(place)
        if rebuilt is None:
            return place
        assert isinstance(firing, _Firing)
        _verify(firing, (rebuilt.node,), (node, rebuilt.node) if is_result else None)
        self.origins.setdefault(rebuilt.node, self.origins.get(node, ""))
        return rebuilt

    def _endless(self, since: int) -> OvenBug:
        return OvenBug(f"the rules do not come to an end: {sorted({change.rule for change in self.trace[since:]})}")


def _verify(firing: _Firing, nodes: Iterable[Node], result: tuple[Node, Node] | None) -> None:
    """New nodes fit their inputs, and a result keeps its schema."""
    try:
        for node in nodes:
            check_node(node)
        if result is not None:
            old, new = map(_schema, result)
            if old != new:
                raise OvenBug(f"the result was {old} and became {new}")
    except Exception as error:
        raise firing.broke(error) from error


def _schema(output: Node) -> Schema | None:
    """None where only Python knows what comes out."""
    return None if isinstance(output, Opaque | Raw) else output.schema()


def _named(node: Node) -> str:
    """The node in words; nodes that do not fit their inputs may not even be able to describe themselves."""
    try:
        return repr(node)
    except Exception:
        return type(node).__name__
