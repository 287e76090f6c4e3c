"""``Linear(Densify(x))  ->  Linear(x)``: zeros that a linear model would only multiply are never written out.

Fires always: `Linear` reads sparse rows.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pretzel.oven.ir.graph import replace
from pretzel.oven.ir.linear import Linear

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Node


def keep_sparse(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Let a linear computation read the sparse rows themselves."""
    if not isinstance(node, Linear):
        return None
    rows = node.inputs[0].as_sparse()
    return None if rows is None else replace(node, inputs=(rows,))
