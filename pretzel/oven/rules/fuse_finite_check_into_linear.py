"""``Linear(CheckFinite(x))  ->  CheckedLinear(x)``: a finite result proves that the row was finite.

Only rows with another result are looked at. Exact: the products and their order stay, and every row that was rejected
still is. Does not fire where another node reads the checked value, where values must fit float32, where there is no
output, or to stacked heads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.linear import CheckedLinear, Linear

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Node


def fuse_finite_check_into_linear(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Let a linear computation check its own input."""
    if type(node) is not Linear or node.schema().width == 0:
        return None
    (check,) = node.inputs
    if type(check) is not CheckFinite or check.float32 or len(users.get(check, ())) > 1:
        return None
    return CheckedLinear(check.inputs, node.weights, node.bias, check.estimator, check.allow_nan, node.result)
