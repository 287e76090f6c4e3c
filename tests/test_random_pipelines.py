"""Pipelines drawn at random answer as their sources do: what no list of cases thinks of is a combination.

A seed decides everything, so that a failure is repeated by its number.
"""

from __future__ import annotations

import importlib
import itertools
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
import scipy.sparse as sp

import pretzel
from tests import releases

if TYPE_CHECKING:
    from collections.abc import Sequence

SEEDS = 80
METHODS = ("predict_proba", "decision_function", "transform", "predict")
Recipe = tuple[str, dict[str, Any]]

DENSE_STEPS: Sequence[Recipe] = (
    ("sklearn.preprocessing.StandardScaler", {}),
    ("sklearn.preprocessing.MinMaxScaler", {"clip": True}),
    ("sklearn.preprocessing.RobustScaler", {}),
    ("sklearn.preprocessing.PowerTransformer", {}),
    ("sklearn.preprocessing.PolynomialFeatures", {"degree": 2, "interaction_only": True}),
    ("sklearn.decomposition.PCA", {"n_components": 2, "random_state": 0}),
    ("sklearn.cluster.KMeans", {"n_clusters": 3, "n_init": 1, "random_state": 0}),
    ("sklearn.feature_selection.VarianceThreshold", {}),
    ("sklearn.ensemble.RandomTreesEmbedding", {"n_estimators": 5, "max_depth": 3, "random_state": 0}),
)
# Their edges are values of the fit: behind a step that rounds otherwise in its last bit, a row is on the other side.
EDGED_STEPS: Sequence[Recipe] = (
    ("sklearn.preprocessing.QuantileTransformer", {"n_quantiles": 10}),
    ("sklearn.preprocessing.KBinsDiscretizer", {"n_bins": 4, **releases.QUANTILE_METHOD}),
)
SPARSE_STEPS: Sequence[Recipe] = (
    ("sklearn.preprocessing.MaxAbsScaler", {}),
    ("sklearn.preprocessing.StandardScaler", {"with_mean": False}),
    ("sklearn.preprocessing.Normalizer", {}),
    ("sklearn.preprocessing.Binarizer", {}),
    ("sklearn.decomposition.TruncatedSVD", {"n_components": 2, "random_state": 0}),
    ("sklearn.feature_extraction.text.TfidfTransformer", {}),
    ("sklearn.feature_selection.VarianceThreshold", {}),
)
CLASSIFIERS: Sequence[Recipe] = (
    ("sklearn.linear_model.LogisticRegression", {"max_iter": 20}),
    ("sklearn.linear_model.RidgeClassifier", {}),
    ("sklearn.svm.LinearSVC", {"random_state": 0}),
    ("sklearn.linear_model.SGDClassifier", {"loss": "modified_huber", "random_state": 0}),
    ("sklearn.ensemble.ExtraTreesClassifier", {"n_estimators": 12, "max_depth": 4, "random_state": 0}),
    ("sklearn.tree.DecisionTreeClassifier", {"random_state": 0}),
    ("sklearn.neural_network.MLPClassifier", {"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 0}),
    ("sklearn.neighbors.KNeighborsClassifier", {"p": 3}),  # no native form
)
REGRESSORS: Sequence[Recipe] = (
    ("sklearn.linear_model.Ridge", {}),
    ("sklearn.linear_model.LinearRegression", {}),
    ("sklearn.cross_decomposition.PLSRegression", {"n_components": 1}),
    ("sklearn.ensemble.RandomForestRegressor", {"n_estimators": 12, "max_depth": 4, "random_state": 0}),
    ("sklearn.tree.DecisionTreeRegressor", {"random_state": 0}),
    ("sklearn.neural_network.MLPRegressor", {"hidden_layer_sizes": (5,), "max_iter": 5, "random_state": 0}),
    ("sklearn.kernel_ridge.KernelRidge", {"kernel": "cosine"}),  # no native form
)
SINGLE_REGRESSORS: Sequence[Recipe] = (
    ("sklearn.ensemble.GradientBoostingRegressor", {"n_estimators": 12, "random_state": 0}),
    ("sklearn.ensemble.HistGradientBoostingRegressor", {"max_iter": 12, "min_samples_leaf": 2, "random_state": 0}),
    ("sklearn.linear_model.PoissonRegressor", {}),
)


def build(recipe: Recipe) -> Any:
    """An unfitted estimator."""
    module, _, name = recipe[0].rpartition(".")
    return getattr(importlib.import_module(module), name)(**recipe[1])


class Draw:
    """A fitted pipeline with data to ask it about."""

    def __init__(self, *seed: int) -> None:
        self.random = np.random.default_rng(seed)
        self.sparse = bool(self.random.random() < 0.3)
        rows = int(self.random.choice([12, 40, 200]))  # the first are fewer than many models have columns
        columns = int(self.random.choice([1, 2, 5, 17]))
        self.X = self.numbers(rows, columns)
        self.y, last = self.last_step(rows)
        from sklearn.pipeline import Pipeline

        steps = [self.features(first=i == 0) for i in range(int(self.random.integers(3)))]
        if not self.sparse and np.isnan(self.X).any():
            steps.insert(0, build(("sklearn.impute.SimpleImputer", {"add_indicator": self.coin()})))
        self.estimator = Pipeline([(f"step{i}", step) for i, step in enumerate([*steps, last])])

    def coin(self) -> bool:
        return bool(self.random.random() < 0.5)

    def pick(self, recipes: Sequence[Recipe]) -> Any:
        return build(recipes[int(self.random.integers(len(recipes)))])

    def numbers(self, rows: int, columns: int) -> Any:
        """Dense rows with a constant and an integer column now and then, or sparse ones."""
        if self.sparse:
            return sp.random(rows, columns, 0.3, "csr", rng=self.random)
        X = self.random.normal(size=(rows, columns)) * self.random.choice([0.01, 1.0, 100.0], columns)
        if self.coin():
            X[:, 0] = np.round(X[:, 0])
        if self.random.random() < 0.2:
            X[:, -1] = 3.0
        if self.random.random() < 0.3:
            X[self.random.random(X.shape) < 0.1] = np.nan
            X[0] = 1.0  # no column is missing altogether
        return X

    def features(self, *, first: bool) -> Any:
        """One step, or several side by side."""
        from sklearn.pipeline import FeatureUnion

        steps = SPARSE_STEPS if self.sparse else (*DENSE_STEPS, *EDGED_STEPS) if first else DENSE_STEPS
        if self.random.random() < 0.7:
            return self.pick(steps)
        return FeatureUnion([(f"part{i}", self.pick(steps)) for i in range(2)])

    def last_step(self, rows: int) -> tuple[Any, Any]:
        """A target and an estimator for it."""
        kind = int(self.random.integers(4))
        if kind == 0:
            return np.arange(rows) % 2 == 0, self.pick(CLASSIFIERS)
        if kind == 1:
            return np.array(["red", "green", "blue"])[np.arange(rows) % 3], self.pick(CLASSIFIERS)
        y = self.random.gamma(2.0, size=rows)
        if kind == 2:
            return y, self.pick((*REGRESSORS, *SINGLE_REGRESSORS))
        return np.column_stack([y, -y, y**2]), self.pick(REGRESSORS)

    def fit(self) -> bool:
        """Whether scikit-learn takes this combination."""
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.estimator.fit(self.X, self.y)
        except (TypeError, ValueError, RuntimeError):  # the last: a solver did not converge
            return False
        return True


def fitted(seed: int) -> Draw:
    """The first draw that scikit-learn takes."""
    draws = (Draw(seed, attempt) for attempt in itertools.count())
    return next(draw for draw in draws if draw.fit())


def answer(model: Any, method: str, X: Any) -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return getattr(model, method)(X)


def assert_same(found: Any, expected: Any, what: str) -> None:
    """Labels are equal; numbers agree as those of one step do, in the measure of the largest."""
    if sp.issparse(expected):
        assert sp.issparse(found), what
        found, expected = found.toarray(), expected.toarray()
    found, expected = np.asarray(found), np.asarray(expected)
    assert found.shape == expected.shape, what
    assert found.dtype.kind == expected.dtype.kind, what
    if expected.dtype.kind != "f":
        np.testing.assert_array_equal(found, expected, what)
        return
    largest = np.abs(expected[np.isfinite(expected)]).max(initial=0.0)
    np.testing.assert_allclose(found, expected, rtol=1e-7, atol=1e-9 * largest, err_msg=what)


@pytest.mark.parametrize("seed", range(SEEDS))
def test_answers_are_those_of_the_source(seed: int) -> None:
    draw = fitted(seed)
    plan = pretzel.compile(draw.estimator)
    physical = plan.explain("json")["physical"]
    X = draw.X
    for method in METHODS:
        what = f"{method} of {draw.estimator}"
        assert hasattr(plan, method) == hasattr(draw.estimator, method), what
        if not hasattr(plan, method):
            continue
        whole = answer(plan, method, X)
        assert_same(whole, answer(draw.estimator, method, X), what)
        one = answer(plan, method, X[3:4])
        assert type(one) is type(whole), what
        if not physical[method]["opaque"]:  # a row has the same bits alone
            rows = (one.toarray(), whole[3:4].toarray()) if sp.issparse(one) else (one, whole[3:4])
            np.testing.assert_array_equal(*rows, what)
