"""Cut a graph into stages: chains of computations that a tile of rows runs through while it is in the cache."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pretzel.oven.ir.columns import LEAVES

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Node


def program_nodes(output: Node) -> list[Node]:
    """All nodes of the native program that computes ``output``, inputs first. The program begins at leaves."""
    order: dict[Node, None] = {}
    stack = [(output, False)]
    while stack:
        node, inputs_done = stack.pop()
        if node in order:
            continue
        if inputs_done or isinstance(node, LEAVES):
            order[node] = None
        else:
            stack.append((node, True))
            stack += [(child, False) for child in reversed(node.inputs)]
    return list(order)


def cut(nodes: list[Node]) -> list[list[Node]]:
    """Stages in an order in which they can run.

    A node continues the stage of its only computed input when nobody else reads that; where several values meet
    (a concatenation, a sum) or a value is shared, a new stage begins. These are the pipeline breakers.
    """
    readers: dict[Node, int] = {}
    for node in nodes:
        for child in set(node.inputs):
            readers[child] = readers.get(child, 0) + 1
    stages: list[list[Node]] = []
    stage_of: dict[Node, list[Node]] = {}
    for node in nodes:
        if isinstance(node, LEAVES):
            continue
        before = [child for child in node.inputs if not isinstance(child, LEAVES)]
        if len(before) == 1 and readers[before[0]] == 1:
            stage = stage_of[before[0]]
        else:
            stage = []
            stages.append(stage)
        stage.append(node)
        stage_of[node] = stage
    return stages
