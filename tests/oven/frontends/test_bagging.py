"""Bagging and isolation forests against scikit-learn."""

from __future__ import annotations

import math
import pickle
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import BaggingClassifier, BaggingRegressor, IsolationForest, RandomTreesEmbedding
from sklearn.feature_extraction import DictVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.naive_bayes import BernoulliNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MaxAbsScaler, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import pretzel
from pretzel.errors import InputTypeError, OpaqueStepError
from tests import releases
from tests.answers import assert_close, assert_identical, check_answers

if TYPE_CHECKING:
    from pathlib import Path

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 6))
SCORE = X[:, 0] - X[:, 1] * X[:, 2]
LABELS = np.array(["de", "fr", "it"])[np.digitize(SCORE, [-0.5, 0.5])]
FLAGS = (SCORE > 0).astype(int)
FEW = {"n_estimators": 6, "random_state": 0}
NAN = np.where(RNG.random(X.shape) < 0.1, np.nan, X)


class ByPosition(ClassifierMixin, BaseEstimator):
    """Indexes columns as only an array allows, and has no native form."""

    def fit(self, X: Any, y: Any) -> ByPosition:
        self.classes_, self.n_features_in_ = np.unique(y), X.shape[1]
        return self

    def predict(self, X: Any) -> Any:
        return self.classes_[(X[:, 0] > 0).astype(int)]


@pytest.mark.parametrize("options", [{}, {"max_features": 3}, {"max_features": 4, "bootstrap_features": True}])
@pytest.mark.parametrize("y", [LABELS, FLAGS], ids=["labels", "flags"])
@pytest.mark.parametrize(
    "member",
    [None, LogisticRegression(), LinearSVC(dual=False), make_pipeline(StandardScaler(), LogisticRegression())],
    ids=["tree", "logistic", "votes", "pipeline"],
)
def test_classifiers(member: Any, y: Any, options: dict[str, Any]) -> None:
    check_answers(BaggingClassifier(member, **FEW, **options).fit(X, y), X, strict=True)


@pytest.mark.parametrize("options", [{}, {"max_features": 3}, {"n_jobs": 2}, {"max_samples": 0.3, "bootstrap": False}])
@pytest.mark.parametrize("member", [None, Ridge(), LinearRegression()], ids=["tree", "ridge", "linear"])
def test_regressors(member: Any, options: dict[str, Any]) -> None:
    check_answers(BaggingRegressor(member, **FEW, **options).fit(X, SCORE), X, strict=True)
    check_answers(BaggingRegressor(member, **FEW, **options).fit(X, X[:, :2]), X, strict=True)


def test_members_that_do_not_know_all_classes() -> None:
    y = np.where(np.arange(400) < 1, "rare", LABELS)
    for member in (DecisionTreeClassifier(), LogisticRegression(), LinearSVC(dual=False)):
        options = {"n_estimators": 12, "max_samples": 30, "random_state": 0}
        model = BaggingClassifier(make_pipeline(StandardScaler(), member), **options).fit(X, y)
        assert min(len(each.classes_) for each in model.estimators_) < 4
        proba = ("predict_proba", "predict_log_proba") if hasattr(member, "predict_proba") else ()
        check_answers(model, X, methods=("predict", *proba))


def test_members_that_know_other_classes_than_the_first() -> None:
    y = np.where(np.arange(400) < 390, "zz", LABELS)
    member = make_pipeline(StandardScaler(), LogisticRegression())
    model = BaggingClassifier(member, max_samples=100, n_estimators=8, random_state=3).fit(X, y)
    assert any(0 not in each.classes_ for each in model.estimators_)
    check_answers(model, X, methods=("predict", "predict_proba", "predict_log_proba"))


def test_a_single_class() -> None:
    check_answers(BaggingClassifier(**FEW).fit(X, np.full(400, "only")), X, methods=("predict", "predict_proba"))


@pytest.mark.parametrize("features", [6, 3])
def test_trees_of_all_members_are_one(features: int) -> None:
    model = BaggingClassifier(max_features=features, **FEW).fit(X, LABELS)
    plan = pretzel.compile(model, strict=True)
    assert "6 trees" in plan.explain()
    one_by_one = pretzel.compile(model, disable_rules=["join_trees_of_members"])
    assert_identical(plan.predict_proba(X), one_by_one.predict_proba(X))
    small = X.astype(np.float32)
    assert_close(plan.predict_proba(small), model.predict_proba(small))


def test_nan_is_for_the_members() -> None:
    check_answers(BaggingClassifier(**FEW).fit(NAN, LABELS), NAN, strict=True)
    plan = pretzel.compile(BaggingClassifier(LogisticRegression(), **FEW).fit(X, LABELS))
    with pytest.raises(ValueError, match="NaN"):
        plan.predict(NAN)
    chosen = BaggingRegressor(Ridge(), max_features=2, n_estimators=2, random_state=0).fit(X, SCORE)
    unread = sorted(set(range(6)) - {int(i) for each in chosen.estimators_features_ for i in each})
    odd = X.copy()
    odd[:, unread] = np.nan
    check_answers(chosen, odd)


