"""The driver of the rules: fix-point, switches, verification after each change, trace."""

from __future__ import annotations

from collections import Counter
from typing import ClassVar

import numpy as np
import pytest

from pretzel.errors import OvenBug
from pretzel.options import Options
from pretzel.oven.ir.columns import NumericLeaf, Select
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Node, Output, Parity, toposort, users
from pretzel.oven.live_graph import LiveGraph, Readers
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
    if isinstance(node, Select) and tuple(node.columns) == tuple(range(node.inputs[0].schema().width)):
        return node.inputs[0]
    return None


def swap_forever(node, users):
    """Fires without end."""
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


def test_rules_that_undo_each_other_from_round_to_round_are_stopped():
    def ascend(node, users):
        """One order of columns."""
        return Select(node.inputs, (0, 1)) if isinstance(node, Select) and tuple(node.columns) == (1, 0) else None

    def descend(node, users):
        """The other."""
        return Select(node.inputs, (1, 0)) if isinstance(node, Select) and tuple(node.columns) == (0, 1) else None

    with pytest.raises(OvenBug, match=r"do not come to an end: \['ascend', 'descend'\]"):
        run(Select((X,), (0, 1)), ascend, descend)


def test_rules_that_only_grow_the_graph_are_stopped():
    def wrap(node, users):
        """One selection more."""
        return Select((node,), (0, 1, 2)) if node is X else None

    with pytest.raises(OvenBug, match="do not come to an end"):
        run(Select((X,), (0, 1)), wrap)


def test_schemas_are_checked_up_to_the_result():
    def narrow_below(node, users):
        """Changes the schema of a node that others read."""
        return Select((X,), (0,)) if isinstance(node, Select) and tuple(node.columns) == (1, 2) else None

    with pytest.raises(OvenBug, match=r"rule narrow_below broke the graph: Select\(2 columns\) -> Select\(1 columns\)"):
        run(Concat((Select((X,), (1, 2)), X)), narrow_below)


def wide(parts):
    """Two chains of selections for each part, side by side, and a reader of all."""
    made = []
    for i in range(parts):
        x = NumericLeaf((), (i, i + 1))
        made += [Select((Select((x,), (1, 0)),), (1, 0)), Select((Select((x,), (1, 0)),), (0,))]
    return Select((Concat(tuple(made)),), (0,))


def work(parts, monkeypatch):
    """Calls of rules, nodes built and firings of an optimization."""
    counts = Counter()
    meta = type(Node)
    build = meta.__call__

    def counting(cls, *args, **kwargs):
        counts["nodes"] += 1
        return build(cls, *args, **kwargs)

    def counted(function):
        def call(node, users):
            counts["calls"] += 1
            return function(node, users)

        call.__name__ = function.__name__
        return call

    graph = wide(parts)
    with monkeypatch.context() as patched:
        patched.setattr(meta, "__call__", counting)
        _, trace = run(graph, counted(merge_selects), counted(drop_identity))
    return counts["calls"], counts["nodes"], len(trace)


def test_work_grows_with_the_firings(monkeypatch):
    small, large = work(30, monkeypatch), work(300, monkeypatch)
    assert large[2] == 10 * small[2]
    assert large[0] <= 10 * small[0]
    assert large[1] <= 10 * small[1]


def test_no_number_of_firings_is_too_many():
    _, trace = run(wide(6000), merge_selects, drop_identity)
    assert len(trace) > 10_000


# -- random graphs ----------------------------------------------------------------------------------------------------


def merge_alone(node, readers):
    """`merge_selects` where nobody else reads the inner one."""
    inner = node.inputs[0] if isinstance(node, Select) else None
    return merge_selects(node, readers) if isinstance(inner, Select) and len(readers[inner]) == 1 else None


def unwrap_read(node, readers):
    """``Concat(x)`` to ``x``, unless it is a result."""
    return node.inputs[0] if isinstance(node, Concat) and len(node.inputs) == 1 and readers.get(node) else None


def flatten(node, readers):
    """``Concat(.., Concat(..), ..)`` to one, where only concatenations read the inner one."""
    if not isinstance(node, Concat):
        return None
    for i, part in enumerate(node.inputs):
        if isinstance(part, Concat) and all(isinstance(reader, Concat) for reader in readers[part]):
            return Concat((*node.inputs[:i], *part.inputs, *node.inputs[i + 1 :]))
    return None


RANDOM_RULES = [drop_identity, merge_alone, unwrap_read, flatten]


def random_graph(seed):
    """Three outputs over a pile of selections and concatenations that read each other."""
    random = np.random.default_rng(seed)
    nodes = [NumericLeaf((), (0, 1)), NumericLeaf((), (2,))]
    for _ in range(25):
        if random.random() < 0.6:
            source = nodes[random.integers(len(nodes))]
            width = source.schema().width
            columns = range(width) if random.random() < 0.3 else random.integers(width, size=random.integers(1, 4))
            nodes.append(Select((source,), tuple(int(i) for i in columns)))
        else:
            nodes.append(Concat(tuple(nodes[i] for i in random.integers(len(nodes), size=random.integers(1, 4)))))
            if nodes[-1].schema().width > 40:
                nodes.pop()
    return [nodes[-1], nodes[-2], nodes[random.integers(len(nodes))]]


@pytest.mark.parametrize("seed", range(100))
def test_no_rule_fires_on_the_result(seed):
    outputs = random_graph(seed)
    methods = {str(i): Output(node) for i, node in enumerate(outputs)}
    optimized, trace = optimize(methods, Options(), {}, [rule(f) for f in RANDOM_RULES])
    ends = [output.node for output in optimized.values()]
    readers = users(ends)
    assert not [
        (f.__name__, node)
        for f in RANDOM_RULES
        for node in toposort(ends)
        if (new := f(node, readers)) is not None and new is not node
    ]
    assert optimize(optimized, Options(), {}, [rule(f) for f in RANDOM_RULES]) == (optimized, [])
    assert (ends == outputs) == (not trace)
    for before, after in zip(outputs, ends, strict=True):
        np.testing.assert_array_equal(columns(after), columns(before))


def columns(output):
    """Which column of the request each column of a value is."""
    found = {}
    for node in toposort([output]):
        values = [found[child] for child in node.inputs]
        found[node] = np.array([node.columns]) if isinstance(node, NumericLeaf) else node.reference(*values)
    return found[output]


@pytest.mark.parametrize("seed", range(20))
def test_rules_are_told_who_reads_what(seed):
    """The users of each node, with repetitions, before and after changes."""
    outputs = random_graph(seed)
    graph = LiveGraph(outputs, 1)
    readers = Readers(graph)
    for _ in range(6):
        expected = users(graph.outputs)
        assert set(readers) == set(expected)
        assert len(readers) == len(expected)
        assert all(Counter(readers[node]) == Counter(expected[node]) for node in expected)
        fired = next(((p, new) for p in graph.order() if (new := flatten(p.node, readers))), None)
        if fired is None:
            break
        graph.change(*fired, None)
        while graph.has_stale:
            for place in graph.order():
                if place.is_stale:
                    graph.rebuild(place)


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
    exact = [r.parity is Parity.EXACT for r in RULES if r.name != "fuse_finite_check_into_linear"]
    assert exact == sorted(exact, reverse=True)
    assert RULES[-1].name == "fuse_finite_check_into_linear"
