"""``Select(x, all columns)``, ``Concat(x)``, ``SubDiv(x, 0, 1)``  ->  ``x``: steps that change nothing.

A scaler that only shifts or only divides loses the other half. Exact: no bit changes, not even the sign of a zero,
which is why ``x * 1 + 0`` stays. Does not fire on a result, which keeps its own step, or where the type of the value
changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Node


def drop_identity(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Leave out what changes nothing, or the step as a whole."""
    simple = node.simplify()
    if simple is node:
        return None
    if simple in node.inputs and (not users.get(node) or node.schema() != simple.schema()):
        return None
    return simple
