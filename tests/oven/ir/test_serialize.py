"""Graphs as plain data: every operator goes there and back, and a plan can be lowered again from what it carries."""

from __future__ import annotations

import json
import math
from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, PolynomialFeatures, StandardScaler

import pretzel
from pretzel import _native
from pretzel.options import Options
from pretzel.oven.compiler import Compiler
from pretzel.oven.ir._text import unpack
from pretzel.oven.ir.columns import NumericLeaf, Raw
from pretzel.oven.ir.graph import Output, toposort
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.ngrams import Ngrams
from pretzel.oven.ir.opaque import new_token, opaque
from pretzel.oven.ir.serialize import from_data, operators, to_data
from pretzel.oven.lower import Lowering
from pretzel.oven.stored_graph import load_graph
from pretzel.store.digest import digest_array
from pretzel.store.object_store import ObjectStore

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Node

X = np.random.default_rng(0).normal(size=(50, 3))
Y = (X[:, 0] > 0).astype(int)
VERSIONS = {kernel: each["state_version"] for kernel, each in _native.signatures().items()}
TEXTS = ["a cat", "a dog", "the mat"] * 5


def texts():
    union = make_union(TfidfVectorizer(), CountVectorizer())
    return make_pipeline(union, LogisticRegression()).fit(TEXTS, [0, 1, 1] * 5)


def categories():
    one_hot = ColumnTransformer([("codes", OneHotEncoder(handle_unknown="ignore"), [0])])
    return make_pipeline(one_hot, Ridge()).fit(np.array([["a"], ["b"], ["c"]] * 5), range(15))


def forest():
    return make_pipeline(SimpleImputer(), RandomForestClassifier(2, random_state=0)).fit(X, Y)


def polynomial():
    return make_pipeline(make_union(MinMaxScaler(), PolynomialFeatures(2)), Ridge()).fit(X, Y)


PIPELINES = (texts, categories, forest, polynomial)


def again(outputs: dict[str, Node]) -> dict[str, Node]:
    """There and back by way of JSON; an opaque node calls a stand-in."""
    data, digests = to_data(outputs)
    arrays = {digest_array(array): array for node in toposort(outputs.values()) for array in arrays_of(node)}
    data = json.loads(json.dumps(data, allow_nan=False))
    return from_data(data, lambda position: arrays[digests[position]], iter(object, None))


def arrays_of(node: Node) -> list[np.ndarray]:
    """Arrays among the fields of a node, and in tuples there."""
    found = []
    for each in fields(node):
        value = getattr(node, each.name)
        found += [array for array in (value if isinstance(value, tuple) else (value,)) if isinstance(array, np.ndarray)]
    return found


def test_every_operator_goes_there_and_back():
    """Whatever its fields are: each gets one value of every type that fields may have."""
    leaf = NumericLeaf((), (0, 1, 2))
    value = (np.arange(3), (1, 1.0, True, None, -0.0, math.nan, -math.inf, "\u00e9", b"\xff"), np.ones((2, 1)), ())
    assert len(operators()) > 50
    for cls in operators().values():
        names = [f.name for f in fields(cls) if f.init and f.name != "inputs"]
        node = cls(inputs=(leaf, leaf), **dict.fromkeys(names, value))
        assert again({"a": node, "b": leaf}) == {"a": node, "b": leaf}


@pytest.mark.parametrize("estimator", PIPELINES, ids=lambda make: make.__name__)
def test_graphs_of_pipelines_go_there_and_back(estimator):
    for numerics in ("fast", "strict"):
        graphs = Compiler(Options(numerics=numerics), ObjectStore()).graphs(estimator())
        for methods in (graphs.imported.methods, graphs.optimized):
            outputs = {name: output.node for name, output in methods.items()}
            found = again(outputs)
            assert found.keys() == outputs.keys()
            assert all(found[name] is node for name, node in outputs.items())


