"""One-hot rows and weights become a look-up; everything else stays."""

from __future__ import annotations

import numpy as np

from pretzel.oven.ir.columns import NumericLeaf
from pretzel.oven.ir.embedding_sum import EmbeddingSum
from pretzel.oven.ir.encode import OneHot
from pretzel.oven.ir.linear import Linear
from pretzel.oven.rules.onehot_linear_lookup import onehot_linear_lookup

LEAF = NumericLeaf((), (0, 1))
OFFSETS = np.array([0, 3, 5], dtype=np.int32)
WEIGHTS = np.random.default_rng(0).normal(size=(5, 2))
BIAS = np.array([0.5, -1.0])


def test_fires_for_sparse_and_dense_rows() -> None:
    expected = EmbeddingSum((LEAF,), WEIGHTS, OFFSETS, BIAS)
    for is_sparse in (True, False):
        node = Linear((OneHot((LEAF,), OFFSETS, is_sparse),), WEIGHTS, BIAS)
        assert onehot_linear_lookup(node, {}) is expected
        assert expected.schema() == node.schema()
        codes = np.array([[0.0, 1.0], [-1.0, 0.0], [2.0, -1.0]])
        rows = node.inputs[0].reference(codes)
        np.testing.assert_allclose(expected.reference(codes), node.reference(rows), rtol=1e-15)


def test_does_not_fire_elsewhere() -> None:
    assert onehot_linear_lookup(Linear((LEAF,), WEIGHTS[:2], BIAS), {}) is None
    assert onehot_linear_lookup(OneHot((LEAF,), OFFSETS, True), {}) is None
    assert onehot_linear_lookup(EmbeddingSum((LEAF,), WEIGHTS, OFFSETS, BIAS), {}) is None
