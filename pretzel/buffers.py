"""Buffer assignment: where the values of a program lie while a tile of rows passes through it.

A program says which values its calls read and make. When it is loaded, every value gets a slot: a piece of a buffer
that no other value uses as long as this one is needed. The parts of a concatenation are written into it by the calls
that make them; a part that has to lie elsewhere as well is copied.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pretzel.program import Call
from pretzel.schema import Kind

if TYPE_CHECKING:
    from pretzel.program import Program, ProgramShape

COPY = Call("concat", (), None, "copy")
"""The call that copies a part of a concatenation to its place."""


@dataclass(frozen=True, slots=True)
class Slot:
    """Memory of one value. ``buffer`` is -1 for a leaf's own memory, sparse rows, and the caller's result."""

    kind: Kind
    width: int
    buffer: int = -1
    offset: int = 0


@dataclass(frozen=True, slots=True)
class PlacedStep:
    """A call of a loaded program.

    Parameters
    ----------
    call : int
        Index of the program's call; -1 for `COPY`.
    inputs : tuple of int
        Slots that it reads.
    output : int
        Slot that it writes; -1 for a check.
    origin : str
        Part of the source estimator; for a copy, that of the call after it.
    """

    call: int
    inputs: tuple[int, ...]
    output: int
    origin: str


@dataclass(slots=True, eq=False, weakref_slot=True)
class BufferPlan:
    """Memory of a program, and its calls in terms of it.

    Parameters
    ----------
    slots : list of Slot
        Slot ``i`` is the memory of leaf ``i``; the others follow in the order in which they are written.
    buffers : list of int
        Widths of the buffers, in columns.
    steps : list of PlacedStep
        The program's calls and the copies, in the order in which they run.
    stage_ends : list of int
        For each stage, the index after its last step.
    slot_of : list of int
        Slot of each value.
    makers : list of tuple of int
        For each value, the steps that write it: none for a leaf, several for a concatenation.
    """

    slots: list[Slot] = field(default_factory=list)
    buffers: list[int] = field(default_factory=list)
    steps: list[PlacedStep] = field(default_factory=list)
    stage_ends: list[int] = field(default_factory=list)
    slot_of: list[int] = field(default_factory=list)
    makers: list[tuple[int, ...]] = field(default_factory=list)

    @property
    def stage_sizes(self) -> list[int]:
        """How many steps each stage has."""
        return [end - begin for begin, end in zip([0, *self.stage_ends], self.stage_ends, strict=False)]

    def calls(self, program: Program) -> list[Call]:
        """What each step runs."""
        calls = program.calls
        return [COPY if step.call < 0 else calls[step.call] for step in self.steps]


@dataclass(slots=True)
class _Region:
    """A buffer to be: a dense value, with everything that is written into parts of it."""

    width: int
    first: int
    last: int


@dataclass(slots=True)
class _Event:
    """A moment of a run: a step makes a value or checks one (-1), or a concatenation (step -1) is completed."""

    step: int
    value: int
    reads: tuple[int, ...]


def plan_buffers(program: Program) -> BufferPlan:
    """Give every value of a program its memory.

    Parameters
    ----------
    program : Program

    Returns
    -------
    BufferPlan
        A dense result that a call makes has no buffer: the call writes where the caller wants the result.
    """
    shape = program.shape
    events = _events(shape)
    placement = _Placement(shape, events)
    buffer_of, buffers = _assign(placement.regions)
    plan = BufferPlan(
        slots=[Slot(value.kind, value.width) for value in shape.values[: len(shape.leaves)]],
        buffers=buffers,
        slot_of=[*range(len(shape.leaves))] + [-1] * (len(shape.values) - len(shape.leaves)),
        makers=[()] * len(shape.values),
    )
    for event in events:
        slot = -1
        region, offset = placement.places.get(event.value, (None, 0))
        if event.value >= 0:
            value = shape.values[event.value]
            slot = len(plan.slots)
            plan.slots.append(Slot(value.kind, value.width, -1 if region is None else buffer_of[id(region)], offset))
            plan.slot_of[event.value] = slot
        if event.step < 0:
            assert region is not None
            _complete(shape, placement, event.value, buffer_of[id(region)], plan)
            continue
        step = shape.steps[event.step]
        if event.value >= 0:
            plan.makers[event.value] = (len(plan.steps),)
        inputs = tuple(plan.slot_of[value] for value in step.inputs)
        plan.steps.append(PlacedStep(event.step, inputs, slot, step.origin))
    plan.steps = _with_origins(plan.steps)
    plan.stage_ends = _stage_ends(program, plan.steps)
    return plan


def _events(shape: ProgramShape) -> list[_Event]:
    """Steps in order, and each concatenation before the first call that makes a value with a higher number."""
    concats = [number for number, value in enumerate(shape.values) if value.parts]
    events: list[_Event] = []
    at = 0
    for i, step in enumerate(shape.steps):
        limit = step.output if step.output >= 0 else max(step.inputs) + 1
        while at < len(concats) and concats[at] < limit:
            events.append(_Event(-1, concats[at], shape.values[concats[at]].parts))
            at += 1
        events.append(_Event(i, step.output, step.inputs))
    return events + [_Event(-1, number, shape.values[number].parts) for number in concats[at:]]


class _Placement:
    """Region and offset of every dense value, and the parts of concatenations that have to be copied."""

    def __init__(self, shape: ProgramShape, events: list[_Event]) -> None:
        self.shape = shape
        self.places: dict[int, tuple[_Region, int]] = {}
        self.regions: list[_Region] = []
        self.copied: set[tuple[int, int]] = set()  # concatenation, index of the part
        last_read = {value: position for position, event in enumerate(events) for value in event.reads}
        last_read[shape.output] = len(events)
        # Readers come before makers, so that a concatenation places its parts.
        for position, event in reversed([*enumerate(events)]):
            if event.value < 0 or shape.values[event.value].kind is not Kind.DENSE:
                continue
            if event.value != shape.output or event.step < 0:
                self._place(event, position, max(position, last_read.get(event.value, position)))

    def _place(self, event: _Event, first: int, last: int) -> None:
        if event.value not in self.places:
            self.regions.append(_Region(self.shape.values[event.value].width, first, last))
            self.places[event.value] = (self.regions[-1], 0)
        region, offset = self.places[event.value]
        region.first = min(region.first, first)
        region.last = max(region.last, last)
        if event.step < 0:
            for i, part in enumerate(event.reads):
                if len(self.shape.leaves) <= part != self.shape.output and part not in self.places:
                    self.places[part] = (region, offset)
                else:
                    self.copied.add((event.value, i))
                offset += self.shape.values[part].width


def _assign(regions: list[_Region]) -> tuple[dict[int, int], list[int]]:
    """Buffer of each region by first fit over lifetimes, and widths: a buffer is used again once nothing reads it."""
    widths: list[int] = []
    free_from: list[int] = []
    assigned: dict[int, int] = {}
    for region in sorted(regions, key=lambda r: (r.first, -r.width)):
        fits = [b for b, width in enumerate(widths) if width >= region.width and free_from[b] < region.first]
        if fits:
            buffer = min(fits, key=lambda b: widths[b])
            free_from[buffer] = region.last
        else:
            widths.append(region.width)
            free_from.append(region.last)
            buffer = len(widths) - 1
        assigned[id(region)] = buffer
    return assigned, widths


def _complete(shape: ProgramShape, placement: _Placement, concat: int, buffer: int, plan: BufferPlan) -> None:
    """Copy those parts of a concatenation that do not lie in it."""
    offset = placement.places[concat][1]
    makers: list[int] = []
    for i, part in enumerate(shape.values[concat].parts):
        width = shape.values[part].width
        if (concat, i) in placement.copied:
            makers.append(len(plan.steps))
            plan.steps.append(PlacedStep(-1, (plan.slot_of[part],), len(plan.slots), ""))
            plan.slots.append(Slot(Kind.DENSE, width, buffer, offset))
        else:
            makers += plan.makers[part]
        offset += width
    plan.makers[concat] = tuple(makers)


def _with_origins(steps: list[PlacedStep]) -> list[PlacedStep]:
    """Copies are for the call after them; those at the end belong to the call before."""
    origin = next((step.origin for step in reversed(steps) if step.call >= 0), "")
    found: list[PlacedStep] = []
    for step in reversed(steps):
        origin = step.origin if step.call >= 0 else origin
        found.append(PlacedStep(step.call, step.inputs, step.output, origin))
    return found[::-1]


def _stage_ends(program: Program, steps: list[PlacedStep]) -> list[int]:
    """A copy is of the stage of the call after it; the last stage has what is left."""
    position = {step.call: i for i, step in enumerate(steps)}
    ends: list[int] = []
    calls = 0
    for stage in program.stages:
        calls += len(stage.calls)
        ends.append(position[calls - 1] + 1 if calls else 0)
    return [*ends[:-1], len(steps)] if ends else []
