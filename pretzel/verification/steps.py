"""Native steps against their NumPy references, each on the very inputs that the step had."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel._native import Method, NativeProgram
from pretzel.errors import PretzelError
from pretzel.oven.ir.columns import Raw
from pretzel.oven.ir.graph import Node, Parity, toposort
from pretzel.oven.ir.interpret import compute, read_leaf
from pretzel.oven.ir.linear import CheckedLinear, Linear
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.lower import is_dense_concat, schedule
from pretzel.oven.stages import program_nodes
from pretzel.plan import MethodPlan
from pretzel.program import Call, LeafKind, Program, ProgramShape, subplans_of
from pretzel.runtime.input.messages import UnreadForm
from pretzel.runtime.opaque import OpaqueMethod
from pretzel.runtime.source_reader import read_sources
from pretzel.schema import Kind
from pretzel.store.digest import digest_of_memory
from pretzel.verification.answers import terms_of
from pretzel.verification.compare import LAST_BITS, compare
from pretzel.verification.report import Difference, Divergence, MethodReport
from pretzel.verification.subplans import first_inside

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretzel.oven.compiler import Graphs
    from pretzel.runtime.model import Plan
    from pretzel.store.object_store import ObjectStore


@dataclass(frozen=True, slots=True)
class _Call:
    """One native call beside the node that it computes and the call that the estimator compiles to."""

    stage: int
    node: Node
    origin: str
    call: Call
    expected: Call
    got: Any


def check_steps(
    plan: Plan,
    method: str,
    graphs: Graphs,
    expected: MethodPlan,
    fresh: ObjectStore,
    X: Any,
    ordered: Any,
    report: MethodReport,
) -> None:
    """Append what departs in the native programs of one method to ``report.divergences``.

    ``fresh`` holds the parameters of ``expected`` as the estimator was just compiled, ``ordered`` the columns of ``X``
    in the order of the fit.
    """
    mine = plan.physical.methods[method]
    output = graphs.optimized[method].node
    opaque = [node for node in toposort([output]) if isinstance(node, Opaque)]
    report.opaque = len(mine.opaque)
    programs = [(step.program, node.inputs[0]) for step, node in zip(mine.opaque, opaque, strict=False)]
    theirs = [*(step.program for step in expected.opaque), expected.program]
    if len(mine.opaque) != len(opaque) or (mine.program is None) != (expected.program is None):
        note = f"expected {len(opaque)} opaque step(s), the plan has {len(mine.opaque)}"
        report.divergences.append(Divergence("structure", method, note=note))
        return
    bound = getattr(plan, method)
    try:
        sources = bound.sources(X) if isinstance(bound, OpaqueMethod) else {0: X}
    except UnreadForm:  # the estimator answers, and no program
        return
    numbers = {node: number + 1 for number, node in enumerate(opaque)}
    for (program, node), their in zip([*programs, (mine.program, output)], theirs, strict=True):
        if program is None or their is None or isinstance(node, Raw | Opaque):
            continue
        report.steps += len(program.all_calls)
        origins = graphs.imported.origins
        report.divergences += _Program(plan, method, program, their, node, origins, fresh).check(
            sources, numbers, ordered
        )


class _Program:
    """One native program under test."""

    def __init__(
        self,
        plan: Plan,
        method: str,
        program: Program,
        expected: Program,
        output: Node,
        origins: dict[Node, str],
        fresh: ObjectStore,
    ) -> None:
        self.fresh = fresh
        self.plan = plan
        self.method = method
        self.program = program
        self.expected = expected
        self.schedule = schedule(output)
        self.origins = origins

    def check(self, sources: dict[int, Any], numbers: dict[Opaque, int], request: Any) -> list[Divergence]:
        """Everything that departs, in the order of the steps."""
        found = self._structure()
        if found:
            return found
        try:
            rows, columns, _ = read_sources(self.plan.physical.input, self.program.leaves, sources)
        except UnreadForm:  # the estimator answers, and no program
            return found
        values: dict[Node, Any] = {}
        for index, node in enumerate(self.schedule.values[: self.schedule.leaves]):
            source = numbers[node.inputs[0]] if node.inputs else 0  # type: ignore[index]
            values[node] = read_leaf(node, sources[source] if source else request)
            difference = self._leaf(index, rows, columns[index], values[node])
            if difference is not None:
                origin = self.origins.get(node, "")
                found.append(Divergence("input", self.method, None, repr(node), origin, difference))
        native = NativeProgram(self.program, self.plan.store)
        try:
            results = native.trace(columns, rows)
        except UnreadForm:  # a kernel leaves a row to the estimator
            return found
        traced = {step.call: got for step, got in zip(native.buffers.steps, results, strict=True)}
        for call in self._calls(traced):
            fault = self._call(call, values)
            if fault is not None:
                found.append(fault)
        return found

    def _structure(self) -> list[Divergence]:
        mine, theirs = _shape(self.program), _shape(self.expected)
        for number, (a, b) in enumerate(zip(mine, theirs, strict=False)):
            if a != b:
                note = f"call {number} is {a}, the estimator compiles to {b}"
                return [Divergence("structure", self.method, operator=b[0], note=note)]
        if len(mine) != len(theirs) or _types(self.program) != _types(self.expected):
            note = f"{len(mine)} calls over {len(self.program.leaves)} leaves, the estimator compiles to "
            note += f"{len(theirs)} over {len(self.expected.leaves)}"
            return [Divergence("structure", self.method, note=note)]
        return []

    def _leaf(self, index: int, rows: int, column: Any, expected: Any) -> Difference | None:
        """What the native reader makes of a leaf of numbers; cells and texts have no native form to look at."""
        leaf = self.program.leaves[index]
        if leaf.kind not in (LeafKind.NUMERIC, LeafKind.DATES, LeafKind.SPARSE):
            return None
        alone = Program(ProgramShape((leaf,), (self.program.values[index],), (), 0), ())
        reader = Method(
            NativeProgram(alone, self.plan.store),
            MethodPlan(alone),
            self.plan.physical.input,
            self.plan.name,
            lambda *_: (rows, [column], []),
        )
        return compare(expected, reader(None), exact=True)

    def _calls(self, traced: dict[int, Any]) -> Iterator[_Call]:
        pairs = enumerate(zip(self.program.calls, self.expected.calls, strict=True))
        for stage, nodes in enumerate(self.schedule.stages):
            for node in nodes:
                i, (call, expected) = next(pairs)
                yield _Call(stage, node, self.origins.get(node, ""), call, expected, traced[i])

    def _call(self, call: _Call, values: dict[Node, Any]) -> Divergence | None:
        node = call.node
        place = (self.method, call.stage, repr(node), call.origin)
        changed = self._parameters(call)
        inputs_of = self.schedule.outline.inputs_of
        for child in program_nodes(node, inputs_of):  # not what opaque steps before the program are given
            if child not in values and is_dense_concat(child):
                values[child] = np.hstack([values[part] for part in child.inputs])
        try:
            expected = compute(node, values)
        except PretzelError as error:
            values[node] = call.got
            return Divergence("kernel", *place, note=f"the reference stops: {error}")
        if call.got is None:
            values.setdefault(node, expected)
            return Divergence("parameters", *place, note=changed) if changed else None
        got = _value(call.got, node)
        exact = all(each.parity is Parity.EXACT for each in [node, *self._inside(node)])
        difference = compare(expected, got, exact=exact)
        if difference is not None and not exact and isinstance(node, Linear | CheckedLinear):
            terms = terms_of(node, values, got.shape[0])
            difference = compare(expected, got, exact=False, scale=terms, rtol=LAST_BITS)
        if difference is not None and call.call.bodies:
            inner = first_inside(self.plan.store, self.schedule.outline, node, call.call, values)
            if inner is not None:
                note = f"in {inner.place}{changed and ': '}{changed}"
                place = (self.method, call.stage, repr(inner.node), self.origins.get(inner.node, ""))
                difference = inner.difference
                values[node] = got
                return Divergence("parameters" if changed else "kernel", *place, difference, note)
        values[node] = got
        if difference is None and not changed:
            return None
        return Divergence("parameters" if changed else "kernel", *place, difference, changed)

    def _inside(self, node: Node) -> list[Node]:
        """What the sub-plans of a call compute."""
        bodies = self.schedule.outline.bodies.get(node, ())
        return toposort(body.output for body in bodies)

    def _parameters(self, call: _Call) -> str:
        """How the call's parameters depart from what the estimator compiles to; empty when they do not."""
        pairs = zip(_with_subplans(call.call), _with_subplans(call.expected), strict=True)
        return next(filter(None, (self._parameters_of(mine, theirs) for mine, theirs in pairs)), "")

    def _parameters_of(self, own: Call, compiled: Call) -> str:
        store = self.plan.store
        for i, (mine, theirs) in enumerate(zip(own.params, compiled.params, strict=True)):
            # Objects of a file have names of their own, so that contents are compared.
            if (mine is None) != (theirs is None) or (mine and digest_of_memory(store.get(mine)) != theirs):
                same = "the memory of a parameter was changed"
                return same if mine == theirs else f"parameter {i} is not the estimator's"
        state, expected = own.state, compiled.state
        if (state is None) != (expected is None) or (
            state and expected and not np.array_equal(store.get(state), self.fresh.get(expected))
        ):
            same = "the memory of the bound state was changed"
            return same if state == expected else "the bound state is not the estimator's"
        return ""


def _with_subplans(call: Call) -> list[Call]:
    return [call, *(inner for subplan in subplans_of((call,)) for inner in subplan.calls)]


def _shape(program: Program) -> list[tuple[str, tuple[int, ...], int]]:
    """Kernels and how they are connected, those of sub-plans at the end."""
    pairs = [*zip(program.calls, program.steps, strict=True)]
    for subplan in program.subplans:
        pairs += zip(subplan.calls, subplan.shape.steps, strict=True)
    return [(call.kernel, step.inputs, step.output) for call, step in pairs]


def _types(program: Program) -> tuple[Any, ...]:
    """What is read, the types of all values, and which of them is the result."""
    return program.leaves, program.values, program.output


def _value(traced: Any, node: Node) -> Any:
    """A traced output in the form that references take."""
    schema = node.schema()
    if schema.kind is not Kind.SPARSE:
        return traced
    from scipy import sparse

    data, indices, indptr = traced
    return sparse.csr_array((data, indices, indptr), shape=(len(indptr) - 1, schema.width))
