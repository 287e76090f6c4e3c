"""Kernels of rows and references, and scores of pairs of classes, against their definitions."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.gaussian_process import kernels
from sklearn.metrics import pairwise as source
from sklearn.preprocessing import FunctionTransformer
from sklearn.svm import SVC

import pretzel
from pretzel._native import bind
from pretzel.oven.ir.class_pairs import PairCoupling
from pretzel.oven.ir.columns import NumericLeaf
from pretzel.oven.ir.pairwise import Pairwise

RNG = np.random.default_rng(0)
X = RNG.normal(size=(50, 3))
LEAF = NumericLeaf((), (0, 1, 2))


@pytest.mark.parametrize(
    ("function", "gamma", "coef0", "expected"),
    [
        ("dot", 1.0, 0.0, lambda x, y: source.linear_kernel(x, y)),
        ("polynomial", 0.3, 1.5, lambda x, y: source.polynomial_kernel(x, y, 3, 0.3, 1.5)),
        ("sigmoid", 0.3, 1.5, lambda x, y: source.sigmoid_kernel(x, y, 0.3, 1.5)),
        ("rbf", 0.3, 0.0, lambda x, y: source.rbf_kernel(x, y, 0.3)),
        ("laplacian", 0.3, 0.0, lambda x, y: source.laplacian_kernel(x, y, 0.3)),
        ("matern1", 1.0, 0.0, lambda x, y: kernels.Matern(nu=0.5)(x, y)),
        ("matern3", 1.0, 0.0, lambda x, y: kernels.Matern(nu=1.5)(x, y)),
        ("matern5", 1.0, 0.0, lambda x, y: kernels.Matern(nu=2.5)(x, y)),
        ("rational_quadratic", 0.5 / (1.3 * 0.64), 1.3, lambda x, y: kernels.RationalQuadratic(0.8, 1.3)(x, y)),
        ("rational_quadratic", 0.5 / (1e5 * 4.0), 1e5, lambda x, y: kernels.RationalQuadratic(2.0, 1e5)(x, y)),
        ("periodic", np.pi / 1.7, 0.8, lambda x, y: kernels.ExpSineSquared(0.8, 1.7)(x, y)),
    ],
)
def test_functions_are_those_of_the_source(function: str, gamma: float, coef0: float, expected: Any) -> None:
    references = RNG.normal(size=(7, 3))
    node = Pairwise((LEAF,), references, 7, function, gamma, coef0, 3)
    np.testing.assert_allclose(node.reference(X), expected(X, references), rtol=1e-12)


@pytest.mark.parametrize("shape", [(1, 1), (31, 3), (32, 3), (33, 3), (100, 1)])
def test_references_are_read_from_the_state(shape: tuple[int, int]) -> None:
    references = RNG.normal(size=shape)
    node = Pairwise((NumericLeaf((), tuple(range(shape[1]))),), references, shape[0], "rbf")
    state, _ = bind("pairwise", node.params())
    found = node.states[1](state, {"inputs": node.inputs, "count": shape[0]})
    np.testing.assert_array_equal(found["references"], references)


@pytest.mark.parametrize("function", [np.sin, np.cos])
def test_waves_are_those_of_numpy(function: Any) -> None:
    quarters = np.arange(-400, 400) * (np.pi / 4)
    x = np.concatenate(
        [
            RNG.normal(size=20000) * 10.0 ** RNG.integers(-9, 9, size=20000),
            *(quarters + shift for shift in (0.0, 1e-9, -1e-15)),
            [0.0, 5e-324, 1e6, np.nextafter(1e6, 2e6), 1e22, 1e300],
        ]
    )
    plan = pretzel.compile(FunctionTransformer(function).fit(x[:, None]), strict=True)
    np.testing.assert_allclose(plan.transform(x[:, None])[:, 0], function(x), rtol=1e-15, atol=1e-16)
    assert np.isnan(plan.transform(np.array([[np.nan]]))).all()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("classes", [2, 3, 9])
def test_probabilities_end_where_libsvm_ends(classes: int) -> None:
    y = RNG.integers(classes, size=300)
    rows = RNG.normal(size=(300, 3)) + y[:, None]
    model = SVC(probability=True, random_state=0).fit(rows, y)
    raw = model.set_params(decision_function_shape="ovo").decision_function(rows)
    raw = -raw[:, None] if classes == 2 else raw
    pairs = NumericLeaf((), tuple(range(raw.shape[1])))
    node = PairCoupling((pairs,), classes, model._probA, model._probB)
    expected = model.predict_proba(rows)
    np.testing.assert_allclose(node.reference(raw), expected, rtol=1e-9)
    np.testing.assert_allclose(pretzel.compile(model).predict_proba(rows), expected, rtol=1e-9)


def test_equal_votes_are_decided_as_libsvm_decides() -> None:
    y = np.repeat(np.arange(3), 20)
    rows = np.concatenate([RNG.normal(size=(20, 2)) + 2 * np.array([np.cos(a), np.sin(a)]) for a in (0, 2.1, 4.2)])
    model = SVC(decision_function_shape="ovo").fit(rows, y)
    grid = RNG.normal(size=(5000, 2)) * 0.5
    decisions = model.decision_function(grid) > 0
    cyclic = (decisions == [True, False, True]).all(axis=1) | (decisions == [False, True, False]).all(axis=1)
    assert cyclic.any()
    np.testing.assert_array_equal(pretzel.compile(model).predict(grid), model.predict(grid))
