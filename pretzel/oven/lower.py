"""Logical graph to physical plan: kernels bound through the store, slots, stages, opaque steps."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.buffers import is_dense_concat, plan_buffers
from pretzel.oven.graph import Node, Output, toposort
from pretzel.oven.ops.check import CheckFinite
from pretzel.oven.ops.columns import LEAVES, CellLeaf, NumericLeaf, Raw, SparseLeaf, TextLeaf
from pretzel.oven.ops.opaque import Opaque
from pretzel.oven.stages import cut, program_nodes
from pretzel.plan import Call, Leaf, LeafKind, MethodPlan, OpaqueStep, Program, Stage, Wire
from pretzel.schema import Kind
from pretzel.store.digest import digest_parts

if TYPE_CHECKING:
    from pretzel.store.object_store import Lease, ObjectStore


class Lowering:
    """Lowers the methods of one estimator into one store, holding what they need with one lease."""

    def __init__(self, store: ObjectStore, lease: Lease, origins: dict[Node, str]) -> None:
        self.store = store
        self.lease = lease
        self.origins = origins

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
        nodes = program_nodes(output)
        leaves = [node for node in nodes if isinstance(node, LEAVES)]
        staged = cut(nodes)
        order = [node for stage in staged for node in stage]
        layout = plan_buffers(order, leaves, output)
        stages, wires = [], []
        for nodes_of_stage in staged:
            calls = []
            for node in nodes_of_stage:
                for call, inputs, slot in self._calls(node, layout.slot_of, layout.copies):
                    calls.append(call)
                    wires.append(Wire(inputs, slot, self.origins.get(node, "")))
            if calls:
                digest = digest_parts("stage", [node.digest for node in nodes_of_stage])
                stages.append(self.store.stage(Stage(digest, tuple(calls))))
        return Program(
            tuple(self._leaf(leaf, layout.slot_of[leaf], sources) for leaf in leaves),
            tuple(layout.slots),
            tuple(layout.buffers),
            tuple(stages),
            tuple(wires),
            layout.slot_of[output],
        )

    def _calls(
        self, node: Node, slot_of: dict[Node, int], copies: dict[Node, list[tuple[Node, int]]]
    ) -> list[tuple[Call, tuple[int, ...], int]]:
        if is_dense_concat(node):
            # Most parts were written in place; a concatenation of one is a copy of the others.
            widths = [
                (child, part, np.array([child.schema().width], dtype=np.int32)) for child, part in copies.get(node, [])
            ]
            return [(self._call("concat", (width,), "copy"), (slot_of[child],), part) for child, part, width in widths]
        call = self._call(node.kernel, node.params(), repr(node))
        output = -1 if isinstance(node, CheckFinite) else slot_of[node]
        return [(call, tuple(slot_of[child] for child in node.inputs), output)]

    def _call(self, kernel: str, params: tuple[np.ndarray, ...], label: str) -> Call:
        bound = self.store.bind(kernel, params, self.lease)
        return Call(kernel, bound.params, bound.state, label)

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
            )
        return OpaqueStep(
            node.estimator, node.method, number, self.program(x, sources), origin=origin, reason=node.reason
        )


def is_sparse(output: Output) -> bool:
    """The method returns sparse rows."""
    return not isinstance(output.node, Opaque | Raw) and output.node.schema().kind is Kind.SPARSE