@pytest.mark.parametrize("member", [DecisionTreeClassifier(max_depth=2), BernoulliNB(), LogisticRegression()])
@pytest.mark.parametrize("form", [sparse.csr_array, sparse.csc_matrix, pd.DataFrame.sparse.from_spmatrix])
def test_members_look_for_nan_in_the_sparse_columns_that_they_read(member: Any, form: Any, tmp_path: Path) -> None:
    chosen = BaggingClassifier(member, max_features=2, n_estimators=2, random_state=0).fit(sparse.csr_array(X), FLAGS)
    read = sorted({int(i) for each in chosen.estimators_features_ for i in each})
    unread = sorted({*range(6)}.difference(read))
    assert unread
    pretzel.compile(chosen).save(tmp_path / "model")
    plan = pretzel.load(tmp_path / "model")
    odd = X[:20].copy()
    odd[3, unread] = np.nan
    request = form(sparse.csc_matrix(odd))
    assert_identical(plan.predict(request), chosen.predict(request))
    assert_close(plan.predict_proba(request), chosen.predict_proba(request))
    odd[4, read[-1]] = np.nan
    request = form(sparse.csc_matrix(odd))
    for model in (chosen, plan):
        with pytest.raises(ValueError, match="NaN"):
            model.predict(request)


def test_a_branch_of_trees_looks_for_nan_in_its_own_sparse_columns() -> None:
    trees = RandomTreesEmbedding(n_estimators=2, max_depth=2, random_state=0)
    inner = ColumnTransformer([("trees", trees, [2, 0])], remainder="passthrough")
    model = ColumnTransformer([("inner", inner, [1, 3, 5]), ("rest", "passthrough", [0, 3])])
    rows = sparse.csr_array(np.abs(X[:20]))
    plan = pretzel.compile(model.fit(rows), strict=True)
    for column, is_read in enumerate([False, True, False, False, False, True]):
        odd = sparse.csr_array(rows.toarray())
        odd[2, column] = np.nan
        if is_read:
            for each in (model, plan):
                with pytest.raises(ValueError, match="NaN"):
                    each.transform(odd)
        else:
            found, expected = (sparse.csr_array(each.transform(odd)).toarray() for each in (plan, model))
            assert_identical(found, expected)


def test_opaque_members_are_given_arrays() -> None:
    frame = pd.DataFrame(X, columns=list("abcdef"))
    model = BaggingClassifier(ByPosition(), max_features=3, **FEW).fit(frame, FLAGS)
    plan = pretzel.compile(model)
    for request in (frame, X):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            assert_close(plan.predict(request), model.predict(request))
    with pytest.raises(OpaqueStepError):
        pretzel.compile(model, strict=True)


def test_a_frame_needs_its_columns_in_order() -> None:
    frame = pd.DataFrame(X, columns=list("abcdef"))
    plan = pretzel.compile(BaggingClassifier(max_features=3, **FEW).fit(frame, LABELS))
    with pytest.raises(ValueError, match="feature names"):
        plan.predict(frame[list("fedcba")])
    rows = frame.head(20).to_dict("records")
    np.testing.assert_array_equal([plan.predict_one(row) for row in rows], plan.predict(frame.head(20)))


def test_half_opaque() -> None:
    assert check_answers(BaggingClassifier(KNeighborsClassifier(p=3), **FEW).fit(X, LABELS), X).opaque_steps


@pytest.mark.parametrize("features", [6, 3])
def test_sparse(features: int) -> None:
    rows = sparse.csr_matrix(np.where(np.abs(X) < 0.7, 0.0, X))
    for member in (DecisionTreeClassifier(max_depth=4), LogisticRegression()):
        model = BaggingClassifier(member, max_features=features, **FEW).fit(rows, LABELS)
        check_answers(model, rows)
        check_answers(model, rows.toarray())


def test_saved(tmp_path: Any) -> None:
    for model in (
        BaggingClassifier(max_features=3, **FEW).fit(X, LABELS),
        BaggingClassifier(LinearSVC(dual=False), **FEW).fit(X, LABELS),
        IsolationForest(**FEW).fit(X),
    ):
        plan = pretzel.compile(model, strict=True)
        plan.save(tmp_path / "plan.pretzel")
        loaded = pretzel.load(tmp_path / "plan.pretzel")
        assert_identical(loaded.predict(X), plan.predict(X))
        for method in ("predict_proba", "predict_log_proba", "score_samples", "decision_function"):
            if hasattr(model, method):
                assert_identical(getattr(loaded, method)(X), getattr(plan, method)(X))


