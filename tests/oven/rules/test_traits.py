"""A new step that only declares its traits is treated by every rule as the scaler of scikit-learn is."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import pytest

from pretzel.errors import InputValueError
from pretzel.options import Options
from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.columns import NumericLeaf
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.encode import OneHot
from pretzel.oven.ir.graph import Array, Node, Output, Value, toposort
from pretzel.oven.ir.impute import MissingMask
from pretzel.oven.ir.interpret import interpret
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.scale import SubDiv
from pretzel.oven.ir.step_forms import Affine
from pretzel.oven.ir.tree_ensemble import TreeEnsemble
from pretzel.oven.optimizer import optimize
from pretzel.oven.rules import RULES, Rule
from pretzel.schema import Schema, dense

WIDTH = 4
SCALE = np.array([1.0, 2.5, 1e3, 7.0])
RNG = np.random.default_rng(0)


class Shrink(Node):
    """``x / scale``, written anew."""

    scale: Array

    op: ClassVar[str] = "test_shrink/1"
    columnwise: ClassVar[bool] = True

    def schema(self) -> Schema:
        return self.inputs[0].schema()

    def reference(self, *inputs: Value) -> Value:
        return inputs[0] / self.scale

    def monotone(self) -> Array | None:
        return np.sign(self.scale).astype(np.int8)

    def as_affine(self) -> Affine | None:
        return Affine(1.0 / self.scale, np.zeros(len(self.scale)))

    def select_columns(self, x: Node, columns: Array) -> Node | None:
        return Shrink((x,), self.scale[columns])

    def simplify(self) -> Node:
        return self.inputs[0] if (self.scale == 1.0).all() else self


class Cap(Node):
    """``min(x, cap)``: monotone without being affine."""

    cap: Array

    op: ClassVar[str] = "test_cap/1"
    columnwise: ClassVar[bool] = True

    def schema(self) -> Schema:
        return dense(len(self.cap))

    def reference(self, *inputs: Value) -> Value:
        return np.minimum(inputs[0], self.cap)

    def monotone(self) -> Array | None:
        return np.ones(len(self.cap), dtype=np.int8)

    def select_columns(self, x: Node, columns: Array) -> Node | None:
        return Cap((x,), self.cap[columns])


LEAF = NumericLeaf((), (0, 1, 2, 3))
CHECKED = CheckFinite((LEAF,), "Scaler")
Step = Callable[[Node, Array], Node]


def scaler(x: Node, scale: Array) -> Node:
    return SubDiv((x,), None, scale)


def shrink(x: Node, scale: Array) -> Node:
    return Shrink((x,), scale)


def linear(x: Node, *, zeros: bool = False) -> Linear:
    weights = np.linspace(-2.0, 3.0, x.schema().width)
    weights[1::2] *= not zeros
    weights[2:3] *= not zeros
    return Linear((x,), weights.reshape(-1, 1), np.array([0.5]))


def trees(x: Node) -> TreeEnsemble:
    width = x.schema().width
    return TreeEnsemble(
        (x,),
        feature=np.arange(width, dtype=np.int32),
        threshold=np.linspace(-0.5, 0.5, width),
        children=np.full((width, 2), -1, dtype=np.int32) - np.arange(2 * width, dtype=np.int32).reshape(width, 2),
        missing_left=np.zeros(width, dtype=np.uint8),
        category_set=np.full(width, -1, dtype=np.int32),
        categories=np.zeros((0, 8), dtype=np.uint32),
        roots=np.arange(width, dtype=np.int32),
        float32=False,
        values=2.0 ** np.arange(2.0 * width).reshape(-1, 1),
        columns=np.zeros(width, dtype=np.int32),
        base=np.zeros(1),
    )


def checked(x: Node) -> Node:
    return CheckFinite((x,), "Model")


ONE_HOT = OneHot((MissingMask((LEAF,), (0,)),), np.array([0, 2], dtype=np.int32), False)
GRAPHS: dict[str, Callable[[Step], Node]] = {
    "linear": lambda step: linear(step(LEAF, SCALE)),
    "checked linear": lambda step: linear(checked(step(CHECKED, SCALE))),
    "linear with few weights": lambda step: linear(step(CHECKED, SCALE), zeros=True),
    "linear behind two": lambda step: linear(step(step(LEAF, SCALE), 2 * SCALE)),
    "identity": lambda step: linear(step(LEAF, np.ones(WIDTH))),
    "trees": lambda step: trees(step(LEAF, SCALE)),
    "checked trees": lambda step: trees(checked(step(CHECKED, SCALE / 10))),
    "trees behind two": lambda step: trees(step(step(LEAF, SCALE), 2 * SCALE)),
    "part of what trees read": lambda step: trees(Concat((step(LEAF, SCALE), ONE_HOT))),
    "part of what is checked": lambda step: linear(checked(Concat((LEAF, step(CHECKED, SCALE), ONE_HOT)))),
    "negative factor": lambda step: trees(step(LEAF, -SCALE)),
    "result": lambda step: step(LEAF, np.ones(WIDTH)),
}


def _rows() -> np.ndarray:
    special = np.array([0.0, -0.0, 1.0, -1.0, 5e-324, 1e-3, 1e300, -1e300, 1.7e308, -1.7e308, 500.0, 1.25, 3.5])
    found = RNG.normal(size=(200, WIDTH)) * SCALE
    found[: len(special), :] = special[:, None]
    for column in range(WIDTH):  # each cut-off of the trees and its neighbours
        cut = np.linspace(-0.5, 0.5, WIDTH)[column] * SCALE[column]
        found[20 + 3 * column : 23 + 3 * column, column] = [cut, np.nextafter(cut, -np.inf), np.nextafter(cut, np.inf)]
    for column in range(WIDTH):
        found[-3 * column - 3 : len(found) - 3 * column, column] = [math.nan, math.inf, -math.inf]
    return found


ROWS = _rows()


def run(node: Node, row: np.ndarray) -> np.ndarray | None:
    """The result of one row, None where a check rejects it."""
    try:
        with np.errstate(all="ignore"):
            found: np.ndarray = interpret([node], row[None, :])[node]
    except InputValueError:
        return None
    return found


def fired(graph: Node, rules: list[Rule]) -> tuple[Node, list[str]]:
    optimized, trace = optimize({"predict": Output(graph)}, Options(), rules=rules)
    return optimized["predict"].node, [change.rule for change in trace]


def same(new: Node, old: Node) -> None:
    """Equal results, up to the order of sums."""
    for row in ROWS:
        found, expected = run(new, row), run(old, row)
        assert (found is None) == (expected is None), row
        if found is not None and expected is not None and np.isfinite(expected).all():
            np.testing.assert_allclose(found, expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("graph", GRAPHS)
@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_each_rule_does_the_same_for_both(rule: Rule, graph: str) -> None:
    (ours, our_trace), (theirs, their_trace) = (fired(GRAPHS[graph](step), [rule]) for step in (shrink, scaler))
    assert our_trace == their_trace
    assert [type(node) for node in toposort([ours]) if type(node) is not Shrink] == [
        type(node) for node in toposort([theirs]) if type(node) is not SubDiv
    ]
    same(ours, GRAPHS[graph](scaler))


@pytest.mark.parametrize("graph", GRAPHS)
def test_all_rules_together_give_one_graph(graph: str) -> None:
    (ours, _), (theirs, _) = (fired(GRAPHS[graph](step), list(RULES)) for step in (shrink, scaler))
    kept = {node for node in toposort([ours]) if isinstance(node, Shrink)}
    assert len(kept) == sum(isinstance(node, SubDiv) for node in toposort([theirs]))
    if not kept:
        assert ours is theirs
    same(ours, GRAPHS[graph](scaler))


def test_every_rule_that_asks_is_asked() -> None:
    found = {rule.name for rule in RULES for graph in GRAPHS.values() if fired(graph(shrink), [rule])[1]}
    assert found >= {"fold_affine", "fold_into_thresholds", "prune_columns", "drop_identity", "drop_proven_checks"}


def test_a_monotone_step_that_is_not_affine() -> None:
    cap = np.array([0.1, 1.0, -0.3, 5.0])
    graph = trees(checked(Cap((CHECKED,), cap)))
    new, trace = fired(graph, list(RULES))
    assert set(trace) == {"drop_proven_checks", "fold_into_thresholds"}
    assert not any(isinstance(node, Cap) for node in toposort([new]))
    same(new, graph)
    assert fired(linear(Cap((LEAF,), cap)), list(RULES))[1] == []
