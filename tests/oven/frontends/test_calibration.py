"""Calibrated classifiers against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC

import pretzel
from pretzel.oven.frontends.sklearn.compat import since
from tests import releases
from tests.answers import assert_close

from .numeric import check, numbers

X = numbers(400, 5, special=False)
SCORE = X[:, 0] + 0.5 * X[:, 1] + 0.5 * np.random.default_rng(0).normal(size=len(X))
TWO = np.where(SCORE > 0, "yes", "no")
MANY = np.array(["de", "fr", "it"])[np.digitize(SCORE, [-0.5, 0.5])]
METHODS = ("sigmoid", "isotonic", *(["temperature"] if since("1.8") else []))
ASKED = ("predict", "predict_proba")


@pytest.mark.parametrize("y", [TWO, MANY], ids=["two", "many"])
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("ensemble", [True, False])
def test_decisions_and_probabilities(method: str, ensemble: bool, y: np.ndarray) -> None:
    for inside in (
        LinearSVC(),
        RandomForestClassifier(5, random_state=0),
        make_pipeline(StandardScaler(), LinearSVC()),
    ):
        model = CalibratedClassifierCV(inside, method=method, cv=3, ensemble=ensemble).fit(X, y)
        check(model, X, ASKED)


@pytest.mark.parametrize("method", METHODS)
def test_float32(method: str) -> None:
    """Numbers of the calibrators are float64, and so is the answer; a temperature follows its scores."""
    small = X.astype(np.float32)
    for inside in (LogisticRegression(), MLPClassifier((5,), max_iter=20, random_state=0)):
        for fitted_on in (X, small):
            model = CalibratedClassifierCV(inside, method=method, cv=2).fit(fitted_on, MANY)
            plan = pretzel.compile(model)
            for given in (X, small):
                expected, found = model.predict_proba(given), plan.predict_proba(given)
                assert found.dtype == expected.dtype
                np.testing.assert_allclose(found, expected, rtol=2e-5, atol=1e-3 if method == "isotonic" else 1e-6)


def test_prefit() -> None:
    inside = LogisticRegression().fit(X, MANY)
    model = (
        CalibratedClassifierCV(*releases.frozen(inside))
        if since("1.6")
        else CalibratedClassifierCV(inside, cv="prefit")
    )
    check(model.fit(X, MANY), X, ASKED)


def test_classes_that_a_fold_has_not_seen() -> None:
    """Their probabilities are zero; a classifier of two of three classes has one score."""
    y = np.array(["a", "b", "c"])[np.arange(len(X)) % 2]
    y[:8] = "c"
    folds = [(np.arange(8, 200), np.arange(200, 400)), (np.r_[0:8, 200:400], np.arange(8, 200))]
    for method in ("sigmoid", "isotonic"):
        for inside in (LogisticRegression(), RandomForestClassifier(4, random_state=0)):
            check(CalibratedClassifierCV(inside, method=method, cv=folds).fit(X, y), X, ASKED)


def test_rows_without_any_probability() -> None:
    """All classes get the same probability if the curves of all are 0."""
    model = CalibratedClassifierCV(LogisticRegression(), method="isotonic", cv=2).fit(X, MANY)
    for each in model.calibrated_classifiers_:
        for curve in each.calibrators:
            curve.y_thresholds_[:] = np.where(
                curve.X_thresholds_ < np.median(curve.X_thresholds_), 0, curve.y_thresholds_
            )
            curve._build_f(curve.X_thresholds_, curve.y_thresholds_)
    assert (model.predict_proba(X) == 1 / 3).any()
    check(model, X, ASKED)


def test_opaque_classifiers_stand_before_native_curves() -> None:
    for y in (TWO, MANY):
        model = CalibratedClassifierCV(SVC(kernel=rbf_kernel), cv=2).fit(X, y)
        plan = pretzel.compile(model)
        assert plan.physical.methods["predict_proba"].program is not None
        for rows in (X, X[:1], X.astype(np.float32)):
            assert_close(plan.predict_proba(rows), model.predict_proba(rows))
            np.testing.assert_array_equal(plan.predict(rows), model.predict(rows))


def test_some_members_are_opaque() -> None:
    model = CalibratedClassifierCV(LogisticRegression(), cv=2).fit(X, TWO)
    model.calibrated_classifiers_[1].estimator = SVC(kernel=rbf_kernel).fit(X, TWO)
    plan = pretzel.compile(model)
    assert len(plan.physical.methods["predict_proba"].opaque) == 1
    assert_close(plan.predict_proba(X), model.predict_proba(X))


def test_texts() -> None:
    words = np.array(["red", "green", "blue", "cold", "warm"])
    texts = [" ".join(words[np.flatnonzero(row > 0)]) for row in X]
    model = CalibratedClassifierCV(make_pipeline(TfidfVectorizer(), LogisticRegression()), cv=3).fit(texts, MANY)
    plan = pretzel.compile(model, strict=True)
    assert_close(plan.predict_proba(texts), model.predict_proba(texts))
    assert plan.predict_one(texts[3]) == model.predict([texts[3]])[0]


def test_sparse_rows() -> None:
    rows = sparse.csr_matrix(np.where(X > 0, X, 0))
    for method in METHODS:
        model = CalibratedClassifierCV(SGDClassifier(random_state=0), method=method, cv=2).fit(rows, MANY)
        plan = pretzel.compile(model, strict=True)
        for given in (rows, rows.tocsc(), rows.toarray()):
            assert_close(plan.predict_proba(given), model.predict_proba(given))


def table() -> Any:
    rng = np.random.default_rng(4)
    frame = pd.DataFrame({"size": X[:, 0], "city": rng.choice(["Bonn", "Paris"], len(X)), "age": X[:, 2]})
    frame.loc[::7, "size"] = np.nan
    return frame


def test_tables() -> None:
    frame = table()
    numeric = make_pipeline(SimpleImputer(), StandardScaler())
    columns = make_column_transformer((numeric, ["size", "age"]), (OneHotEncoder(), ["city"]))
    model = CalibratedClassifierCV(make_pipeline(columns, LogisticRegression()), cv=3).fit(frame, TWO)
    plan = pretzel.compile(model, strict=True)
    assert_close(plan.predict_proba(frame), model.predict_proba(frame))
    for view in (frame[["age", "city", "size"]], frame.assign(more=1)):
        assert_close(plan.predict_proba(view), model.predict_proba(view))
    row = frame.iloc[1].to_dict()
    np.testing.assert_allclose(plan.predict_proba_one(row), model.predict_proba(frame.iloc[[1]])[0], rtol=1e-9)
    assert plan.predict_one(row) == model.predict(frame.iloc[[1]])[0]


def test_missing_values() -> None:
    holes = X.copy()
    holes[::3, 1] = np.nan
    inside = HistGradientBoostingClassifier(max_iter=5, early_stopping=False)
    for y in (TWO, MANY):
        check(CalibratedClassifierCV(inside, method="isotonic", cv=2).fit(holes, y), holes, ASKED)


def test_saved_and_loaded(tmp_path: Any) -> None:
    for method in METHODS:
        plan = pretzel.compile(CalibratedClassifierCV(LogisticRegression(), method=method, cv=2).fit(X, MANY))
        plan.save(tmp_path / method)
        loaded = pretzel.load(tmp_path / method)
        np.testing.assert_array_equal(loaded.predict_proba(X), plan.predict_proba(X))
        np.testing.assert_array_equal(loaded.predict(X), plan.predict(X))


def test_attributes_that_contradict_each_other() -> None:
    model = CalibratedClassifierCV(LogisticRegression(), method="isotonic", cv=2).fit(X, MANY)
    model.calibrated_classifiers_[0].calibrators[1].X_thresholds_ = np.array([2.0, 1.0])
    with pytest.raises(pretzel.errors.CompileError, match="X_thresholds_"):
        pretzel.compile(model)
