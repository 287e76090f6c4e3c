"""Programs of several models over one input as one program in which everything equal is computed once.

Plain data to plain data: a value is named by the call that makes it (kernel, digests of parameters) and the names of
the call's inputs, down to the columns of the request. Values of one name are one value of the merged program. Stages
are too coarse for that: a vectorizer that many models share stands in one stage with each model's own weights.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from pretzel.program import Program, ProgramShape, Stage, Step, Value
from pretzel.schema import Kind
from pretzel.store.digest import digest_parts

if TYPE_CHECKING:
    from collections.abc import Hashable, Sequence

    from pretzel.program import Call, Leaf


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
    result = program.values[program.output]
    return result.kind is Kind.DENSE and result.width > 0 and program.output >= len(program.leaves)


def merge(programs: Sequence[Program]) -> Merged:
    """One program for all of ``programs``, for each of which `can_merge` holds; they get the same row."""
    merger = _Merger()
    results = [merger.add(program) for program in programs]
    firsts: dict[int, int] = {}
    width = 0
    for result in results:
        if result not in firsts:
            firsts[result] = width
            width += merger.values[result].width
    merged = merger.program(tuple(firsts), width)
    total = sum(len(program.steps) for program in programs)
    return Merged(merged, tuple(firsts[result] for result in results), total, len(merged.steps))


@dataclass(frozen=True, slots=True)
class _Step:
    """A call of the merged program; ``depth`` is the length of the longest chain of calls that ends with it."""

    call: Call
    origin: str
    inputs: tuple[int, ...]
    output: int
    depth: int


@dataclass
class _Merger:
    """The values and calls of all programs, each once."""

    numbers: dict[Hashable, int] = field(default_factory=dict)  # by name
    values: list[Value] = field(default_factory=list)
    depths: list[int] = field(default_factory=list)
    leaves: dict[int, Leaf] = field(default_factory=dict)
    steps: dict[Hashable, _Step] = field(default_factory=dict)

    def add(self, program: Program) -> int:
        """Add what is new in a program; returns the number of its result."""
        calls = program.calls
        made_by = {step.output: i for i, step in enumerate(program.steps)}
        number: list[int] = []
        for old, value in enumerate(program.values):
            if old < len(program.leaves):
                number.append(self._value(program.leaves[old], value, ()))
                self.leaves.setdefault(number[old], program.leaves[old])
            elif value.parts:
                parts = tuple(number[part] for part in value.parts)
                number.append(self._value(parts, Value(value.kind, value.width, parts), parts))
            else:
                number.append(self._step(calls[made_by[old]], program.steps[made_by[old]], number, value))
        for call, step in zip(calls, program.steps, strict=True):
            if step.output < 0:
                self._step(call, step, number, None)
        return number[program.output]

    def _step(self, call: Call, step: Step, number: list[int], value: Value | None) -> int:
        inputs = tuple(number[old] for old in step.inputs)
        name = (call.kernel, call.params, call.state, call.bodies, inputs, value)
        if name not in self.steps:
            depth = max(self.depths[i] for i in inputs) + 1
            output = -1 if value is None else self._value(name, value, inputs, 1)
            self.steps[name] = _Step(call, step.origin, inputs, output, depth)
        return self.steps[name].output

    def _value(self, name: Hashable, value: Value, made_from: tuple[int, ...], calls: int = 0) -> int:
        if name not in self.numbers:
            self.numbers[name] = len(self.values)
            self.values.append(value)
            self.depths.append(max((self.depths[i] for i in made_from), default=0) + calls)
        return self.numbers[name]

    def program(self, results: tuple[int, ...], width: int) -> Program:
        """The program that makes all of ``results``, side by side."""
        # Checks come before the calls that rely on them; then the calls of one kernel on one value.
        order = sorted(self.steps.values(), key=lambda s: (s.depth, s.output >= 0, s.call.kernel, s.inputs))
        final = _Numbering(self.values, list(self.leaves))
        steps = []
        for step in order:
            inputs = tuple(final.number(old) for old in step.inputs)
            steps.append(Step(inputs, final.number(step.output) if step.output >= 0 else -1, step.origin))
        parts = tuple(final.number(result) for result in results)
        if len(parts) > 1:
            final.values.append(Value(Kind.DENSE, width, parts))
        output = parts[0] if len(parts) == 1 else len(final.values) - 1
        calls = tuple(step.call for step in order)
        shape = ProgramShape(tuple(self.leaves.values()), tuple(final.values), tuple(steps), output)
        return Program(shape, (Stage(_digest(calls), calls),))


class _Numbering:
    """New numbers of values, in the order in which they are made."""

    def __init__(self, old: list[Value], leaves: list[int]) -> None:
        self.values = [old[leaf] for leaf in leaves]
        self._old = old
        self._numbers = {leaf: number for number, leaf in enumerate(leaves)}

    def number(self, old: int) -> int:
        """The new number of a value; those of the parts of a concatenation come before its own."""
        if old not in self._numbers:
            parts = tuple(self.number(part) for part in self._old[old].parts)
            self._numbers[old] = len(self.values)
            self.values.append(replace(self._old[old], parts=parts))
        return self._numbers[old]


def _digest(calls: tuple[Call, ...]) -> bytes:
    keys = [digest_parts(call.kernel, [digest or b"" for digest in (*call.params, call.state)]) for call in calls]
    return digest_parts("merged", keys)
