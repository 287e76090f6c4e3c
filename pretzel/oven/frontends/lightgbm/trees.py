"""Trees of LightGBM as nodes: sums of leaves, and numbers of leaves.

LightGBM compares float64 with ``<=``. Numbers of dense rows that are not larger than `TINY` are zero there; thresholds
between them move to the edges instead. A split says what it takes for missing: nothing (then NaN is zero), zero and
NaN, or NaN.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.frontends.registry import Unsupported
from pretzel.oven.frontends.trees import Splits, Tree, join
from pretzel.oven.ir.columns import Select, is_sparse
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.impute import TINY, ZeroToNaN
from pretzel.oven.ir.linear_leaves import LinearLeaves

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.frontends.lightgbm.model_text import LightGBMModel, TextTree
    from pretzel.oven.ir.graph import Array, Node

NONE, ZERO, NAN = range(3)
"""What a split takes for missing, as the format numbers it."""

MOST_WORDS = 1 << 24
"""Words of all category sets together, each as long as the longest."""


@dataclass(frozen=True)
class Scores:
    """``raw`` sums of the trees, which a random forest divides by the number of iterations (``mean``), and leaves."""

    raw: Node
    mean: Node
    leaves: Node


def scores(model: LightGBMModel, x: Node, importer: Importer) -> Scores:
    """The sums of all trees for the columns ``x``."""
    snaps = not is_sparse(x)  # sparse rows keep what is tiny
    x = importer.dense(x)
    trees = model.trees or tuple(_constant(0.0) for _ in range(model.n_outputs))
    sets = _Sets(trees)
    zeros = sorted({int(column) for tree in trees for column in tree.feature[_zero_as_missing(tree)]})
    plain = any((~_zero_as_missing(tree)).any() for tree in trees) or not zeros
    places = np.zeros(model.n_features_in_, dtype=np.int64)
    places[zeros] = (model.n_features_in_ if plain else 0) + np.arange(len(zeros))
    splits = join([_tree(tree, places, sets.of(i), snaps=snaps) for i, tree in enumerate(trees)], "model")
    compared = x
    if zeros:
        missing: Node = ZeroToNaN((Select((x,), tuple(zeros)),))
        compared = Concat((x, missing)) if plain else missing
    order = [_leaf_numbers(leaves) for leaves in splits.leaf_nodes]
    leaves = splits.per_tree(compared, order, float32=False, dtype="int32", categories=sets.rows, outside="right")
    columns = np.tile(np.arange(model.n_outputs), len(trees) // model.n_outputs)
    divisors = (1.0, float(len(trees) // model.n_outputs)) if model.averages else (1.0, 1.0)
    if any(tree.linear is not None for tree in trees):
        positions = np.cumsum([0, *map(len, order)])
        numbers = splits.per_tree(
            compared,
            [np.arange(a, b) for a, b in pairwise(positions)],
            float32=False,
            categories=sets.rows,
            outside="right",
        )
        rows = Concat((x, numbers))
        raw, mean = (_linear(trees, order, rows, columns, model.n_outputs, d, snaps=snaps) for d in divisors)
    else:
        values = np.concatenate([tree.values[each] for tree, each in zip(trees, order, strict=True)])
        raw, mean = (_sum(splits, compared, values, columns, sets.rows, model.n_outputs, d) for d in divisors)
    return Scores(raw, mean, leaves)


def _constant(value: float) -> TextTree:
    from pretzel.oven.frontends.lightgbm.model_text import TextTree

    none = np.zeros(0, dtype=np.int64)
    return TextTree(none, np.zeros(0), none, none, none, np.array([value]), np.zeros(1, dtype=np.int64), none)


def _sum(
    splits: Splits, x: Node, values: Array, columns: Array, categories: Array, n_outputs: int, divisor: float
) -> Node:
    return splits.ensemble(
        x,
        float32=False,
        values=values[:, None],
        columns=columns,
        base=np.zeros(n_outputs),
        divisor=divisor,
        categories=categories,
        outside="right",
    )


def _missing_type(tree: TextTree) -> Array:
    return (tree.decision >> 2) & 3


def _zero_as_missing(tree: TextTree) -> Array:
    zero: Array = (_missing_type(tree) == ZERO) & (tree.decision & 1 == 0)
    return zero


def _leaf_numbers(leaf_nodes: Array) -> Array:
    """Numbers of leaves in the order of ``leaf_nodes``; leaf i is node ``n_splits + i``."""
    return leaf_nodes - (len(leaf_nodes) - 1)


def _tree(tree: TextTree, places: Array, category_set: Array, *, snaps: bool) -> Tree:
    """Splits first, then leaves."""
    n_splits, n_leaves = len(tree.feature), len(tree.values)
    is_set, missing = tree.decision & 1 != 0, _missing_type(tree)
    threshold = np.where(is_set, 0.0, tree.threshold)
    if snaps:
        moved = (missing != ZERO) & ~is_set
        low, high = moved & (threshold >= -TINY) & (threshold < 0.0), moved & (threshold >= 0.0) & (threshold < TINY)
        threshold = np.where(low, np.nextafter(-TINY, -np.inf), np.where(high, TINY, threshold))
    default = np.where(missing == NONE, tree.threshold >= 0.0, tree.decision & 2 != 0) & ~is_set
    leaf = np.full(n_leaves, -1)

    def child(side: Array) -> Array:
        return np.concatenate([np.where(side >= 0, side, n_splits + ~side), leaf])

    feature = np.where(_zero_as_missing(tree), places[tree.feature], tree.feature)
    return Tree(
        feature=np.concatenate([feature, np.zeros(n_leaves, dtype=np.int64)]),
        threshold=np.concatenate([threshold, np.zeros(n_leaves)]),
        left=child(tree.left),
        right=child(tree.right),
        missing_left=np.concatenate([default, np.zeros(n_leaves, dtype=bool)]),
        category_set=np.concatenate([category_set, leaf]),
    )


class _Sets:
    """The category sets of all trees, equal ones once."""

    def __init__(self, trees: tuple[TextTree, ...]) -> None:
        self._trees = trees
        self._numbers: dict[bytes, int] = {}
        self._splits = [self._number(tree) for tree in trees]
        longest = max([8, *(len(words) // 4 for words in self._numbers)])
        if longest * len(self._numbers) > MOST_WORDS or longest > 1 << 19:
            raise Unsupported(f"{len(self._numbers)} category sets of up to {32 * longest} categories")
        self.rows = np.zeros((len(self._numbers), longest), dtype=np.uint32)
        for words, number in self._numbers.items():
            self.rows[number, : len(words) // 4] = np.frombuffer(words, dtype=np.uint32)

    def of(self, tree: int) -> Array:
        """Row of each split of a tree, -1 for numeric ones."""
        return self._splits[tree]

    def _number(self, tree: TextTree) -> Array:
        found = np.full(len(tree.feature), -1, dtype=np.int64)
        for split in np.flatnonzero(tree.decision & 1):
            at = int(tree.threshold[split])
            words = tree.set_words[tree.set_bounds[at] : tree.set_bounds[at + 1]].astype(np.uint32)
            used = np.flatnonzero(words)
            key = words[: used[-1] + 1 if used.size else 0].tobytes()
            found[split] = self._numbers.setdefault(key, len(self._numbers))
        return found


def _linear(
    trees: tuple[TextTree, ...], order: list[Array], x: Node, columns: Array, n_outputs: int, divisor: float, *,
    snaps: bool,
) -> Node:  # fmt: skip
    """Linear leaves, and plain ones as constants; leaves are numbered through all trees, from left to right."""
    counts, terms, factors, constants, values = [], [], [], [], []
    for tree, leaves in zip(trees, order, strict=True):
        values.append(tree.values[leaves])
        linear = tree.linear
        if linear is None:
            constants.append(tree.values[leaves])
            counts.append(np.zeros(len(leaves), dtype=np.int64))
            continue
        ends = np.cumsum(linear.counts)
        picked = [np.arange(ends[leaf] - linear.counts[leaf], ends[leaf]) for leaf in leaves]
        at = np.concatenate(picked).astype(np.int64)
        constants.append(linear.constants[leaves])
        counts.append(linear.counts[leaves])
        terms.append(linear.columns[at])
        factors.append(linear.factors[at])
    empty = [np.zeros(0)]
    return LinearLeaves(
        (x,),
        starts=np.cumsum(np.concatenate([[0], *counts])).astype(np.int32),
        columns=np.concatenate(terms or empty).astype(np.int32),
        factors=np.concatenate(factors or empty).astype(np.float64),
        constants=np.concatenate(constants),
        values=np.concatenate(values),
        outputs=columns.astype(np.int32),
        width=n_outputs,
        divisor=divisor,
        snaps=snaps,
    )
