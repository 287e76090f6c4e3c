"""Trees of all members become one ensemble, with the bits that they have one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import AdaBoostClassifier, BaggingClassifier, BaggingRegressor, RandomForestRegressor
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import pretzel
from pretzel.oven.frontends.sklearn.compat import since
from pretzel.oven.ir.columns import NumericLeaf, Select
from pretzel.oven.ir.graph import users
from pretzel.oven.ir.link import Expit
from pretzel.oven.ir.tree_ensemble import TreeEnsemble
from pretzel.oven.ir.voting import Mean
from pretzel.oven.rules.join_trees_of_members import join_trees_of_members
from pretzel.oven.rules.pick_outputs import pick_outputs
from tests.answers import assert_identical, check_answers

RNG = np.random.default_rng(0)
LEAF = NumericLeaf((), tuple(range(6)))
X = RNG.normal(size=(200, 6))
Y = np.digitize(X[:, 0] * X[:, 1], [-0.4, 0.4])
SAMME: dict[str, Any] = {} if since("1.6") else {"algorithm": "SAMME"}


def tree(x: Any = LEAF, base: float = 0.0, divisor: float = 1.0) -> TreeEnsemble:
    return TreeEnsemble(
        (x,),
        feature=np.array([1], dtype=np.int32),
        threshold=RNG.normal(size=1),
        children=np.array([[~0, ~1]], dtype=np.int32),
        missing_left=np.zeros(1, dtype=np.uint8),
        category_set=np.full(1, -1, dtype=np.int32),
        categories=np.zeros((0, 8), dtype=np.uint32),
        roots=np.zeros(1, dtype=np.int32),
        float32=True,
        values=RNG.normal(size=(2, 2)),
        columns=np.zeros(1, dtype=np.int32),
        base=np.full(2, base),
        divisor=divisor,
    )


def test_a_mean_of_trees() -> None:
    chosen = Select((LEAF,), (4, 2, 0))
    for inputs in ((LEAF, LEAF), (chosen, Select((LEAF,), (5, 3)))):
        node = Mean(tuple(tree(x) for x in inputs), np.empty(0))
        found = join_trees_of_members(node, users([node]))
        assert isinstance(found, TreeEnsemble)
        given = X if found.inputs[0] is LEAF else found.inputs[0].reference(X)
        each = [one.reference(X if one.inputs[0] is LEAF else one.inputs[0].reference(X)) for one in node.inputs]
        np.testing.assert_array_equal(found.reference(given), (each[0] + each[1]) / 2)
        assert join_trees_of_members(found, users([found])) is None


def test_does_not_fire() -> None:
    for members in ((tree(base=1.0), tree()), (tree(divisor=2.0), tree()), (tree(), Expit((tree(),)))):
        node = Mean(members, np.empty(0))
        assert join_trees_of_members(node, users([node])) is None
    weighted = Mean((tree(), tree()), np.array([1.0, 2.0]))
    assert join_trees_of_members(weighted, users([weighted])) is None
    shared = tree()
    read_twice = [Mean((shared, tree()), np.empty(0)), Expit((shared,))]
    assert join_trees_of_members(read_twice[0], users(read_twice)) is None


def test_one_of_two_probabilities() -> None:
    one = tree()
    node = Select((one,), (1,))
    found = pick_outputs(node, users([node]))
    assert isinstance(found, TreeEnsemble)
    np.testing.assert_array_equal(found.reference(X), one.reference(X)[:, 1:])
    read_twice = [node, Expit((one,))]
    assert pick_outputs(node, users(read_twice)) is None
    assert pick_outputs(Select((LEAF,), (1,)), users([Select((LEAF,), (1,))])) is None


@pytest.mark.parametrize(
    "estimator",
    [
        BaggingClassifier(DecisionTreeClassifier(max_depth=4), 7, max_features=4),
        BaggingRegressor(DecisionTreeRegressor(max_depth=3), 7),
        BaggingRegressor(RandomForestRegressor(3, random_state=0), 4),
        AdaBoostClassifier(n_estimators=9, **SAMME),
        AdaBoostClassifier(DecisionTreeClassifier(max_depth=3), n_estimators=5, **SAMME),
    ],
    ids=["subsets", "regressor", "forests", "stumps", "trees"],
)
def test_answers(estimator: Any) -> None:
    model = estimator.set_params(random_state=0).fit(X, Y)
    check_answers(model, X, rule="join_trees_of_members")
    plans = [pretzel.compile(model, disable_rules=rules) for rules in ((), ["join_trees_of_members"])]
    method = "predict_proba" if hasattr(model, "predict_proba") else "predict"
    assert_identical(getattr(plans[0], method)(X), getattr(plans[1], method)(X))
