"""Two matrices become one where that is smaller."""

from __future__ import annotations

import numpy as np
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

import pretzel
from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.columns import NumericLeaf
from pretzel.oven.ir.graph import users
from pretzel.oven.ir.linear import Linear
from pretzel.oven.rules.merge_linear import merge_linear
from tests.answers import assert_close

RNG = np.random.default_rng(0)
LEAF = NumericLeaf((), tuple(range(6)))
X = RNG.normal(size=(20, 6))


def linear(x: object, width: int, n_out: int) -> Linear:
    return Linear((x,), RNG.normal(size=(width, n_out)), RNG.normal(size=n_out))


def test_merges_a_projection_into_one_output() -> None:
    first = linear(LEAF, 6, 3)
    node = linear(first, 3, 1)
    new = merge_linear(node, users([node]))
    assert isinstance(new, Linear)
    assert new.inputs == (LEAF,)
    np.testing.assert_allclose(new.reference(X), node.reference(first.reference(X)), rtol=1e-12, atol=1e-13)
    assert merge_linear(new, users([new])) is None


def test_does_not_fire() -> None:
    first = linear(LEAF, 6, 2)
    wide = linear(first, 2, 6)
    assert merge_linear(wide, users([wide])) is None
    checked = linear(CheckFinite((first,), "Ridge"), 2, 1)
    assert merge_linear(checked, users([checked])) is None
    two = [linear(first, 2, 1), linear(first, 2, 1)]
    assert merge_linear(two[0], users(two)) is None
    assert merge_linear(first, users([first])) is None


def test_latent_semantic_analysis() -> None:
    texts = ["red wine", "white wine", "red car", "green tea", "black tea", "fast car"] * 5
    estimator = make_pipeline(TfidfVectorizer(), TruncatedSVD(4, random_state=0), LogisticRegression())
    estimator.fit(texts, [t.split()[1] for t in texts])
    plan = pretzel.compile(estimator, strict=True)
    assert "merge_linear" in plan.explain()
    np.testing.assert_array_equal(plan.predict(texts), estimator.predict(texts))
    assert_close(plan.predict_proba(texts), estimator.predict_proba(texts))
