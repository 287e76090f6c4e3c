"""What the dtype of a leaf's columns decides: about the dtype of a result, and which program computes it."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING

from pretzel.oven.dtypes import columns_of, follows_request, passed_on
from pretzel.oven.float32 import rounded_nodes
from pretzel.oven.ir.columns import LEAVES, CellLeaf, NumericLeaf, SparseLeaf, deciding_leaves
from pretzel.oven.ir.graph import Node, toposort, users
from pretzel.oven.ir.opaque import Opaque
from pretzel.plan import LeafTypes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from pretzel.oven.dtypes import Columns
    from pretzel.oven.frontends.value_reader import Refusal

NOTHING = LeafTypes(matters=False, decides=False)


def types_by_leaf(output: Node, refusals: Mapping[Node, Refusal]) -> list[tuple[Columns, LeafTypes]]:
    """What the dtype of the columns of each leaf decides, for the graph of a method before any rule.

    A column may be one of several leaves: then it decides what it decides in any of them.

    Parameters
    ----------
    output : Node
    refusals : mapping of Node to Refusal
        dtypes with which the steps behind a leaf do not compute natively.
    """
    readers = users([output])
    leaves: list[Node] = [leaf for leaf in readers if isinstance(leaf, NumericLeaf | SparseLeaf)]
    passed = passed_on(output)  # objects among them make objects of the whole result
    matter = {leaf for leaf in leaves if leaf in passed or _matters(leaf, output, readers)}
    cells = {leaf for leaf in readers if isinstance(leaf, CellLeaf) and "bool" in refusals.get(leaf, ((), False))[0]}
    leaves += cells
    matter |= cells  # but no result has their dtype
    values = [output, *(node.inputs[0] for node in readers if isinstance(node, Opaque))]
    deciding = set[Node]().union(*map(deciding_leaves, values))
    rounded = _rounded_alone(output, matter) if len(matter) > 1 else set()
    found = []
    for leaf in leaves:
        dtypes, each = refusals.get(leaf, (frozenset(), False))
        refused = (dtypes - {"float16"}).union(["object"] * (leaf in passed), ["float32"] * (leaf in rounded))
        types = LeafTypes(leaf in matter, leaf in deciding, tuple(sorted(refused)), each)
        found.append((columns_of(leaf), types))
    return found


def united(types: Iterable[LeafTypes]) -> LeafTypes:
    """What the dtypes of several columns decide together."""
    return reduce(_united, types, NOTHING)


def _united(a: LeafTypes, b: LeafTypes) -> LeafTypes:
    if a == b or b == NOTHING:
        return a
    refused = tuple(sorted({*a.refuses, *b.refuses}))
    return LeafTypes(a.matters or b.matters, a.decides or b.decides, refused, a.each or b.each)


def _matters(node: Node, output: Node, readers: Mapping[Node, list[Node]]) -> bool:
    return node is output or any(
        _matters(reader, output, readers) if reader.passthrough else follows_request(reader) for reader in readers[node]
    )


def _rounded_alone(output: Node, matter: AbstractSet[Node]) -> set[Node]:
    """The leaves for which steps round to float32 also where other leaves that ``matter`` are not float32."""
    found: set[Node] = set()
    for node in rounded_nodes(toposort([output])):
        leaves = set[Node]().union(*map(deciding_leaves, node.inputs))
        if not isinstance(node, LEAVES) and not matter <= leaves and node.in_float32() is not node:
            found |= leaves
    return found
