"""Isotonic regression against scikit-learn, to the last bit."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.isotonic import IsotonicRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel
from pretzel.errors import InputValueError

from .numeric import check

X = np.random.default_rng(0).normal(size=(500, 1))
Y = np.tanh(X[:, 0]) + 0.3 * np.random.default_rng(1).normal(size=500)


def rows(model: Any) -> np.ndarray:
    """The points of the curve, their neighbours, and what lies beyond and between."""
    at = np.asarray(model.X_thresholds_, dtype=np.float64)
    between = (at[1:] + at[:-1]) / 2
    near = [np.nextafter(at, np.inf), np.nextafter(at, -np.inf)]
    return np.concatenate([at, *near, between, [at[0] - 1, at[-1] + 1, 0.0, -0.0, 1e300, -1e300]])[:, None]


@pytest.mark.parametrize("increasing", [True, False, "auto"])
@pytest.mark.parametrize("out_of_bounds", ["clip", "nan"])
def test_curve(out_of_bounds: str, increasing: Any) -> None:
    model = IsotonicRegression(out_of_bounds=out_of_bounds, increasing=increasing).fit(X, Y)
    check(model, rows(model), ("predict", "transform"), exact=True)


def test_bounds_of_the_answer() -> None:
    model = IsotonicRegression(y_min=-0.5, y_max=0.2, out_of_bounds="clip").fit(X, Y)
    check(model, rows(model), ("predict",), exact=True)


def test_values_beyond_the_points_are_rejected() -> None:
    model = IsotonicRegression(out_of_bounds="raise").fit(X, Y)
    plan = pretzel.compile(model, strict=True)
    np.testing.assert_array_equal(plan.predict(X), model.predict(X))
    for given in ([[-9.0]], [[9.0]]):
        with pytest.raises(ValueError, match="interpolation range"):
            model.predict(given)
        with pytest.raises(InputValueError):
            plan.predict(given)


@pytest.mark.parametrize("out_of_bounds", ["clip", "nan", "raise"])
def test_one_point_is_a_constant(out_of_bounds: str) -> None:
    model = IsotonicRegression(out_of_bounds=out_of_bounds).fit([[1.0], [1.0]], [2.0, 4.0])
    plan = pretzel.compile(model, strict=True)
    np.testing.assert_array_equal(plan.predict([[0.0], [5.0]]), model.predict([[0.0], [5.0]]))


@pytest.mark.parametrize("out_of_bounds", ["clip", "nan"])
def test_float32(out_of_bounds: str) -> None:
    """The dtype of the points decides the precision in which the curve is computed."""
    for fitted_on in (X, X.astype(np.float32)):
        model = IsotonicRegression(out_of_bounds=out_of_bounds).fit(fitted_on, Y)
        plan = pretzel.compile(model, strict=True)
        given = rows(model)[:-2]
        for each in (given, given.astype(np.float32)):
            expected, found = model.predict(each), plan.predict(each)
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_what_is_no_number_is_rejected(bad: float) -> None:
    plan = pretzel.compile(IsotonicRegression(out_of_bounds="clip").fit(X, Y))
    with pytest.raises(InputValueError):
        plan.predict([[bad]])


def test_vectors() -> None:
    """A request is one column, or a vector."""
    model = IsotonicRegression(out_of_bounds="clip").fit(X[:, 0], Y)
    plan = pretzel.compile(model)
    expected = model.predict(X)
    for given in (X, X[:, 0], X[:, 0].tolist(), X.tolist(), pd.Series(X[:, 0])):
        np.testing.assert_array_equal(plan.predict(given), expected)
        np.testing.assert_array_equal(plan.transform(given), expected)
    assert plan.predict_one(X[0]) == plan.predict_one((X[0, 0],)) == expected[0]


@pytest.mark.parametrize("container", ["pandas", "polars"])
def test_frames(container: str) -> None:
    """The vector that ``transform`` returns is a frame of one column."""
    pytest.importorskip(container)
    model = IsotonicRegression(out_of_bounds="clip").fit(X, Y)
    plan = pretzel.compile(model)
    with sklearn.config_context(transform_output=container):
        expected, found = model.transform(X), plan.transform(X)
    assert type(found) is type(expected)
    assert found.equals(expected)


def test_behind_a_scaler() -> None:
    model = make_pipeline(StandardScaler(), IsotonicRegression(out_of_bounds="clip")).fit(X, Y)
    check(model, X, ("predict",), exact=True)


def test_saved_and_loaded(tmp_path: Any) -> None:
    plan = pretzel.compile(IsotonicRegression(out_of_bounds="clip").fit(X.astype(np.float32), Y))
    plan.save(tmp_path / "curve")
    np.testing.assert_array_equal(pretzel.load(tmp_path / "curve").predict(X), plan.predict(X))
