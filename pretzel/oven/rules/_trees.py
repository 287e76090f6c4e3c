"""Several ensembles of trees as one, for the rules that find them side by side."""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.columns import NumericLeaf, Select
from pretzel.oven.ir.graph import replace
from pretzel.oven.ir.tree_ensemble import TreeEnsemble

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.oven.ir.graph import Array, Node

JOINED = frozenset(
    {"inputs", "feature", "threshold", "children", "missing_left", "category_set", "categories", "roots", "values",
     "columns", "base"}
)  # fmt: skip
"""Fields that may differ between ensembles that become one."""


def join_trees(
    nodes: Sequence[Node], *, values: Sequence[Array], columns: Sequence[Array], base: Array, divisor: float
) -> TreeEnsemble | None:
    """One ensemble of the trees of all ``nodes``, with other values, or None where they are not alike.

    Parameters
    ----------
    nodes : sequence of Node
        Ensembles that read the same value, or some columns of it, after the same check.
    values, columns : sequence of ndarray
        Of the leaves and trees of each of them.
    base : ndarray
    divisor : float
    """
    trees = [node for node in nodes if isinstance(node, TreeEnsemble)]
    if not trees or len(trees) < len(nodes) or not _are_alike(trees):
        return None
    common = _common_input([tree.inputs[0] for tree in trees])
    if common is None:
        return None
    x, places = common
    splits = np.cumsum([0, *(len(tree.feature) for tree in trees)])
    leaves = np.cumsum([0, *(len(tree.values) for tree in trees)])
    sets = np.cumsum([0, *(len(tree.categories) for tree in trees)])

    def moved(codes: Array, i: int) -> Array:
        found: Array = np.where(codes >= 0, codes + splits[i], codes - leaves[i]).astype(np.int32)
        return found

    def joined(parts: Sequence[Array]) -> Array:
        return np.ascontiguousarray(np.concatenate(parts))

    numbered = list(enumerate(trees))
    made = replace(
        trees[0],
        inputs=(x,),
        feature=joined([place[tree.feature] for tree, place in zip(trees, places, strict=True)]).astype(np.int32),
        threshold=joined([tree.threshold for tree in trees]),
        children=joined([moved(tree.children, i) for i, tree in numbered]),
        missing_left=joined([tree.missing_left for tree in trees]),
        category_set=joined(
            [np.where(tree.category_set < 0, -1, tree.category_set + sets[i]) for i, tree in numbered]
        ).astype(np.int32),
        categories=joined([tree.categories for tree in trees]),
        roots=joined([moved(tree.roots, i) for i, tree in numbered]),
        values=joined(values),
        columns=joined(columns).astype(np.int32),
        base=base,
        divisor=divisor,
    )
    assert isinstance(made, TreeEnsemble)
    return made


def stack_trees(nodes: Sequence[Node]) -> Node | None:
    """Ensembles side by side as one, with the same bits."""
    trees = [node for node in nodes if isinstance(node, TreeEnsemble)]
    if len(trees) < len(nodes) or len({tree.values.shape[1] for tree in trees}) > 1:
        return None
    firsts = np.cumsum([0, *(len(tree.base) for tree in trees)])
    return join_trees(
        trees,
        values=[tree.values for tree in trees],
        columns=[tree.columns + first for tree, first in zip(trees, firsts, strict=False)],
        base=np.concatenate([tree.base for tree in trees]),
        divisor=trees[0].divisor,
    )


def _are_alike(trees: Sequence[TreeEnsemble]) -> bool:
    """Whether all ensembles compare and add in one way."""
    names = [f.name for f in fields(trees[0]) if f.name not in JOINED]
    if len({(type(tree), tree.categories.shape[1]) for tree in trees}) > 1:
        return False
    return len({tuple(repr(getattr(tree, name)) for name in names) for tree in trees}) == 1


def _common_input(inputs: Sequence[Node]) -> tuple[Node, list[Array]] | None:
    """A value that holds the columns of all ``inputs``, and where they are in it."""
    if len(set(inputs)) == 1:
        return inputs[0], [np.arange(inputs[0].schema().width)] * len(inputs)
    checks = [node for node in inputs if type(node) is CheckFinite]
    if checks and len(checks) < len(inputs):
        return None
    if len({(check.estimator, check.allow_nan, check.float32) for check in checks}) > 1:
        return None
    selections = [node.inputs[0] if checks else node for node in inputs]
    if len({_source(node) for node in selections}) > 1:
        return None
    columns = [_columns(node) for node in selections]
    union = np.unique(np.concatenate(columns))
    x = _selected(selections[0], tuple(map(int, union)))
    common = replace(checks[0], inputs=(x,)) if checks else x
    return common, [np.searchsorted(union, each) for each in columns]


def _source(node: Node) -> tuple[Node, ...]:
    """What a node selects columns of: the object that a leaf reads, or another value."""
    return node.inputs if isinstance(node, NumericLeaf | Select) else (node,)


def _columns(node: Node) -> Array:
    every = tuple(range(node.schema().width))
    return np.array(node.columns if isinstance(node, NumericLeaf | Select) else every, dtype=np.int64)


def _selected(node: Node, columns: tuple[int, ...]) -> Node:
    """Other columns of what a node selects them of."""
    if isinstance(node, NumericLeaf):
        return replace(node, columns=columns)
    (source,) = _source(node)
    return source if columns == tuple(range(source.schema().width)) else Select((source,), columns)
