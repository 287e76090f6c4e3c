"""Fitted trees of any source to the arrays of a `TreeEnsemble`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.frontends.registry import BrokenAttribute
from pretzel.oven.ir.tree_ensemble import TreeEnsemble, TreeEnsembleFloat32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.oven.ir.graph import Array, Node


@dataclass(frozen=True)
class Tree:
    """One tree in its source's numbering, root first; ``left < 0`` marks a leaf."""

    feature: Array
    threshold: Array
    left: Array
    right: Array
    missing_left: Array
    category_set: Array | None = None


@dataclass(frozen=True)
class Splits:
    """The splits of many trees, as `TreeEnsemble` takes them, and which leaf is which node of its source."""

    feature: Array
    threshold: Array
    children: Array
    missing_left: Array
    category_set: Array
    roots: Array
    leaf_nodes: tuple[Array, ...]

    def ensemble(
        self,
        x: Node,
        *,
        float32: bool,
        values: Array,
        columns: Array | None = None,
        base: Array | None = None,
        divisor: float = 1.0,
        categories: Array | None = None,
        outside: str = "missing",
        integral: bool = False,
        dtype: str = "float64",
        sums: str = "float64",
    ) -> TreeEnsemble:
        """The sum of leaf values over these trees; by default every tree adds to all columns, from zero.

        ``sums`` is the dtype to which each sum is rounded.
        """
        low, high, width = self.feature.min(initial=0), self.feature.max(initial=-1), x.schema().width
        if low < 0 or high >= width:
            raise ValueError(f"trees split on the columns {low} to {high} of {width}")
        kind = TreeEnsembleFloat32 if sums == "float32" else TreeEnsemble
        return kind(
            (x,),
            feature=self.feature,
            threshold=self.threshold,
            children=self.children,
            missing_left=self.missing_left,
            category_set=self.category_set,
            categories=np.zeros((0, 8), dtype=np.uint32) if categories is None else categories,
            roots=self.roots,
            float32=float32,
            values=np.ascontiguousarray(values, dtype=sums),
            columns=np.zeros(len(self.roots), dtype=np.int32) if columns is None else columns.astype(np.int32),
            base=np.zeros(values.shape[1], sums) if base is None else np.ascontiguousarray(base, dtype=sums),
            divisor=divisor,
            integral=integral,
            dtype=dtype,
            outside=outside,
        )

    def per_tree(
        self,
        x: Node,
        values: Sequence[Array],
        *,
        float32: bool,
        categories: Array | None = None,
        outside: str = "missing",
        dtype: str = "float64",
    ) -> TreeEnsemble:
        """One whole number per tree: what ``values`` holds for the leaf reached."""
        n = len(self.roots)
        return self.ensemble(
            x,
            float32=float32,
            values=np.concatenate(values).astype(np.float64)[:, None],
            columns=np.arange(n),
            base=np.zeros(n),
            categories=categories,
            outside=outside,
            integral=True,
            dtype=dtype,
        )


def leaves_of(tree: Tree) -> Array:
    """Leaves from left to right, the order in which the native kernel can compare a whole small tree at once.

    Raises
    ------
    ValueError
        The children do not form a tree: every node but the root is the child of one split, and below the root.
    """
    left, right = np.asarray(tree.left), np.asarray(tree.right)
    if {len(each) for each in (tree.feature, tree.threshold, right, tree.missing_left)} != {len(left)} or not len(left):
        raise ValueError("arrays of its nodes differ in length, or are empty")
    leaves = np.flatnonzero(left < 0)
    splits = np.flatnonzero(left >= 0)
    below = np.concatenate([left[splits], right[splits]])
    if not np.array_equal(np.sort(below), np.arange(1, len(left))):
        raise ValueError("some node is not the child of exactly one split")
    if (left[splits] == splits + 1).all() and (right[splits] > splits).all():  # numbered depth first
        return leaves
    levels = [splits[splits == 0]]  # of splits
    while len(levels[-1]):
        below = np.concatenate([left[levels[-1]], right[levels[-1]]])
        levels.append(below[left[below] >= 0])
    if sum(map(len, levels)) < len(splits):
        raise ValueError("some children form a circle")
    count = np.ones(len(left), dtype=np.int64)  # of leaves below a node
    for level in reversed(levels):
        count[level] = count[left[level]] + count[right[level]]
    first = np.zeros(len(left), dtype=np.int64)  # of them
    for level in levels:
        first[left[level]] = first[level]
        first[right[level]] = first[level] + count[left[level]]
    return leaves[np.argsort(first[leaves])]


def join(trees: Sequence[Tree], attribute: str) -> Splits:
    """Number the splits of all trees in one list and their leaves in another, from left to right.

    ``attribute`` of the estimator holds the trees; `BrokenAttribute` names it where the nodes do not form a tree.
    """
    parts: list[tuple[Array, ...]] = []
    roots, leaf_nodes = [], []
    n_splits = n_leaves = 0
    for number, tree in enumerate(trees):
        split = np.asarray(tree.left) >= 0
        try:
            leaves = leaves_of(tree)
        except ValueError as error:
            raise BrokenAttribute(f"{attribute}: the nodes of tree {number} do not form a tree: {error}") from error
        code = (n_splits + np.cumsum(split) - 1).astype(np.int32)
        code[leaves] = ~(n_leaves + np.arange(len(leaves), dtype=np.int32))
        children = np.stack([code[tree.left[split]], code[tree.right[split]]], axis=1)
        sets = np.full(len(children), -1) if tree.category_set is None else tree.category_set[split]
        parts.append((tree.feature[split], tree.threshold[split], children, tree.missing_left[split], sets))
        roots.append(code[0])
        leaf_nodes.append(leaves)
        n_splits += len(children)
        n_leaves += len(leaves)
    feature, threshold, children, missing_left, sets = (np.concatenate(part) for part in zip(*parts, strict=True))
    return Splits(
        feature=feature.astype(np.int32),
        threshold=threshold.astype(np.float64),
        children=np.ascontiguousarray(children, dtype=np.int32),
        missing_left=(missing_left != 0).astype(np.uint8),
        category_set=sets.astype(np.int32),
        roots=np.array(roots, dtype=np.int32),
        leaf_nodes=tuple(leaf_nodes),
    )
