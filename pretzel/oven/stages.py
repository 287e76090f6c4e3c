"""Cut a graph into stages: chains of computations that a tile of rows runs through while it is in the cache."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from pretzel.oven.ir.columns import LEAVES

if TYPE_CHECKING:
    from collections.abc import Callable, Container

    from pretzel.oven.ir.graph import Node

    Inputs = Callable[[Node], tuple[Node, ...]]

INPUTS: Inputs = attrgetter("inputs")


def program_nodes(output: Node, inputs_of: Inputs = INPUTS, given: Container[Node] = ()) -> list[Node]:
    """All nodes of the native program that computes ``output``, inputs first.

    The program begins at leaves, and at the values that it is ``given``; ``inputs_of`` says what the call of a node
    reads.
    """
    order: dict[Node, None] = {}
    stack = [(output, False)]
    while stack:
        node, inputs_done = stack.pop()
        if node in order:
            continue
        if inputs_done or isinstance(node, LEAVES) or node in given:
            order[node] = None
        else:
            stack.append((node, True))
            stack += [(child, False) for child in reversed(inputs_of(node))]
    return list(order)


def cut(nodes: list[Node], inputs_of: Inputs = INPUTS, given: Container[Node] = ()) -> list[list[Node]]:
    """Stages in an order in which they can run.

    A node continues the stage of its only computed input when no other node reads that; where several values meet
    (a concatenation, a sum) or a value is shared, a new stage begins. These are the pipeline breakers.
    """
    readers: dict[Node, int] = {}
    for node in nodes:
        for child in set(inputs_of(node)):
            readers[child] = readers.get(child, 0) + 1
    stages: list[list[Node]] = []
    stage_of: dict[Node, list[Node]] = {}
    for node in nodes:
        if isinstance(node, LEAVES) or node in given:
            continue
        before = [child for child in inputs_of(node) if not isinstance(child, LEAVES) and child not in given]
        if len(before) == 1 and readers[before[0]] == 1:
            stage = stage_of[before[0]]
        else:
            stage = []
            stages.append(stage)
        stage.append(node)
        stage_of[node] = stage
    return stages
