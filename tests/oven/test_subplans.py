"""Branches and loops: what becomes a sub-plan, and that programs with sub-plans answer as their graphs say."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("pretzel._native._core")

import pretzel
from pretzel.errors import CorruptStoreError, KernelError
from pretzel.options import Options
from pretzel.oven.ir.columns import LoopState, NumericLeaf, Select
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Output
from pretzel.oven.ir.interpret import interpret
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.scale import MulAdd
from pretzel.oven.ir.subplan import Branch, Loop
from pretzel.oven.optimizer import optimize
from pretzel.runtime.input.table_reader import read
from pretzel.runtime.merge import merge
from pretzel.runtime.saved import describe
from pretzel.store.object_store import ObjectStore
from pretzel.store.plan_file import plan_file
from tests.store.fuzz_load import packed, unpacked
from tests.subplans import main, plan_of

LEAF = NumericLeaf((), tuple(range(4)))
CODE = Select((LEAF,), (0,))
VALUES = Select((LEAF,), (1, 2, 3))


def times(x, factor, offset=0.0):
    width = x.schema().width
    return MulAdd((x,), np.full(width, float(factor)), np.full(width, float(offset)))


def rows(codes, seed=0):
    X = np.random.default_rng(seed).normal(size=(len(codes), 4))
    X[:, 0] = codes
    return X


def program_of(node, width=4, store=None):
    return plan_of(node, width, store).methods["predict"].program


def test_each_row_takes_its_way_alone_and_among_others():
    node = Branch((CODE, times(VALUES, 2), times(VALUES, 3, 1), VALUES))
    plan = plan_of(node, 4)
    X = rows(np.random.default_rng(1).integers(0, 3, size=1000))
    expected = interpret([node], X)[node]
    assert plan.predict(X).tobytes() == expected.tobytes()
    for n in (1, 2, 17):
        assert plan.predict(X[:n]).tobytes() == expected[:n].tobytes()
    assert plan.predict_one(X[5]).tobytes() == expected[5].tobytes()
    assert plan.predict(X[:0]).shape == (0, 3)


def test_only_what_nothing_else_reads_is_computed_within_a_way():
    shared = times(VALUES, 5)
    node = Branch((CODE, times(shared, 2), times(shared, 3), times(times(VALUES, 7), 2)))
    program = program_of(node).plan
    assert [call.kernel for call in program.calls].count("mul_add") == 1  # what two ways read
    assert [len(body.calls) for body in program.calls[-1].bodies] == [1, 1, 2]
    alone = program_of(Concat((node, times(VALUES, 7)))).plan
    assert [len(body.calls) for call in alone.calls for body in call.bodies] == [1, 1, 1]


def test_equal_sub_plans_are_one_and_members_alike_share_a_shape():
    store = ObjectStore()
    other = Select((LEAF,), (1,))
    ways = [times(VALUES, factor) for factor in (2, 3, 4)]
    node = Concat((Branch((CODE, *ways)), Branch((CODE, *(times(times(VALUES, 9, 1), factor) for factor in (2, 3))))))
    program = program_of(node, store=store).plan
    assert len({body.shape for call in program.calls for body in call.bodies}) < len(program.subplans)
    again = program_of(Concat((node, other)), store=store).plan
    assert set(program.subplans) == set(again.subplans)


def test_a_code_without_a_way_is_an_error_that_names_the_row():
    plan = plan_of(Branch((CODE, Branch((Select((LEAF,), (1,)), times(VALUES, 2), VALUES)), VALUES)), 4)
    X = rows([1, 0, 1, 0, 0, 1])
    X[:, 1] = 0
    plan.predict(X)
    for value in (2, -1, np.nan):
        for column, row in ((0, 4), (1, 3)):
            wrong = X.copy()
            wrong[row, column] = value
            with pytest.raises(KernelError, match=f"row {row}"):
                plan.predict(wrong)
    wrong[0, 1] = 9  # another way does not look at it
    wrong[3, 1] = 0
    plan.predict(wrong)


def counting(limit, inside=lambda state: times(state, 2)):
    """Doubles all values as often as the first column says."""
    state = LoopState((), 4, 1)
    count = times(Select((state,), (0,)), 1, -1)
    return Loop((LEAF, Concat((count, inside(Select((state,), (1, 2, 3)))))), 1, limit)


@pytest.mark.parametrize("limit", [0, 1, 3, 100])
def test_rows_leave_a_loop_when_they_are_done(limit):
    node = counting(limit)
    plan = plan_of(node, 4)
    X = rows(np.random.default_rng(1).integers(-2, 7, size=300))
    expected = interpret([node], X)[node]
    rounds = np.minimum(np.maximum(X[:, 0] + 1, 0), limit)
    np.testing.assert_array_equal(expected[:, 1:], X[:, 1:] * 2.0 ** rounds[:, None])
    assert plan.predict(X).tobytes() == expected.tobytes()
    assert all(plan.predict(X[i : i + 1]).tobytes() == expected[i].tobytes() for i in range(50))


def test_what_does_not_depend_on_the_state_is_computed_before_the_loop():
    state = LoopState((), 4, 1)
    fixed = times(times(LEAF, 3), 2)
    program = program_of(Loop((LEAF, Linear((Concat((state, fixed)),), np.ones((8, 4)), np.zeros(4))), 1, 2)).plan
    assert [call.kernel for call in program.calls] == ["mul_add", "mul_add", "loop"]


def test_a_loop_inside_a_loop():
    inner = LoopState((), 4, 2)
    count = times(Select((inner,), (0,)), 1, -1)

    def inside(values):
        first = Concat((Select((LEAF,), (0,)), values))
        loop = Loop((first, Concat((count, times(Select((inner,), (1, 2, 3)), 3)))), 2, 4)
        return Select((loop,), (1, 2, 3))

    node = counting(3, inside)
    X = rows(np.random.default_rng(1).integers(-1, 6, size=100))
    assert plan_of(node, 4).predict(X).tobytes() == interpret([node], X)[node].tobytes()


def test_random_compositions():
    main(15)


def test_rules_see_inside():
    way = Linear((times(VALUES, 2),), np.ones((3, 2)), np.zeros(2))
    other = Linear((VALUES,), np.ones((3, 2)), np.ones(2))
    output = optimize({"predict": Output(Branch((CODE, way, other)))}, Options())[0]["predict"]
    optimized = output.node.inputs[1]
    assert isinstance(optimized, Linear)
    assert optimized.inputs == (VALUES,)


DEPTH = 10_000


def nested(depth):
    """A branch inside a branch inside a branch: a row with the code 1 goes all the way."""
    node = times(VALUES, 2)
    for level in range(depth):
        node = Branch((CODE, times(VALUES, level), times(node, 1, 1)))
    return node


def test_ten_thousand_levels_need_no_stack():
    node = nested(DEPTH)
    plan = plan_of(node, 4)
    X = rows([1, 0, 1, 1])
    got = plan.predict(X)
    np.testing.assert_allclose(got[0], X[0, 1:] * 2 + DEPTH)
    np.testing.assert_array_equal(got[1], X[1, 1:] * (DEPTH - 1))
    assert plan.predict(X[2:3]).tobytes() == got[2].tobytes()
    bound, program = plan.estimate(4).arena_bytes, plan.methods["predict"].program
    peak = program.peak_bytes(read(plan.physical.input, program.leaves, X.astype(np.float32))[1], 4)
    assert peak <= bound <= 1.5 * peak
    assert len(program.plan.subplans) == 2 * DEPTH
    del plan, program


def test_merged_programs_share_equal_branches():
    store = ObjectStore()
    branch = Branch((CODE, times(VALUES, 2), times(VALUES, 3)))
    programs = [program_of(times(branch, factor), store=store).plan for factor in (1.5, 2.5)]
    merged = merge(programs)
    assert merged.calls - merged.distinct == len(programs[0].calls) - 1
    other = program_of(times(Branch((CODE, times(VALUES, 2), times(VALUES, 4))), 1.5), store=store).plan
    assert [call.kernel for call in merge([programs[0], other]).program.calls].count("branch") == 2


def saved(node, width=4):
    return plan_file(*describe(plan_of(node, width)))


def loaded(contents, path):
    path.write_bytes(contents)
    return pretzel.load(path)


def test_saved_plans_have_each_sub_plan_once_and_any_depth(tmp_path):
    node = Concat((nested(1200), counting(3), Branch((CODE, times(VALUES, 1), times(VALUES, 0)))))
    X = rows([1, 0, 1, 1])
    contents = saved(node)
    description, _ = unpacked(contents)
    assert len(description["plan"]["tables"]["subplans"]) == len(set(program_of(node).plan.subplans))
    plan = loaded(contents, tmp_path / "a.pretzel")
    assert plan.predict(X).tobytes() == plan_of(node, 4).predict(X).tobytes()
    assert plan.estimate(4).parameter_bytes == plan_of(node, 4).estimate(4).parameter_bytes


def damaged(change, path):
    """Load a plan whose sub-plans a change has gone through."""
    description, objects = unpacked(saved(Branch((CODE, times(VALUES, 2), Branch((CODE, VALUES, times(VALUES, 3)))))))
    change(description["plan"]["tables"])
    contents = packed(description, objects)
    with pytest.raises(CorruptStoreError) as error:
        loaded(contents, path / "a.pretzel")
    return str(error.value)


def outer(tables):
    """The sub-plan that runs others."""
    return next(i for i, each in enumerate(tables["subplans"]) if any("bodies" in call for call in each["calls"]))


def shape_with_steps(tables):
    return next(tables["shapes"][each["shape"]] for each in tables["subplans"] if each["calls"])


def test_damaged_sub_plans_are_rejected(tmp_path):
    def cycle(tables):
        number = outer(tables)
        next(call for call in tables["subplans"][number]["calls"] if "bodies" in call)["bodies"][0] = number

    def missing(tables):
        next(call for call in tables["subplans"][outer(tables)]["calls"] if "bodies" in call)["bodies"][0] = 99

    def no_ways(tables):
        next(call for call in tables["subplans"][outer(tables)]["calls"] if "bodies" in call)["bodies"] = []

    def source(number):
        return lambda tables: shape_with_steps(tables)["leaves"][0].update(source=number)

    def width(tables):
        shape = shape_with_steps(tables)
        shape["leaves"][0]["columns"] = [0, 1]
        for value in shape["values"]:
            value["width"] = 2

    def another_kernel(tables):
        next(call for call in tables["subplans"][outer(tables)]["calls"] if "bodies" in call)["kernel"] = "concat"

    assert "is none of" in damaged(cycle, tmp_path)
    assert "is none of" in damaged(missing, tmp_path)
    for change in (no_ways, source(7), source(-1), source(1 << 31), width, another_kernel):
        damaged(change, tmp_path)


def test_sub_plans_are_explained_and_analyzed():
    plan = plan_of(Concat((counting(3), Branch((CODE, times(VALUES, 1), times(VALUES, 0))))), 4)
    text = plan.explain()
    assert "runs sub-plans 1, 2" in text
    assert text.count("  sub-plan ") == 3
    analyzed = plan.explain("json", analyze=rows([1, 0] * 50))["analyzed"]["predict"]
    calls = [call for stage in analyzed["stages"] for call in stage["calls"]]
    assert all(
        call["terms"][f"{call['kernel']}.subplans"] > 0 for call in calls if call["kernel"] in ("branch", "loop")
    )
    assert analyzed["predicted"] > plan_of(VALUES, 4).estimate(100).seconds


def test_workers_run_sub_plans(tmp_path):
    node = Concat((counting(3), nested(20)))
    X = rows(np.random.default_rng(0).integers(0, 2, size=5000))
    expected = plan_of(node, 4).predict(X)
    path = tmp_path / "a.pretzel"
    path.write_bytes(saved(node))
    with pretzel.Runtime(executors=2) as runtime:
        runtime.register("a", pretzel.load(path))
        runtime.register("b", pretzel.load(path))
        found = [runtime.submit(name, X) for name in ("a", "b") * 5]
        assert all(each.result().tobytes() == expected.tobytes() for each in found)
        for row in range(100):
            both = runtime.predict_many([("a", X[row]), ("b", X[row])])
            assert all(np.asarray(each).tobytes() == expected[row].tobytes() for each in both)
            assert runtime["a"].predict_one(X[row]).tobytes() == expected[row].tobytes()
