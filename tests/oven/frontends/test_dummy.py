"""Dummies answer whatever has a length, alone and as members of compositions."""

from __future__ import annotations

from collections import UserList

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import StackingClassifier, VotingClassifier, VotingRegressor
from sklearn.feature_extraction import DictVectorizer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.multioutput import MultiOutputClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel
from pretzel.errors import CorruptStoreError, InputError, InputTypeError
from pretzel.input_spec import InputKind
from pretzel.program import LeafKind
from pretzel.runtime.saved import describe, layouts
from pretzel.store.plan_check import check_plan
from pretzel.store.plan_file import plan_file
from pretzel.verification.compare import compare
from tests.ids import stable_id

pytestmark = pytest.mark.filterwarnings("ignore:divide by zero:RuntimeWarning")

RNG = np.random.default_rng(3)
X = RNG.normal(size=(30, 3))
FRAME = pd.DataFrame(X, columns=list("abc"))
GRADES = np.array(["low", "mid", "highest"])[np.arange(30) % 3]
SEVERAL = np.stack([GRADES, GRADES[::-1]], axis=1)
REAL = np.abs(X[:, 0])
METHODS = ("predict", "predict_proba", "predict_log_proba")
TABLES = [X, X[:, :1], np.zeros((2, 3, 4)), X[:, 0], X.astype(np.float32), np.array([["a", None]], dtype=object),
          X.tolist(), [None, None], ["x", "y"], FRAME, FRAME[["a"]], FRAME.to_dict("records"), FRAME["a"],
          sparse.csr_matrix(X), {"a": 1, "b": 2}, "abc", b"ab", range(5), UserList([1, 2])]  # fmt: skip
NO_ROWS = [X[:0], [], FRAME[:0]]
ROWS = [(1.0, 2.0, 3.0), [1, 2], X[0], np.zeros((2, 2)), "abc", {"a": 1}, None, 5, object()]


def same(got, expected):
    assert type(got) is type(expected)
    if isinstance(expected, list):
        assert len(got) == len(expected)
        for each in zip(got, expected, strict=True):
            same(*each)
        return
    assert (got.dtype, got.shape) == (expected.dtype, expected.shape)
    assert compare(expected, got, exact=False) is None


def check(model, tables, rows=(), one=lambda row: X[:1], native=True):
    """Answers are the source's for tables, and for rows as for the table of one row that ``one`` makes."""
    plan = pretzel.compile(model, strict=native)
    for method in (name for name in METHODS if hasattr(model, name)):
        assert not native or not plan.physical.methods[method].opaque
        for table in tables:
            same(getattr(plan, method)(table), getattr(model, method)(table))
        for row in rows:
            expected, got = getattr(model, method)(one(row)), getattr(plan, f"{method}_one")(row)
            several = isinstance(expected, list)
            for each, want in zip(got if several else [got], expected if several else [expected], strict=True):
                assert compare(want, np.array([each]), exact=False) is None
    return plan


@pytest.mark.parametrize(
    ("options", "y"),
    [
        ({}, GRADES),
        ({}, GRADES.astype(object)),
        ({}, SEVERAL),
        ({"strategy": "most_frequent"}, np.arange(30) % 2),
        ({"strategy": "constant", "constant": "low"}, GRADES),
        ({"strategy": "constant", "constant": [1.0]}, np.arange(30) % 2),
        ({"strategy": "constant", "constant": ["low", "mid"]}, SEVERAL),
        ({"strategy": "constant", "constant": [[True]]}, REAL > 0.5),
    ],
    ids=["prior", "objects", "several", "most frequent", "constant", "of another type", "constants", "nested"],
)
def test_classifiers(options, y):
    plan = check(DummyClassifier(**options).fit(FRAME, y), [*TABLES, *NO_ROWS], ROWS)
    assert plan.physical.input.kind is InputKind.ANY


@pytest.mark.parametrize(
    ("options", "y"),
    [
        ({}, REAL),
        ({}, REAL.astype(np.float32)),
        ({"strategy": "median"}, np.stack([REAL, -REAL], axis=1)),
        ({"strategy": "quantile", "quantile": 0.3}, REAL),
        ({"strategy": "constant", "constant": 3}, REAL),
        ({"strategy": "constant", "constant": [1, 2.5]}, np.stack([REAL, -REAL], axis=1)),
    ],
    ids=["mean", "float32", "medians", "quantile", "constant", "constants"],
)
def test_regressors(options, y):
    model = DummyRegressor(**options).fit(X, y)
    plan = check(model, [*TABLES, *NO_ROWS], ROWS)
    for got, expected in zip(plan.predict(X, return_std=True), model.predict(X, return_std=True), strict=True):
        same(got, expected)


DUMMIES = [("d", DummyClassifier()), ("e", DummyClassifier(strategy="most_frequent"))]