# ---- isolation forests -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "options", [{}, {"max_features": 3}, {"max_samples": 40, "contamination": 0.2}, {"bootstrap": True}]
)
def test_isolation_forests(options: dict[str, Any]) -> None:
    model = IsolationForest(**FEW, **options).fit(X)
    odd = np.vstack([X, 100.0 * X, np.full((1, 6), 3.4e38), np.zeros((1, 6))])
    check_answers(model, odd, strict=True)
    check_answers(model, odd.astype(np.float32), strict=True)
    rows = sparse.csr_matrix(np.where(np.abs(X) < 0.7, 0.0, X))
    check_answers(model, rows)


def test_rows_on_the_offset_are_no_outliers() -> None:
    for seed in range(20):
        model = IsolationForest(n_estimators=4, random_state=seed, contamination=0.25, max_samples=100).fit(X[:101])
        check_answers(model, X[:101], exact=False, methods=("predict",))
        model.offset_ = float(model.score_samples(X[seed : seed + 1])[0])
        check_answers(model, X[:101], methods=("predict",))
        model.offset_ = float(np.nextafter(model.offset_, 0.0))
        check_answers(model, X[:101], methods=("predict",))


def test_isolation_of_a_single_row() -> None:
    check_answers(IsolationForest(**FEW).fit(X[:1]), X, strict=True)


@pytest.mark.skipif(not releases.ISOLATES_MISSING, reason="scikit-learn before 1.6 rejects NaN here")
def test_isolation_forests_take_nan_and_infinity() -> None:
    model = IsolationForest(**FEW).fit(NAN)
    odd = NAN.copy()
    odd[:50, 2], odd[50:100, 3] = np.inf, 1e300
    check_answers(model, odd, strict=True)


@pytest.mark.skipif(not releases.ISOLATES_MISSING, reason="scikit-learn before 1.6 rejects NaN here")
def test_isolation_forests_send_nan_of_sparse_rows_as_the_source_does() -> None:
    model = IsolationForest(**FEW).fit(NAN)
    assert not all(np.isfinite(NAN).ravel())
    frame = pd.DataFrame({str(i): pd.arrays.SparseArray(column, fill_value=0.0) for i, column in enumerate(NAN.T)})
    named = IsolationForest(**FEW).fit(pd.DataFrame(NAN, columns=frame.columns))
    for fitted, rows in ((model, sparse.csr_array(NAN)), (named, frame)):
        assert np.array_equal(pretzel.compile(fitted).score_samples(rows), fitted.score_samples(rows))
    with pytest.raises(InputTypeError, match="sparse rows with NaN"):
        pickle.loads(pickle.dumps(pretzel.compile(model))).score_samples(sparse.csr_array(NAN))


def test_depth_trees() -> None:
    check_answers(BaggingRegressor(DecisionTreeRegressor(max_depth=2), **FEW).fit(X, SCORE), X, exact=True)


def test_members_whose_samples_missed_a_class() -> None:
    """Rows of other samples have no weight, so that LibLinear makes no scores for a class of them alone."""
    y = np.where(np.arange(len(X)) < 3, 2, X[:, 0] > 0)
    model = BaggingClassifier(LinearSVC(), n_estimators=8, max_samples=0.1, random_state=0).fit(X, y)
    assert {len(member.coef_) for member in model.estimators_} == {1, 3}
    plan = check_answers(model, X, methods=("predict", "predict_proba"))
    assert {step.method for step in plan.opaque_steps} <= {"decision_function"}


def test_isolation_forest_over_single_columns() -> None:
    X = np.random.default_rng(0).normal(size=(80, 4))
    model = IsolationForest(n_estimators=9, max_features=1, random_state=0).fit(X)
    plan = pretzel.compile(model, strict=True)
    np.testing.assert_allclose(plan.score_samples(X), model.score_samples(X), rtol=1e-12)


@pytest.mark.parametrize("n", [1, 3, 7])
def test_number_of_members_that_was_changed_after_the_fit(n: int) -> None:
    X = np.random.default_rng(0).normal(size=(80, 4))
    model = BaggingRegressor(n_estimators=5, random_state=0).fit(X, X[:, 0]).set_params(n_estimators=n)
    np.testing.assert_allclose(pretzel.compile(model).predict(X), model.predict(X), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
def test_isolation_forests_do_not_look_for_nan_in_sparse_rows_of_items(dtype: Any) -> None:
    items = [{"a": float(row[0]), "b": float(row[1])} for row in np.random.default_rng(0).normal(size=(40, 2))]
    missing = [{**each, "a": math.nan} for each in items]
    model = make_pipeline(DictVectorizer(dtype=dtype), MaxAbsScaler(), IsolationForest(**FEW)).fit(items)
    plan = pretzel.compile(model)
    np.testing.assert_allclose(plan.decision_function(items), model.decision_function(items), rtol=1e-9)
    try:
        expected = model.decision_function(missing)
    except ValueError:  # of releases that take no NaN
        with pytest.raises(ValueError, match="NaN"):
            plan.decision_function(missing)
    else:
        np.testing.assert_allclose(plan.decision_function(missing), expected, rtol=1e-9)
