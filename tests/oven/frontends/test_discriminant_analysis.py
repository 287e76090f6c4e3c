"""Discriminants against scikit-learn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import sparse
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel
from tests.answers import assert_close, check_answers

from .numeric import check, numbers

if TYPE_CHECKING:
    from pathlib import Path

X = numbers(400, 6, special=False)
LABELS = {"two": np.array(["no", "yes"])[(X[:, 0] > 0).astype(int)], "three": np.digitize(X[:, 1], [-0.5, 0.5])}
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")
SOLVERS = ("svd", "lsqr", "eigen")


@pytest.mark.parametrize("labels", LABELS)
@pytest.mark.parametrize("solver", SOLVERS)
def test_answers(solver: str, labels: str) -> None:
    model = LinearDiscriminantAnalysis(solver=solver).fit(X, LABELS[labels])
    rows = np.vstack([X, 30 * X[:50], 1e3 * X[:50]])  # where probabilities are zero, or no normal numbers
    if solver == "lsqr":
        check_answers(model, rows, methods=METHODS)
    else:
        check(model, rows, (*METHODS, "transform"))


@pytest.mark.parametrize("options", [{"shrinkage": "auto"}, {"priors": [0.1, 0.2, 0.7]}, {"n_components": 1}], ids=repr)
def test_parameters(options: dict) -> None:
    check(LinearDiscriminantAnalysis(solver="eigen", **options).fit(X, LABELS["three"]), X, (*METHODS, "transform"))


def test_what_fails_in_the_source_fails() -> None:
    model = LinearDiscriminantAnalysis(solver="lsqr").fit(X, LABELS["three"])
    plan = pretzel.compile(model)
    with pytest.raises(NotImplementedError, match="lsqr"):
        plan.transform(X)


def test_what_always_fails_in_the_source_keeps_nothing_else_from_being_native(tmp_path: Path) -> None:
    """A plan leaves ``transform`` out, so that it is saved, and compared with its source."""
    last = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
    scaler = StandardScaler().set_output(transform="pandas")
    for model in (last, make_pipeline(scaler, last), GridSearchCV(make_pipeline(scaler, last), {}, cv=2)):
        plan = pretzel.compile(model.fit(X, LABELS["three"]), strict=True)
        assert list(plan.methods) == [*METHODS]
        assert pretzel.verify(plan, model, X[:50]).ok
        plan.save(tmp_path / "lsqr.pretzel")
        np.testing.assert_array_equal(pretzel.load(tmp_path / "lsqr.pretzel").predict(X), plan.predict(X))


@pytest.mark.parametrize("fitted", ["float32", "float64"])
@pytest.mark.parametrize("asked", ["float16", "float32", "int64"])
def test_dtypes(fitted: str, asked: str) -> None:
    model = LinearDiscriminantAnalysis().fit(X.astype(fitted), LABELS["three"])
    rows = X.clip(-9, 9).astype(asked)
    plan = pretzel.compile(model)
    for method in (*METHODS, "transform"):
        assert_close_in(getattr(plan, method)(rows), getattr(model, method)(rows))


def assert_close_in(got: np.ndarray, expected: np.ndarray) -> None:
    """As `assert_close`, but with the bound of float32 for float32."""
    assert got.dtype == expected.dtype
    if expected.dtype == np.float32:
        np.testing.assert_allclose(got, expected, rtol=1e-5, atol=1e-6)
    else:
        assert_close(got, expected)


def test_sparse_rows() -> None:
    model = LinearDiscriminantAnalysis().fit(X, LABELS["three"])
    rows = sparse.csr_matrix(np.where(X > 0.5, X, 0.0))
    plan = pretzel.compile(model)
    for method in METHODS:
        assert_close(getattr(plan, method)(rows), getattr(model, method)(rows))
