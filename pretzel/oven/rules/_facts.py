"""What is certain of the values of a node, whatever the request."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.ir.check import FLOAT32_MAX, CheckFinite
from pretzel.oven.ir.columns import Select
from pretzel.oven.ir.concat import Concat, Densify
from pretzel.oven.ir.encode import CategoryCodes, OneHot
from pretzel.oven.ir.impute import Impute, MissingMask
from pretzel.oven.ir.scale import SubDiv

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Array, Node

HARMLESS_MEAN = 2.0**969
"""Subtracting less than half a unit in the last place of the largest double cannot overflow."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What is certain of every value: that it is no NaN, that it is not infinite, that float32 can hold it."""

    no_nan: bool
    no_inf: bool
    small: bool

    def __and__(self, other: Facts) -> Facts:
        return Facts(self.no_nan and other.no_nan, self.no_inf and other.no_inf, self.small and other.small)


NOTHING = Facts(False, False, False)
EVERYTHING = Facts(True, True, True)


def facts_of(node: Node) -> Facts:
    """What is certain of the values of ``node``."""
    if isinstance(node, OneHot | MissingMask):
        return EVERYTHING
    if isinstance(node, CategoryCodes):
        return _facts_of_constants(np.concatenate([node.codes, node.unknown]))
    if isinstance(node, CheckFinite):
        before = facts_of(node.inputs[0])
        return Facts(before.no_nan or not node.allow_nan, True, before.small or node.float32)
    if isinstance(node, Select | Densify):
        return facts_of(node.inputs[0])
    if isinstance(node, Concat):
        facts = EVERYTHING
        for part in node.inputs:
            facts = facts & facts_of(part)
        return facts
    if isinstance(node, Impute):
        before = facts_of(node.inputs[0])
        replaced = Facts(True, before.no_inf, before.small) if math.isnan(node.missing) else before
        return replaced & _facts_of_constants(node.fill)
    if isinstance(node, SubDiv) and _cannot_overflow(node):
        before = facts_of(node.inputs[0])
        return Facts(before.no_nan and before.no_inf, before.no_inf, False)
    return NOTHING


def _facts_of_constants(values: Array) -> Facts:
    small = bool((np.abs(values) <= FLOAT32_MAX).all())  # False for NaN
    return Facts(not np.isnan(values).any(), not np.isinf(values).any(), small)


def _cannot_overflow(node: SubDiv) -> bool:
    means = node.mean is None or bool((np.abs(node.mean) < HARMLESS_MEAN).all())
    return means and (node.scale is None or bool((np.abs(node.scale) >= 1.0).all()))
