"""Polynomial features, bit for bit."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

from .numeric import check, numbers


@pytest.mark.parametrize("width", [1, 2, 5, 20])
@pytest.mark.parametrize("degree", [1, 2, 3, (0, 2), (1, 3), (2, 3), (3, 3)])
def test_products(width: int, degree: int | tuple[int, int]) -> None:
    X = numbers(1000, width)
    for interaction_only, bias in itertools.product([False, True], repeat=2):
        model = PolynomialFeatures(degree, interaction_only=interaction_only, include_bias=bias)
        if model.fit(X[:1]).n_output_features_ == 0:
            continue
        check(model, X, ("transform",), exact=True)


def test_with_a_linear_model() -> None:
    X = numbers(1000, 20, special=False)
    model = make_pipeline(StandardScaler(), PolynomialFeatures(2), Ridge()).fit(X, X[:, 0] * X[:, 1] + X[:, 2])
    check(model, X, ("predict",))


def test_degree_zero_is_opaque() -> None:
    import pretzel

    X = numbers(10, 3)
    model = PolynomialFeatures(0).fit(X)
    np.testing.assert_array_equal(pretzel.compile(model).transform(X), model.transform(X))
