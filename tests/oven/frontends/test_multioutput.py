"""Several outputs side by side and in chains, against scikit-learn."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge, RidgeClassifier
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier, MultiOutputRegressor, RegressorChain
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import pretzel
from tests.answers import assert_close, assert_identical, check_answers

RNG = np.random.default_rng(0)
X = RNG.normal(size=(400, 6))
SCORE = X[:, 0] - X[:, 1] * X[:, 2]
FLAGS = np.stack([SCORE > 0, X[:, 0] > 0.3, X[:, 1] + X[:, 2] > 0], axis=1).astype(int)
GRADES = np.stack([np.digitize(SCORE, [-0.5, 0.5]), FLAGS[:, 1], 2 - FLAGS[:, 2]], axis=1)
NUMBERS = np.stack([SCORE, X[:, 3] * 2, X[:, 0] - X[:, 5]], axis=1) + 0.1 * RNG.normal(size=(400, 3))
CLASSIFIERS = [
    LogisticRegression(),
    DecisionTreeClassifier(max_depth=4, random_state=0),
    RandomForestClassifier(4, random_state=0),
    make_pipeline(StandardScaler(), LogisticRegression()),
]
REGRESSORS = [Ridge(), DecisionTreeRegressor(max_depth=4), make_pipeline(StandardScaler(), LinearRegression())]
METHODS = ("predict", "predict_proba", "predict_log_proba", "decision_function")


def name(estimator: Any) -> str:
    return type(estimator).__name__


@pytest.mark.parametrize("member", CLASSIFIERS, ids=name)
@pytest.mark.parametrize("y", [FLAGS, GRADES, FLAGS[:, :1], np.array([["a", "b"], ["cc", "d"]])[FLAGS[:, :2], [0, 1]]])
def test_classifiers(member: Any, y: Any) -> None:
    model = MultiOutputClassifier(member).fit(X, y)
    for rows in (X, X[:1], X.astype(np.float32)):
        check_answers(model, rows, strict=True)


@pytest.mark.parametrize("member", [*REGRESSORS, RandomForestRegressor(3, random_state=0)], ids=name)
def test_regressors(member: Any) -> None:
    for y in (NUMBERS, NUMBERS[:, :1]):
        check_answers(MultiOutputRegressor(member).fit(X, y), X, strict=True)


@pytest.mark.parametrize("member", CLASSIFIERS, ids=name)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("order", [None, [2, 0, 1], "random"])
def test_classifier_chains(member: Any, method: str, order: Any) -> None:
    if not hasattr(member, method):
        pytest.skip("the member has no such method")
    if method == "predict_log_proba" and name(member) in ("DecisionTreeClassifier", "RandomForestClassifier"):
        pytest.skip("infinity, which the next link rejects")
    for y in (FLAGS, 5 * FLAGS - 2):
        model = ClassifierChain(member, order=order, chain_method=method, random_state=3).fit(X, y)
        for rows in (X, X[:1], X.astype(np.float32)):
            check_answers(model, rows, strict=True)


@pytest.mark.parametrize(
    "member",
    [
        RidgeClassifier(),
        HistGradientBoostingClassifier(max_iter=2),
        MLPClassifier((2,), max_iter=2, random_state=0),
        OneVsRestClassifier(DecisionTreeClassifier(max_depth=2)),
        OneVsRestClassifier(LinearSVC()),
    ],
    ids=str,
)
@pytest.mark.parametrize("method", ["predict", "predict_proba", "decision_function"])
@pytest.mark.filterwarnings("ignore:Stochastic", "ignore:Label")
def test_links_of_a_single_class(member: Any, method: str) -> None:
    if not hasattr(member, method):
        pytest.skip("the member has no such method")
    for constant in (0, 1):
        y = FLAGS.copy()
        y[:, 1] = constant
        model = ClassifierChain(member, chain_method=method).fit(X, y)
        check_answers(model, X[:20], methods=("predict", "predict_proba", "decision_function"))


@pytest.mark.filterwarnings("ignore:Label")
def test_an_opaque_member_of_a_single_class() -> None:
    y = FLAGS.copy()
    y[:, 1] = 0
    model = MultiOutputClassifier(OneVsRestClassifier(GaussianNB())).fit(X, y)
    check_answers(model, X[:20], methods=("predict", "predict_proba"))


@pytest.mark.filterwarnings("ignore:divide")
def test_chains_of_many_classes_and_a_list_of_methods() -> None:
    model = ClassifierChain(DecisionTreeClassifier(max_depth=4, random_state=0)).fit(X, 7 * GRADES - 3)
    check_answers(model, X, methods=("predict",))
    model = ClassifierChain(LogisticRegression(), chain_method=["decision_function", "predict"], cv=2).fit(X, FLAGS)
    check_answers(model, X, strict=True)


@pytest.mark.parametrize("member", REGRESSORS, ids=name)
@pytest.mark.parametrize("order", [None, [2, 0, 1]])
def test_regressor_chains(member: Any, order: Any) -> None:
    for y in (NUMBERS, NUMBERS[:, :1]):
        model = RegressorChain(member, order=order if y.shape[1] > 1 else None).fit(X, y)
        for rows in (X, X[:1], X.astype(np.float32)):
            check_answers(model, rows, strict=True)


def test_opaque_members() -> None:
    near, nearest = KNeighborsRegressor(p=3), KNeighborsClassifier(p=3)
    for model, y in (
        (MultiOutputRegressor(near), NUMBERS),
        (MultiOutputClassifier(make_pipeline(StandardScaler(), nearest)), GRADES),
        (ClassifierChain(nearest), FLAGS),
        (RegressorChain(near), NUMBERS),
    ):
        assert check_answers(model.fit(X, y), X).opaque_steps


def test_forms_of_requests() -> None:
    frame = pd.DataFrame(X, columns=list("abcdef"))
    rows = sparse.csr_matrix(np.where(np.abs(X) < 0.7, 0.0, X))
    for kind in (ClassifierChain, MultiOutputClassifier):
        model = kind(LogisticRegression()).fit(frame, FLAGS)
        plan = check_answers(model, frame, strict=True)
        records = frame.head(20).to_dict("records")
        np.testing.assert_array_equal([plan.predict_one(row) for row in records], model.predict(frame.head(20)))
        with pytest.raises(ValueError, match="NaN"):
            plan.predict(frame.where(frame > -1))
        check_answers(kind(LogisticRegression()).fit(rows, FLAGS), rows)
    check_answers(RegressorChain(Ridge()).fit(rows, NUMBERS), rows)
    for model in (RegressorChain(Ridge()).fit(rows, NUMBERS), ClassifierChain(LogisticRegression()).fit(rows, FLAGS)):
        check_answers(model, rows.astype(np.float32))


def test_members_find_columns_by_name() -> None:
    frame = pd.DataFrame({"city": RNG.choice(["a", "b", "c"], 300), "kind": RNG.choice(["x", "y"], 300)})
    y = np.stack([frame["city"] == "a", frame["kind"] == "x"], axis=1).astype(int)
    model = MultiOutputClassifier(make_pipeline(OneHotEncoder(), LogisticRegression())).fit(frame, y)
    check_answers(model, frame, strict=True)


def test_long_chains() -> None:
    y = (RNG.normal(size=(60, 40)) > 0).astype(int)
    y[:2] = [[0], [1]]
    model = ClassifierChain(LogisticRegression(max_iter=5)).fit(X[:60], y)
    plan = pretzel.compile(model, strict=True)
    np.testing.assert_array_equal(plan.predict(X[:5]), model.predict(X[:5]))
    assert_close(plan.predict_proba(X[:5]), model.predict_proba(X[:5]))


def test_saved(tmp_path: Any) -> None:
    for model in (
        ClassifierChain(LogisticRegression(), order=[2, 0, 1]).fit(X, 3 * FLAGS),
        MultiOutputClassifier(LogisticRegression()).fit(X, GRADES),
        MultiOutputRegressor(Ridge()).fit(X, NUMBERS),
    ):
        plan = pretzel.compile(model, strict=True)
        plan.save(tmp_path / "plan.pretzel")
        loaded = pretzel.load(tmp_path / "plan.pretzel")
        for method in METHODS[: 3 if hasattr(model, "predict_proba") else 1]:
            if hasattr(model, method):
                assert_identical(getattr(loaded, method)(X), getattr(plan, method)(X))


def test_rows_have_the_dtype_of_tables() -> None:
    xgboost: Any = pytest.importorskip("xgboost")
    model = MultiOutputClassifier(xgboost.XGBClassifier(n_estimators=3)).fit(X, FLAGS[:, :2])
    plan = pretzel.compile(model, strict=True)
    expected = model.predict_proba(X[:1])
    for row in (X[0], tuple(X[0].tolist())):
        assert_identical([part[None] for part in plan.predict_proba_one(row)], expected)
