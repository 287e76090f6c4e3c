"""``TreeEnsemble(step(x))  ->  TreeEnsemble(x)`` where ``step`` scales or imputes column by column.

A step that never changes the order of two values, in floating point as little as in theory, keeps every row on its
side: the rows that go left at a node are those up to some largest double. That double is found by bisection over all
doubles. Imputing constants only says where NaN goes. The checks in between move along: where the step would overflow
is found in the same way. Bit for bit the same result.

Fires where only trees read the step, so that it goes away for good; a monotone step only where the trees rank their
columns anyway (scikit-learn's larger forests compare float32 values as they are, which is cheaper than ranking them).
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.ir._bisection import largest_where
from pretzel.oven.ir.check import CheckFinite, CheckRange
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Parity, replace
from pretzel.oven.ir.tree_ensemble import TreeEnsemble
from pretzel.oven.ir.value_properties import FLOAT32_MAX, FLOAT64_MAX
from pretzel.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Array, Node

SMALL_TREE = 32  # leaves; trees up to this size are compared whole, by the ranks of their columns


def fold_into_thresholds(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Take monotone and imputing steps out of the input of trees, one of each part of it."""
    if not isinstance(node, TreeEnsemble) or (node.category_set >= 0).any():
        return None
    (x,) = node.inputs
    parts = list(x.inputs) if isinstance(x, Concat) else [x]
    trees: Node = node
    start = 0
    for i, part in enumerate(parts):
        width = part.schema().width
        if part.schema().kind is Kind.DENSE and _read_by_trees_alone(part, users):
            assert isinstance(trees, TreeEnsemble)
            inside = np.flatnonzero((node.feature >= start) & (node.feature < start + width))
            folded = _fold(trees, part, inside, start, users)
            if folded is not None:
                trees, parts[i] = folded
        start += width
    if all(a is b for a, b in zip(parts, x.inputs if isinstance(x, Concat) else (x,), strict=True)):
        return None
    return replace(trees, inputs=(Concat(tuple(parts)) if isinstance(x, Concat) else parts[0],))


def _fold(
    node: TreeEnsemble, part: Node, inside: Array, start: int, users: Mapping[Node, list[Node]]
) -> tuple[Node, Node] | None:
    """The trees without the step at the end of ``part``, and their new input."""
    checks: list[CheckFinite] = []
    while isinstance(part, CheckFinite):
        checks.append(part)
        (part,) = part.inputs
    if not _read_by_trees_alone(part, users):
        return None
    columns = node.feature[inside] - start
    return _fold_impute(node, part, checks, inside, columns) or _fold_monotone(node, part, checks, inside, columns)


def _read_by_trees_alone(node: Node, users: Mapping[Node, list[Node]]) -> bool:
    pending, seen = [node], {node}
    while pending:
        readers = users.get(pending.pop(), [])
        if not readers or not all(isinstance(each, TreeEnsemble | Concat) or each.passthrough for each in readers):
            return False
        through = {each for each in readers if not isinstance(each, TreeEnsemble)} - seen
        seen |= through
        pending += through
    return True


# -- imputing --------------------------------------------------------------------------------------------------------


def _fold_impute(
    node: TreeEnsemble, step: Node, checks: list[CheckFinite], inside: Array, columns: Array
) -> tuple[Node, Node] | None:
    replacement = step.as_replacement()
    if replacement is None or not all(isinstance(value, float) and math.isnan(value) for value in replacement.missing):
        return None
    fill = np.array(replacement.fill, dtype=np.float64)
    largest = FLOAT32_MAX if node.float32 or any(check.float32 for check in checks) else FLOAT64_MAX
    if not (np.abs(fill) <= largest).all():
        return None
    ranges = [check.limits() for check in checks if isinstance(check, CheckRange)]
    if any(((fill < low) | (fill > high)).any() for low, high in ranges):
        return None
    missing_left = node.missing_left.copy()
    missing_left[inside] = _rounded(fill[columns], node.float32) <= node.threshold[inside]
    (source,) = step.inputs
    for check in reversed(checks):
        source = replace(check, inputs=(source,), allow_nan=True)
    return replace(node, missing_left=missing_left), source


# -- scaling ---------------------------------------------------------------------------------------------------------


def _fold_monotone(
    node: TreeEnsemble, step: Node, checks: list[CheckFinite], inside: Array, columns: Array
) -> tuple[Node, Node] | None:
    if not (_is_increasing(step) and _ranks(node)):
        return None
    (source,) = step.inputs
    by_split = step.select_columns(source, columns)  # column i of it is the one that split i compares
    if by_split is None:
        return None

    def goes_left(x: Array) -> Array:
        return _rounded(_evaluate(by_split, x), node.float32) <= node.threshold[inside]

    found = largest_where(goes_left, len(inside))
    if found is None:
        return None
    for check in reversed(checks):
        moved = _moved(check, step, source)
        if moved is None:
            return None
        source = moved
    threshold = _as_float64(node)
    threshold[inside] = found
    return replace(node, threshold=threshold, float32=False), source


def _as_float64(node: TreeEnsemble) -> Array:
    """A copy of the thresholds for doubles that are not rounded to float32 first."""
    if not node.float32:
        return node.threshold.copy()
    threshold = largest_where(lambda x: _rounded(x, True) <= node.threshold, len(node.threshold))
    assert threshold is not None, "minus infinity goes left everywhere"
    return threshold


def _is_increasing(step: Node) -> bool:
    directions = step.monotone()
    return step.parity is Parity.EXACT and directions is not None and bool((directions > 0).all())


def _ranks(node: TreeEnsemble) -> bool:
    return not node.float32 or len(node.values) <= SMALL_TREE * len(node.roots)


def _moved(check: CheckFinite, step: Node, source: Node) -> CheckRange | None:
    """The check of the scaled values as a check of the values before."""
    width = source.schema().width
    lowest, highest = check.limits()
    high = largest_where(lambda x: _rounded(_evaluate(step, x), check.float32) <= highest, width)
    low = largest_where(lambda x: _rounded(_evaluate(step, -x), check.float32) >= lowest, width)
    if high is None or low is None:
        return None
    return CheckRange((source,), check.estimator, check.allow_nan, low=-low, high=high)


def _evaluate(step: Node, row: Array) -> Array:
    """The step applied to one row."""
    with np.errstate(over="ignore"):
        (found,) = step.reference(row[None, :])
    result: Array = found
    return result


def _rounded(x: Array, float32: bool) -> Array:
    if not float32:
        return x
    with np.errstate(over="ignore"):
        return x.astype(np.float32).astype(np.float64)
