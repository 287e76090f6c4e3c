"""The driver of the rules: fix-point, switches, verification after each change, trace."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import pytest

from pretzel.errors import OvenBug
from pretzel.options import Options
from pretzel.oven.ir.columns import NumericLeaf, Select
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Node, Output, Parity
from pretzel.oven.optimizer import active_rules, optimize
from pretzel.oven.rules import RULES, Rule

X = NumericLeaf((), (0, 1, 2))


def merge_selects(node, users):
    """``Select(Select(x))`` to one."""
    if isinstance(node, Select) and isinstance(node.inputs[0], Select):
        inner = node.inputs[0]
        return Select(inner.inputs, tuple(inner.columns[i] for i in node.columns))
    return None


def drop_identity(node, users):
    """A selection of everything in order to its input."""
    if isinstance(node, Select) and node.columns == tuple(range(node.inputs[0].schema().width)):
        return node.inputs[0]
    return None


def swap_forever(node, users):
    """Never comes to an end."""
    return Select(node.inputs, node.columns[::-1]) if isinstance(node, Select) else None


def narrow(node, users):
    """Changes the schema."""
    return Select(node.inputs, node.columns[:1]) if isinstance(node, Select) and len(node.columns) > 1 else None


def misfit(node, users):
    """Builds a node that does not fit its input."""
    return Concat((Select((X,), (0, 1)), _Broken((X,)))) if node is X else None


class _Broken(Node):
    op: ClassVar[str] = "broken/1"

    def schema(self):
        raise ValueError("no such thing")


def rule(function, parity=Parity.EXACT):
    return Rule(function, parity, "a test")


def chain():
    node = X
    for columns in ((2, 1, 0), (1, 0, 2), (0, 1, 2), (1, 2, 0)):
        node = Select((node,), columns)
    return node


def run(node, *functions, **options):
    methods, trace = optimize({"transform": Output(node)}, Options(**options), {}, [rule(f) for f in functions])
    return methods["transform"].node, trace


def test_runs_to_a_fix_point_across_rules():
    node, _ = run(chain(), merge_selects, drop_identity)
    assert isinstance(node, Select) or node is X
    assert all(not isinstance(child, Select) for child in node.inputs)
    again, more = run(node, merge_selects, drop_identity)
    assert again is node
    assert more == []
    x = np.arange(6.0).reshape(2, 3)
    want = x[:, [2, 1, 0]][:, [1, 0, 2]][:, [0, 1, 2]][:, [1, 2, 0]]
    np.testing.assert_array_equal(node.reference(x), want)


def test_a_rule_can_be_left_out_by_name():
    node, trace = run(chain(), merge_selects, drop_identity, disable=("merge_selects",))
    assert {change.rule for change in trace} == {"drop_identity"}
    assert isinstance(node.inputs[0], Select)


def test_a_rule_can_be_left_out_by_the_environment(monkeypatch):
    monkeypatch.setenv("PRETZEL_DISABLE_RULES", "merge_selects,drop_identity")
    assert run(chain(), merge_selects, drop_identity)[1] == []


def test_strict_numerics_leave_out_tolerance_rules():
    rules = [rule(merge_selects), rule(drop_identity, Parity.TOLERANCE)]
    assert [r.name for r in active_rules(Options(numerics="strict"), rules)] == ["merge_selects"]
    assert [r.name for r in active_rules(Options(), rules)] == ["merge_selects", "drop_identity"]


def test_rules_that_undo_each_other_are_stopped():
    with pytest.raises(OvenBug, match=r"do not come to an end.*swap_forever"):
        run(Select((X,), (0, 1)), swap_forever)


@pytest.mark.parametrize("function", [narrow, misfit])
def test_a_rule_that_breaks_the_graph_is_named(function):
    with pytest.raises(OvenBug, match=f"rule {function.__name__} broke the graph"):
        run(Select((X,), (0, 1)), function)


def test_the_trace_says_what_where_and_how_long():
    origins = {chain(): "Pipeline.select"}
    _, trace = optimize({"transform": Output(chain())}, Options(), origins, [rule(merge_selects)])
    first = trace[0]
    assert first.rule == "merge_selects"
    assert first.before.startswith("Select")
    assert first.seconds >= 0
    assert any(change.origin == "Pipeline.select" for change in trace)


def test_new_nodes_inherit_the_origin():
    origins = {chain(): "Pipeline.select"}
    methods, _ = optimize({"transform": Output(chain())}, Options(), origins, [rule(merge_selects)])
    assert origins[methods["transform"].node] == "Pipeline.select"


def test_methods_are_rewritten_together():
    shared = Select((Select((X,), (1, 0)),), (1, 0))
    methods, trace = optimize(
        {"a": Output(shared), "b": Output(Concat((shared, X)))}, Options(), {}, [rule(merge_selects)]
    )
    assert methods["b"].node.inputs[0] is methods["a"].node
    assert len(trace) == 1


def test_exact_rules_come_first():
    """But for the one whose result no other rule knows."""
    assert len({r.name for r in RULES}) == len(RULES)
    exact = [r.parity is Parity.EXACT for r in RULES if r.name != "check_by_result"]
    assert exact == sorted(exact, reverse=True)
    assert RULES[-1].name == "check_by_result"
