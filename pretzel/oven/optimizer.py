"""Runs the rules to a fix-point: owns traversal, disabling, verification after each change, timing and the trace."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from pretzel.errors import OvenBug
from pretzel.oven.ir.columns import Raw
from pretzel.oven.ir.graph import Node, Output, Parity, rewrite, toposort, users
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.ir.verify import check_always
from pretzel.oven.rules import RULES, Rule

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pretzel.options import Options
    from pretzel.schema import Schema

MAX_CHANGES = 10_000  # far above what any pipeline needs; reached only by rules that undo each other


@dataclass(frozen=True, slots=True)
class Change:
    """One firing of a rule, for the trace that ``explain`` prints."""

    rule: str
    before: str
    after: str
    origin: str
    seconds: float


def active_rules(options: Options, rules: Sequence[Rule] = RULES) -> list[Rule]:
    """The rules that these options leave in, in order."""
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
        A rule changed the schema of an output or built a node that does not fit its inputs.
    """
    origins = {} if origins is None else origins
    names = list(methods)
    outputs = [methods[name].node for name in names]
    trace: list[Change] = []
    active = active_rules(options, rules)
    while _one_round(outputs, active, origins, trace):
        if len(trace) > MAX_CHANGES:
            raise OvenBug(f"rules do not come to an end: {sorted({change.rule for change in trace[-50:]})}")
    return {name: replace(methods[name], node=node) for name, node in zip(names, outputs, strict=True)}, trace


def _one_round(outputs: list[Node], rules: Sequence[Rule], origins: dict[Node, str], trace: list[Change]) -> bool:
    """Each rule until it no longer fires; True when any did."""
    before = len(trace)
    for rule in rules:
        while _fire_once(outputs, rule, origins, trace):
            if len(trace) > MAX_CHANGES:
                return True
    return len(trace) > before


def _fire_once(outputs: list[Node], rule: Rule, origins: dict[Node, str], trace: list[Change]) -> bool:
    readers = users(outputs)
    for node in toposort(outputs):
        start = time.perf_counter()
        new = rule.function(node, readers)
        if new is None or new is node:
            continue
        mapping = rewrite(outputs, {node: new}.get)
        changed = [mapping[output] for output in outputs]
        _verify(rule, node, new, outputs, changed)
        origin = origins.get(node, "")
        for made in toposort([new]):
            origins.setdefault(made, origin)
        for old, fresh in mapping.items():
            origins.setdefault(fresh, origins.get(old, ""))
        outputs[:] = changed
        trace.append(Change(rule.name, repr(node), repr(new), origin, time.perf_counter() - start))
        return True
    return False


def _verify(rule: Rule, node: Node, new: Node, before: list[Node], after: list[Node]) -> None:
    try:
        check_always(after)
        for old_output, new_output in zip(before, after, strict=True):
            old, fresh = _schema(old_output), _schema(new_output)
            if old != fresh:
                raise OvenBug(f"the result was {old} and became {fresh}")
    except Exception as error:
        raise OvenBug(f"rule {rule.name} broke the graph: {_named(node)} -> {_named(new)}: {error}") from error


def _schema(output: Node) -> Schema | None:
    """None where only Python knows what comes out."""
    return None if isinstance(output, Opaque | Raw) else output.schema()


def _named(node: Node) -> str:
    """The node in words; nodes that do not fit their inputs may not even be able to describe themselves."""
    try:
        return repr(node)
    except Exception:
        return type(node).__name__
