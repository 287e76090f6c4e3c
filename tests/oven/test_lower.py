"""Programs as the runtime gets them: shared stages, shared parameters, one step for each opaque call."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import pretzel
from pretzel.buffers import plan_buffers
from pretzel.oven.ir.columns import NumericLeaf, Select
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Output
from pretzel.oven.ir.linear import Linear
from pretzel.oven.lower import Lowering
from pretzel.store.object_store import ObjectStore

X = np.random.default_rng(0).normal(size=(50, 3))
Y = (X[:, 0] > 0).astype(int)


def lower(node, store):
    lease = store.lease()
    return Lowering(store, lease, {}).method(Output(node)), lease


def test_values_are_made_once_and_from_values_before_them():
    union = FeatureUnion([("a", MinMaxScaler()), ("b", StandardScaler()), ("c", "passthrough")])
    for estimator in (make_pipeline(StandardScaler(), LogisticRegression()), make_pipeline(union, Ridge())):
        for method in pretzel.compile(estimator.fit(X, Y), numerics="strict").physical.methods.values():
            program = method.program
            assert len(program.calls) == len(program.steps)
            made = [step.output for step in program.steps if step.output >= 0]
            concats = [number for number, value in enumerate(program.values) if value.parts]
            assert sorted([*range(len(program.leaves)), *made, *concats]) == list(range(len(program.values)))
            assert made == sorted(made)
            assert all(max(step.inputs) < step.output for step in program.steps if step.output >= 0)
            assert all(max(program.values[number].parts) < number for number in concats)


def test_a_concatenation_is_a_value_and_no_call():
    x = NumericLeaf((), (0, 1, 2))
    a, b = Select((x,), (0,)), Select((x,), (1,))
    program = lower(Linear((Concat((a, x, b)),), np.ones((5, 1)), np.zeros(1)), ObjectStore())[0].program
    assert [call.kernel for call in program.calls] == ["select", "select", "linear"]
    assert [(value.width, value.parts) for value in program.values] == [
        (3, ()),
        (1, ()),
        (1, ()),
        (5, (1, 0, 2)),
        (1, ()),
    ]


def test_equal_stages_of_two_models_are_one_object():
    store = ObjectStore()
    scaler = StandardScaler().fit(X)
    plans = [
        pretzel.compile(make_pipeline(scaler, FeatureUnion([("a", MinMaxScaler()), ("b", "passthrough")]), m).fit(X, Y),
                        store=store, numerics="strict")
        for m in (Ridge(), Ridge(alpha=5.0))
    ]  # fmt: skip
    first, second = (plan.physical.methods["predict"].program.stages for plan in plans)
    assert first[0] is second[0]
    assert first[-1] is not second[-1]


def test_stages_do_not_depend_on_where_values_lie():
    """A part of two concatenations is copied into one of them; stage and calls are the same."""
    store = ObjectStore()
    x = NumericLeaf((), (0, 1, 2))
    a, b = Select((x,), (0,)), Select((x,), (1,))
    inner = Linear((Concat((a, b)),), np.ones((2, 1)), np.zeros(1))
    alone, lease = lower(inner, store)
    both, other = lower(Concat((inner, a)), store)
    assert lease.digests == other.digests
    assert len(plan_buffers(both.program).steps) == len(both.program.calls) + 1
    assert len(plan_buffers(alone.program).steps) == len(alone.program.calls)
    assert alone.program.stages == both.program.stages


def test_parameters_only_bind_needs_are_dropped():
    plan = pretzel.compile(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y), store=ObjectStore())
    methods = plan.physical.methods.values()
    programs = [each.program for method in methods for each in (method, *method.variants.values())]
    held = {d for program in programs for c in program.calls for d in (*c.params, c.state) if d}
    assert held == set(plan.physical.objects)


def test_leaves_say_what_they_read():
    plan = pretzel.compile(LogisticRegression().fit(X, Y))
    (leaf,) = plan.physical.methods["predict"].program.leaves
    assert leaf.columns == range(3)
    assert leaf.source == 0
