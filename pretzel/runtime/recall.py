"""Which results of a program may be remembered: steps that can be left out once their joint result is known."""

from __future__ import annotations

import os
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pretzel._native import Method, ResultCache
from pretzel.runtime.dataflow import Dataflow
from pretzel.schema import Kind
from pretzel.store.digest import digest_parts

if TYPE_CHECKING:
    from pretzel.plan import Program, Slot
    from pretzel.runtime.model import Plan


_caches: weakref.WeakSet[ResultCache] = weakref.WeakSet()


def _restart_all() -> None:
    for cache in list(_caches):
        cache.restart()


os.register_at_fork(after_in_child=_restart_all)


def new_cache(budget: int) -> ResultCache:
    """A cache of at most ``budget`` bytes that forked processes may go on with."""
    cache = ResultCache(budget)
    _caches.add(cache)
    return cache


@dataclass(frozen=True, slots=True)
class Range:
    """Consecutive steps with one result, which read leaves only. Several of them may have written parts of it.

    Parameters
    ----------
    begin, end : int
        Steps of the program.
    output : int
        Slot of the result; no later step reads anything else that they write.
    inputs : tuple of int
        Slots of the leaves that they read.
    key : bytes
        Names the computation: equal for equal kernels on equal parameters that are wired alike.
    """

    begin: int
    end: int
    output: int
    inputs: tuple[int, ...]
    key: bytes


def remember(plan: Plan, shared: ResultCache, results: ResultCache) -> None:
    """Tell the native methods of a plan what they share, and have them keep what they compute of single rows.

    To be called before the first request. Caches without a budget keep nothing; what models share is of use without.

    Parameters
    ----------
    plan : Plan
    shared : ResultCache
        For what several models compute alike.
    results : ResultCache
        For answers.
    """
    seen: set[bytes] = set()
    for method in plan.methods.values():
        if not isinstance(method, Method):
            continue
        program = method.program
        for each in ranges(program.plan):
            whole = each.end - each.begin == len(program.plan.wires)
            if whole and results.budget == 0:
                continue
            place = (each.begin, each.end, each.output, each.inputs)
            program.remember(results if whole else shared, each.key, *place, counted=each.key not in seen)
            seen.add(each.key)


def ranges(program: Program) -> list[Range]:
    """Every range, those that begin first in front, and of those the longest."""
    flow = _Flow(program)
    found = [each for slot, writers in flow.values.items() if (each := flow.range_to(slot, writers)) is not None]
    return sorted(found, key=lambda each: (each.begin, -each.end))


class _Flow:
    """Steps with the steps and leaves that they read, and who makes each value."""

    def __init__(self, program: Program) -> None:
        self.program = program
        flow = Dataflow(program)
        self.leaves = flow.leaves
        self.sources: list[set[int]] = []  # of each step: steps that write what it reads
        self.reads: list[set[int]] = []  # of each step: leaves that it reads
        self.values: dict[int, set[int]] = {}  # of each slot that is read, and no leaf: steps that write it
        for wire, write in zip(program.wires, flow.writes, strict=True):
            self.sources.append({step for read in write.reads for step in read.parts})
            self.reads.append({slot for slot in wire.inputs if slot in self.leaves})
            for slot, read in zip(wire.inputs, write.reads, strict=True):
                if slot not in self.leaves:
                    self.values.setdefault(slot, set(read.parts))
        self.final = set(flow.result.parts)
        if program.output not in self.leaves:
            self.values.setdefault(program.output, self.final)

    def range_to(self, output: int, writers: set[int]) -> Range | None:
        """The range that makes this value, if there is one."""
        program = self.program
        if not writers or program.slots[output].kind is Kind.CELLS:
            return None
        steps = set().union(*(self._ancestors(step) for step in writers))
        begin, last = min(steps), max(steps)
        inputs = set().union(*(self.reads[step] for step in steps))
        # A check is passed when the same values have passed it; anything else in between has to run.
        while begin > 0 and self._is_check(begin - 1, steps, inputs):
            begin -= 1
        if not all(self._is_check(step, steps, inputs) for step in set(range(begin, last)) - steps):
            return None
        steps.update(range(begin, last))
        inner = steps - writers
        if self.final & inner or any(self.sources[step] & inner for step in range(last + 1, len(program.wires))):
            return None
        return Range(begin, last + 1, output, tuple(sorted(inputs)), self._key(begin, last, output, sorted(inputs)))

    def _is_check(self, step: int, steps: set[int], inputs: set[int]) -> bool:
        """It makes nothing, and looks only at what these steps read or make."""
        return self._output(step) < 0 and self.sources[step] <= steps and self.reads[step] <= inputs

    def _ancestors(self, step: int) -> set[int]:
        found: set[int] = set()
        stack = [step]
        while stack:
            at = stack.pop()
            if at not in found:
                found.add(at)
                stack += self.sources[at]
        return found

    def _key(self, begin: int, last: int, output: int, inputs: list[int]) -> bytes:
        """Kernels, parameters, shapes and wiring; slots are named by the order in which they turn up."""
        program = self.program
        names: dict[int, int] = {}
        parts: list[bytes] = []
        for slot in inputs:
            leaf = self.leaves[slot]
            parts.append(f"{leaf.kind.value} {leaf.lower} {leaf.accents} {_place(program.slots[slot], names)}".encode())
        for call, wire in zip(program.calls[begin : last + 1], program.wires[begin : last + 1], strict=True):
            slots = [inputs.index(slot) if slot in self.leaves else -1 for slot in wire.inputs]
            places = [_place(program.slots[slot], names) for slot in (*wire.inputs, *self._written(wire.output))]
            params = b"".join(param or b"-" for param in call.params)
            parts += [call.kernel.encode(), params, call.state or b"", f"{slots} {places}".encode()]
        parts.append(_place(program.slots[output], names).encode())
        return digest_parts("memo", parts)

    def _written(self, output: int) -> tuple[int, ...]:
        return () if output < 0 else (output,)

    def _output(self, step: int) -> int:
        return self.program.wires[step].output


def _place(slot: Slot, names: dict[int, int]) -> str:
    """Where a value lies, but for the number of its buffer."""
    buffer = names.setdefault(slot.buffer, len(names)) if slot.buffer >= 0 else -1
    return f"{slot.kind.value} {slot.width} {buffer} {slot.offset}"
