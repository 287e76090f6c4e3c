"""Look-up of weights by code: against the product, and native against reference bit for bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

import pretzel
from pretzel.options import Options
from pretzel.oven.frontends.importer import Importer
from pretzel.oven.ir.columns import NumericLeaf
from pretzel.oven.ir.embedding_sum import EmbeddingSum
from pretzel.oven.ir.encode import OneHot
from pretzel.oven.ir.graph import toposort
from pretzel.oven.ir.interpret import interpret
from pretzel.oven.optimizer import optimize
from tests.answers import assert_close


def test_reference_agrees_with_the_product() -> None:
    rng = np.random.default_rng(1)
    codes = np.array([[0.0, 0.0, 5.0], [-1.0, -1.0, -1.0], [4.0, -1.0, 0.0]])
    leaf = NumericLeaf((), (0, 1, 2))
    offsets = np.array([0, 5, 6, 12], dtype=np.int32)
    node = EmbeddingSum((leaf,), rng.normal(size=(12, 3)), offsets, rng.normal(size=3))
    rows = OneHot((leaf,), offsets, False).reference(codes)
    np.testing.assert_allclose(node.reference(codes), rows @ node.table + node.bias, rtol=1e-14)
    assert node.schema().width == 3


def table(n: int) -> np.ndarray:
    rng = np.random.default_rng(n)
    return rng.choice(np.array(["a", "b", "é", "日本", "a longer one", "zz"], dtype=object), size=(n, 4))


@pytest.mark.parametrize("n_classes", [1, 2, 3, 9])
def test_native_has_the_bits_of_the_reference(n_classes: int) -> None:
    X = table(300)[:, :3]
    y = np.arange(300) % max(n_classes, 2)
    model: Any = Ridge() if n_classes == 1 else LogisticRegression()
    estimator = make_pipeline(OneHotEncoder(handle_unknown="ignore", max_categories=4), model).fit(X, y)
    method = "predict" if n_classes == 1 else "decision_function"
    methods, _ = optimize(Importer(estimator).run().methods, Options())
    output = methods[method]
    assert any(isinstance(node, EmbeddingSum) for node in toposort([output.node]))
    plan = pretzel.compile(estimator, strict=True)
    for n in (1, 2, 1000):
        Z = table(n)[:, :3]
        Z[0] = ["unknown", "", "a"]
        expected = interpret([output.node], Z)[output.node]
        got = getattr(plan, method)(Z)
        np.testing.assert_array_equal(got.reshape(expected.shape), expected)
        assert_close(got, getattr(estimator, method)(Z))
        np.testing.assert_array_equal(getattr(plan, method)(Z[-1:]), got[-1:])
