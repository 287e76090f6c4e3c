"""Trees from the states of the kernel ``tree_ensemble`` (`pretzel/_native/trees/layout.h`).

Thresholds are those that the kernel compares with, rounded down to float32 where values are. Nodes are numbered level
by level, or from left to right, through all trees.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.ir._states import Array, Fields, section

if TYPE_CHECKING:
    from collections.abc import Callable

_HEADER = np.dtype(
    [
        *((name, "u4") for name in ("layout", "keys", "float32", "trees", "slots", "features", "category_slots")),
        *((name, "u4") for name in ("columns", "left_keys", "wide", "leaves", "words")),
        *((f"{name}_at", "u8") for name in ("features", "categories", "sets", "ranks", "roots", "nodes")),
        ("bytes", "u8"),
    ]
)
_HEADER_1 = np.dtype([(name, _HEADER[name]) for name in _HEADER.names or () if name != "sets_at"])
_FEATURE = np.dtype([(name, "u4") for name in ("column", "slot_right", "slot_left", "table", "thresholds")])
_CATEGORY_1 = np.dtype([("column", "u4"), ("slot", "u4"), ("missing_left", "u4"), ("left", "u4", 8)])
_CATEGORY = np.dtype(
    [(name, "u4") for name in ("column", "slot", "missing_left", "outside_left", "truncates", "first", "words")]
)
_VECTOR, _RANK, _VALUE = 1, 1, 2  # of `layout` and `keys`
_FIRST_SLOT = 2
_NODES = 32  # of a vector
MOST_WORDS = 1 << 26
"""Words of all category sets of an ensemble at most, each as long as the longest."""
_NO_NODE = 0xFFFF  # threshold of a place of a vector without a node


def trees_1(state: Array, fields: Fields) -> dict[str, Array]:
    """The trees of a state of version 1, whose category sets have eight words."""
    head = section(state, 0, _HEADER_1, 1)[0]
    splits = section(state, head["categories_at"], _CATEGORY_1, head["category_slots"])
    return _trees(state, head, splits, splits["left"].reshape(-1, 8))


def trees_2(state: Array, fields: Fields) -> dict[str, Array]:
    """The trees of a state of version 2."""
    head = section(state, 0, _HEADER, 1)[0]
    splits = section(state, head["categories_at"], _CATEGORY, head["category_slots"])
    words = section(state, head["sets_at"], "u4", head["words"])
    n_words = int(splits["words"].max(initial=8))
    ends = splits["first"].astype(np.int64) + splits["words"]
    if (ends > len(words)).any() or len(splits) * n_words > MOST_WORDS:
        raise ValueError("category sets with more words than a state holds")
    sets = np.repeat(np.where(splits["outside_left"] != 0, np.uint32(0xFFFFFFFF), np.uint32(0))[:, None], n_words, 1)
    for row, first, count in zip(sets, splits["first"].tolist(), splits["words"].tolist(), strict=True):
        row[:count] = words[first : first + count]  # those beyond are as values without a bit
    return _trees(state, head, splits, sets)


def _trees(state: Array, head: Any, splits: Array, categories: Array) -> dict[str, Array]:
    if head["keys"] == _VALUE:
        return _value_trees(state, head, categories)
    slot, key, children, roots = (_vectors if head["layout"] == _VECTOR else _walks)(state, head)
    features = section(state, head["features_at"], _FEATURE, head["features"])
    sides = np.concatenate([features["slot_right"], features["slot_left"], splits["slot"]]).astype(np.int64)
    order = np.argsort(sides, kind="stable")
    if head["columns"]:  # a slot for each column, and once more for splits that send NaN left
        column, left = (slot - _FIRST_SLOT) % head["columns"], slot - _FIRST_SLOT >= head["columns"]
        of_side, is_split = np.zeros_like(slot), np.zeros(slot.shape, dtype=bool)
    else:
        of_side = order[np.searchsorted(sides, slot, sorter=order)]
        if not np.array_equal(sides[of_side], slot):
            raise ValueError("a node reads a key that no column has")
        n = len(features)
        column = np.concatenate([features["column"], features["column"], splits["column"]])[of_side]
        left = np.concatenate([np.zeros(n), np.ones(n), splits["missing_left"]])[of_side] != 0
        is_split = of_side >= 2 * n
    threshold = np.zeros(len(slot))
    numeric = ~is_split
    if head["keys"] == _RANK:
        used = features[of_side[numeric] % max(len(features), 1)]
        if (key[numeric] >= used["thresholds"]).any():
            raise ValueError("a node compares with a threshold that its column has not")
        ranks = section(state, head["ranks_at"], "f4" if head["float32"] else "f8", _room(head))
        threshold[numeric] = ranks[used["table"].astype(np.int64) + key[numeric]]
    else:
        threshold[numeric] = _float32_of(key[numeric])
    return {
        "feature": column.astype(np.int32),
        "threshold": threshold,
        "children": children.astype(np.int32),
        "missing_left": left.astype(np.uint8),
        "category_set": np.where(is_split, of_side - 2 * len(features), -1).astype(np.int32),
        "categories": categories,
        "roots": roots.astype(np.int32),
    }


def _room(head: Any) -> int:
    return (int(head["roots_at"]) - int(head["ranks_at"])) // (4 if head["float32"] else 8)


def _float32_of(key: Array) -> Array:
    """The numbers whose bits were made to sort as integers."""
    bits = key.astype(np.uint32)
    positive = bits >> 31 != 0
    with np.errstate(invalid="ignore"):
        return np.where(positive, bits ^ np.uint32(1 << 31), ~bits).view(np.float32).astype(np.float64)


def _walks(state: Array, head: Any) -> tuple[Array, Array, Array, Array]:
    """Slot and key of each node, its children, and the roots."""
    index = "u4" if head["wide"] else "u2"
    node = np.dtype([("slot", index), ("delta", index), ("threshold", "u4")])
    found, children, roots = _nodes(state, head, node, lambda leaves: leaves["threshold"])
    return found["slot"].astype(np.int64), found["threshold"].astype(np.int64), children, roots


def _value_trees(state: Array, head: Any, categories: Array) -> dict[str, Array]:
    """Trees whose nodes hold columns and thresholds, and their left child as the second."""
    number, index = ("f4", "u2") if head["float32"] else ("f8", "u4")
    bits = np.uint32((1 << 22) - 1 if head["float32"] else 0xFFFFFFFF)  # of the number of a leaf
    node = np.dtype([("threshold", number), ("column", index), ("delta", index)])
    low = np.dtype({"names": ["leaf"], "formats": ["u4"], "offsets": [0], "itemsize": node.itemsize})
    nodes, children, roots = _nodes(state, head, node, lambda leaves: leaves.view(low)["leaf"] & bits)
    left = np.array(1 << (8 * nodes["column"].itemsize - 1), dtype=nodes["column"].dtype)
    return {
        "feature": (nodes["column"] & ~left).astype(np.int32),
        "threshold": nodes["threshold"].astype(np.float64),
        "children": children[:, ::-1].astype(np.int32),
        "missing_left": (nodes["column"] & left != 0).astype(np.uint8),
        "category_set": np.full(len(nodes), -1, dtype=np.int32),
        "categories": categories,
        "roots": roots.astype(np.int32),
    }


def _nodes(
    state: Array, head: Any, node: np.dtype[Any], number_of: Callable[[Array], Array]
) -> tuple[Array, Array, Array]:
    """The nodes, their children, and the roots: all trees at once, level by level."""
    nodes = section(state, head["nodes_at"], node, (int(head["bytes"]) - int(head["nodes_at"])) // node.itemsize)
    at = section(state, head["roots_at"], [("first", "u4"), ("depth", "u4")], head["trees"])["first"].astype(np.int64)
    levels, numbers, count = [], [], 0
    while at.size:
        here = nodes[at]
        is_node = here["delta"] != 0
        inside = here[is_node]
        number = -1 - number_of(here).astype(np.int64)  # of a leaf
        number[is_node] = count + np.arange(len(inside))
        count += len(inside)
        if count > len(nodes):
            raise ValueError("nodes that several trees reach")
        levels.append(inside)
        numbers.append(number)
        left = at[is_node] + inside["delta"]
        at = np.stack([left, left + 1], axis=1).ravel()
    found = np.concatenate(levels) if levels else nodes[:0]
    children = np.concatenate([number.reshape(-1, 2) for number in numbers[1:]] or [np.zeros((0, 2), dtype=np.int64)])
    roots = numbers[0] if numbers else np.zeros(0)
    return found, children, roots


def _vectors(state: Array, head: Any) -> tuple[Array, Array, Array, Array]:
    """As `_walks`; the nodes of a tree come from left to right, each with the leaves on its left."""
    leaves = int(head["leaves"])
    if leaves not in (8, 16, 32):
        raise ValueError(f"vectors of trees with {leaves} leaves")
    bits, places = leaves // 8, _NODES // leaves
    parts: list[Any] = [("threshold", "u2", _NODES), ("remain", f"u{bits}", _NODES), ("slot", "u1", _NODES)]
    parts.append(("first_leaf", "u4", (places,)))
    vector = np.dtype([*parts, ("pad", f"V{-np.dtype(parts).itemsize % 16}")])
    trees = int(head["trees"])
    vectors = section(state, head["nodes_at"], vector, -(-trees // places))
    of_tree = {name: vectors[name].reshape(-1, leaves)[:trees] for name in ("threshold", "remain", "slot")}
    first_leaf = vectors["first_leaf"].ravel()
    slots: list[int] = []
    keys: list[int] = []
    children: list[list[int]] = []
    roots: list[int] = []
    for t in range(trees):
        here = of_tree["threshold"][t] != _NO_NODE
        lefts = [_span(~remain & (1 << leaves) - 1) for remain in of_tree["remain"][t][here].tolist()]
        below, root = _children(lefts, int(first_leaf[t]), len(slots))
        roots.append(root)
        children += below
        slots += of_tree["slot"][t][here].tolist()
        keys += of_tree["threshold"][t][here].tolist()
    return np.array(slots, int), np.array(keys, int), np.array(children, int).reshape(-1, 2), np.array(roots, int)


def _span(bits: int) -> tuple[int, int]:
    """First and last bit, plus one, of bits that lie side by side."""
    first, end = (bits & -bits).bit_length() - 1, bits.bit_length()
    if bits == 0 or bits != (1 << end) - (1 << first):
        raise ValueError("leaves on the left of a node do not lie side by side")
    return first, end


def _children(lefts: list[tuple[int, int]], first_leaf: int, first_node: int) -> tuple[list[list[int]], int]:
    """The children of each node of a tree, and its root, from the leaves on the left of each node."""
    below = [[0, 0] for _ in lefts]
    remaining = enumerate(lefts)

    def place(begin: int, end: int) -> int:
        """Number of what covers these leaves: a leaf, or the next node."""
        if end - begin == 1:
            return -1 - (first_leaf + begin)
        node, (first, middle) = next(remaining, (0, (-1, -1)))
        if first != begin or not begin < middle < end:
            raise ValueError("the nodes of a tree overlap")
        below[node] = [place(begin, middle), place(middle, end)]
        return first_node + node

    root = place(0, len(lefts) + 1)
    if next(remaining, None) is not None:
        raise ValueError("a node has no place in its tree")
    return below, root
