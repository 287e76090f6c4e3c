"""Programs as the runtime gets them: shared stages, shared parameters, one step for each opaque call."""

from __future__ import annotations

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import pretzel
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


def test_wires_match_calls():
    plan = pretzel.compile(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y))
    for method in plan.physical.methods.values():
        program = method.program
        assert len(program.calls) == len(program.wires)
        assert all(0 <= slot < len(program.slots) for wire in program.wires for slot in wire.inputs)


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


def test_one_concatenation_may_be_laid_out_in_two_ways():
    """A part that lies inside another concatenation is copied; the stage is another one then."""
    store = ObjectStore()
    x = NumericLeaf((), (0, 1, 2))
    a, b = Select((x,), (0,)), Select((x,), (1,))
    inner = Linear((Concat((a, b)),), np.ones((2, 1)), np.zeros(1))
    shared = Concat((inner, a))
    alone, lease = lower(inner, store)
    both, other = lower(shared, store)
    assert lease.digests
    assert other.digests
    for method in (alone, both):
        assert len(method.program.calls) == len(method.program.wires)


def test_parameters_only_bind_needs_are_dropped():
    plan = pretzel.compile(make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y), store=ObjectStore())
    held = {d for m in plan.physical.methods.values() for c in m.program.calls for d in (*c.params, c.state) if d}
    assert held == set(plan.physical.objects)


def test_leaves_say_what_they_read():
    plan = pretzel.compile(LogisticRegression().fit(X, Y))
    (leaf,) = plan.physical.methods["predict"].program.leaves
    assert leaf.columns == (0, 1, 2)
    assert leaf.source == 0
