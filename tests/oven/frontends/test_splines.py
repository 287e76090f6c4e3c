"""Splines, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import SplineTransformer

import pretzel
from tests.answers import check_answers

X = np.random.default_rng(0).normal(size=(20, 2))


@pytest.mark.parametrize(("extrapolation", "degree"), [("error", 0), ("continue", 0), ("periodic", 1)])
def test_the_only_spline_is_left_out(extrapolation: str, degree: int) -> None:
    model = SplineTransformer(n_knots=2, degree=degree, extrapolation=extrapolation, include_bias=False).fit(X)
    check_answers(model, X)


@pytest.mark.parametrize("degree", [30, 31])
def test_splines_of_a_large_degree_are_the_estimators_own(degree: int) -> None:
    model = SplineTransformer(degree=degree).fit(X)
    plan = pretzel.compile(model)
    assert bool(plan.opaque_steps) == (degree > 30)
    np.testing.assert_allclose(plan.transform(X), model.transform(X), rtol=1e-7, atol=1e-9)
