"""``Linear(Linear(x, V, a), W, b)  ->  Linear(x, V @ W, a @ W + b)`` where the one matrix is smaller than the two.

That is so for a projection in front of a few outputs: PCA or SVD and a linear model. Does not fire where another node
reads the projection, or where a check stands between the two: an overflow that it would find leaves no trace in the
product. Values that come from texts and categories need none.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.ir.graph import replace
from pretzel.oven.ir.linear import Linear

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Node


def merge_linear(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Multiply two matrices now instead of one after the other for each row."""
    if not isinstance(node, Linear):
        return None
    (first,) = node.inputs
    if not isinstance(first, Linear) or len(users.get(first, ())) > 1:
        return None
    width, middle = first.weights.shape
    n_out = node.weights.shape[1]
    if width * n_out > middle * (width + n_out):
        return None
    weights, bias = first.weights @ node.weights, first.bias @ node.weights + node.bias
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        return None
    return replace(node, inputs=first.inputs, weights=weights, bias=bias)
