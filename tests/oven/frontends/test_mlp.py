"""Multi-layer perceptrons against scikit-learn."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel
from tests import releases

from .numeric import check, numbers

PROBABILITIES = ("predict", "predict_proba", "predict_log_proba")
X = numbers(1000, 12, special=False)


@pytest.fixture(autouse=True)
def _few_iterations() -> None:
    warnings.simplefilter("ignore")


@pytest.mark.parametrize("activation", ["relu", "tanh", "logistic", "identity"])
@pytest.mark.parametrize("layers", [(100,), (7, 5), (16, 24)])
def test_regressor(activation: str, layers: tuple[int, ...]) -> None:
    y = X @ np.arange(12.0)
    model = MLPRegressor(hidden_layer_sizes=layers, activation=activation, max_iter=3, random_state=0)
    check(make_pipeline(StandardScaler(), model).fit(X, y), X, ("predict",))


def test_regressor_of_several_outputs() -> None:
    check(MLPRegressor(hidden_layer_sizes=(9,), max_iter=3, random_state=0).fit(X, X[:, :3]), X, ("predict",))


@releases.needs("1.7", "one loss")
def test_counts() -> None:
    y = np.random.default_rng(0).poisson(2.0, size=1000).astype(float)
    check(MLPRegressor(hidden_layer_sizes=(9,), loss="poisson", max_iter=3, random_state=0).fit(X, y), X, ("predict",))


@pytest.mark.parametrize("labels", [["no", "yes"], [3, 5, 9], [0, 1]])
def test_classifier(labels: list[object]) -> None:
    y = np.array(labels)[np.arange(1000) % len(labels)]
    check(MLPClassifier((20,), max_iter=5, random_state=0).fit(X, y), X, PROBABILITIES)


def test_many_labels_of_one_row() -> None:
    y = (X[:, :3] > 0).astype(int)
    check(MLPClassifier((20,), max_iter=20, random_state=0).fit(X, y), X, PROBABILITIES)


def test_not_a_number_is_rejected() -> None:
    from pretzel.errors import InputValueError

    plan = pretzel.compile(MLPRegressor(hidden_layer_sizes=(3,), max_iter=2).fit(X, X[:, 0]), strict=True)
    bad = X[:3].copy()
    bad[1, 4] = np.nan
    with pytest.raises(InputValueError):
        plan.predict(bad)
    assert plan.predict(X[:2]).shape == (2,)


def test_one_class_is_always_answered() -> None:
    """Its one output exceeds 0.5 for some rows."""
    rows = np.random.default_rng(0).normal(size=(30, 3))
    model = MLPClassifier((3,), max_iter=5, random_state=0).fit(rows, np.full(30, "a"))
    plan = pretzel.compile(model, strict=True)
    assert (model.predict_proba(rows)[:, 1] > 0.5).any()
    assert plan.predict(rows).tolist() == model.predict(rows).tolist()
    assert [plan.predict_one(tuple(row)) for row in rows] == ["a"] * 30
    assert np.allclose(plan.predict_proba(rows), model.predict_proba(rows), rtol=1e-9, atol=1e-12)
