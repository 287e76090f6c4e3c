"""``Select(step(x), columns)``  ->  a step that makes only these columns: one of two probabilities, some sums of trees.

Exact. Does not fire where another node reads the step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pretzel.oven.ir.columns import Select

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Node


def pick_outputs(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Leave out the columns of a step that no node reads."""
    if not isinstance(node, Select) or len(set(users.get(node.inputs[0], ()))) > 1:
        return None
    return node.inputs[0].pick_outputs(node.columns)
