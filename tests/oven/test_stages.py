"""Where programs are cut into stages."""

from __future__ import annotations

import numpy as np

from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.columns import NumericLeaf, Select
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.linear import Linear
from pretzel.oven.stages import cut, program_nodes

X = NumericLeaf((), (0, 1, 2))


def test_a_chain_is_one_stage():
    a = CheckFinite((X,), "A")
    b = Select((a,), (0, 1))
    c = Linear((b,), np.ones((2, 1)), np.zeros(1))
    assert cut(program_nodes(c)) == [[a, b, c]]


def test_a_shared_value_ends_a_stage():
    a = Select((X,), (0, 1))
    b, c = Select((a,), (0,)), Select((a,), (1,))
    top = Concat((b, c))
    assert cut(program_nodes(top)) == [[a], [b], [c], [top]]


def test_what_follows_a_concatenation_continues_its_stage():
    a, b = Select((X,), (0,)), Select((X,), (1,))
    top = Linear((Concat((a, b)),), np.ones((2, 1)), np.zeros(1))
    assert cut(program_nodes(top)) == [[a], [b], [top.inputs[0], top]]


def test_every_stage_can_run_when_its_turn_comes():
    a = Select((X,), (0, 1))
    b = Select((a,), (1, 0))
    c = Concat((b, a, X))
    done = {X}
    for stage in cut(program_nodes(Select((c,), (0,)))):
        for node in stage:
            assert set(node.inputs) <= done
            done.add(node)


def test_programs_end_at_leaves_whatever_feeds_them():
    behind = NumericLeaf((Select((X,), (0,)),), (0,))
    top = Select((behind,), (0,))
    assert program_nodes(top) == [behind, top]
