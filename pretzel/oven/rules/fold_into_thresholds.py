"""``TreeEnsemble(step(x))  ->  TreeEnsemble(x)`` where ``step`` scales or imputes each column by itself.

Scaling by a positive factor never changes the order of two values, in floating point as little as in theory, so the
rows that go left at a node are those up to some largest double. That double is found by bisection over all doubles:
no row can change sides. Imputing constants only says where NaN goes. The checks in between move along: where the step
would overflow is found in the same way. Bit for bit the same result.

Fires where nobody but trees reads the step, so that it goes away for good; a scaler only where the trees rank their
columns anyway (scikit-learn's larger forests compare float32 values as they are, which is cheaper than ranking them).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.ir.check import FLOAT32_MAX, CheckFinite, CheckRange
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import replace
from pretzel.oven.ir.impute import Impute
from pretzel.oven.ir.scale import MulAdd, SubDiv
from pretzel.oven.ir.tree_ensemble import TreeEnsemble
from pretzel.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pretzel.oven.ir.graph import Array, Node

Step = SubDiv | MulAdd
SMALL_TREE = 32  # leaves; trees up to this size are compared whole, by the ranks of their columns
MAX_ORDER = 0x7FF0000000000000  # of infinity


def fold_into_thresholds(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Take one scaling or imputing step out of the input of trees."""
    if not isinstance(node, TreeEnsemble) or (node.category_set >= 0).any():
        return None
    (x,) = node.inputs
    parts = x.inputs if isinstance(x, Concat) else (x,)
    start = 0
    for i, part in enumerate(parts):
        width = part.schema().width
        if part.schema().kind is Kind.DENSE and _read_by_trees_alone(part, users):
            inside = (node.feature >= start) & (node.feature < start + width)
            folded = _fold(node, part, inside, start, users)
            if folded is not None:
                trees, source = folded
                new = Concat((*parts[:i], source, *parts[i + 1 :])) if isinstance(x, Concat) else source
                return replace(trees, inputs=(new,))
        start += width
    return None


def _fold(
    node: TreeEnsemble, part: Node, inside: Array, start: int, users: Mapping[Node, list[Node]]
) -> tuple[Node, Node] | None:
    """The trees without the step at the end of ``part``, and what they read instead."""
    checks: list[CheckFinite] = []
    while isinstance(part, CheckFinite):
        checks.append(part)
        (part,) = part.inputs
    if not _read_by_trees_alone(part, users):
        return None
    columns = node.feature[inside] - start
    if isinstance(part, Impute):
        return _fold_impute(node, part, checks, inside, columns)
    if isinstance(part, Step) and _is_increasing(part) and _ranks(node):
        return _fold_scale(node, part, checks, inside, columns)
    return None


def _read_by_trees_alone(node: Node, users: Mapping[Node, list[Node]]) -> bool:
    readers = users.get(node, [])
    return bool(readers) and all(
        isinstance(reader, TreeEnsemble)
        or (isinstance(reader, CheckFinite | Concat) and _read_by_trees_alone(reader, users))
        for reader in readers
    )


def _ranks(node: TreeEnsemble) -> bool:
    return not node.float32 or len(node.values) <= SMALL_TREE * len(node.roots)


# -- imputing --------------------------------------------------------------------------------------------------------


def _fold_impute(
    node: TreeEnsemble, step: Impute, checks: list[CheckFinite], inside: Array, columns: Array
) -> tuple[Node, Node] | None:
    largest = FLOAT32_MAX if node.float32 or any(check.float32 for check in checks) else np.finfo(np.float64).max
    if not math.isnan(step.missing) or not (np.abs(step.fill) <= largest).all():
        return None
    ranges = [check for check in checks if isinstance(check, CheckRange)]
    if any(((step.fill < check.low) | (step.fill > check.high)).any() for check in ranges):
        return None
    fill = _rounded(step.fill[columns], node.float32)
    missing_left = node.missing_left.copy()
    missing_left[inside] = fill <= node.threshold[inside]
    (source,) = step.inputs
    for check in reversed(checks):
        source = replace(check, inputs=(source,), allow_nan=True)
    return replace(node, missing_left=missing_left), source


