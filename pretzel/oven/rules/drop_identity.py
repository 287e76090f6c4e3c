"""``Select(x, all columns)``, ``Concat(x)``, ``SubDiv(x, 0, 1)``  ->  ``x``: steps that change nothing.

A scaler that only shifts or only divides loses the other half. Exact: no bit changes, not even the sign of a zero,
which is why ``x * 1 + 0`` stays. Does not fire on a result, which keeps its own step, or where the type of a result
would change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pretzel.oven.ir.graph import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Node


def drop_identity(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Leave out the parts of a step that change nothing, or the whole step."""
    simple = node.simplify()
    if simple is node:
        return None
    if simple in node.inputs and not (users.get(node) and _leaves_results_alone(node, simple, users)):
        return None
    return simple


def _leaves_results_alone(node: Node, new: Node, users: Mapping[Node, list[Node]]) -> bool:
    """Another node in place of ``node`` changes the type of no result: some reader on the way has a type of its own."""
    if node.schema() == new.schema():
        return True
    readers = users.get(node, [])
    return bool(readers) and all(
        _leaves_results_alone(reader, replace(reader, inputs=_exchanged(reader.inputs, node, new)), users)
        for reader in readers
    )


def _exchanged(inputs: tuple[Node, ...], old: Node, new: Node) -> tuple[Node, ...]:
    return tuple(new if each is old else each for each in inputs)
