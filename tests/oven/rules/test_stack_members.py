"""Members of an ensemble run as one kernel, with the bits that they have one by one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.ensemble import BaggingClassifier, BaggingRegressor
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import pretzel
from pretzel import _native
from pretzel.oven.ir.columns import NumericLeaf, ToFloat64
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.float32_link import ExpFloat32
from pretzel.oven.ir.graph import Node, users
from pretzel.oven.ir.linear import Linear, LinearHeads
from pretzel.oven.ir.link import Expit, Sigmoid, SigmoidPairs, Softmax, SoftmaxOfBlocks
from pretzel.oven.ir.scale import MulAdd
from pretzel.oven.ir.voting import Mean, MeanInFloat64, MeanOfBlocks
from pretzel.oven.rules.stack_members import stack_members
from tests.answers import assert_identical, check_answers

RNG = np.random.default_rng(0)
LEAF = NumericLeaf((), tuple(range(6)))
X = RNG.normal(size=(70, 6))
Y = np.digitize(X[:, 0] + 0.3 * X[:, 1], [-0.8, 0.0, 0.8])
RULES = ["stack_members", "join_trees_of_members", "pick_outputs"]


def linear(n_out: int = 1, x: Node = LEAF) -> Linear:
    return Linear((x,), RNG.normal(size=(x.schema().width, n_out)), RNG.normal(size=n_out))


def stacked(node: Node) -> Node | None:
    return stack_members(node, users([node]))


def value(node: Node, x: Any) -> Any:
    return x if node is LEAF else node.reference(*(value(each, x) for each in node.inputs))


@pytest.mark.parametrize(
    ("parts", "kind"),
    [
        ([linear(), linear(), linear()], LinearHeads),
        ([linear(2), linear(3)], Linear),
        ([Expit((linear(),)), Expit((linear(),))], Expit),
        ([Sigmoid((linear(),)), Sigmoid((linear(),))], SigmoidPairs),
        ([Softmax((linear(3),)), Softmax((linear(3),))], SoftmaxOfBlocks),
        ([MulAdd((linear(),), np.ones(1), np.zeros(1)), MulAdd((linear(),), np.full(1, 2.0), np.ones(1))], MulAdd),
    ],
    ids=lambda each: getattr(each, "__name__", ""),
)
def test_fires(parts: list[Node], kind: type[Node]) -> None:
    for node in (Concat(tuple(parts)), *([Mean(tuple(parts), np.empty(0))] if kind is not Linear else [])):
        found = stacked(node)
        assert found is not None
        assert type(found if isinstance(node, Concat) else found.inputs[0]) is kind
        assert isinstance(node, Concat) or isinstance(found, MeanOfBlocks)
        assert stacked(found) is None
        np.testing.assert_allclose(value(found, X), value(node, X), rtol=1e-13, atol=1e-14)


def test_a_mean_in_float64_stays_one() -> None:
    members = [ExpFloat32((linear(),)), ExpFloat32((linear(),))]
    for kind, made in ((Mean, MeanOfBlocks), (MeanInFloat64, ToFloat64)):
        node = kind(tuple(members), np.empty(0))
        found = stacked(node)
        assert found is not None
        assert type(found) is made
        assert found.schema() == node.schema()
        np.testing.assert_array_equal(value(found, X), value(node, X))


def test_neighbours_alone_are_stacked() -> None:
    shared = linear()
    node = Concat((linear(), linear(), LEAF, linear()))
    found = stacked(node)
    assert isinstance(found, Concat)
    assert [type(part) for part in found.inputs] == [LinearHeads, NumericLeaf, Linear]
    both = [Concat((shared, linear())), Expit((shared,))]
    assert stack_members(both[0], users(both)) is None


def test_does_not_fire() -> None:
    other = NumericLeaf((), (0, 1))
    for parts in (
        (linear(), linear(x=other)),
        (linear(), linear(2)),
        (Expit((linear(),)), Sigmoid((linear(),))),
        (Softmax((linear(2),)), Softmax((linear(3),))),
        (MulAdd((linear(),), np.ones(1), np.zeros(1), 0.0, 1.0), MulAdd((linear(),), np.ones(1), np.zeros(1))),
        (LEAF, other),
    ):
        assert stacked(Concat(parts)) is None
    assert stacked(linear()) is None


@pytest.mark.parametrize("level", ["baseline", "x86-64-v3", "x86-64-v4"])
@pytest.mark.parametrize(
    ("estimator", "y"),
    [
        (OneVsRestClassifier(LogisticRegression()), Y),
        (OneVsRestClassifier(DecisionTreeClassifier(max_depth=3)), Y),
        (BaggingClassifier(LogisticRegression(), 11), Y > 1),
        (BaggingClassifier(LogisticRegression(), 5), Y),
        (BaggingRegressor(Ridge(), 9), X[:, 2]),
        (BaggingClassifier(DecisionTreeClassifier(max_depth=3), 9, max_features=3), Y),
        (MultiOutputRegressor(Ridge()), X[:, :5]),
        (MultiOutputRegressor(make_pipeline(StandardScaler(), DecisionTreeRegressor(max_depth=3))), X[:, :5]),
    ],
    ids=["heads", "trees", "pairs", "blocks", "regressors", "subsets", "outputs", "pipelines"],
)
def test_bits_are_those_of_one_by_one(estimator: Any, y: Any, level: str) -> None:
    before = _native.isa()
    model = estimator.fit(X, y)
    try:
        _native.set_isa(level)
        one_by_one = pretzel.compile(model, numerics="strict", disable_rules=RULES)
        together = pretzel.compile(model, numerics="strict")
    finally:
        _native.set_isa(before)
    calls = [len(plan.physical.methods["predict"].program.calls) for plan in (together, one_by_one)]
    assert calls[0] < calls[1]
    for method in ("predict", "predict_proba", "decision_function"):
        if hasattr(model, method):
            for rows in (X, X[:1], X[:3]):
                assert_identical(getattr(together, method)(rows), getattr(one_by_one, method)(rows))


@pytest.mark.parametrize("width", [1, 3, 7, 8, 9, 16, 29])
@pytest.mark.parametrize("heads", [2, 3, 5, 8, 17])
def test_heads_of_any_shape(width: int, heads: int) -> None:
    x = RNG.normal(size=(9, width))
    y = np.arange(9) % 3
    model = OneVsRestClassifier(LogisticRegression()).fit(x, y)
    first = model.estimators_[0]
    model.estimators_ = []
    for _ in range(heads):
        member = LogisticRegression().fit(x, y > 0)
        member.coef_, member.intercept_ = RNG.normal(size=first.coef_.shape), RNG.normal(size=1)
        model.estimators_.append(member)
    model.label_binarizer_.classes_ = model.classes_ = np.arange(heads)
    one_by_one = pretzel.compile(model, numerics="strict", disable_rules=RULES)
    together = pretzel.compile(model, numerics="strict")
    assert_identical(together.decision_function(x), one_by_one.decision_function(x))
    sparse_x = np.where(np.abs(x) < 0.5, 0.0, x)
    assert_identical(together.decision_function(sparse_x), one_by_one.decision_function(sparse_x))


def test_texts() -> None:
    texts = [" ".join(RNG.choice(["red", "green", "blue", "car", "wine", "tea"], 5)) for _ in range(90)]
    y = [text.split()[0] for text in texts]
    model = make_pipeline(TfidfVectorizer(), OneVsRestClassifier(LogisticRegression())).fit(texts, y)
    one_by_one = pretzel.compile(model, numerics="strict", disable_rules=RULES)
    together = pretzel.compile(model, numerics="strict")
    assert_identical(together.predict_proba(texts), one_by_one.predict_proba(texts))
    check_answers(model, texts, rule="stack_members")
