"""Plans that were saved by a release whose kernels have other parameters or states, for the kernels of this one."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from pretzel.errors import CorruptStoreError, StoreError
from pretzel.oven.ir.columns import LEAVES, Raw, SparseLeaf
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.ir.serialize import operators
from pretzel.oven.lower import Lowering
from pretzel.oven.stored_graph import load_graph, store_graph
from pretzel.packed import STRUCTURE
from pretzel.program import LeafKind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Array, Node
    from pretzel.plan import LeafTypes, MethodPlan, PhysicalPlan, StoredGraph
    from pretzel.program import Leaf, Program
    from pretzel.store.object_store import Lease, ObjectStore

WIDEST = 1 << 24
"""Columns of a value for which a parameter may be made that is in no file."""

LARGEST, MULTIPLE = 1 << 27, 32
"""Bytes that the arrays of a graph may have together, or a multiple of what is in the file."""


def relower(plan: PhysicalPlan, store: ObjectStore, versions: Mapping[str, int]) -> tuple[PhysicalPlan, Lease]:
    """Lower a plan again, from the graph that travels with it. scikit-learn is not needed.

    Parameters
    ----------
    plan : PhysicalPlan
        As it was saved, and checked by `pretzel.store.plan_check`. It is data from outside.
    store : ObjectStore
        Holds its arrays and states, and those of the new plan.
    versions : mapping of str to int
        Versions of the states of the plan, by kernel.

    Returns
    -------
    PhysicalPlan
        It answers with the same bits.
    Lease
        Holds its arrays.

    Raises
    ------
    StoreError
        There is no graph, or one that this release cannot read.
    CorruptStoreError
        The graph contradicts itself, or the plan.
    """
    if plan.graph is None or any(each.opaque for each in _all(plan.methods)):
        raise StoreError("no graph without estimators travels with it")
    _check_known(plan.graph, versions)
    lease = store.lease()
    try:
        nodes = load_graph(plan.graph, store, versions, _Check(plan, store))
        lowering = Lowering(store, lease, {})
        methods = {name: _method(method, name, nodes, lowering) for name, method in plan.methods.items()}
        graph = store_graph(nodes, lowering.calls, store)
    except (StoreError, MemoryError):
        raise
    except Exception as error:  # node classes raise anything over fields from outside
        raise CorruptStoreError(f"its graph is damaged: {type(error).__name__}: {error}") from error
    lease.complete()
    return replace(plan, methods=methods, objects=lease.digests, graph=graph), lease


def _all(methods: Mapping[str, MethodPlan]) -> list[MethodPlan]:
    """Methods with their other forms."""
    found = []
    for method in methods.values():
        others = {"sparse": method.sparse, "otherwise": method.otherwise, **method.variants}
        found += [method, *_all({name: each for name, each in others.items() if each and not isinstance(each, str)})]
    return found


def _check_known(graph: StoredGraph, versions: Mapping[str, int]) -> None:
    """Raise if an operator or the layout of a state is none that this release has ever had."""
    known = operators()
    for op, _, values in graph.structure.unpack(STRUCTURE)["nodes"]:
        if op not in known:
            raise StoreError(f"no operator {op!r:.50} is known")
        kernel = known[op].kernel
        has_state = any(isinstance(value, dict) and "state" in value for value in values.values())
        if has_state and versions.get(kernel) not in known[op].states:
            raise StoreError(f"no state of version {versions.get(kernel)} of the kernel {kernel!r} is known")


class _Check:
    """Whether a node is one that a saved plan can have, and the arrays of all are in proportion to the plan."""

    def __init__(self, plan: PhysicalPlan, store: ObjectStore) -> None:
        programs = [each.program for each in _all(plan.methods) if each.program is not None]
        leaves = [leaf for program in programs for leaf in program.leaves]
        self._sparse = {len(leaf.columns) for leaf in leaves if leaf.kind is LeafKind.SPARSE}
        in_file = store.bytes_of(plan.objects)
        self._widest = max(WIDEST, in_file)
        self._remaining = max(LARGEST, MULTIPLE * in_file)
        self._seen: dict[int, Array] = {}  # kept, so that no other array has its place

    def __call__(self, node: Node) -> None:
        if isinstance(node, Raw | Opaque) or (isinstance(node, LEAVES) and node.inputs):
            raise CorruptStoreError("a step of its graph runs as the estimator itself")
        if isinstance(node, SparseLeaf) and node.width not in self._sparse:
            raise CorruptStoreError(f"its graph reads {node.width} columns")
        arrays = {id(value): value for value in vars(node).values() if isinstance(value, np.ndarray)}
        self._remaining -= sum(array.nbytes for key, array in arrays.items() if key not in self._seen)
        self._seen |= arrays
        if self._remaining < 0:
            raise CorruptStoreError("the arrays of its graph are much larger than its file")
        node.schema()  # of its inputs it is known: no recursion
        widest = max((child.schema().width for child in node.inputs), default=0)
        if widest > self._widest and not isinstance(node, LEAVES):
            raise CorruptStoreError(f"a value of its graph has {widest:,} columns")


def _method(plan: MethodPlan, name: str, nodes: Mapping[str, Node], lowering: Lowering) -> MethodPlan:
    if plan.otherwise is not None or plan.program is None:
        raise StoreError("a method of it needs the estimator itself")
    program, typed = _program(nodes[name], plan.program, plan.typed, lowering)
    variants = {dtype: _method(each, f"{name}/{dtype}", nodes, lowering) for dtype, each in plan.variants.items()}
    sparse = plan.sparse
    if sparse is not None and not isinstance(sparse, str):
        sparse = _method(sparse, f"{name}/sparse", nodes, lowering)
    return replace(plan, program=program, typed=typed, variants=variants, sparse=sparse)


def _program(
    node: Node, before: Program, typed: tuple[LeafTypes, ...], lowering: Lowering
) -> tuple[Program, tuple[LeafTypes, ...]]:
    """The new program, which reads leaves as the one before; what their dtypes decide was known from the source."""
    numbers = {_plain(leaf): number for number, leaf in enumerate(before.leaves)}
    program = lowering.program(node, {})
    order = [numbers[_plain(leaf)] for leaf in program.leaves]
    leaves = tuple(before.leaves[number] for number in order)
    steps = program.steps
    if [call.kernel for call in program.calls] == [call.kernel for call in before.calls]:
        origins = [step.origin for step in before.steps]
        steps = tuple(replace(step, origin=origin) for step, origin in zip(steps, origins, strict=True))
    shape = lowering.store.shape(replace(program.shape, leaves=leaves, steps=steps))
    return replace(program, shape=shape), tuple(typed[number] for number in order) if typed else ()


def _plain(leaf: Leaf) -> Leaf:
    return replace(leaf, float32=False, verbatim=False)