@pytest.mark.parametrize(
    "model",
    [
        VotingClassifier(DUMMIES),
        VotingClassifier(DUMMIES, voting="soft"),
        OneVsRestClassifier(DummyClassifier()),
        GridSearchCV(DummyClassifier(), {"strategy": ["prior", "most_frequent"]}, cv=2),
        MultiOutputClassifier(DummyClassifier()),
        StackingClassifier(DUMMIES, final_estimator=DummyClassifier(), cv=2),
        TransformedTargetRegressor(DummyRegressor(), func=np.log1p, inverse_func=np.expm1),
        VotingRegressor([("d", DummyRegressor(strategy="constant", constant=3)), ("e", DummyRegressor())]),
    ],
    ids=stable_id,
)
def test_nothing_else_inside(model):
    several, numbers = isinstance(model, MultiOutputClassifier), "Regressor" in type(model).__name__
    check(model.fit(X, SEVERAL if several else REAL if numbers else GRADES), TABLES, ROWS)


MEMBERS = [("l", LogisticRegression()), *DUMMIES[:1]]
TEXTS, ITEMS = ["red sky", "blue sea"] * 15, [{"a": 1.0}, {"b": "x"}] * 15


@pytest.mark.parametrize(
    ("model", "fitted", "tables", "rows"),
    [
        (make_pipeline(StandardScaler(), DummyClassifier()), X, [X, X.tolist()], [tuple(X[0])]),
        (VotingClassifier(MEMBERS, voting="soft"), X, [X, X.astype(np.float32), sparse.csr_matrix(X)], [X[0]]),
        (VotingClassifier(MEMBERS), FRAME, [FRAME, FRAME[:1]], [FRAME.iloc[0].to_dict()]),
    ],
    ids=["pipeline", "voting", "frames"],
)
def test_beside_others(model, fitted, tables, rows):
    check(model.fit(fitted, GRADES), tables, rows, lambda row: pd.DataFrame([row]) if fitted is FRAME else [row])


@pytest.mark.parametrize(("data", "row"), [(TEXTS, "red sea"), (ITEMS, {"a": 2.0})], ids=["texts", "items"])
def test_documents_and_items(data, row):
    first = TfidfVectorizer() if data is TEXTS else DictVectorizer()
    check(make_pipeline(first, DummyClassifier()).fit(data, GRADES), [data], [row], lambda row: [row])
    members = [("m", make_pipeline(first, LogisticRegression())), *DUMMIES[:1]]
    check(VotingClassifier(members, voting="soft").fit(data, GRADES), [data], [row], lambda row: [row])


def test_columns_found_by_name_and_opaque_members():
    by_name = make_pipeline(make_column_transformer((StandardScaler(), ["b"])), LogisticRegression())
    check(VotingClassifier([("c", by_name), *DUMMIES]).fit(FRAME, GRADES), [FRAME, FRAME[["c", "b"]]])
    near = KNeighborsClassifier(p=3)
    check(VotingClassifier([("n", near), *DUMMIES], voting="soft").fit(X, GRADES), [X, X.tolist()], native=False)


@pytest.mark.parametrize("strategy", ["stratified", "uniform"])
def test_random_answers_are_those_of_the_source(strategy):
    model = DummyClassifier(strategy=strategy, random_state=0).fit(X, GRADES)
    plan = pretzel.compile(model)
    assert {step.reason for step in plan.opaque_steps} == {f"strategy={strategy!r}, whose answers are random"}
    same(plan.predict(X), model.predict(X))


def test_constants_that_float64_does_not_hold():
    model = DummyRegressor(strategy="constant", constant=2**53).fit(X, np.arange(30))
    check(model, [X], native=False)


def test_what_has_no_length_is_rejected():
    plan = pretzel.compile(DummyClassifier().fit(X, GRADES))
    for request in (None, 5, np.array(3.0), iter([1]), DummyRegressor()):
        with pytest.raises(InputTypeError, match="expected rows in anything that has a length"):
            plan.predict(request)
    members = VotingClassifier([*MEMBERS]).fit(X, GRADES)
    with pytest.raises(InputError):
        pretzel.compile(members).predict(X[:, :2])


def test_a_leaf_that_counts_rows_reads_no_columns():
    physical = pretzel.compile(DummyClassifier().fit(X, GRADES)).physical
    (leaf,) = physical.methods["predict"].program.leaves
    assert leaf.kind is LeafKind.ROWS
    check_plan(physical)
    object.__setattr__(leaf, "columns", (0,))
    with pytest.raises(CorruptStoreError):
        check_plan(physical)


def test_loaded_submitted_and_together(tmp_path):
    model = DummyClassifier().fit(X, GRADES)
    description, arrays = describe(pretzel.compile(model))
    others = {kernel: f"{layout.partition('(')[0]}(other)" for kernel, layout in layouts().items()}  # lowered again
    for kernels in (description["kernels"], others):
        (tmp_path / "dummy.pretzel").write_bytes(plan_file({**description, "kernels": kernels}, arrays))
        plan = pretzel.load(tmp_path / "dummy.pretzel")
        same(plan.predict(["a", "b"]), model.predict(["a", "b"]))
    with pretzel.Runtime() as runtime:
        runtime.register("dummy", plan)
        runtime.register("ridge", Ridge().fit(X, REAL))
        assert runtime["dummy"].submit(X).result().tolist() == model.predict(X).tolist()
        assert runtime.predict_all("anything", ["dummy"]) == ["highest"]
        assert runtime.predict_many([("dummy", "x"), ("ridge", X[0])])[0] == "highest"