def test_opaque_nodes_take_their_estimators_from_outside():
    scaler, token = StandardScaler().fit(X), new_token()
    node = opaque(scaler, "transform", Raw((), ()), "no reason", token)
    data, _ = to_data({"transform": node})
    assert from_data(data, [].__getitem__, [scaler])["transform"] is node
    del node
    found = from_data(data, [].__getitem__, [scaler])["transform"]
    assert found.estimator is scaler
    assert (found.token, found.method, found.reason) == (token, "transform", "no reason")
    del found
    with pytest.raises(ValueError, match="estimator of an opaque step is missing"):
        from_data(data, [].__getitem__)


def test_equal_arrays_are_written_once():
    x = NumericLeaf((), (0, 1, 2))
    a = Linear((x,), np.ones((3, 1)), np.zeros(1))
    _, digests = to_data({"a": a, "b": Linear((x,), np.ones((3, 1)), np.ones(1))})
    assert len(digests) == 3


def test_an_operator_that_does_not_exist():
    data = {"nodes": [["no_such_operator/7", [], {}]], "outputs": {"a": 0}}
    with pytest.raises(ValueError, match="no_such_operator/7"):
        from_data(data, [].__getitem__)


class Doubled(TransformerMixin, BaseEstimator):
    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return X * 2


@pytest.mark.parametrize(
    "estimator",
    [
        make_pipeline(StandardScaler(), LogisticRegression()),
        make_pipeline(make_union(MinMaxScaler(), StandardScaler()), Ridge()),
        make_pipeline(StandardScaler(), Doubled(), LogisticRegression()),
    ],
    ids=["logistic", "union", "opaque"],
)
def test_a_plan_is_lowered_again_without_its_estimator(estimator):
    store = ObjectStore()
    plan = pretzel.compile(estimator.fit(X, Y), store=store)
    lease = store.lease()
    lowering = Lowering(store, lease, {})
    for name, node in load_graph(plan.physical.graph, store, VERSIONS).items():
        name, _, form = name.partition("/")
        before = plan.physical.methods[name]
        before = before.sparse if form == "sparse" else before.variants[form] if form else before
        method = lowering.method(Output(node, before.ndim, before.labels, before.list_of))
        found, expected = method.program.stages, before.program.stages
        assert [stage.calls for stage in found] == [stage.calls for stage in expected]
        assert found == expected or before.opaque  # a stage behind an opaque step is named by a token of its own
        assert method.program.values == before.program.values
        assert method.program.output == before.program.output
        assert [step.estimator for step in method.opaque] == [step.estimator for step in before.opaque]
        assert (method.ndim, method.dtype, method.list_of) == (before.ndim, before.dtype, before.list_of)
    assert set(lease.digests) <= set(plan.physical.objects)


def test_models_that_differ_in_numbers_share_the_structure():
    store = ObjectStore()
    graphs = [pretzel.compile(Ridge(alpha).fit(X, Y), store=store).physical.graph for alpha in (1.0, 2.0)]
    assert graphs[0].structure is graphs[1].structure
    assert graphs[0].arrays != graphs[1].arrays


def test_arrays_that_only_binding_reads_come_from_the_state():
    """A vocabulary is bound into a hash table, from which the graph reads it: memory does not grow."""
    pipeline = make_pipeline(CountVectorizer(stop_words=["the"]), Ridge()).fit(TEXTS, range(15))
    plan = pretzel.compile(pipeline, store=ObjectStore())
    outputs = load_graph(plan.physical.graph, plan.store, VERSIONS)
    (node,) = (node for node in toposort(outputs.values()) if isinstance(node, Ngrams))
    assert unpack(node.terms, node.term_offsets) == ["cat", "dog", "mat"]
    assert unpack(node.stop_words, node.stop_offsets) == ["the"]
    assert not {*map(digest_array, arrays_of(node))} & {*plan.physical.objects}
