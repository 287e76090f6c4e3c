"""Nodes: one object for one computation, frozen, weakly kept."""

from __future__ import annotations

import dataclasses
import gc
from concurrent.futures import ThreadPoolExecutor
from typing import ClassVar

import numpy as np
import pytest

from pretzel.oven.ir.columns import NumericLeaf, Select
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Node, replace, rewrite, toposort, users
from pretzel.oven.ir.linear import Linear

X = NumericLeaf((), (0, 1))


def linear(x=X, scale=1.0):
    return Linear((x,), np.full((2, 1), scale), np.zeros(1))


def test_equal_computations_are_one_object():
    assert linear() is linear()
    assert linear() is not linear(scale=2.0)
    assert Select((X,), (0,)) is Select((X,), (0,))
    assert Select((X,), (0,)) is not Select((X,), (1,))


def test_bits_count_not_values():
    a, b = (Linear((X,), np.array([[z], [1.0]]), np.zeros(1)) for z in (0.0, -0.0))
    assert a is not b
    c, d = (Linear((X,), np.ones((2, 1)), np.array([v])) for v in (np.nan, np.nan))
    assert c is d


def test_every_element_counts():
    """Nodes are looked up by a few elements of an array, and told apart by all of them."""
    x = NumericLeaf((), tuple(range(1000)))
    weights = np.zeros((1000, 1))
    node = Linear((x,), weights, np.zeros(1))
    assert Linear((x,), weights.copy(), np.zeros(1)) is node
    for i in (0, 1, 500, 998, 999):
        other = weights.copy()
        other[i] = 1.0
        assert Linear((x,), other, np.zeros(1)) is not node


def test_types_of_scalars_count():
    class Scalar(Node):
        op: ClassVar[str] = "scalar/1"
        value: object

    values = [0, 0.0, -0.0, False, None, "0", b"0", (0,), (0.0,), (), ((),)]
    assert len({Scalar((), value) for value in values}) == len(values)
    assert Scalar((), float("nan")) is Scalar((), float("nan"))


def test_digests_say_what_is_computed():
    """Down to the leaves; whether or not something else was asked for its digest before."""
    deep = X
    for _ in range(3000):
        deep = Select((deep,), (1, 0))
    assert len({each.digest for each in (X, deep, deep.inputs[0], linear(), linear(scale=2.0), linear(deep))}) == 6
    digest = linear(deep).digest
    del deep
    gc.collect()
    again = X
    for _ in range(3000):
        again = Select((again,), (1, 0))
        assert again.digest
    assert linear(again).digest == digest


def test_dtypes_count():
    assert Linear((X,), np.ones((2, 1)), np.zeros(1)) is not Linear((X,), np.ones((2, 1)), np.zeros(1, np.float32))


def test_nodes_are_frozen():
    node = linear()
    with pytest.raises(dataclasses.FrozenInstanceError):
        node.bias = np.ones(1)
    with pytest.raises(ValueError, match="read-only"):
        node.weights[0] = 5.0


def test_arrays_are_copied_before_others_can_change_them():
    weights = np.ones((2, 1))
    node = Linear((X,), weights, np.zeros(1))
    weights[:] = 7.0
    assert node.weights.tolist() == [[1.0], [1.0]]


def test_nodes_die_with_their_last_user():
    class Lonely(Node):
        number: int

        op: ClassVar[str] = "lonely/1"

    from pretzel.oven.ir.graph import _HashConsing

    gc.collect()
    before = len(_HashConsing._known.nodes)
    node = Lonely((), 1)
    assert Lonely((), 1) is node
    assert len(_HashConsing._known.nodes) == before + 1
    del node
    assert len(_HashConsing._known.nodes) == before


def test_threads_know_only_their_own_nodes():
    """So no thread can enter a node between look-up and entry of an equal one by another."""
    here = linear()
    with ThreadPoolExecutor(1) as pool:
        there = pool.submit(linear).result()
    assert there is not here
    assert there.digest == here.digest
    assert linear() is here


def test_parameters_without_canonical_bytes_are_rejected():
    class Strange(Node):
        value: object

        op: ClassVar[str] = "strange/1"

    with pytest.raises(TypeError, match="no canonical bytes"):
        Strange((), {"a": 1})


def test_replace_goes_through_the_cache():
    assert replace(linear(), bias=np.zeros(1)) is linear()
    assert replace(linear(), bias=np.ones(1)).bias.tolist() == [1.0]


def test_toposort_is_inputs_first_and_each_once():
    a = linear()
    top = Concat((a, Concat((a, X))))
    order = toposort([top, a])
    assert len(order) == len(set(order)) == 4
    assert all(order.index(child) < order.index(node) for node in order for child in node.inputs)


def test_deep_graphs_do_not_recurse():
    node = X
    for _ in range(5000):
        node = Select((node,), (1, 0))
    assert len(toposort([node])) == 5001
    assert rewrite([node], lambda n: None)[node] is node


def test_users_count_each_reading():
    a = linear()
    twice = Concat((a, a))
    assert users([twice])[a] == [twice, twice]
    assert users([twice])[twice] == []


def test_rewrite_is_bottom_up_and_keeps_what_does_not_change():
    a, b = linear(), Select((X,), (1,))
    top = Concat((a, b))
    new = rewrite([top], lambda n: linear(scale=3.0) if n is a else None)
    assert new[b] is b
    assert new[top] is Concat((linear(scale=3.0), b))


def test_every_computation_must_be_named():
    class Nameless(Linear):
        """Inherits everything but the name."""

    with pytest.raises(TypeError, match="Nameless does not name its computation"):
        Nameless((NumericLeaf((), (0,)),), np.ones((1, 1)), np.zeros(1))


def test_the_digest_does_not_depend_on_where_the_class_stands():
    class Moved(Node):
        columns: tuple[int, ...]

        op: ClassVar[str] = NumericLeaf.op

    digest = NumericLeaf((), (0, 1)).digest
    assert Moved((), (0, 1)).digest == digest
