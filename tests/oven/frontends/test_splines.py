"""Splines, against scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.preprocessing import SplineTransformer

from tests.answers import check_answers

X = np.random.default_rng(0).normal(size=(20, 2))


@pytest.mark.parametrize(("extrapolation", "degree"), [("error", 0), ("continue", 0), ("periodic", 1)])
def test_the_only_spline_is_left_out(extrapolation: str, degree: int) -> None:
    model = SplineTransformer(n_knots=2, degree=degree, extrapolation=extrapolation, include_bias=False).fit(X)
    check_answers(model, X)
