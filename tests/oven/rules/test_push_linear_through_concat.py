"""Linear computations are split over the parts of a concatenation with sparse rows in it, and read them as they are."""

from __future__ import annotations

import numpy as np
from scipy import sparse
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline, make_union

import pretzel
from pretzel.oven.ir.columns import NumericLeaf, SparseLeaf
from pretzel.oven.ir.concat import Concat, Densify
from pretzel.oven.ir.graph import users
from pretzel.oven.ir.linear import Linear, Sum
from pretzel.oven.ir.scale import SubDiv
from pretzel.oven.rules.keep_sparse import keep_sparse
from pretzel.oven.rules.push_linear_through_concat import push_linear_through_concat
from tests.answers import assert_close

RNG = np.random.default_rng(0)
DENSE = NumericLeaf((), (0, 1))
SPARSE = SparseLeaf((), 4)
W = RNG.normal(size=(6, 3))
B = RNG.normal(size=3)


def test_splits_the_weights() -> None:
    node = Linear((Concat((DENSE, SPARSE)),), W, B)
    new = push_linear_through_concat(node, users([node]))
    assert isinstance(new, Sum)
    assert [part.inputs for part in new.inputs] == [(DENSE,), (SPARSE,)]
    assert new.schema() == node.schema()
    left, right = RNG.normal(size=(9, 2)), sparse.random_array((9, 4), density=0.5, rng=RNG, format="csr")
    expected = node.reference(node.inputs[0].reference(left, right))
    got = new.reference(new.inputs[0].reference(left), new.inputs[1].reference(right))
    np.testing.assert_allclose(got, expected, rtol=1e-12, atol=1e-13)
    assert push_linear_through_concat(new, users([new])) is None


def test_does_not_fire() -> None:
    dense = Linear((Concat((DENSE, SubDiv((DENSE,), None, np.ones(2)), DENSE)),), W, B)
    assert push_linear_through_concat(dense, users([dense])) is None
    concat = Concat((DENSE, SPARSE))
    shared = Linear((concat,), W, B)
    assert push_linear_through_concat(shared, users([shared, Densify((concat,))])) is None
    assert push_linear_through_concat(concat, users([concat])) is None


def test_sparse_rows_stay_as_they_are() -> None:
    node = Linear((Densify((SPARSE,)),), W[:4], B)
    assert keep_sparse(node, users([node])) is Linear((SPARSE,), W[:4], B)
    untouched = Linear((SPARSE,), W[:4], B)
    assert keep_sparse(untouched, users([untouched])) is None


def test_documents_through_two_vectorizers() -> None:
    texts = ["red wine", "white wine", "", "fast red car"] * 8
    union = make_union(CountVectorizer(), CountVectorizer(analyzer="char", ngram_range=(2, 3)))
    estimator = make_pipeline(union, LogisticRegression()).fit(texts, [len(t) % 3 for t in texts])
    plan = pretzel.compile(estimator, strict=True)
    assert "push_linear_through_concat" in plan.explain()
    expected = estimator.predict_proba(texts)
    assert_close(plan.predict_proba(texts), expected)
    for rule in ("push_linear_through_concat", "keep_sparse"):
        other = pretzel.compile(estimator, strict=True, disable_rules=(rule,))
        assert_close(other.predict_proba(texts), expected)
    np.testing.assert_array_equal(plan.predict(texts), estimator.predict(texts))
