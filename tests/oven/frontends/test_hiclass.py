"""Hierarchical classifiers: rows are routed natively, and answer as their source does."""

from __future__ import annotations

import numpy as np
import pytest

pytest.importorskip("hiclass", exc_type=ImportError)  # it needs scikit-learn 1.6

import networkx as nx
from hiclass import LocalClassifierPerLevel, LocalClassifierPerNode, LocalClassifierPerParentNode
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

import pretzel
from pretzel.errors import SaveError

KINDS = (LocalClassifierPerParentNode, LocalClassifierPerNode, LocalClassifierPerLevel)
MEMBERS = (
    LogisticRegression(max_iter=200),
    DecisionTreeClassifier(max_depth=4, random_state=0),
    make_pipeline(StandardScaler(), LogisticRegression(max_iter=200)),
)


def hierarchy(levels=3, ways=3, rows=600, seed=0):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, 6))
    y = np.array([[f"{level}-{int(choice)}" for level, choice in enumerate(row)]
                  for row in np.floor(ways / (1 + np.exp(-3 * X[:, :levels])))])  # fmt: skip
    return X, y


def fitted(kind, member, X, y):
    return kind(local_classifier=member, verbose=50).fit(X, y)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
@pytest.mark.parametrize("member", MEMBERS, ids=lambda member: type(member).__name__)
def test_routes_as_the_source_does(kind, member):
    X, y = hierarchy()
    model = fitted(kind, member, X, y)
    plan = pretzel.compile(model)
    assert not plan.physical.methods["predict"].opaque
    rows = np.vstack([X, np.random.default_rng(1).normal(scale=3, size=(400, 6))])
    for n in (1, 2, 1000):
        for form in (rows[:n], rows[:n].astype(np.float32), rows[:n].astype(int), np.asfortranarray(rows[:n])):
            got, expected = plan.predict(form), model.predict(form)
            assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
            np.testing.assert_array_equal(got, expected)
    assert list(plan.predict_one(rows[7])) == list(model.predict(rows[7:8])[0])


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_one_level(kind):
    X, y = hierarchy(levels=1)
    model = fitted(kind, MEMBERS[0], X, y[:, 0])
    plan = pretzel.compile(model)
    expected = model.predict(X)
    np.testing.assert_array_equal(plan.predict(X), expected)
    assert plan.predict(X).dtype == expected.dtype


def test_a_member_without_native_form_makes_the_whole_opaque():
    X, y = hierarchy(rows=200)
    model = fitted(LocalClassifierPerParentNode, KNeighborsClassifier(1, p=3), X, y)
    plan = pretzel.compile(model)
    assert plan.physical.methods["predict"].opaque[0].reason == "a member has no native form"
    np.testing.assert_array_equal(plan.predict(X), model.predict(X))


def test_saved_and_merged_plans_route_as_before(tmp_path):
    X, y = hierarchy()
    models = [fitted(kind, MEMBERS[1], X, y) for kind in KINDS]
    with pretzel.Runtime() as runtime:
        for number, model in enumerate(models):
            path = tmp_path / f"{number}.pretzel"
            pretzel.compile(model).save(path, opaque="cloudpickle")  # for `predict_proba`
            runtime.register(str(number), pretzel.load(path, allow_pickle=True))
        for row in X[:20]:
            found = runtime.predict_all(row, models=["0", "1", "2"])
            answers = found.values() if isinstance(found, dict) else found
            for model, answer in zip(models, answers, strict=True):
                assert list(np.ravel(answer)) == list(model.predict(row[None])[0])


def test_what_skops_cannot_write_is_a_pickle(tmp_path):
    """The logger of the source, which answers ``predict_proba``, holds a lock."""
    plan = pretzel.compile(fitted(LocalClassifierPerNode, MEMBERS[0], *hierarchy(rows=200)))
    with pytest.raises(SaveError, match=r"skops cannot write .*; opaque='cloudpickle' writes whatever can be pickled"):
        plan.save(tmp_path / "plan", opaque="skops")
    plan.save(tmp_path / "plan", opaque="cloudpickle")


def test_a_fault_inside_a_sub_plan_is_named():
    X, y = hierarchy()
    model = fitted(LocalClassifierPerParentNode, MEMBERS[0], X, y)
    plan = pretzel.compile(model, store=pretzel.ObjectStore())
    assert not pretzel.verify(plan, model, X).divergences
    program = plan.physical.methods["predict"].program
    call = next(call for body in program.subplans for call in body.calls if "linear" in call.kernel)
    weights = next(each for digest in call.params if digest and (each := plan.store.get(digest)).ndim == 2)
    weights.flags.writeable = True
    weights *= -1.0
    try:
        fault = pretzel.verify(plan, model, X).first_divergence
    finally:
        weights *= -1.0
        weights.flags.writeable = False
    assert fault.kind == "parameters"
    assert fault.operator.partition("(")[0] in ("Linear", "CheckedLinear")
    assert "way" in fault.note
    assert "round of Loop" in fault.note
    assert "memory of a parameter was changed" in fault.note


def test_a_thousand_levels():
    """hiclass itself never fits such a tree, because each label contains the labels of its ancestors."""
    depth = 1000
    X, y = hierarchy(rows=100)
    model = fitted(LocalClassifierPerParentNode, DecisionTreeClassifier(max_depth=1), X, y)
    tree = nx.DiGraph()
    for level in range(depth):
        parent = model.root_ if level == 0 else f"n{level}"
        names = np.array([f"end{level}", f"n{level + 1}"])
        split = DecisionTreeClassifier(max_depth=1).fit([[level, *X[0, 1:]], [level + 2, *X[0, 1:]]], names)
        tree.add_node(parent, classifier=split)
        tree.add_edges_from((parent, name) for name in names)
    model.hierarchy_, model.max_levels_, model.dtype_ = tree, depth, np.dtype("<U8")
    rows = np.column_stack([[depth + 1.5, depth - 0.5, depth + 0.5], X[:3, 1:]])
    plan = pretzel.compile(model)
    np.testing.assert_array_equal(plan.predict(rows), model.predict(rows))
    early = plan.predict([[500.5, *X[0, 1:]]])[0].tolist()  # hiclass leaves what comes after the end to chance
    assert early == [*(f"n{level}" for level in range(1, 501)), "end500", *[""] * (depth - 501)]
