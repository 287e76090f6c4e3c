"""What of a plan can be saved without the estimators behind it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from pretzel.errors import CorruptStoreError, SaveError
from pretzel.packed import REPORT, STRUCTURE, Packed
from pretzel.plan import StoredGraph
from pretzel.runtime.source import SAVE
from pretzel.schema import EXTRAS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.plan import MethodPlan, PhysicalPlan

_NOT_SAVED = "only the estimator itself answers it, and that is not saved with its plan"


def is_portable(physical: PhysicalPlan) -> bool:
    """Whether all methods but `EXTRAS` are native."""
    methods = _wanted(physical)
    return all(method.program is not None and not method.opaque for method in methods.values())


def _wanted(physical: PhysicalPlan) -> dict[str, MethodPlan]:
    """The methods without `EXTRAS` that have opaque steps, unless it has no others."""
    wanted = {name: method for name, method in physical.methods.items() if name not in EXTRAS or not method.opaque}
    return wanted or physical.methods


def portable(physical: PhysicalPlan) -> PhysicalPlan:
    """The plan without what only the estimator answers.

    Raises
    ------
    SaveError
        A method has a step that runs as the estimator itself.
    """
    methods = _wanted(physical)
    for name, method in methods.items():
        if method.opaque or method.program is None:
            steps = "; ".join(f"{step.origin or step.name}: {step.reason}" for step in method.opaque)
            raise SaveError(
                f"{physical.input.estimator}.{name} cannot be saved, because steps of it run as the estimator itself, "
                f"which is Python: {steps}. With opaque='skops' the estimators are written, too"
            )
    found = {name: _portable(method) for name, method in methods.items()}
    graph = None if physical.graph is None else _graph_of(physical.graph, found)
    return replace(physical, methods=found, graph=graph)


def without_times(physical: PhysicalPlan) -> PhysicalPlan:
    """The plan without the times that compiling took, which differ each time that the same model is compiled."""
    report = physical.report.unpack(REPORT)
    report["seconds"] = None
    for rule in report["rules"]:
        rule["seconds"] = None
    return replace(physical, report=Packed(report))


def _portable(method: MethodPlan) -> MethodPlan:
    variants = {dtype: each for dtype, each in method.variants.items() if not each.opaque}
    lost = sorted({*method.from_source, *(method.variants.keys() - variants.keys())})
    sparse = method.sparse
    if sparse is not None and not isinstance(sparse, str):
        sparse = _NOT_SAVED if sparse.opaque or sparse.program is None else _portable(sparse)
    passed_on = method.passed_on
    if method.otherwise is not None and not method.arrays_only and not passed_on:
        passed_on = f"where they are passed on, {_NOT_SAVED}: {SAVE}"
    return replace(
        method,
        variants={dtype: _portable(each) for dtype, each in variants.items()},
        from_source=tuple(lost),
        sparse=sparse,
        otherwise=None,
        passed_on=passed_on,
    )


def _graph_of(stored: StoredGraph, methods: Mapping[str, MethodPlan]) -> StoredGraph:
    """The part of a graph that these methods and their other forms need; it calls no estimator."""
    data = stored.structure.unpack(STRUCTURE)
    nodes, outputs = data["nodes"], {}
    ranges = [*((node[1], number) for number, node in enumerate(nodes)), (data["outputs"].values(), len(nodes))]
    if any(not 0 <= each < end for numbers, end in ranges for each in numbers):
        raise CorruptStoreError("the graph of the plan is damaged: a node or an output is made by no node before it")
    for output, number in data["outputs"].items():
        name, _, form = output.partition("/")
        method = methods.get(name)
        is_sparse = form == "sparse" and method is not None and not isinstance(method.sparse, str | None)
        if method is not None and (not form or form in method.variants or is_sparse):
            outputs[output] = number
    needed = set(outputs.values())
    for number in range(len(nodes) - 1, -1, -1):  # whatever a node reads has a smaller number
        if number in needed:
            needed.update(nodes[number][1])
    new = {number: i for i, number in enumerate(sorted(needed))}
    kept = [[nodes[i][0], [new[child] for child in nodes[i][1]], nodes[i][2]] for i in new]
    structure = {"nodes": kept, "outputs": {name: new[number] for name, number in outputs.items()}}
    return StoredGraph(stored.structure if structure == data else Packed(structure), stored.arrays)
