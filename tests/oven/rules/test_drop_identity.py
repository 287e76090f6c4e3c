"""Steps that change nothing go."""

from __future__ import annotations

import numpy as np

from pretzel.oven.ir.columns import NumericLeaf, Select
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import users
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.scale import MulAdd, SubDiv
from pretzel.oven.rules.drop_identity import drop_identity

LEAF = NumericLeaf((), (0, 1))
ZEROS, ONES, NUMBERS = np.zeros(2), np.ones(2), np.array([2.0, 3.0])


def apply(node: object) -> object:
    return drop_identity(node, users([Linear((node,), np.ones((2, 1)), np.zeros(1))]))


def test_drops() -> None:
    for node in (
        Select((LEAF,), (0, 1)),
        Concat((LEAF,)),
        SubDiv((LEAF,), ZEROS, ONES),
        SubDiv((LEAF,), ZEROS, None),
        SubDiv((LEAF,), None, ONES),
    ):
        assert apply(node) is LEAF


def test_drops_half_a_scaler() -> None:
    assert apply(SubDiv((LEAF,), ZEROS, NUMBERS)) is SubDiv((LEAF,), None, NUMBERS)
    assert apply(SubDiv((LEAF,), NUMBERS, ONES)) is SubDiv((LEAF,), NUMBERS, None)
    assert apply(SubDiv((LEAF,), NUMBERS, None)) is None


def test_does_not_fire() -> None:
    for node in (
        Select((LEAF,), (1, 0)),
        Concat((LEAF, LEAF)),
        SubDiv((LEAF,), NUMBERS, NUMBERS),
        SubDiv((LEAF,), -ZEROS, NUMBERS),
        MulAdd((LEAF,), ONES, ZEROS),
    ):
        assert drop_identity(node, {node: [node]}) is None
    result = Select((LEAF,), (0, 1))
    assert drop_identity(result, users([result])) is None
