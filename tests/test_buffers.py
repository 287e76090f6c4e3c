"""Values that are needed at one time never share memory; concatenations cost no copies where parts are fresh."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pretzel._native import Method, NativeProgram
from pretzel.buffers import BufferPlan, plan_buffers
from pretzel.input_spec import InputKind, InputSpec
from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.columns import NumericLeaf, Select
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Node, Output
from pretzel.oven.ir.interpret import interpret
from pretzel.oven.ir.linear import Sum
from pretzel.oven.lower import Lowering, is_dense_concat, schedule
from pretzel.plan import MethodPlan
from pretzel.store.object_store import ObjectStore

if TYPE_CHECKING:
    from pretzel.program import Program

WIDTH = 3
SPEC = InputSpec(InputKind.TABLE, WIDTH, required=(0, 1, 2))
X = np.random.default_rng(0).normal(size=(37, WIDTH))


def column(x: Node, *columns: int) -> Select:
    return Select((x,), tuple(c % x.schema().width for c in columns))


def lowered(output: Node) -> Program:
    store = ObjectStore()
    program = Lowering(store, store.lease(), {}).method(Output(output)).program
    assert program is not None
    return program


def plan(output: Node) -> BufferPlan:
    return plan_buffers(lowered(output))


@st.composite
def graphs(draw):
    """A random graph of selections, sums, checks and (nested, repeated, shared) concatenations."""
    nodes: list[Node] = [NumericLeaf((), (0, 1, 2)), NumericLeaf((), (2, 0))]
    for _ in range(draw(st.integers(1, 14))):
        kind = draw(st.sampled_from(["select", "concat", "concat", "sum", "check"]))
        picked = [draw(st.sampled_from(nodes)) for _ in range(draw(st.integers(2, 3)))]
        if kind == "select":
            nodes.append(column(picked[0], *draw(st.lists(st.integers(0, 9), min_size=1, max_size=4))))
        elif kind == "concat":
            nodes.append(Concat(tuple(picked)))
        elif kind == "check":
            nodes.append(CheckFinite((picked[0],), "Test"))
        else:
            width = min(node.schema().width for node in picked)
            parts = tuple(column(node, *range(width)) for node in picked)
            nodes.append(Sum(parts, np.arange(float(width))))
    return nodes[-1]


def cells(node: Node) -> list[tuple[bytes, int]]:
    """Names of the columns of a value: those of a concatenation are its parts', a check passes its input through."""
    if isinstance(node, CheckFinite):
        return cells(node.inputs[0])
    if is_dense_concat(node):
        return [name for part in node.inputs for name in cells(part)]
    return [(node.digest, i) for i in range(node.schema().width)]


@settings(max_examples=150, deadline=None)
@given(graphs())
def test_no_two_live_values_overlap(output):
    """Buffers hold, whenever a step reads them, what the value it wants is made of."""
    program = lowered(output)
    buffers = plan_buffers(program)
    nodes = schedule(output).values
    memory = [[None] * width for width in buffers.buffers]
    elsewhere: dict[int, list] = {i: cells(nodes[i]) for i in range(len(program.leaves))}
    value_of = {slot: value for value, slot in enumerate(buffers.slot_of)}

    def read(number):
        slot = buffers.slots[number]
        if slot.buffer < 0:
            return elsewhere[number]
        return memory[slot.buffer][slot.offset : slot.offset + slot.width]

    for step in buffers.steps:
        for number in step.inputs:
            assert read(number) == cells(nodes[value_of[number]])
        if step.output < 0:
            continue
        slot = buffers.slots[step.output]
        made = read(step.inputs[0]) if step.call < 0 else cells(nodes[value_of[step.output]])
        if slot.buffer < 0:
            elsewhere[step.output] = made
        else:
            memory[slot.buffer][slot.offset : slot.offset + slot.width] = made
    assert read(buffers.slot_of[program.output]) == cells(output)


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_makers_of_a_value_write_all_of_it(output):
    program = lowered(output)
    buffers = plan_buffers(program)
    assert [step.call for step in buffers.steps if step.call >= 0] == list(range(len(program.calls)))
    for value, makers in enumerate(buffers.makers):
        whole = buffers.slots[buffers.slot_of[value]]
        assert (value < len(program.leaves)) == (makers == ())
        if program.values[value].parts:
            written = [buffers.slots[buffers.steps[step].output] for step in makers]
            columns = [slot.offset + i for slot in written for i in range(slot.width)]
            assert columns == [whole.offset + i for i in range(whole.width)]
            assert {slot.buffer for slot in written} == {whole.buffer}


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_native_programs_compute_what_the_references_do(output):
    store = ObjectStore()
    program = Lowering(store, lease := store.lease(), {}).method(Output(output)).program
    columns = [np.ascontiguousarray(X[:, list(leaf.columns)]) for leaf in program.leaves]
    native = NativeProgram(program, store)
    trace = native.trace(columns, len(X)) if program.calls else []
    want = interpret([output], X)
    nodes = [node for stage in schedule(output).stages for node in stage]
    for step, got in zip(native.buffers.steps, trace, strict=False):
        if got is not None and step.call >= 0:
            np.testing.assert_allclose(got, want[nodes[step.call]], rtol=1e-12)
    assert lease is not None


