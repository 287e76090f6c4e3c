"""Partial least squares against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cross_decomposition import CCA, PLSSVD, PLSCanonical, PLSRegression

import pretzel
from tests.answers import assert_close

from .numeric import check, numbers

X = numbers(300, 5, special=False)
Y = np.column_stack([X @ np.arange(5.0), X[:, 0] - 2 * X[:, 3], np.sin(X[:, 1])])
MODELS = [CCA(), PLSCanonical(scale=False), PLSRegression(3), PLSRegression(1, scale=False)]


@pytest.mark.parametrize("model", MODELS, ids=repr)
def test_answers(model) -> None:
    check(model.fit(X, Y), numbers(1000, 5), ("transform", "predict"))


@pytest.mark.parametrize("target", [Y[:, 0], Y[:, :1]], ids=["one", "a column"])
def test_one_target(target: np.ndarray) -> None:
    check(PLSRegression(2).fit(X, target), X, ("transform", "predict"))


@pytest.mark.parametrize("scale", [True, False])
def test_svd(scale: bool) -> None:
    check(PLSSVD(2, scale=scale).fit(X, Y), numbers(1000, 5), ("transform",))


@pytest.mark.parametrize("asked", ["float16", "float32", "int8", "int64", "object"])
@pytest.mark.parametrize("model", [*MODELS, PLSSVD()], ids=repr)
def test_dtypes(model, asked: str) -> None:
    rows = (3 * X).astype(asked)
    model.fit(X, Y)
    plan = pretzel.compile(model)
    for method in ("transform", "predict"):
        if hasattr(model, method):
            assert_close(getattr(plan, method)(rows), getattr(model, method)(rows))
