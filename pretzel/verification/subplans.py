"""Which step of which sub-plan departs from its reference, where the step that runs it does."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel._native import NativeProgram
from pretzel.oven.ir.columns import LoopState
from pretzel.oven.ir.graph import Parity
from pretzel.oven.ir.interpret import compute
from pretzel.oven.ir.subplan import Loop
from pretzel.oven.lower import schedule
from pretzel.schema import Kind
from pretzel.verification.compare import compare

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from pretzel.oven.ir.graph import Node
    from pretzel.oven.subplans import Body, Outline
    from pretzel.program import Call, SubPlan
    from pretzel.store.object_store import ObjectStore
    from pretzel.verification.report import Difference


@dataclass(frozen=True, slots=True)
class Inside:
    """The first step inside that departs, and the way to it."""

    node: Node
    difference: Difference
    place: str


def first_inside(
    store: ObjectStore, outlined: Outline, node: Node, call: Call, values: Mapping[Node, Any]
) -> Inside | None:
    """The first step of the sub-plans of a call that departs from its reference on the inputs that it has.

    None where each does what it should, and of sub-plans that read texts or sparse rows.
    """
    stack = [(node, call, values, "")]
    while stack:
        node, call, values, place = stack.pop()
        for number, (body, subplan) in enumerate(zip(outlined.bodies[node], call.bodies, strict=True)):
            inside = f"{place}{'round' if isinstance(node, Loop) else f'way {number}'} of {node!r}"
            for given in _given(node, number, body, values):
                found, difference, known, inner = _first(store, outlined, body, subplan, given)
                if found is None:
                    continue
                if inner is None or not inner.bodies:
                    return Inside(found, difference, inside)
                stack.append((found, inner, known, f"{inside}, "))
                break
    return None


def _given(node: Node, number: int, body: Body, values: Mapping[Node, Any]) -> Iterator[dict[Node, Any]]:
    """What a sub-plan is given: for the rows of its way, or in each round."""
    reads = [read for read, _ in body.reads]
    if any(read.schema().kind is not Kind.DENSE for read in reads):
        return
    control = values[node.inputs[0]]
    for _ in range(node.limit if isinstance(node, Loop) else 1):
        rows = np.flatnonzero(control[:, 0] >= 0 if isinstance(node, Loop) else control[:, 0].astype(int) == number)
        if not len(rows):
            return
        is_state = {read: isinstance(node, Loop) and isinstance(read, LoopState) for read in reads}
        given = {read: (control if is_state[read] else values[read])[rows] for read in reads}
        yield given
        if isinstance(node, Loop):
            control = np.array(control)
            control[rows] = compute(body.output, given)


def _first(
    store: ObjectStore, outlined: Outline, body: Body, subplan: SubPlan, given: dict[Node, Any]
) -> tuple[Node | None, Any, dict[Node, Any], Call | None]:
    """The first call of a sub-plan that departs, with the values that it has."""
    plan = schedule(body.output, outlined, tuple(read for read, _ in body.reads))
    nodes = [node for stage in plan.stages for node in stage]
    native = NativeProgram(subplan.program, store)
    columns = [np.ascontiguousarray(given[read]) for read, _ in body.reads]
    found = native.trace(columns, len(columns[0]))
    traced = {step.call: got for step, got in zip(native.buffers.steps, found, strict=True)}
    values = dict(given)
    for i, (node, call) in enumerate(zip(nodes, subplan.calls, strict=True)):
        expected, got = compute(node, values), traced[i]
        if got is None or node.schema().kind is not Kind.DENSE:
            values[node] = expected
            continue
        difference = compare(expected, got, exact=node.parity is Parity.EXACT and not call.bodies)
        if difference is not None:
            return node, difference, values, call
        values[node] = got
    return None, None, values, None