# -- scaling ---------------------------------------------------------------------------------------------------------


def _fold_scale(
    node: TreeEnsemble, step: Step, checks: list[CheckFinite], inside: Array, columns: Array
) -> tuple[Node, Node] | None:
    def goes_left(x: Array) -> Array:
        scaled = x.copy()
        scaled[inside] = _apply(step, x[inside], columns)
        return _rounded(scaled, node.float32) <= node.threshold

    threshold = largest_where(goes_left, len(node.threshold))
    if threshold is None:
        return None
    (source,) = step.inputs
    for check in reversed(checks):
        moved = _moved(check, step, source)
        if moved is None:
            return None
        source = moved
    return replace(node, threshold=threshold, float32=False), source


def _moved(check: CheckFinite, step: Step, source: Node) -> CheckRange | None:
    """The check of the scaled values as a check of the values before."""
    width = source.schema().width
    every = np.arange(width)
    if isinstance(check, CheckRange):
        lowest, highest = check.low, check.high
    else:
        highest = np.full(width, FLOAT32_MAX if check.float32 else np.finfo(np.float64).max)
        lowest = -highest
    high = largest_where(lambda x: _rounded(_apply(step, x, every), check.float32) <= highest, width)
    low = largest_where(lambda x: _rounded(_apply(step, -x, every), check.float32) >= lowest, width)
    if high is None or low is None:
        return None
    return CheckRange((source,), check.estimator, check.allow_nan, low=-low, high=high)


def _is_increasing(step: Step) -> bool:
    """Whether larger values never become smaller ones, and only NaN becomes NaN."""
    scale = np.ones(1) if step.scale is None else step.scale
    offset = step.mean if isinstance(step, SubDiv) else step.offset
    finite = np.isfinite(scale).all() and (offset is None or np.isfinite(offset).all())
    return bool(finite and (scale > 0).all())


def _apply(step: Step, x: Array, columns: Array) -> Array:
    """What ``step`` makes of values of the given columns."""
    with np.errstate(over="ignore"):
        if isinstance(step, MulAdd):
            x = x * step.scale[columns] + step.offset[columns]
            return x if step.low is None else np.clip(x, step.low, step.high)
        if step.mean is not None:
            x = x - step.mean[columns]
        return x if step.scale is None else x / step.scale[columns]


def _rounded(x: Array, float32: bool) -> Array:
    if not float32:
        return x
    with np.errstate(over="ignore"):
        return x.astype(np.float32).astype(np.float64)


# -- bisection -------------------------------------------------------------------------------------------------------


def largest_where(holds: Callable[[Array], Array], n: int) -> Array | None:
    """The largest double, infinities among them, at which each of ``n`` conditions holds.

    Parameters
    ----------
    holds : callable
        Takes an array of shape (n,), returns booleans; each condition that holds for a value holds for all below.
    n : int

    Returns
    -------
    ndarray of float64, shape (n,), or None where a condition does not even hold for minus infinity
    """
    if not holds(np.full(n, -np.inf)).all():
        return None
    everywhere = holds(np.full(n, np.inf))
    low, high = np.full(n, -MAX_ORDER), np.full(n, MAX_ORDER)
    for _ in range(64):
        middle = (low >> 1) + (high >> 1) + (low & high & 1)
        below = holds(_value(middle))
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    found: Array = np.where(everywhere, np.inf, _value(low))
    return found


def _value(order: Array) -> Array:
    """The double at this place in the order of all doubles, which counts both zeros as one."""
    magnitude: Array = np.abs(order).view(np.float64)
    return np.where(order < 0, -magnitude, magnitude)
