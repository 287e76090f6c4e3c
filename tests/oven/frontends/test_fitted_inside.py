"""Estimators that answer as the one that they fitted on chosen rows or columns."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_selection import RFE, RFECV
from sklearn.linear_model import LinearRegression, LogisticRegression, RANSACRegressor, Ridge
from sklearn.metrics.pairwise import laplacian_kernel
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.svm import SVC, SVR, LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import pretzel
from tests.answers import assert_close

from .numeric import check, numbers

X = numbers(400, 6, special=False)
SCORE = X[:, 0] + 0.5 * X[:, 1] + 0.3 * np.random.default_rng(0).normal(size=len(X))
TWO = np.where(SCORE > 0, "yes", "no")
MANY = np.array(["de", "fr", "it"])[np.digitize(SCORE, [-0.5, 0.5])]
PARTLY = np.where(np.arange(len(X)) % 2, np.digitize(SCORE, [-0.5, 0.5]), -1)
FRAME = pd.DataFrame(X, columns=list("abcdef"))


class OwnMachine(SVC):
    """Opaque, because a subclass may override anything."""


@pytest.mark.parametrize("y", [TWO, MANY], ids=["two", "many"])
def test_eliminated_features(y: np.ndarray) -> None:
    for inside in (LogisticRegression(), RandomForestClassifier(5, random_state=0)):
        for model in (RFE(inside, n_features_to_select=3), RFECV(inside, cv=2)):
            asked = ("predict", "predict_proba", "predict_log_proba", "transform")
            check(model.fit(X, y), X, asked)
    check(RFE(LinearSVC(), n_features_to_select=2).fit(X, y), X, ("predict", "decision_function", "transform"))
    scaled = make_pipeline(StandardScaler(), RFE(LogisticRegression()), LogisticRegression())
    check(scaled.fit(X, y), X, ("predict", "predict_proba"))


def test_eliminated_features_in_all_forms() -> None:
    model = RFE(LogisticRegression(), n_features_to_select=3).fit(FRAME, MANY)
    plan = pretzel.compile(model, strict=True)
    assert_close(plan.predict_proba(FRAME), model.predict_proba(FRAME))
    assert plan.predict_one(FRAME.iloc[0].to_dict()) == model.predict(FRAME[:1])[0]
    with pytest.raises(ValueError, match="feature names"):
        plan.predict(FRAME[list("fabcde")])
    small = X.astype(np.float32)
    plain = RFE(LogisticRegression(), n_features_to_select=3).fit(X, MANY)
    plan = pretzel.compile(plain, strict=True)
    assert plan.predict_proba(small).dtype == plain.predict_proba(small).dtype
    rows = sparse.csc_matrix(np.where(X > 0, X, 0))
    assert_close(plan.predict_proba(rows), plain.predict_proba(rows))
    expected, found = plain.transform(rows), plan.transform(rows)
    assert (found != expected).nnz == 0
    assert found.format == expected.format
    opaque = RFE(OwnMachine(kernel="linear"), n_features_to_select=3).fit(X, MANY)
    plan = pretzel.compile(opaque)
    assert plan.opaque_steps
    np.testing.assert_array_equal(plan.predict(X), opaque.predict(X))
    frames = RFE(LogisticRegression(), n_features_to_select=3).set_output(transform="pandas").fit(FRAME, MANY)
    pd.testing.assert_frame_equal(pretzel.compile(frames).transform(FRAME), frames.transform(FRAME))


def test_self_training() -> None:
    for inside in (LogisticRegression(), DecisionTreeClassifier(max_depth=3)):
        model = SelfTrainingClassifier(inside).fit(X, PARTLY)
        check(model, X, ("predict", "predict_proba", "predict_log_proba"))
    model = SelfTrainingClassifier(make_pipeline(StandardScaler(), LogisticRegression())).fit(FRAME, PARTLY)
    plan = pretzel.compile(model, strict=True)
    assert_close(plan.predict_proba(FRAME), model.predict_proba(FRAME))
    assert plan.predict_one(FRAME.iloc[0].to_dict()) == model.predict(FRAME[:1])[0]
    with pytest.raises(ValueError, match="feature names"):
        plan.predict(FRAME.assign(more=1.0))


def test_ransac() -> None:
    for inside in (None, Ridge(), DecisionTreeRegressor(max_depth=3)):
        model = RANSACRegressor(inside, random_state=0, min_samples=20).fit(X, SCORE)
        check(model, X, ("predict",))
    two = np.stack([SCORE, X[:, 3]], axis=1)
    check(RANSACRegressor(LinearRegression(), random_state=0).fit(X, two), X, ("predict",))


def test_opaque_estimators_are_given_arrays() -> None:
    """The composition has checked the names, so that what it holds knows none."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = SelfTrainingClassifier(KNeighborsClassifier(p=3)).fit(FRAME, PARTLY)
        plan = pretzel.compile(model)
        assert plan.opaque_steps
        np.testing.assert_array_equal(plan.predict(FRAME), model.predict(FRAME))
        robust = RANSACRegressor(SVR(kernel=laplacian_kernel), random_state=0, min_samples=50).fit(FRAME, SCORE)
        plan = pretzel.compile(robust)
        assert plan.opaque_steps
        np.testing.assert_array_equal(plan.predict(FRAME), robust.predict(FRAME))
        np.testing.assert_array_equal(plan.predict(FRAME.astype(np.float32)), robust.predict(FRAME.astype(np.float32)))
