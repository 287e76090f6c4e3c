"""Sub-plan cache: which steps of a program can be left out once their joint result is known."""

from __future__ import annotations

import os
import weakref
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pretzel._native import Method, ResultCache
from pretzel.schema import Kind
from pretzel.store.digest import digest_parts

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.buffers import BufferPlan
    from pretzel.program import Call, Program, SubPlan
    from pretzel.runtime.model import Plan


_caches: weakref.WeakSet[ResultCache] = weakref.WeakSet()


def _restart_all() -> None:
    for cache in list(_caches):
        cache.restart()


os.register_at_fork(after_in_child=_restart_all)


def new_cache(budget: int) -> ResultCache:
    """A cache of at most ``budget`` bytes that stays usable in forked processes."""
    cache = ResultCache(budget)
    _caches.add(cache)
    return cache


@dataclass(frozen=True, slots=True)
class CachedRange:
    """Consecutive steps that make one value and read leaves only.

    Parameters
    ----------
    begin, end : int
        Steps of the loaded program.
    output : int
        Slot of the value; no later step reads anything else that they write.
    inputs : tuple of int
        Slots of the leaves that they read.
    key : bytes
        Names the computation: equal for equal kernels on equal parameters that are connected alike.
    """

    begin: int
    end: int
    output: int
    inputs: tuple[int, ...]
    key: bytes


def cache_subplans(plan: Plan, shared: ResultCache, results: ResultCache) -> None:
    """Tell the native methods of a plan which steps to cache for single rows.

    Call it before the first request. A cache without a budget stores nothing, but still knows what models share.

    Parameters
    ----------
    plan : Plan
    shared : ResultCache
        For steps that several models have in common.
    results : ResultCache
        For the results of whole programs.
    """
    seen: set[bytes] = set()
    for method in plan.methods.values():
        if not isinstance(method, Method):
            continue
        program = method.program
        for each in cacheable_ranges(program.plan, program.buffers):
            whole = each.end - each.begin == len(program.buffers.steps)
            if whole and results.budget == 0:
                continue
            place = (each.begin, each.end, each.output, each.inputs)
            program.cache_range(results if whole else shared, each.key, *place, counted=each.key not in seen)
            seen.add(each.key)


def cacheable_ranges(program: Program, buffers: BufferPlan) -> list[CachedRange]:
    """Every range of a loaded program, those that begin first in front, and of those the longest."""
    ranges = _ranges.get(buffers)
    if ranges is None:
        flow = _Flow(program, buffers)
        found = [each for value in flow.read if (each := flow.range_to(value)) is not None]
        ranges = _ranges[buffers] = sorted(found, key=lambda each: (each.begin, -each.end))
    names: dict[SubPlan, bytes] = {}
    for subplan in program.subplans:
        calls = [call.kernel.encode() + _arrays(call, names) for call in subplan.calls]
        names[subplan] = digest_parts("subplan", repr(subplan.shape), calls)
    arrays = [_arrays(call, names) for call in program.calls]
    return [
        CachedRange(
            each.begin, each.end, each.output, each.inputs, digest_parts(each.flow, [arrays[at] for at in each.calls])
        )
        for each in ranges
    ]


def _arrays(call: Call, names: Mapping[SubPlan, bytes]) -> bytes:
    """What tells a call from others of its kernel."""
    return b"".join([*(each or b"-" for each in (*call.params, call.state)), *(names[body] for body in call.bodies)])


@dataclass(frozen=True, slots=True)
class _Range:
    """What the programs of one shape have in common of a `CachedRange`."""

    begin: int
    end: int
    output: int
    inputs: tuple[int, ...]
    calls: tuple[int, ...]
    """Calls of the program that are steps of the range."""
    flow: bytes
    """Names their kernels, and how they are connected."""


_ranges: weakref.WeakKeyDictionary[BufferPlan, list[_Range]] = weakref.WeakKeyDictionary()


