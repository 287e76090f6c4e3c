"""Sketches are native but in front of steps that make the noise of the source's Fourier transforms large."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.kernel_approximation import PolynomialCountSketch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import Binarizer, FunctionTransformer, MinMaxScaler, Normalizer, StandardScaler
from sklearn.svm import SVC

import pretzel
from tests.answers import check_answers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(200, 5))
Y = (X[:, 0] * X[:, 1] > 0).astype(int)
WIDE = PolynomialCountSketch(n_components=60, random_state=0)
"""Of fewer products than components, some of which are noise."""
FULL = PolynomialCountSketch(n_components=4, coef0=1, random_state=0)
NATIVE = {
    "linear": make_pipeline(WIDE, Ridge()),
    "classes": make_pipeline(WIDE, LogisticRegression()),
    "kernels": make_pipeline(WIDE, SVC()),
    "scaled": make_pipeline(FULL, StandardScaler(), Ridge()),
    "beside others": make_pipeline(make_union(MinMaxScaler(), WIDE), Ridge()),
}
CALLED = {
    "scaled": make_pipeline(WIDE, StandardScaler()),
    "beside others": make_pipeline(make_union(MinMaxScaler(), WIDE), StandardScaler(), Ridge()),
    "scaled by a model": make_pipeline(WIDE, LinearDiscriminantAnalysis()),
    "trees": make_pipeline(WIDE, HistGradientBoostingClassifier(max_iter=3)),
    "thresholds": make_pipeline(WIDE, Binarizer()),
    "norms": make_pipeline(WIDE, Normalizer()),
    "Python": make_pipeline(WIDE, FunctionTransformer(np.sign)),
}


@pytest.mark.parametrize("name", NATIVE)
def test_noise_that_stays_small(name: str) -> None:
    model = NATIVE[name].fit(X, Y)
    assert not check_answers(model, X).opaque_steps
    check_answers(model, X[:1])


@pytest.mark.parametrize("name", CALLED)
def test_noise_that_becomes_large(name: str) -> None:
    model = CALLED[name].fit(X, Y)
    assert any("polynomialcountsketch" in step.step for step in check_answers(model, X).opaque_steps)


@pytest.mark.parametrize("last", [None, Ridge()], ids=["alone", "linear"])
def test_verification_goes_by_the_size_of_the_row(last: Any) -> None:
    large = 1e4 * X
    model = make_pipeline(WIDE, last).fit(large, Y)
    plan = pretzel.compile(model, strict=True)
    assert pretzel.verify(plan, model, large).ok
    other = clone(model).set_params(polynomialcountsketch__gamma=1.0 + 1e-5).fit(large, Y)
    assert not pretzel.verify(plan, other, large, boundary=False).ok
