"""Programs of several models over one input as one program in which everything equal is computed once.

Plain data to plain data: a computation is named by its kernel, the digests of its parameters and the names of its
inputs, down to the columns of the request; computations of one name become one call. Stages are too coarse for that:
a vectorizer that many models share stands in one stage with each model's own weights.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from pretzel.plan import Leaf, Program, Slot, Stage, Wire, Wiring
from pretzel.runtime.dataflow import Dataflow, Read, Write, leaf_key
from pretzel.schema import Kind
from pretzel.store.digest import digest_parts

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from pretzel.plan import Call


@dataclass(frozen=True, slots=True)
class Merged:
    """A program that answers for several.

    Parameters
    ----------
    program : Program
        Its result is one row that holds the results of all.
    firsts : tuple of int
        For each of them, where in that row its own result starts.
    calls, distinct : int
        Calls of all programs, and calls that are left.
    """

    program: Program
    firsts: tuple[int, ...]
    calls: int
    distinct: int


def can_merge(program: Program | None) -> bool:
    """Whether `merge` takes a program: its leaves read the request, its result is dense and computed."""
    if program is None or any(leaf.source for leaf in program.leaves):
        return False
    result = program.slots[program.output]
    is_leaf = any(leaf.slot == program.output for leaf in program.leaves)
    return result.kind is Kind.DENSE and result.width > 0 and not is_leaf


def merge(programs: Sequence[Program]) -> Merged:
    """One program for all of ``programs``, for each of which `can_merge` holds; they get the same row."""
    return _Merger().run(programs)


@dataclass(slots=True)
class _Node:
    """A call of the merged program."""

    call: Call
    origin: str
    inputs: tuple[int, ...]
    output: int
    depth: int


@dataclass
class _Merger:
    names: dict[Hashable, int] = field(default_factory=dict)
    leaves: dict[Hashable, Leaf] = field(default_factory=dict)
    slots: list[Slot] = field(default_factory=list)
    slot_of: dict[Hashable, int] = field(default_factory=dict)
    span: dict[int, int] = field(default_factory=dict)  # name of a group -> columns
    place: dict[int, list[int]] = field(default_factory=lambda: defaultdict(list))  # name of a group -> its slots
    nodes: dict[Hashable, _Node] = field(default_factory=dict)

    def run(self, programs: Sequence[Program]) -> Merged:
        results = [self._add(Dataflow(program)) for program in programs]
        first: dict[int, int] = {}
        columns = 0
        for group, _ in results:
            if group not in first:
                first[group] = columns
                columns += self.span[group]
        width = columns
        for group, span in self.span.items():
            if group not in first:
                first[group] = width
                width += span
        for group, slots in self.place.items():
            for number in slots:
                self.slots[number] = replace(
                    self.slots[number], buffer=0, offset=self.slots[number].offset + first[group]
                )
        self.slots.append(Slot(Kind.DENSE, columns, 0, 0))
        # Checks come before those that rely on them; then what runs the same kernel on the same input.
        order = sorted(
            self.nodes.values(), key=lambda node: (node.depth, node.output >= 0, node.call.kernel, node.inputs)
        )
        calls = tuple(node.call for node in order)
        wiring = Wiring(
            tuple(self.leaves.values()),
            tuple(self.slots),
            (width,),
            tuple(Wire(node.inputs, node.output, node.origin) for node in order),
            len(self.slots) - 1,
        )
        program = Program(wiring, (Stage(_digest(calls), calls),) if calls else ())
        total = sum(len(program.wires) for program in programs)
        return Merged(program, tuple(first[group] + offset for group, offset in results), total, len(order))

    def _add(self, flow: Dataflow) -> tuple[int, int]:
        """Adds a program; group and column of its result."""
        calls = flow.program.calls
        for write in flow.writes:
            write.name = self._named(self._call_key(flow, write, calls[write.call]))
        groups = self._groups(flow)
        for write in flow.writes:
            key = self._node_key(write, groups)
            if key in self.nodes:
                continue
            inputs = tuple(self._input(flow, read, groups) for read in write.reads)
            before = [flow.writes[part] for read in write.reads for part in read.parts]
            depth = 1 + max((self.nodes[self._node_key(other, groups)].depth for other in before), default=0)
            output = -1
            if write.slot is not None:
                output = self._slot(write.slot, groups[write.group], write.offset, write.name)
            origin = flow.program.wires[write.call].origin
            self.nodes[key] = _Node(calls[write.call], origin, inputs, output, depth)
        first = flow.writes[flow.result.parts[0]]
        return groups[first.group], first.offset

    def _node_key(self, write: Write, groups: dict[int, int]) -> Hashable:
        """Equal calls are one where they write to one place: a part of a larger value is shared only with all of it."""
        return write.name, groups.get(write.group, -1), write.offset

    def _call_key(self, flow: Dataflow, write: Write, call: Call) -> Hashable:
        kind = None if write.slot is None else (write.slot.kind, write.slot.width)
        inputs = tuple(self._read_key(flow, read) for read in write.reads)
        return "call", call.kernel, call.params, call.state, kind, inputs

    def _read_key(self, flow: Dataflow, read: Read) -> Hashable:
        if read.leaf is not None:
            return "leaf", read.leaf
        parts = [(flow.writes[i], flow.writes[i].slot) for i in read.parts]
        return read.slot.width, tuple((slot.offset - read.slot.offset, part.name) for part, slot in parts if slot)

    def _groups(self, flow: Dataflow) -> dict[int, int]:
        """Names of the groups of a program: all that lies in them, and where."""
        members: defaultdict[int, list[tuple[int, int, int]]] = defaultdict(list)
        for write in flow.writes:
            if write.slot is not None:
                members[write.group].append((write.offset, write.slot.width, write.name))
        named = {}
        for group, content in members.items():
            named[group] = self._named(("group", tuple(sorted(content))))
            if flow.writes[group].slot.kind is Kind.DENSE:  # type: ignore[union-attr]
                self.span[named[group]] = max(offset + width for offset, width, _ in content)
        return named

    def _input(self, flow: Dataflow, read: Read, groups: dict[int, int]) -> int:
        if read.leaf is not None:
            return self._leaf(flow, read)
        if not read.parts:  # no columns at all
            return self._new(("empty",), replace(read.slot, buffer=-1, offset=0))
        first = flow.writes[read.parts[0]]
        return self._slot(read.slot, groups[first.group], first.offset, first.name)

    def _leaf(self, flow: Dataflow, read: Read) -> int:
        number = self._new(("leaf", read.leaf), replace(read.slot, buffer=-1, offset=0))
        if read.leaf not in self.leaves:
            leaf = next(leaf for leaf in flow.leaves.values() if leaf_key(leaf) == read.leaf)
            self.leaves[read.leaf] = replace(leaf, slot=number)
        return number

    def _slot(self, slot: Slot, group: int, offset: int, name: int) -> int:
        """The slot of some columns of a group; sparse values are by themselves."""
        if slot.kind is not Kind.DENSE:
            return self._new(("alone", name), replace(slot, buffer=-1, offset=0))
        key = ("columns", group, offset, slot.width)
        if key not in self.slot_of:
            self.place[group].append(self._new(key, Slot(slot.kind, slot.width, -1, offset)))
        return self.slot_of[key]

    def _new(self, key: Hashable, slot: Slot) -> int:
        if key not in self.slot_of:
            self.slots.append(slot)
            self.slot_of[key] = len(self.slots) - 1
        return self.slot_of[key]

    def _named(self, key: Hashable) -> int:
        return self.names.setdefault(key, len(self.names))


def _digest(calls: tuple[Call, ...]) -> bytes:
    keys: list[Any] = [
        digest_parts(call.kernel, [digest or b"" for digest in (*call.params, call.state)]) for call in calls
    ]
    return digest_parts("merged", keys)
