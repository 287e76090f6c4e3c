"""Columns that meet weights of zero only are not computed.

``Linear(SubDiv(x), W)`` becomes ``Linear(SubDiv(Select(x, kept)), W[kept])``, and so for every column-wise step.
Categories whose rows of a look-up table are all zero go as well: their codes are not looked up and their cells not
read. Fires where at least half of the columns go, because every model that shares the untouched step then has one of
its own.

Does not fire where a dropped column could be rejected (unknown categories) or could make the result NaN: zero times
infinity is not zero. Checks stay in front of the selection and see all columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.ir.columns import CellLeaf, Select
from pretzel.oven.ir.embedding_sum import EmbeddingSum
from pretzel.oven.ir.graph import replace
from pretzel.oven.ir.linear import Linear
from pretzel.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Array, Node


def prune_columns(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Leave out columns that a linear computation does not use."""
    if isinstance(node, Linear):
        return _prune_linear(node)
    if isinstance(node, EmbeddingSum):
        return _prune_lookup(node)
    return None


def _prune_linear(node: Linear) -> Node | None:
    (source,) = node.inputs
    kept = np.flatnonzero(node.weights.any(axis=1))
    if not source.columnwise or not _worth_it(kept, len(node.weights)) or not source.properties().finite:
        return None
    fewer = _only(source, kept)
    return None if fewer is None else replace(node, inputs=(fewer,), weights=node.weights[kept])


def _prune_lookup(node: EmbeddingSum) -> Node | None:
    (codes,) = node.inputs
    blocks = [node.table[a:b] for a, b in zip(node.offsets[:-1], node.offsets[1:], strict=True)]
    kept = np.array([j for j, block in enumerate(blocks) if block.any()], dtype=np.int64)
    if not codes.columnwise or not _worth_it(kept, len(blocks)):
        return None
    fewer = _only(codes, kept)
    if fewer is None:
        return None
    offsets = np.cumsum([0, *(len(blocks[j]) for j in kept)], dtype=np.int32)
    return replace(node, inputs=(fewer,), table=np.concatenate([blocks[j] for j in kept]), offsets=offsets)


def _only(step: Node, kept: Array) -> Node | None:
    """A column-wise step of the columns that are kept."""
    (x,) = step.inputs
    if isinstance(x, CellLeaf):
        return step.select_columns(replace(x, columns=tuple(x.columns[j] for j in kept)), kept)
    return step.select_columns(Select((x,), tuple(map(int, kept))), kept) if x.schema().kind is Kind.DENSE else None


def _worth_it(kept: Array, width: int) -> bool:
    return 0 < len(kept) <= width // 2
