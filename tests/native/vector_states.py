"""States of small trees that are compared whole (`TreeLayout::kVector`), which only machines with AVX-512 build.

Every machine runs them. They are laid out here as `_native/trees/layout.h` says.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping

FIRST_SLOT = 2
SCRATCH_SLOT = 1
BLOCK = 16
NODES = 32


def aligned(size: int) -> int:
    return -(-size // 64) * 64


def search_table(keys: list[float]) -> list[float]:
    """The lowest level, then every sixteenth key of the level below, each padded to whole blocks."""
    if len(keys) <= BLOCK:
        return keys
    table, level = [], keys
    while True:
        table += level + [np.inf] * (-len(level) % BLOCK)
        if len(level) <= BLOCK:
            return table
        level = [level[(i + 1) * BLOCK - 1] for i in range(-(-len(level) // BLOCK) - 1)]


def rounded_down(thresholds: np.ndarray) -> np.ndarray:
    """Largest float32 numbers that are not above the thresholds."""
    nearest = thresholds.astype(np.float32)
    return np.where(nearest > thresholds, np.nextafter(nearest, np.float32(-np.inf)), nearest)


class VectorTrees:
    """Trees of at most ``leaves`` leaves (8, 16 or 32), without categorical splits.

    Parameters
    ----------
    params : mapping of str to ndarray
        Those of the kernel ``tree_ensemble``.
    leaves : int
    """

    def __init__(self, params: Mapping[str, np.ndarray], leaves: int) -> None:
        self.float32 = bool(params["float32"])
        self.feature, self.children, self.left = params["feature"], params["children"], params["missing_left"]
        self.threshold = rounded_down(params["threshold"]) if self.float32 else params["threshold"]
        self.roots = params["roots"]
        uses = sorted({(int(f), bool(m)) for f, m in zip(self.feature, self.left, strict=True)})
        self.slots = {use: FIRST_SLOT + i for i, use in enumerate(uses)}
        self.columns = sorted({column for column, _ in uses})
        self.keys = {c: sorted(set(self.threshold[self.feature == c].tolist())) for c in self.columns}
        self.leaves, self.trees = leaves, NODES // leaves
        fields = [("threshold", "u2", NODES), ("remain", f"u{leaves // 8}", NODES), ("slot", "u1", NODES)]
        self.type = np.dtype([*fields, ("first_leaf", "u4", (self.trees,))])
        self.type = np.dtype({**self.layout(self.type), "itemsize": -(-self.type.itemsize // 16) * 16})

    @staticmethod
    def layout(dtype: np.dtype[Any]) -> dict[str, Any]:
        assert dtype.fields is not None
        fields = [dtype.fields[name] for name in dtype.names or ()]
        return {"names": dtype.names, "formats": [f[0] for f in fields], "offsets": [f[1] for f in fields]}

    def write(self, vector: Any, place: int, node: int, count: list[int]) -> None:
        """The nodes below one; ``count`` are the nodes and leaves so far."""
        if node < 0:
            count[1] += 1
            return
        at, first = place + count[0], count[1]
        count[0] += 1
        left, right = self.children[node]
        self.write(vector, place, left, count)
        gone = (1 << count[1]) - (1 << first)
        column = int(self.feature[node])
        vector["slot"][at] = self.slots[column, bool(self.left[node])]
        vector["threshold"][at] = self.keys[column].index(float(self.threshold[node]))
        vector["remain"][at] = ~gone & ((1 << self.leaves) - 1)
        self.write(vector, place, right, count)

    def state(self) -> np.ndarray:
        """The bytes."""
        vectors = np.zeros(-(-len(self.roots) // self.trees), dtype=self.type)
        vectors["threshold"] = 2**16 - 1
        for t, root in enumerate(self.roots.tolist()):
            vector, k = vectors[t // self.trees], t % self.trees
            leftmost = root
            while leftmost >= 0:
                leftmost = int(self.children[leftmost][0])
            vector["first_leaf"][k] = ~leftmost
            self.write(vector, k * self.leaves, root, [0, 0])
        features, tables = [], []
        for column in self.columns:
            right, left = (self.slots.get((column, side), SCRATCH_SLOT) for side in (False, True))
            features += [column, right, left, len(tables), len(self.keys[column])]
            tables += search_table(self.keys[column])
        tables += [np.inf] * BLOCK
        sections = [
            np.array(features, dtype=np.uint32).tobytes(),
            b"",
            b"",
            np.array(tables, dtype=np.float32 if self.float32 else np.float64).tobytes(),
            b"",
            vectors.tobytes(),
        ]
        n_slots = FIRST_SLOT + len(self.slots)
        numbers = [1, 1, self.float32, len(self.roots), n_slots, len(self.columns), 0, 0, 0, 0, self.leaves, 0]
        at, begins = aligned(104), []
        for section in sections:
            begins.append(at)
            at = aligned(at + len(section))
        data = bytearray(at)
        data[:104] = struct.pack("<12I7Q", *numbers, *begins, at)
        for begin, section in zip(begins, sections, strict=True):
            data[begin : begin + len(section)] = section
        return np.frombuffer(bytes(data), dtype=np.uint8)
