"""``Mean(trees, trees, ...)`` and ``Votes(ArgMax(tree), ArgMax(tree), ...)``  ->  one ensemble of all trees.

Fires where each member is a single tree that starts from zero, so that its leaves hold what it adds: a value, or the
weights of its vote. Exact: the sums and their order stay. Does not fire where another node reads a member.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.link import ArgMax
from pretzel.oven.ir.tree_ensemble import TreeEnsemble
from pretzel.oven.ir.voting import Mean, Votes
from pretzel.oven.rules._trees import join_trees

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Node


def join_trees_of_members(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Add up the leaves of all members in one pass."""
    if isinstance(node, Mean):
        return _join_mean(node, users)
    return _join_votes(node, users) if isinstance(node, Votes) else None


def _join_mean(node: Mean, users: Mapping[Node, list[Node]]) -> Node | None:
    trees = [_single_tree(each) for each in node.inputs]
    if node.weights.size or None in trees or not _read_by_one(node.inputs, users):
        return None
    known = [tree for tree in trees if tree is not None]
    return join_trees(
        known,
        values=[tree.values for tree in known],
        columns=[tree.columns for tree in known],
        base=np.zeros(len(known[0].base)),
        divisor=float(len(known)),
    )


def _join_votes(node: Votes, users: Mapping[Node, list[Node]]) -> Node | None:
    (votes,) = node.inputs
    winners = votes.inputs if isinstance(votes, Concat) else (votes,)
    if not all(isinstance(winner, ArgMax) for winner in winners):
        return None
    members = [winner.inputs[0] for winner in winners]
    known = [tree for tree in map(_single_tree, members) if tree is not None]
    if len(known) < len(members) or not _read_by_one((votes, *winners, *members), users):
        return None
    values = []
    for i, tree in enumerate(known):
        voted = node.table[node.offsets[i] + np.argmax(tree.values, axis=1)]
        values.append(np.where(voted[:, None] == np.arange(node.classes), node.weights[i], node.others[i]))
    base = np.zeros(node.classes)
    return join_trees(known, values=values, columns=[tree.columns for tree in known], base=base, divisor=node.divisor)


def _single_tree(node: Node) -> TreeEnsemble | None:
    """``node`` where it is one tree whose leaves are its result."""
    if type(node) is not TreeEnsemble or len(node.roots) != 1 or node.divisor != 1.0 or node.base.any():
        return None
    whole = node.values.shape[1] == len(node.base) and not node.integral
    return node if whole and node.dtype == "float64" else None


def _read_by_one(nodes: tuple[Node, ...], users: Mapping[Node, list[Node]]) -> bool:
    return all(len(set(users.get(node, ()))) <= 1 for node in nodes)
