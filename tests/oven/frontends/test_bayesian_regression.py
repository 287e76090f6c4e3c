"""Standard deviations of `BayesianRidge` and `ARDRegression` against scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import ARDRegression, BayesianRidge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(0)
X = RNG.normal(size=(120, 5)) * [1.0, 10.0, 0.1, 3.0, 1.0] + [0.0, 5.0, 1.0, -40.0, 0.0]
Y = X[:, 0] + 0.3 * X[:, 1] + 0.1 * RNG.normal(size=120)  # two columns, of which `ARDRegression` keeps the others out
ASKED = np.concatenate([X[:20], X[:20] + 0.1, RNG.normal(size=(20, 5)) * 30.0, np.full((1, 5), 1e6)])
MODELS = [
    BayesianRidge(),
    BayesianRidge(fit_intercept=False),
    ARDRegression(),
    ARDRegression(threshold_lambda=50.0),
    make_pipeline(StandardScaler(), ARDRegression(threshold_lambda=50.0)),
    make_pipeline(StandardScaler(), BayesianRidge()),
]


@pytest.mark.parametrize("model", MODELS, ids=str)
def test_standard_deviations(model: Any, tmp_path: Path) -> None:
    model.fit(X, Y)
    plan = pretzel.compile(model, strict=True)
    for rows in (ASKED, ASKED[:1], ASKED[:20].astype(np.float32), (10 * ASKED[:20]).astype(int)):
        found, expected = plan.predict(rows, return_std=True), model.predict(rows, return_std=True)
        assert type(found) is tuple
        for a, b in zip(found, expected, strict=True):
            assert (a.shape, a.dtype) == (b.shape, b.dtype)
            np.testing.assert_allclose(a, b, rtol=1e-6 if rows.dtype == np.float32 else 1e-9)
    np.testing.assert_array_equal(plan.return_std_one(ASKED[0]), plan.return_std(ASKED[:1])[0])
    np.testing.assert_array_equal(plan.predict(ASKED, return_std=False), plan.predict(ASKED))
    assert pretzel.verify(plan, model, X)
    plan.save(tmp_path / "model.pretzel")
    loaded = pretzel.load(tmp_path / "model.pretzel")
    np.testing.assert_array_equal(loaded.predict(ASKED, return_std=True), plan.predict(ASKED, return_std=True))


@pytest.mark.parametrize("model", MODELS[:3], ids=str)
def test_frames(model: Any) -> None:
    """The source computes with the frame itself, and its standard deviations are a Series."""
    frame = pd.DataFrame(X, columns=list("abcde"), index=range(5, 125))
    plan = pretzel.compile(model.fit(frame, Y))
    found, expected = plan.predict(frame, return_std=True), model.predict(frame, return_std=True)
    assert [type(each) for each in found] == [type(each) for each in expected]
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9)
    np.testing.assert_allclose(plan.return_std(frame), np.stack(expected, axis=1), rtol=1e-9)


def test_columns_that_nearly_depend_on_each_other() -> None:
    """Of their covariances the last bits decide."""
    rows = np.hstack([X, X @ RNG.normal(size=(5, 5)) + 1e-9 * RNG.normal(size=(120, 5))])
    model = BayesianRidge(lambda_init=1e-12, max_iter=1).fit(rows, Y)
    plan = pretzel.compile(model)
    assert "return_std" not in plan.methods
    for a, b in zip(plan.predict(rows, return_std=True), model.predict(rows, return_std=True), strict=True):
        np.testing.assert_allclose(a, b)


def test_float32_and_a_threshold_that_was_changed() -> None:
    narrow = BayesianRidge().fit(X.astype(np.float32), Y.astype(np.float32))
    plan = pretzel.compile(narrow)
    for a, b in zip(plan.predict(X, return_std=True), narrow.predict(X, return_std=True), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-6)
    changed = ARDRegression(threshold_lambda=50.0).fit(X, Y).set_params(threshold_lambda=1e-9)
    assert "return_std" not in pretzel.compile(changed).methods


def test_covariances_that_were_dropped() -> None:
    model = BayesianRidge().fit(X, Y)
    del model.sigma_
    plan = pretzel.compile(model, strict=True)
    assert [*plan.methods] == ["predict"]
    np.testing.assert_allclose(plan.predict(ASKED), model.predict(ASKED), rtol=1e-9)
