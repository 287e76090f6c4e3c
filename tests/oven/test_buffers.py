"""Values that are needed at one time never share memory; concatenations cost no copies where parts are fresh."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pretzel._native import NativeProgram
from pretzel.oven.buffers import is_dense_concat
from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.columns import NumericLeaf, Select
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Node, Output
from pretzel.oven.ir.interpret import interpret
from pretzel.oven.ir.linear import Sum
from pretzel.oven.lower import Lowering, schedule
from pretzel.store.object_store import ObjectStore

WIDTH = 3
X = np.random.default_rng(0).normal(size=(37, WIDTH))


def column(x: Node, *columns: int) -> Select:
    return Select((x,), tuple(c % x.schema().width for c in columns))


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
    plan = schedule(output)
    memory = [[None] * width for width in plan.layout.buffers]
    elsewhere: dict[int, list] = {plan.layout.slot_of[leaf]: cells(leaf) for leaf in plan.leaves}

    def read(number):
        slot = plan.layout.slots[number]
        if slot.buffer < 0:
            return elsewhere[number]
        return memory[slot.buffer][slot.offset : slot.offset + slot.width]

    for step in (step for steps in plan.steps for step in steps):
        inputs = [step.node] if step.node is not step.owner else step.node.inputs
        for node, number in zip(inputs, step.inputs, strict=True):
            assert read(number) == cells(node)
        if step.output < 0:
            continue
        slot = plan.layout.slots[step.output]
        if slot.buffer < 0:
            elsewhere[step.output] = cells(step.node)
        else:
            memory[slot.buffer][slot.offset : slot.offset + slot.width] = cells(step.node)
    assert read(plan.layout.slot_of[output]) == cells(output)


@settings(max_examples=100, deadline=None)
@given(graphs())
def test_native_programs_compute_what_the_references_do(output):
    store = ObjectStore()
    program = Lowering(store, lease := store.lease(), {}).method(Output(output)).program
    columns = [np.ascontiguousarray(X[:, list(leaf.columns)]) for leaf in program.leaves]
    native = NativeProgram(program, store)
    trace = native.trace(columns, len(X)) if program.calls else []
    want = interpret([output], X)
    steps = [step for steps in schedule(output).steps for step in steps]
    for step, got in zip(steps, trace, strict=True):
        if got is not None:
            np.testing.assert_allclose(got, want[step.node], rtol=1e-12)
    assert lease is not None


def test_fresh_parts_are_written_in_place():
    x = NumericLeaf((), (0, 1, 2))
    a, b = column(x, 0), column(x, 2, 1)
    plan = schedule(Sum((Concat((a, b)), column(x, 0, 1, 2)), np.zeros(3)))
    assert plan.layout.copies == {}
    slots = [plan.layout.slots[plan.layout.slot_of[node]] for node in (a, b)]
    assert slots[0].buffer == slots[1].buffer
    assert [slot.offset for slot in slots] == [0, 1]


def test_leaves_and_repeated_parts_are_copied():
    x = NumericLeaf((), (0, 1, 2))
    a = column(x, 0)
    concat = Concat((a, x, a))
    assert [child for child, _ in schedule(concat).layout.copies[concat]] == [x, a]


def test_nested_concatenations_share_a_buffer():
    x = NumericLeaf((), (0, 1, 2))
    a, b, c = column(x, 0), column(x, 1), column(x, 2)
    outer = Concat((c, Concat((a, b))))
    plan = schedule(outer)
    assert plan.layout.buffers == [3]
    assert plan.layout.copies == {}


def test_a_chain_needs_two_buffers_however_long_it_is():
    x = NumericLeaf((), (0, 1, 2))
    for _ in range(20):
        x = Sum((column(x, 2, 1, 0), column(x, 1, 0, 2)), np.ones(3))
    assert len(schedule(x).layout.buffers) <= 3


def test_the_result_is_written_where_the_caller_wants_it():
    x = NumericLeaf((), (0, 1, 2))
    output = column(x, 1)
    plan = schedule(output)
    assert plan.layout.slots[plan.layout.slot_of[output]].buffer == -1
