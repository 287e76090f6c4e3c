"""``Linear(SubDiv(x, mean, scale), W, b)  ->  Linear(x, W / scale, b - (mean / scale) @ W)``, and so every affine step.

A check between the two moves in front of the affine step where that keeps finite values finite and infinity infinite.
Does not fire where another node reads the scaled value, or where a mean is so large beside its scale that
``x * w - mean * w`` would lose digits which ``(x - mean) * w`` keeps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.graph import replace
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.value_properties import FLOAT64_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Node

LARGEST_SHIFT = 1e3
"""Means of so many scales cost three of the sixteen digits of a double."""


def fold_affine(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Scale the weights instead of the values."""
    if not isinstance(node, Linear):
        return None
    (source,) = node.inputs
    check = source if type(source) is CheckFinite else None
    step = source if check is None else check.inputs[0]
    affine = step.as_affine()
    if affine is None or any(len(users.get(each, ())) > 1 for each in (source, step)):
        return None
    if not (np.abs(affine.offset) <= LARGEST_SHIFT).all():
        return None
    if check is not None and (check.float32 or not _keeps_what_is_finite(step)):
        return None
    weights = node.weights * affine.factor[:, None]
    bias = node.bias + affine.offset @ node.weights
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        return None
    (x,) = step.inputs
    source = x if check is None else replace(check, inputs=(x,))
    return replace(node, inputs=(source,), weights=weights, bias=bias)


def _keeps_what_is_finite(step: Node) -> bool:
    """Finite values, and they alone, stay finite: the ends of the doubles decide, because the step is monotone."""
    directions = step.monotone()
    if directions is None or not directions.all():
        return False
    ends = np.repeat([[-np.inf], [-FLOAT64_MAX], [FLOAT64_MAX], [np.inf]], directions.size, axis=1)
    with np.errstate(over="ignore"):
        finite = np.isfinite(step.reference(ends))
    return bool((finite == [[False], [True], [True], [False]]).all())
