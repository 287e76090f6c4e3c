"""``Linear(SubDiv(x, mean, scale), W, b)  ->  Linear(x, W / scale, b - (mean / scale) @ W)``, and so for `MulAdd`.

A check between the two moves in front of the affine step where that can neither overflow nor hide what the check would
find. Does not fire where somebody else reads the scaled value, where it is clipped, or where a mean is so large beside
its scale that ``x * w - mean * w`` would lose digits which ``(x - mean) * w`` keeps.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.graph import replace
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.scale import MulAdd, SubDiv

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Array, Node

LARGEST_SHIFT = 1e3
"""Means of so many scales cost three of the sixteen digits of a double."""

HARMLESS_OFFSET = 2.0**969
"""Adding less than half a unit in the last place of the largest double cannot overflow."""


def fold_affine(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Scale the weights instead of the values."""
    if not isinstance(node, Linear):
        return None
    (source,) = node.inputs
    check = source if isinstance(source, CheckFinite) else None
    affine = source if check is None else check.inputs[0]
    if not isinstance(affine, SubDiv | MulAdd) or any(len(users.get(each, ())) > 1 for each in (source, affine)):
        return None
    factors = _factors(affine)
    if factors is None:
        return None
    factor, offset = factors
    shrinks = bool((np.abs(factor) <= 1.0).all() and (factor != 0.0).all())
    if check is not None and not (shrinks and _shift_is_harmless(affine)):
        return None
    weights = node.weights * factor[:, None]
    bias = node.bias + offset @ node.weights
    if not (np.isfinite(weights).all() and np.isfinite(bias).all()):
        return None
    (x,) = affine.inputs
    return Linear((x if check is None else replace(check, inputs=(x,)),), weights, bias)


def _factors(affine: SubDiv | MulAdd) -> tuple[Array, Array] | None:
    """The step as ``x * factor + offset``, or None where it is not that or not with enough digits."""
    width = affine.schema().width
    if isinstance(affine, MulAdd):
        if affine.low is not None or affine.high is not None:
            return None
        factor, offset = affine.scale, affine.offset
    else:
        with np.errstate(all="ignore"):
            factor = np.ones(width) if affine.scale is None else 1.0 / affine.scale
            offset = np.zeros(width) if affine.mean is None else -affine.mean * factor
    return (factor, offset) if bool((np.abs(offset) <= LARGEST_SHIFT).all()) else None


def _shift_is_harmless(affine: SubDiv | MulAdd) -> bool:
    shift = affine.offset if isinstance(affine, MulAdd) else affine.mean
    return shift is None or bool((np.abs(shift) < HARMLESS_OFFSET).all())