class _Flow:
    """Steps of a loaded program with the steps and leaves that they read."""

    def __init__(self, program: Program, buffers: BufferPlan) -> None:
        self.program = program
        self.buffers = buffers
        self.calls = buffers.calls(program)
        value_of = {slot: value for value, slot in enumerate(buffers.slot_of)}
        self.inputs = [[value_of[slot] for slot in step.inputs] for step in buffers.steps]  # values
        self.leaves = [{value for value in inputs if value < len(program.leaves)} for inputs in self.inputs]
        self.sources = [{step for value in inputs for step in buffers.makers[value]} for inputs in self.inputs]
        self.final = set(buffers.makers[program.output])
        self.read = list(dict.fromkeys([*(value for inputs in self.inputs for value in inputs), program.output]))

    def range_to(self, value: int) -> _Range | None:
        """The range that makes this value, if there is one."""
        writers = set(self.buffers.makers[value])
        if not writers or self.program.values[value].kind is Kind.CELLS:
            return None
        steps = set().union(*(self._ancestors(step) for step in writers))
        begin, last = min(steps), max(steps)
        leaves = set().union(*(self.leaves[step] for step in steps))
        # A check is passed when the same values have passed it; anything else in between has to run.
        while begin > 0 and self._is_check(begin - 1, steps, leaves):
            begin -= 1
        if not all(self._is_check(step, steps, leaves) for step in set(range(begin, last)) - steps):
            return None
        steps.update(range(begin, last))
        inner = steps - writers
        if self.final & inner or any(sources & inner for sources in self.sources[last + 1 :]):
            return None
        inputs = tuple(sorted(leaves))  # leaf i has slot i
        flow, calls = self._flow(begin, last + 1, value, inputs)
        return _Range(begin, last + 1, self.buffers.slot_of[value], inputs, calls, flow)

    def _is_check(self, step: int, steps: set[int], leaves: set[int]) -> bool:
        """Whether a step makes nothing, and reads only values that these steps read or make."""
        checks = self.buffers.steps[step].output < 0
        return checks and self.sources[step] <= steps and self.leaves[step] <= leaves

    def _ancestors(self, step: int) -> set[int]:
        found: set[int] = set()
        stack = [step]
        while stack:
            at = stack.pop()
            if at not in found:
                found.add(at)
                stack += self.sources[at]
        return found

    def _flow(self, begin: int, end: int, value: int, leaves: tuple[int, ...]) -> tuple[bytes, tuple[int, ...]]:
        """Kernels, types and connections; values are named by the order in which they turn up. Then the calls."""
        names: dict[int, int] = {}
        parts: list[bytes] = []
        for at in leaves:
            leaf = self.program.leaves[at]
            read = f"{leaf.kind.value} {leaf.lower} {leaf.accents} {leaf.zone} {leaf.unit}"
            parts.append(f"{read} {self._name(at, names, parts)}".encode())
        for placed, call in zip(self.buffers.steps[begin:end], self.calls[begin:end], strict=True):
            if placed.call >= 0:
                step = self.program.steps[placed.call]
                reads = [self._name(at, names, parts) for at in step.inputs]
                makes = -1 if step.output < 0 else self._name(step.output, names, parts)
                parts += [call.kernel.encode(), f"{reads} {makes}".encode()]
        parts.append(str(self._name(value, names, parts)).encode())
        calls = tuple(step.call for step in self.buffers.steps[begin:end] if step.call >= 0)
        return digest_parts("subplan", parts), calls

    def _name(self, at: int, names: dict[int, int], parts: list[bytes]) -> int:
        """The name of a value; one that turns up for the first time is described in ``parts``."""
        if at not in names:
            value = self.program.values[at]
            of = [self._name(part, names, parts) for part in value.parts]
            names[at] = len(names)
            parts.append(f"{value.kind.value} {value.width} {of}".encode())
        return names[at]
