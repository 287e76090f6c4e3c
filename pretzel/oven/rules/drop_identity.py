"""``Select(x, all columns)``, ``Concat(x)``, ``SubDiv(x, 0, 1)``  ->  ``x``: steps that change nothing.

A scaler that only shifts or only divides loses the other half. Exact: no bit changes, not even the sign of a zero,
which is why ``x * 1 + 0`` stays. Does not fire on a result, which keeps its own step, or where the type of the value
changes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.ir.columns import Select
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.scale import SubDiv

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Array, Node


def drop_identity(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Read the input itself."""
    if isinstance(node, SubDiv):
        lean = _without_constants(node)
        if lean is not node and not (lean.mean is None and lean.scale is None):
            return lean
        nothing = lean.mean is None and lean.scale is None
    elif isinstance(node, Select):
        nothing = node.columns == tuple(range(node.inputs[0].schema().width))
    else:
        nothing = isinstance(node, Concat) and len(node.inputs) == 1
    if not nothing or not users.get(node) or node.schema() != node.inputs[0].schema():
        return None
    return node.inputs[0]


def _without_constants(node: SubDiv) -> SubDiv:
    mean = None if _all_are(node.mean, 0.0) else node.mean
    scale = None if _all_are(node.scale, 1.0) else node.scale
    return SubDiv(node.inputs, mean, scale) if (mean is None, scale is None) != _missing(node) else node


def _missing(node: SubDiv) -> tuple[bool, bool]:
    return node.mean is None, node.scale is None


def _all_are(values: Array | None, constant: float) -> bool:
    # A mean of -0.0 would turn -0.0 into 0.0.
    return values is not None and bool((values == constant).all()) and not np.signbit(values).any()
