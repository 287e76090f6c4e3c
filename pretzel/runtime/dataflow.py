"""Which calls of a program make what each call reads. Slots may lie in one another, and buffers are used again."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Hashable

    from pretzel.plan import Leaf, Program, Slot


@dataclass(slots=True)
class Write:
    """What one call writes: under which name, and where in a group of values that somebody reads as one."""

    call: int
    slot: Slot | None  # None: a check
    reads: list[Read]
    name: int = -1
    group: int = -1  # representative of the values that lie side by side
    offset: int = 0


@dataclass(slots=True)
class Read:
    """One input: a leaf, or values that lie side by side."""

    slot: Slot
    leaf: Hashable | None
    parts: tuple[int, ...] = ()  # writes, by position


class Dataflow:
    """Who reads what, once buffers that are used again for other values have been told apart."""

    def __init__(self, program: Program) -> None:
        self.program = program
        self.leaves = {leaf.slot: leaf for leaf in program.leaves}
        self.writes: list[Write] = []
        self._parent: list[int] = []
        self._alone: dict[int, int] = {}  # slot without a buffer -> its write
        self._live: defaultdict[int, list[int]] = defaultdict(list)  # buffer -> writes that are still there
        for i, wire in enumerate(program.wires):
            reads = [self._read(slot) for slot in wire.inputs]
            slot = None if wire.output < 0 else program.slots[wire.output]
            self.writes.append(Write(i, slot, reads))
            self._parent.append(i)
            if slot is not None:
                self._wrote(i, wire.output, slot)
        self.result = self._read(program.output)
        self._settle()

    def _wrote(self, i: int, number: int, slot: Slot) -> None:
        if slot.buffer < 0:
            self._alone[number] = i
            return
        live = self._live[slot.buffer]
        live[:] = [other for other in live if not _overlap(self._slot(other), slot)]
        live.append(i)

    def _read(self, number: int) -> Read:
        slot = self.program.slots[number]
        if number in self.leaves:
            return Read(slot, leaf_key(self.leaves[number]))
        if slot.buffer < 0:
            return Read(slot, None, (self._alone[number],) if number in self._alone else ())
        parts = [i for i in self._live[slot.buffer] if _overlap(self._slot(i), slot)]
        parts.sort(key=lambda i: self._slot(i).offset)
        for other in parts[1:]:
            self._parent[self._root(other)] = self._root(parts[0])
        return Read(slot, None, tuple(parts))

    def _slot(self, i: int) -> Slot:
        slot = self.writes[i].slot
        assert slot is not None
        return slot

    def _root(self, i: int) -> int:
        while self._parent[i] != i:
            i = self._parent[i]
        return i

    def _settle(self) -> None:
        """Groups and places in them."""
        start: dict[int, int] = {}
        for i, write in enumerate(self.writes):
            if write.slot is not None:
                write.group = self._root(i)
                start[write.group] = min(start.get(write.group, write.slot.offset), write.slot.offset)
        for write in self.writes:
            if write.slot is not None:
                write.offset = write.slot.offset - start[write.group]


def leaf_key(leaf: Leaf) -> Hashable:
    """Equal for leaves that read the same from a row."""
    return leaf.kind, leaf.columns, leaf.lower, leaf.accents


def _overlap(a: Slot, b: Slot) -> bool:
    return a.offset < b.offset + b.width and b.offset < a.offset + a.width
