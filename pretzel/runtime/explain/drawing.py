"""What is drawn of a plan: leaves, opaque steps and kernels as nodes, values as edges."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretzel.plan import MethodPlan, OpaqueStep
    from pretzel.program import Leaf, Program
    from pretzel.runtime.model import Plan
    from pretzel.schema import Positions

NAMES = 3
"""Columns of a leaf that are named."""


@dataclass(slots=True)
class DrawnNode:
    """A box.

    Parameters
    ----------
    kind : {"leaf", "opaque", "kernel", "result"}
    title : str
        Columns, the step, or the kernel.
    note : str
        What it is, in words.
    origin : str
        Step of the source that it comes from.
    stage : int or None
        Number of its stage, counted within the method.
    seconds, share : float, optional
        Measured time, and its part of the whole.
    """

    kind: Literal["leaf", "opaque", "kernel", "result"]
    title: str
    note: str = ""
    origin: str = ""
    stage: int | None = None
    seconds: float | None = None
    share: float | None = None


@dataclass(slots=True)
class Drawing:
    """One method.

    Parameters
    ----------
    method : str
    nodes : list of DrawnNode
        Inputs before users.
    edges : list of tuple of int
        Numbers of two nodes: the one that makes a value, the one that reads it.
    stages : int
    """

    method: str
    nodes: list[DrawnNode] = field(default_factory=list)
    edges: list[tuple[int, int]] = field(default_factory=list)
    stages: int = 0

    def add(self, node: DrawnNode, reads: Iterator[int] | list[int]) -> int:
        """Add a node below those that it reads."""
        number = len(self.nodes)
        self.nodes.append(node)
        self.edges += [(each, number) for each in dict.fromkeys(reads)]
        return number


def drawings(plan: Plan, analyzed: dict[str, Any] | None = None) -> list[Drawing]:
    """One for each method, with the times that were measured."""
    return [
        _Artist(plan, Drawing(name)).draw(method, None if analyzed is None else analyzed.get(name))
        for name, method in plan.physical.methods.items()
    ]


class _Artist:
    """Draws one method; the values of opaque steps, and the request, are sources of leaves."""

    def __init__(self, plan: Plan, drawing: Drawing) -> None:
        self._plan = plan
        self._drawing = drawing
        self._sources: dict[int, int] = {}  # nodes of opaque steps by the number of what they make

    def draw(self, method: MethodPlan, analyzed: dict[str, Any] | None) -> Drawing:
        last = 0
        for step in method.opaque:
            last = self._draw_opaque(step)
        if method.program is not None:
            last = self._draw_program(method.program, analyzed)
        self._drawing.add(DrawnNode("result", self._drawing.method), [last])
        return self._drawing

    def _draw_opaque(self, step: OpaqueStep) -> int:
        if step.program is not None:
            reads = [self._draw_program(step.program, None)]
        elif step.source:
            reads = [self._sources[step.source]]
        else:
            reads = [self._drawing.add(DrawnNode("leaf", self._columns(step.columns or ()), "as they come"), [])]
        node = DrawnNode("opaque", step.name, step.reason, step.origin)
        self._sources[step.output] = self._drawing.add(node, reads)
        return self._sources[step.output]

    def _draw_program(self, program: Program, analyzed: dict[str, Any] | None) -> int:
        """Draw a program; returns the node that makes its result."""
        made = {number: self._draw_leaf(leaf) for number, leaf in enumerate(program.leaves)}
        steps = iter(enumerate(program.steps))
        times = _times(analyzed)
        for stage in program.stages:
            for call in stage.calls:
                at, step = next(steps)
                seconds, share = times.get(at, (None, None))
                node = DrawnNode("kernel", call.kernel, call.label, step.origin, self._drawing.stages, seconds, share)
                reads = [each for value in step.inputs for each in _makers(program, made, value)]
                number = self._drawing.add(node, reads)
                # What reads a checked value is drawn below the check.
                made.update(dict.fromkeys(step.inputs if step.output < 0 else (step.output,), number))
            self._drawing.stages += 1
        results = list(dict.fromkeys(_makers(program, made, program.output)))
        if len(results) == 1:
            return results[0]
        return self._drawing.add(DrawnNode("kernel", "concat", "side by side", stage=self._drawing.stages - 1), results)

    def _draw_leaf(self, leaf: Leaf) -> int:
        if leaf.source:
            note = f"{leaf.kind.value} values of the step"
            return self._drawing.add(
                DrawnNode("leaf", f"{len(leaf.columns)} columns", note), [self._sources[leaf.source]]
            )
        return self._drawing.add(DrawnNode("leaf", self._columns(leaf.columns), leaf.kind.value), [])

    def _columns(self, columns: Positions) -> str:
        names = self._plan.requests_of(self._drawing.method).names
        if not columns or names is None:
            return f"{len(columns)} columns" if len(columns) > 1 else "the request"
        more = f" and {len(columns) - NAMES} more" if len(columns) > NAMES else ""
        return ", ".join(names[column] for column in columns[:NAMES]) + more


def _makers(program: Program, made: dict[int, int], value: int) -> Iterator[int]:
    """The nodes that make a value, or the parts of a concatenation, which no call makes."""
    pending = [value]
    while pending:
        each = pending.pop(0)
        if each in made:
            yield made[each]
        else:
            pending = [*program.values[each].parts, *pending]


def _times(analyzed: dict[str, Any] | None) -> dict[int, tuple[float, float]]:
    """Measured time and share of calls, by their numbers."""
    stages = () if analyzed is None else analyzed["stages"]
    return {call["call"]: (call["seconds"], call["share"]) for stage in stages for call in stage["calls"]}
