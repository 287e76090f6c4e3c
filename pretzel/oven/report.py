"""What ``explain`` shows of a compilation, as plain data that is kept with the plan."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from pretzel.oven.ir.columns import Raw
from pretzel.oven.ir.graph import Node, Output, toposort
from pretzel.oven.ir.opaque import Opaque
from pretzel.packed import Packed

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pretzel.options import Options
    from pretzel.oven.compiler import Graphs
    from pretzel.oven.optimizer import Change


def report(
    compiled: Iterable[Graphs],
    options: Options,
    seconds: float,
) -> Packed:
    """Graphs before and after the rules, the trace, opaque steps with their reasons, the options."""
    logical: dict[str, Output] = {}
    optimized: dict[str, Output] = {}
    origins: dict[Node, str] = {}
    trace: list[Change] = []
    for graphs in compiled:
        logical |= graphs.imported.methods
        optimized |= graphs.optimized
        origins = graphs.imported.origins | origins
        trace += graphs.trace
    data = {
        "logical": graph(logical, origins),
        "optimized": graph(optimized, origins),
        "rules": [asdict(change) for change in trace],
        "options": asdict(options),
        "seconds": seconds,
    }
    return Packed(data)


def graph(methods: Mapping[str, Output], origins: Mapping[Node, str]) -> dict[str, Any]:
    """Nodes in the order of computation with the numbers of their inputs, and the node of each method."""
    nodes = toposort(output.node for output in methods.values())
    number = {node: i for i, node in enumerate(nodes)}
    return {
        "nodes": [
            {
                "id": number[node],
                "op": repr(node),
                "inputs": [number[child] for child in node.inputs],
                "schema": "any" if isinstance(node, Raw | Opaque) else str(node.schema()),
                "origin": origins.get(node, ""),
            }
            for node in nodes
        ],
        "methods": {name: number[output.node] for name, output in methods.items()},
    }
