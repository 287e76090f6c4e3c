"""``Linear(OneHot(codes), W, b)  ->  EmbeddingSum(codes, W, b)``: rows of the weights instead of one-hot rows.

Fires always, and with the same array of weights, so that models share it whether the rule is on or off.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pretzel.oven.ir.embedding_sum import EmbeddingSum
from pretzel.oven.ir.encode import OneHot
from pretzel.oven.ir.linear import Linear

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Node


def onehot_linear_lookup(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Let a linear computation look up its weights by code."""
    if isinstance(node, Linear) and isinstance(node.inputs[0], OneHot):
        one_hot = node.inputs[0]
        return EmbeddingSum(one_hot.inputs, node.weights, one_hot.offsets, node.bias, node.result)
    return None
