"""The simulation of many nodes says what is known of rendezvous hashing."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks import placement
from benchmarks.placement import Kind, moved, outcomes, popularity_of, preferences, present, rendezvous

MODELS, NODES = 4_000, 8
KINDS = [Kind("large", 1e6, 1e6, 0.01, 1e-5), Kind("small", 1e5, 1e5, 0.01, 1e-5)]


@pytest.fixture(scope="module")
def found():
    placement_memory = 0.3e9  # of 2.2 GB on 8 nodes: all models fit, once
    return outcomes(KINDS, NODES, models=MODELS, family=100, memory=placement_memory)


def test_models_that_have_a_place_stay_in_memory(found):
    assert found["first by model"].hits > 0.98 > found["any node"].hits
    assert found["first by model"].seconds < found["any node"].seconds
    assert all(one.bytes <= 0.3e9 * 1.001 for one in found.values())


def test_hot_models_are_spread(found):
    assert found["any node"].busiest == pytest.approx(1)
    assert found["bounded loads"].busiest < 1.4
    assert found["replicas of hot models"].busiest < found["first by model"].busiest


def test_only_what_a_node_gets_or_had_moves():
    keys, popularity = np.arange(MODELS), popularity_of(MODELS, 1.1)
    before, after = preferences(keys, range(NODES))[:, 0], preferences(keys, range(NODES + 1))[:, 0]
    assert {*after[before != after]} == {NODES}
    assert moved(keys, popularity, range(NODES), range(NODES + 1))[0] == pytest.approx(1 / (NODES + 1), rel=0.2)
    assert placement.moved_by_modulo(keys, NODES, NODES + 1) == pytest.approx(NODES / (NODES + 1), rel=0.1)


def test_rendezvous_by_name():
    nodes = [f"node-{i}" for i in range(5)]
    orders = [rendezvous(f"churn/{i}", nodes) for i in range(200)]
    assert all(sorted(order) == nodes for order in orders)
    without = [rendezvous(f"churn/{i}", nodes[:-1]) for i in range(200)]
    assert [[node for node in order if node != "node-4"] for order in orders] == without
    assert len({order[0] for order in orders}) == 5


def test_what_is_present_fills_the_room():
    rates, sizes = popularity_of(1_000, 1.1), np.full(1_000, 10.0)
    assert present(rates, sizes, 3_000.0) @ sizes == pytest.approx(3_000, rel=1e-3)
    assert present(rates, sizes, 10_000.0).min() == 1
