"""Stacking against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import make_column_transformer
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    StackingClassifier,
    StackingRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier

import pretzel
from tests.answers import assert_close

from .numeric import check, numbers

X = numbers(400, 5, special=False)
SCORE = X[:, 0] + 0.5 * X[:, 1] + 0.3 * np.random.default_rng(0).normal(size=len(X))
TWO = np.where(SCORE > 0, "yes", "no")
MANY = np.array(["de", "fr", "it"])[np.digitize(SCORE, [-0.5, 0.5])]
SEVERAL = np.stack([SCORE > 0, X[:, 2] > 0.3], axis=1).astype(int)
MEMBERS = [
    ("linear", make_pipeline(StandardScaler(), LogisticRegression())),
    ("forest", RandomForestClassifier(5, random_state=0)),
    ("hist", HistGradientBoostingClassifier(max_iter=5, early_stopping=False)),
]
ASKED = ("predict", "predict_proba", "decision_function", "transform")


@pytest.mark.parametrize("passthrough", [False, True])
@pytest.mark.parametrize("y", [TWO, MANY], ids=["two", "many"])
def test_probabilities(y: np.ndarray, passthrough: bool) -> None:
    model = StackingClassifier([*MEMBERS, ("none", "drop")], cv=2, passthrough=passthrough).fit(X, y)
    check(model, X, ASKED)


@pytest.mark.parametrize("y", [TWO, MANY], ids=["two", "many"])
@pytest.mark.parametrize("method", ["auto", "decision_function", "predict"])
def test_methods(method: str, y: np.ndarray) -> None:
    members = [("a", LinearSVC()), ("b", RidgeClassifier()), ("c", LogisticRegression())]
    model = StackingClassifier(members, DecisionTreeClassifier(max_depth=4), cv=2, stack_method=method).fit(X, y)
    plan = check(model, X, ("predict", "predict_proba", "transform"))
    assert plan.transform(X).dtype == model.transform(X).dtype


def test_votes_beside_scores_in_float32() -> None:
    """Positions of classes are integers, so the values beside them become float64."""
    members = [("a", LinearSVC()), ("b", make_pipeline(StandardScaler(), LogisticRegression()))]
    for method in ("auto", "predict"):
        for y in (TWO, MANY):
            model = StackingClassifier(members, cv=2, passthrough=method == "predict", stack_method=method).fit(X, y)
            plan, small = pretzel.compile(model, strict=True), X.astype(np.float32)
            for asked in ("predict_proba", "transform"):
                expected, found = getattr(model, asked)(small), getattr(plan, asked)(small)
                assert found.dtype == expected.dtype
                np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("passthrough", [False, True])
def test_regressors(passthrough: bool) -> None:
    members = [("linear", Ridge()), ("forest", RandomForestRegressor(5, random_state=0)), ("none", "drop")]
    model = StackingRegressor(members, LinearRegression(), cv=2, passthrough=passthrough).fit(X, SCORE)
    check(model, X, ("predict", "transform"))


@pytest.mark.parametrize("labels", [TWO, (SCORE > 0) * 7 - 2, (SCORE > 0) * 0.5], ids=["texts", "integers", "floats"])
def test_prefit_members_keep_their_labels(labels: np.ndarray) -> None:
    members = [("a", LogisticRegression().fit(X, labels.astype(str) if labels.dtype.kind == "f" else labels))]
    members += [("b", DecisionTreeClassifier(max_depth=3).fit(X, (SCORE > 0) * 3 - 1))]
    methods = ["auto"] if labels.dtype.kind != "i" else ["auto", "predict"]
    for method in methods:
        model = StackingClassifier(members, cv="prefit", stack_method=method).fit(X, TWO)
        plan = check(model, X, ASKED)
        assert plan.transform(X).dtype == model.transform(X).dtype


@pytest.mark.parametrize("final", [DecisionTreeClassifier(max_depth=4), RandomForestClassifier(5, random_state=0)])
def test_several_labels(final: Any) -> None:
    members = [
        ("forest", RandomForestClassifier(5, random_state=0)),
        ("network", MLPClassifier((5,), max_iter=20, random_state=0)),
        ("tree", DecisionTreeClassifier(max_depth=3)),
    ]
    model = StackingClassifier(members, final, cv=2).fit(X, SEVERAL)
    check(model, X, ("predict", "predict_proba", "transform"))
    three = np.concatenate([SEVERAL, X[:, 3:4] > 0], axis=1).astype(int)
    check(StackingClassifier(members, final, cv=2).fit(X, three), X, ("predict", "predict_proba", "transform"))


def test_opaque_members() -> None:
    """Each is called by itself; all others are native."""
    for y in (TWO, MANY):
        members = [*MEMBERS, ("near", KNeighborsClassifier(p=3)), ("svc", SVC(kernel=rbf_kernel))]
        model = StackingClassifier(members, cv=2).fit(X, y)
        plan = pretzel.compile(model)
        assert len(plan.physical.methods["predict_proba"].opaque) == 2
        for rows in (X, X[:1], X.tolist()):
            assert_close(plan.predict_proba(rows), model.predict_proba(rows))
            assert_close(plan.transform(rows), model.transform(rows))
        assert plan.predict_one(X[0]) == model.predict(X[:1])[0]
    members = [("near", KNeighborsClassifier(p=3)), ("linear", LogisticRegression())]
    model = StackingClassifier(members, cv=2, stack_method="predict").fit(X, MANY)
    assert_close(pretzel.compile(model).transform(X), model.transform(X))


def test_opaque_final_estimators() -> None:
    model = StackingClassifier(MEMBERS, KNeighborsClassifier(p=3), cv=2).fit(X, MANY)
    plan = pretzel.compile(model)
    np.testing.assert_array_equal(plan.predict(X), model.predict(X))
    assert_close(plan.predict_proba(X), model.predict_proba(X))
    regressor = StackingRegressor([("a", Ridge())], KNeighborsRegressor(p=3), cv=2).fit(X, SCORE)
    assert_close(pretzel.compile(regressor).predict(X), regressor.predict(X))


def test_opaque_members_of_several_labels() -> None:
    members = [("near", KNeighborsClassifier(p=3)), ("tree", DecisionTreeClassifier(max_depth=3))]
    model = StackingClassifier(members, DecisionTreeClassifier(max_depth=3), cv=2).fit(X, SEVERAL)
    plan = pretzel.compile(model)
    np.testing.assert_array_equal(plan.predict(X), model.predict(X))
    np.testing.assert_array_equal(plan.predict_proba(X), model.predict_proba(X))


@pytest.mark.parametrize("passthrough", [False, True])
def test_sparse_rows(passthrough: bool) -> None:
    rows = sparse.csr_matrix(np.where(X > 0, X, 0))
    members = [("a", LogisticRegression()), ("b", DecisionTreeClassifier(max_depth=3))]
    model = StackingClassifier(members, cv=2, passthrough=passthrough).fit(rows, MANY)
    plan = pretzel.compile(model, strict=True)
    for given in (rows, rows.tocsc(), rows.toarray()):
        assert_close(plan.predict_proba(given), model.predict_proba(given))
        expected, found = model.transform(given), plan.transform(given)
        assert sparse.issparse(found) == sparse.issparse(expected)
        if sparse.issparse(expected):
            assert found.format == expected.format
            expected, found = expected.toarray(), found.toarray()
        assert_close(found, expected)


def test_texts() -> None:
    words = np.array(["red", "green", "blue", "cold", "warm"])
    texts = [" ".join(words[np.flatnonzero(row > 0)]) for row in X]
    members = [(str(n), make_pipeline(TfidfVectorizer(ngram_range=(1, n)), LogisticRegression())) for n in (1, 2)]
    model = StackingClassifier(members, cv=2).fit(texts, MANY)
    plan = pretzel.compile(model, strict=True)
    assert_close(plan.predict_proba(texts), model.predict_proba(texts))
    assert plan.predict_one(texts[3]) == model.predict([texts[3]])[0]


def test_tables() -> None:
    frame = pd.DataFrame({"size": X[:, 0], "city": np.where(X[:, 4] > 0, "Bonn", "Paris"), "age": X[:, 2]})
    columns = make_column_transformer((StandardScaler(), ["size"]), (OneHotEncoder(), ["city"]))
    members = [("a", make_pipeline(columns, LogisticRegression())), ("b", make_pipeline(columns, LinearSVC()))]
    model = StackingClassifier(members, cv=2).fit(frame, TWO)
    plan = pretzel.compile(model, strict=True)
    assert_close(plan.predict_proba(frame), model.predict_proba(frame))
    assert plan.predict_one(frame.iloc[1].to_dict()) == model.predict(frame.iloc[[1]])[0]
    frame["city"] = frame["city"] == "Bonn"
    members = [("a", LogisticRegression()), ("b", DecisionTreeClassifier(max_depth=2))]
    model = StackingClassifier(members, LogisticRegression(), cv=2, passthrough=True).fit(frame, TWO)
    plan = pretzel.compile(model, strict=True)
    assert_close(plan.predict_proba(frame), model.predict_proba(frame))
    frames = StackingClassifier(members, cv=2).set_output(transform="pandas").fit(frame, TWO)
    pd.testing.assert_frame_equal(pretzel.compile(frames).transform(frame), frames.transform(frame))


def test_missing_values() -> None:
    holes = X.copy()
    holes[::3, 1] = np.nan
    final = HistGradientBoostingClassifier(max_iter=5, early_stopping=False)
    model = StackingClassifier(MEMBERS[2:], final, cv=2, passthrough=True).fit(holes, TWO)
    check(model, holes, ("predict", "predict_proba", "transform"))


def test_saved_and_loaded(tmp_path: Any) -> None:
    plan = pretzel.compile(StackingClassifier(MEMBERS, cv=2, passthrough=True).fit(X, MANY))
    plan.save(tmp_path / "stack")
    loaded = pretzel.load(tmp_path / "stack")
    np.testing.assert_array_equal(loaded.predict_proba(X), plan.predict_proba(X))
    np.testing.assert_array_equal(loaded.predict(X), plan.predict(X))


def test_wrong_answers_are_localized_behind_what_the_members_answer() -> None:
    model = StackingClassifier(MEMBERS, cv=2).fit(X, MANY)
    plan = pretzel.compile(model)
    model.final_estimator_.coef_ = -model.final_estimator_.coef_
    report = pretzel.verify(plan, model, X)
    assert not report.ok


@pytest.mark.parametrize("passthrough", [True, False])
def test_long_doubles_are_passed_through_as_they_are(passthrough: bool) -> None:
    members = [("tree", RandomForestRegressor(3, random_state=0)), ("other", RandomForestRegressor(2, random_state=1))]
    model = StackingRegressor(members, Ridge(), passthrough=passthrough, cv=2).fit(X, SCORE)
    plan, asked = pretzel.compile(model), X[:20].astype(np.longdouble) + np.longdouble(1e-18)
    for method in ("predict", "transform"):
        answer, expected = getattr(plan, method)(asked), getattr(model, method)(asked)
        assert answer.dtype == expected.dtype
        np.testing.assert_allclose(answer, expected, rtol=1e-9)
