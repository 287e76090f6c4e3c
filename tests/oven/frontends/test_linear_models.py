"""Linear models against scikit-learn: shapes, labels, probabilities, dense and sparse rows."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn import linear_model as lm
from sklearn.compose import make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC, LinearSVR

import pretzel
from pretzel.errors import InputValueError
from tests.answers import assert_close

from .numeric import check, numbers

X = numbers(1000, 12, special=False)
SCORE = X[:, 0] - 2 * X[:, 3] + 0.1 * X[:, 7]
SPARSE = sparse.csr_array(np.where(np.random.default_rng(3).random(X.shape) < 0.3, X, 0.0))

REGRESSORS = [
    lm.ARDRegression(max_iter=5),
    lm.BayesianRidge(),
    lm.ElasticNet(0.1),
    lm.HuberRegressor(max_iter=20),
    lm.Lars(),
    lm.Lasso(0.1),
    lm.LassoLars(0.01),
    lm.LinearRegression(),
    lm.LinearRegression(fit_intercept=False),
    lm.OrthogonalMatchingPursuit(),
    lm.Ridge(),
    lm.RidgeCV(),
    lm.SGDRegressor(max_iter=5),
    lm.TheilSenRegressor(max_iter=10, max_subpopulation=100),
    LinearSVR(max_iter=100),
]
CLASSIFIERS = [
    lm.LogisticRegression(),
    lm.LogisticRegression(fit_intercept=False),
    lm.Perceptron(max_iter=5),
    lm.RidgeClassifier(),
    lm.SGDClassifier(max_iter=5),
    lm.SGDClassifier(loss="log_loss", max_iter=5),
    lm.SGDClassifier(loss="modified_huber", max_iter=5),
    LinearSVC(max_iter=100),
]


@pytest.fixture(autouse=True)
def _short_fits() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def methods_of(estimator: Any) -> tuple[str, ...]:
    names = ("predict", "decision_function", "predict_proba", "predict_log_proba")
    return tuple(name for name in names if hasattr(estimator, name))


@pytest.mark.parametrize("model", REGRESSORS, ids=repr)
def test_regressors(model: Any) -> None:
    check(model.fit(X, SCORE), X, ("predict",))


@pytest.mark.parametrize("targets", [1, 2, 3, 8, 9, 17])
@pytest.mark.parametrize("model", [lm.LinearRegression(), lm.Ridge(), lm.MultiTaskLasso(0.1)], ids=repr)
def test_several_targets(model: Any, targets: int) -> None:
    check(model.fit(X, np.stack([SCORE + i * X[:, 1] for i in range(targets)], axis=1)), X, ("predict",))


@pytest.mark.parametrize("model", [lm.PoissonRegressor(), lm.GammaRegressor(), lm.TweedieRegressor(power=0)], ids=repr)
def test_links(model: Any) -> None:
    check(model.fit(X, np.exp(0.3 * SCORE)), X, ("predict",))


@pytest.mark.parametrize("width", [1, 2, 3, 12])
@pytest.mark.parametrize("targets", [2, 3, 4, 5, 8, 9, 12, 16, 17, 31])
def test_several_targets_are_summed_column_after_column(targets: int, width: int) -> None:
    rng = np.random.default_rng(targets)
    model = lm.LinearRegression().fit(X[:, :width], rng.normal(size=(len(X), targets)))
    expected = np.zeros((len(X), targets))
    for j in range(width):
        expected += X[:, j : j + 1] * model.coef_[:, j]
    expected += model.intercept_
    plan = pretzel.compile(model)
    np.testing.assert_array_equal(plan.predict(X[:, :width]), expected)
    for n in (1, 2, 3, 5):  # parts of a block of rows
        np.testing.assert_array_equal(plan.predict(X[:n, :width]), expected[:n])


@pytest.mark.parametrize("classes", [2, 3, 9])
@pytest.mark.parametrize("model", CLASSIFIERS, ids=repr)
def test_classifiers(model: Any, classes: int) -> None:
    labels = np.array([f"class {i}" for i in range(classes)])
    edges = np.quantile(SCORE, np.linspace(0, 1, classes + 1)[1:-1])
    y = labels[np.digitize(SCORE, edges)]
    check(model.fit(X, y), X, methods_of(model))
    check(make_pipeline(StandardScaler(), model).fit(X, y), X, methods_of(model))


@pytest.mark.parametrize("classes", [2, 3])
@pytest.mark.parametrize("model", CLASSIFIERS, ids=repr)
def test_sparse_rows(model: Any, classes: int) -> None:
    model.fit(SPARSE, np.digitize(SCORE, [0.0, 1.0][: classes - 1]))
    plan = pretzel.compile(model, strict=True)
    for method in methods_of(model):
        with np.errstate(divide="ignore"):
            expected = getattr(model, method)(SPARSE)
        got = getattr(plan, method)(SPARSE)
        assert_close(got, expected)
        for n in (0, 1, 2, 7):
            np.testing.assert_array_equal(getattr(plan, method)(SPARSE[:n]) if n else got[:0], got[:n])


def test_sparse_coefficients() -> None:
    for labels in (SCORE > 0, np.digitize(SCORE, [0.0, 1.0])):
        model = lm.LogisticRegression().fit(X, labels)
        expected = model.predict_proba(X)
        assert_close(pretzel.compile(model.sparsify(), strict=True).predict_proba(X), expected)


def test_scores_of_zero_are_the_first_class() -> None:
    model = lm.LogisticRegression(fit_intercept=False).fit(X, SCORE > 0)
    plan = pretzel.compile(model, strict=True)
    rows = np.zeros((2, 12))
    rows[1] = -0.0
    np.testing.assert_array_equal(plan.predict(rows), model.predict(rows))
    np.testing.assert_array_equal(plan.predict(rows), [False, False])


def test_several_labels_of_one_row() -> None:
    y = (X[:, :3] > 0).astype(int)
    for model in (lm.RidgeClassifier(), lm.RidgeClassifierCV()):
        check(model.fit(X, y), X, ("predict", "decision_function"))


def test_sparse_rows_that_the_source_does_not_check() -> None:
    text = ["a b", "b", "c a c", ""] * 10
    table = pd.DataFrame({"n": np.arange(40.0), "t": text})
    parts = make_column_transformer(("passthrough", ["n"]), (TfidfVectorizer(analyzer="char"), "t"), sparse_threshold=1)
    holes = table.assign(n=table["n"].where(table["n"] % 3 > 0))
    for model in (lm.ElasticNet(0.01), lm.Lasso(0.01)):
        estimator = make_pipeline(parts, model).fit(table, np.arange(40.0) % 7)
        got = pretzel.compile(estimator, strict=True).predict(holes)
        assert np.isnan(got).any()
        assert_close(got, estimator.predict(holes))
    with pytest.raises(InputValueError, match="NaN"):
        pretzel.compile(make_pipeline(parts, lm.Ridge()).fit(table, np.arange(40.0))).predict(holes)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_what_is_no_number_is_rejected(value: float) -> None:
    plan = pretzel.compile(lm.Ridge().fit(X, SCORE), strict=True)
    bad = X[:3].copy()
    bad[2, 11] = value
    with pytest.raises(InputValueError, match="row 2"):
        plan.predict(bad)
    assert plan.predict(X[:1]).shape == (1,)


@pytest.mark.parametrize("multi_class", ["ovr", "crammer_singer"])
@pytest.mark.parametrize("classes", [3, 4])
def test_rows_of_a_class_without_weight(classes: int, multi_class: str) -> None:
    """LibLinear has no scores for this class; the other scores belong to the first classes."""
    y = np.random.default_rng(0).integers(0, classes, len(X)) * 10
    for absent in range(classes):
        model = LinearSVC(multi_class=multi_class, max_iter=100).fit(X, y, sample_weight=(y != 10 * absent) * 1.0)
        assert len(model.coef_) == (1 if classes == 3 and multi_class == "ovr" else classes - 1)
        check(model, X, ("predict", "decision_function"))
