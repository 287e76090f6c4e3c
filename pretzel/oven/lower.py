"""Logical graph to physical plan: kernels bound through the store, slots, stages, opaque steps."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.buffers import Layout, is_dense_concat, plan_buffers
from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.columns import LEAVES, CellLeaf, NumericLeaf, Raw, SparseLeaf, TextLeaf
from pretzel.oven.ir.graph import Array, Node, Output, toposort
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.stages import cut, program_nodes
from pretzel.plan import Call, Leaf, LeafKind, MethodPlan, OpaqueStep, Program, Stage, Wire, Wiring
from pretzel.schema import Kind
from pretzel.store.digest import digest_parts

if TYPE_CHECKING:
    from pretzel.store.object_store import Lease, ObjectStore


@dataclass(frozen=True, slots=True)
class Step:
    """One call to be: the node whose value it writes, the slots it reads and the slot it writes (-1: a check).

    ``owner`` is the node itself, or the dense concatenation that a part is copied into.
    """

    node: Node
    owner: Node
    inputs: tuple[int, ...]
    output: int


@dataclass(frozen=True, slots=True)
class Schedule:
    """What a program does, before anything is bound: nodes and calls of each stage, and where values lie."""

    leaves: list[Node]
    stages: list[list[Node]]
    steps: list[list[Step]]
    layout: Layout


def schedule(output: Node) -> Schedule:
    """Order, stages and buffers of the native program that computes ``output``."""
    nodes = program_nodes(output)
    leaves: list[Node] = [node for node in nodes if isinstance(node, LEAVES)]
    stages = cut(nodes)
    layout = plan_buffers([node for stage in stages for node in stage], leaves, output)
    return Schedule(
        leaves, stages, [[step for node in stage for step in _steps(node, layout)] for stage in stages], layout
    )


def _steps(node: Node, layout: Layout) -> list[Step]:
    slot_of = layout.slot_of
    if is_dense_concat(node):  # most parts were written in place; the others are copied
        return [Step(child, node, (slot_of[child],), part) for child, part in layout.copies.get(node, [])]
    output = -1 if isinstance(node, CheckFinite) else slot_of[node]
    return [Step(node, node, tuple(slot_of[child] for child in node.inputs), output)]


def _digest(nodes: list[Node], calls: list[Call]) -> bytes:
    """Name of a stage. The calls count, too: which parts a concatenation copies depends on the program around it."""
    bound = [digest_parts(call.kernel, [param or b"" for param in call.params]) for call in calls]
    return digest_parts("stage", [node.digest for node in nodes], bound)


class Lowering:
    """Lowers the methods of one estimator into one store, holding what they need with one lease."""

    def __init__(self, store: ObjectStore, lease: Lease, origins: dict[Node, str]) -> None:
        self.store = store
        self.lease = lease
        self.origins = origins
        self._calls: dict[tuple[Node, Node], Call] = {}  # what several methods call is one object

    def method(self, output: Output) -> MethodPlan:
        """The physical plan of one method."""
        sources: dict[Opaque, int] = {}
        steps = []
        for node in toposort([output.node]):
            if isinstance(node, Opaque):
                sources[node] = len(sources) + 1
                steps.append(self._opaque(node, sources))
        if isinstance(output.node, Opaque | Raw):
            return MethodPlan(None, tuple(steps))
        return MethodPlan(
            self.program(output.node, sources),
            tuple(steps),
            output.ndim,
            output.labels,
            output.dtype,
            output.list_of,
            output.node.schema().keeps_float32,
        )

    def program(self, output: Node, sources: dict[Opaque, int]) -> Program:
        """The native program that computes ``output``."""
        plan = schedule(output)
        stages, wires = [], []
        for nodes, steps in zip(plan.stages, plan.steps, strict=True):
            calls = [self._call_of(step) for step in steps]
            wires += [Wire(step.inputs, step.output, self.origins.get(step.owner, "")) for step in steps]
            if calls:
                stages.append(self.store.stage(Stage(_digest(nodes, calls), tuple(calls))))
        wiring = Wiring(
            tuple(self._leaf(leaf, plan.layout.slot_of[leaf], sources) for leaf in plan.leaves),
            tuple(plan.layout.slots),
            tuple(plan.layout.buffers),
            tuple(wires),
            plan.layout.slot_of[output],
        )
        return Program(self.store.wiring(wiring), tuple(stages))

    def _call_of(self, step: Step) -> Call:
        key = (step.node, step.owner)
        if key not in self._calls:
            if step.node is not step.owner:
                call = self._call("concat", (np.array([step.node.schema().width], dtype=np.int32),), "copy")
            else:
                call = self._call(step.node.kernel, step.node.params(), repr(step.node))
            self._calls[key] = call
        return self._calls[key]

    def _call(self, kernel: str, params: tuple[Array, ...], label: str) -> Call:
        bound = self.store.bind(kernel, params, self.lease)
        return Call(kernel, bound.params, bound.state, sys.intern(label))

    def _leaf(self, leaf: Node, slot: int, sources: dict[Opaque, int]) -> Leaf:
        source = sources[leaf.inputs[0]] if leaf.inputs else 0  # type: ignore[index]
        match leaf:
            case NumericLeaf():
                return Leaf(LeafKind.NUMERIC, leaf.columns, slot, source)
            case CellLeaf():
                return Leaf(LeafKind.CELLS, leaf.columns, slot, source)
            case TextLeaf():
                return Leaf(LeafKind.TEXT, (leaf.column,), slot, source, leaf.lower, leaf.accents)
            case SparseLeaf():
                return Leaf(LeafKind.SPARSE, tuple(range(leaf.width)), slot, source)
        raise TypeError(f"{leaf!r} is not a leaf")

    def _opaque(self, node: Opaque, sources: dict[Opaque, int]) -> OpaqueStep:
        (x,) = node.inputs
        number = sources[node]
        origin = self.origins.get(node, "")
        if isinstance(x, Raw):
            source = sources[x.inputs[0]] if x.inputs else 0  # type: ignore[index]
            return OpaqueStep(
                node.estimator,
                node.method,
                number,
                source=source,
                columns=x.columns,
                scalar=x.scalar,
                origin=origin,
                reason=node.reason,
                width=node.width,
            )
        return OpaqueStep(
            node.estimator,
            node.method,
            number,
            self.program(x, sources),
            origin=origin,
            reason=node.reason,
            width=node.width,
        )


def is_sparse(output: Output) -> bool:
    """The method returns sparse rows."""
    return not isinstance(output.node, Opaque | Raw) and output.node.schema().kind is Kind.SPARSE
