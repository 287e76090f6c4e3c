"""``Linear(Concat(a, b), [Wa; Wb], bias)  ->  Sum(Linear(a, Wa), Linear(b, Wb)) + bias``: no concatenated row is built.

Fires where that spares work: some part is sparse, or dense only because it was written out with its zeros. Parts that
are dense by nature are laid side by side without a copy, and one product is quicker than several. Does not fire where
another node reads the concatenation.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.linear import Linear, Sum

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Node


def push_linear_through_concat(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Split the weights of a linear computation over the parts of the concatenation it reads."""
    if not isinstance(node, Linear):
        return None
    (concat,) = node.inputs
    if not isinstance(concat, Concat) or not any(part.mostly_zeros() for part in concat.inputs):
        return None
    if any(not isinstance(user, Linear) for user in users.get(concat, [])):
        return None
    parts = []
    first = 0
    for child in concat.inputs:
        last = first + child.schema().width
        weights = np.ascontiguousarray(node.weights[first:last])
        parts.append(type(node)((child,), weights, np.zeros(node.bias.shape[0])))
        first = last
    return Sum(tuple(parts), node.bias, node.result)
