"""Columns that meet weights of zero only are not computed.

``Linear(SubDiv(x), W)`` becomes ``Linear(SubDiv(Select(x, kept)), W[kept])``, also for imputers, and so do categories
whose rows of a look-up table are all zero: their codes are not looked up and their cells not read. Fires where at least
half of the columns go, because every model that shares the untouched step then has one of its own.

Does not fire where a dropped column could be refused (unknown categories) or could make the result NaN: zero times
infinity is not zero. Checks stay in front of the selection and see all columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.ir.columns import CellLeaf, Select
from pretzel.oven.ir.encode import CategoryCodes, category_codes
from pretzel.oven.ir.graph import replace
from pretzel.oven.ir.impute import Impute
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.lookup import LookupLinear
from pretzel.oven.ir.scale import SubDiv
from pretzel.oven.rules._facts import facts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Array, Node


def prune_columns(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Leave out columns that a linear computation does not use."""
    if isinstance(node, Linear):
        return _prune_linear(node)
    if isinstance(node, LookupLinear):
        return _prune_lookup(node)
    return None


def _prune_linear(node: Linear) -> Node | None:
    (source,) = node.inputs
    kept = np.flatnonzero(node.weights.any(axis=1))
    if not isinstance(source, SubDiv | Impute) or not _worth_it(kept, len(node.weights)):
        return None
    facts = facts_of(source)
    if not (facts.no_nan and facts.no_inf):
        return None
    selected = Select(source.inputs, tuple(map(int, kept)))
    return Linear((_columns_of(source, selected, kept),), node.weights[kept], node.bias)


def _columns_of(step: SubDiv | Impute, selected: Node, kept: Array) -> Node:
    """A step that works column by column, over the selected ones."""
    if isinstance(step, Impute):
        return Impute((selected,), step.fill[kept], step.missing)
    mean, scale = (None if each is None else each[kept] for each in (step.mean, step.scale))
    return SubDiv((selected,), mean, scale)


def _prune_lookup(node: LookupLinear) -> Node | None:
    (codes,) = node.inputs
    if not isinstance(codes, CategoryCodes) or codes.refuse.any():
        return None
    (leaf,) = codes.inputs
    if not isinstance(leaf, CellLeaf):
        return None
    blocks = [node.table[a:b] for a, b in zip(node.offsets[:-1], node.offsets[1:], strict=True)]
    kept = np.array([j for j, block in enumerate(blocks) if block.any()], dtype=np.int64)
    if not _worth_it(kept, len(blocks)):
        return None
    numbers = [codes.codes[a:b].tolist() for a, b in zip(codes.starts[:-1], codes.starts[1:], strict=True)]
    fewer = category_codes(
        replace(leaf, columns=tuple(leaf.columns[j] for j in kept)),
        [codes.categories[j] for j in kept],
        [numbers[j] for j in kept],
        codes.unknown[kept].tolist(),
        refuse=0,
    )
    offsets = np.cumsum([0, *(len(blocks[j]) for j in kept)], dtype=np.int32)
    return LookupLinear((fewer,), np.concatenate([blocks[j] for j in kept]), offsets, node.bias)


def _worth_it(kept: Array, width: int) -> bool:
    return 0 < len(kept) <= width // 2