def test_fresh_parts_are_written_in_place():
    x = NumericLeaf((), (0, 1, 2))
    a, b = column(x, 0), column(x, 2, 1)
    found = plan(Sum((Concat((a, b)), column(x, 0, 1, 2)), np.zeros(3)))
    assert copies(found) == []
    slots = [found.slots[step.output] for step in found.steps[:2]]
    assert slots[0].buffer == slots[1].buffer
    assert [slot.offset for slot in slots] == [0, 1]


def copies(found: BufferPlan) -> list[int]:
    """Slots that are copied."""
    return [step.inputs[0] for step in found.steps if step.call < 0]


def test_leaves_and_repeated_parts_are_copied():
    x = NumericLeaf((), (0, 1, 2))
    a = column(x, 0)
    found = plan(Concat((a, x, a)))
    assert copies(found) == [0, found.steps[0].output]


def test_checked_parts_are_written_in_place():
    """A check passes on the very value that it checks."""
    x = NumericLeaf((), (0, 1, 2))
    a, b = column(x, 0), column(x, 2, 1)
    assert copies(plan(Concat((CheckFinite((a,), "Test"), b)))) == []


def test_nested_concatenations_share_a_buffer():
    x = NumericLeaf((), (0, 1, 2))
    a, b, c = column(x, 0), column(x, 1), column(x, 2)
    found = plan(Concat((c, Concat((a, b)))))
    assert found.buffers == [3]
    assert copies(found) == []


def test_a_chain_needs_two_buffers_however_long_it_is():
    x = NumericLeaf((), (0, 1, 2))
    for _ in range(20):
        x = Sum((column(x, 2, 1, 0), column(x, 1, 0, 2)), np.ones(3))
    assert len(plan(x).buffers) <= 3


def test_the_result_is_written_where_the_caller_wants_it():
    x = NumericLeaf((), (0, 1, 2))
    found = plan(column(x, 1))
    assert found.slots[found.steps[-1].output].buffer == -1


def test_a_copy_runs_in_the_stage_of_the_call_that_needs_it():
    x = NumericLeaf((), (0, 1, 2))
    a = column(x, 0)
    found = plan(Sum((column(Concat((a, x)), 1, 2, 3), column(a, 0, 0, 0)), np.ones(3)))
    assert [step.call for step in found.steps] == [0, -1, 1, 2, 3]
    assert found.stage_ends == [1, 3, 4, 5]


def test_a_program_of_copies_only_has_one_stage():
    """Columns of two leaves side by side: there is nothing to call."""
    program = lowered(Concat((NumericLeaf((), (0, 1)), NumericLeaf((), (2,)))))
    found = plan_buffers(program)
    assert (program.calls, len(program.stages)) == ((), 1)
    assert (copies(found), found.stage_ends) == ([0, 1], [2])
    columns = [np.ascontiguousarray(X[:, :2]), np.ascontiguousarray(X[:, 2:])]
    method = Method(NativeProgram(program, {}), MethodPlan(program), SPEC, "", lambda *_: (len(X), columns, []))
    np.testing.assert_array_equal(method(X), X)
