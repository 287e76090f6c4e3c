"""Plans that answer: methods and attributes of the source, one row and many, one thread and many."""

from __future__ import annotations

import functools
import os
import sys
import threading
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestRegressor
from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import OneHotEncoder, StandardScaler

import pretzel
from pretzel import examples
from pretzel.errors import InputError
from tests.answers import assert_close

RNG = np.random.default_rng(0)
ROWS = 400
NUMBERS = RNG.normal(size=(ROWS, 7))
FRAME = examples.table(ROWS, missing=0.0)[["city", "age", "pay"]]
TEXTS = examples.texts(ROWS)
LABELS = examples.classes(NUMBERS[:, 0] + NUMBERS[:, 1], 3, ["no", "perhaps", "yes"])

CASES: dict[str, tuple[Any, Any]] = {
    "texts": (make_union(TfidfVectorizer(analyzer="char", ngram_range=(2, 3)), TfidfVectorizer()), TEXTS),
    "table": (make_column_transformer((StandardScaler(), ["age", "pay"]), (OneHotEncoder(), ["city"])), FRAME),
    "numbers": (StandardScaler(), NUMBERS),
}
REQUESTS = {**{name: X for name, (_, X) in CASES.items()}, "boosting": NUMBERS}


@functools.cache
def fitted(name: str) -> Any:
    """The estimator that answers ``REQUESTS[name]``."""
    if name == "boosting":
        return HistGradientBoostingClassifier(max_iter=5).fit(NUMBERS, LABELS)
    features, X = CASES[name]
    return make_pipeline(features, LogisticRegression()).fit(X, LABELS)


def rows_of(X: Any) -> list[Any]:
    """The rows of a request, each in the form of one row."""
    return X.to_dict("records") if isinstance(X, pd.DataFrame) else list(X)


@pytest.fixture(scope="module", params=REQUESTS)
def case(request: pytest.FixtureRequest) -> tuple[Any, pretzel.Plan, Any]:
    """A fitted estimator, its plan and a request."""
    source = fitted(request.param)
    return source, pretzel.compile(source, strict=True), REQUESTS[request.param]


def test_methods_are_those_of_the_source(case: tuple[Any, pretzel.Plan, Any]) -> None:
    source, plan, X = case
    assert plan.predict(X).tolist() == source.predict(X).tolist()
    assert plan.predict(X).dtype == source.predict(X).dtype
    assert {"predict", "predict_proba", "decision_function"} <= plan.methods.keys()
    for method in plan.methods.keys() - {"predict"}:
        expected = getattr(source, method)(X)
        assert_close(getattr(plan, method)(X), expected)
        assert getattr(plan, method)(X).dtype == expected.dtype


def test_one_row_has_the_bits_of_many(case: tuple[Any, pretzel.Plan, Any]) -> None:
    _, plan, X = case
    for method in plan.methods:
        many, one = getattr(plan, method)(X), getattr(plan, f"{method}_one")
        for number, row in enumerate(rows_of(X)[:100]):
            assert np.array_equal(one(row), many[number])


def test_batches_of_any_size_have_the_same_bits(case: tuple[Any, pretzel.Plan, Any]) -> None:
    _, plan, X = case
    expected = plan.predict_proba(X)
    for size in (1, 2, 3, 7, 64, 399):
        parts = [plan.predict_proba(X[first : first + size]) for first in range(0, ROWS, size)]
        assert np.array_equal(np.concatenate(parts), expected)


def test_labels_of_one_row_are_python_values(case: tuple[Any, pretzel.Plan, Any]) -> None:
    source, plan, X = case
    row = rows_of(X)[0]
    assert type(plan.predict_one(row)) is str
    assert plan.predict_one(row) == source.predict(X[:1])[0]
    assert plan.predict_proba_one(row).shape == (3,)


def test_numbers_of_one_row_are_python_values() -> None:
    plan = pretzel.compile(Ridge().fit(NUMBERS, NUMBERS[:, 0]))
    assert type(plan.predict_one(NUMBERS[0])) is float
    two = pretzel.compile(Ridge().fit(NUMBERS, NUMBERS[:, :2]))
    assert two.predict_one(NUMBERS[0]).shape == (2,)


def test_attributes_are_copies() -> None:
    plan = pretzel.compile(fitted("table"))
    assert plan.classes_.tolist() == ["no", "perhaps", "yes"]
    assert plan.feature_names_in_.tolist() == ["city", "age", "pay"]
    assert plan.n_features_in_ == 3
    plan.classes_[0] = "changed"
    assert plan.classes_[0] == "no"
    assert "classes_" in dir(plan)
    with pytest.raises(AttributeError, match="has no attribute 'transform'"):
        _ = plan.transform
    assert not hasattr(pretzel.compile(fitted("numbers")), "feature_names_in_")


def test_plan_does_not_follow_its_source() -> None:
    source = make_pipeline(StandardScaler(), Ridge()).fit(NUMBERS, NUMBERS[:, 0])
    plan = pretzel.compile(source)
    expected = plan.predict(NUMBERS)
    source[-1].coef_[:] = 0.0
    source[0].mean_[:] = 100.0
    assert np.array_equal(plan.predict(NUMBERS), expected)


def test_results_are_the_callers(case: tuple[Any, pretzel.Plan, Any]) -> None:
    _, plan, X = case
    first = plan.predict_proba(X)
    expected = first.copy()
    first[:] = -1.0
    plan.predict_proba_one(rows_of(X)[0])[:] = -1.0
    assert np.array_equal(plan.predict_proba(X), expected)


def test_names_in_messages() -> None:
    row = {"city": "Bonn", "age": 1.0}
    plan = pretzel.compile(fitted("table"), name="pay/de")
    with pytest.raises(InputError, match=r"pay/de.*'pay'"):
        plan.predict_one(row)
    other = plan.renamed("pay/fr")
    with pytest.raises(InputError, match=r"pay/fr.*'pay'"):
        other.predict_one(row)
    with pytest.raises(InputError, match="pay/fr"):
        other.predict([row])
    assert "pay/fr" in repr(other)


def test_explanations_are_for_people_and_programs() -> None:
    plan = pretzel.compile(fitted("table"), name="pay/de")
    assert plan.explain().startswith("pay/de: predict, ")
    assert plan.explain("json")["name"] == "pay/de"
    assert plan.explain("json")["bytes"]["all"] == plan.nbytes
    with pytest.raises(ValueError, match="'xml'"):
        plan.explain("xml")


@pytest.mark.parametrize("name", REQUESTS)
def test_sixteen_threads_have_the_bits_of_one(name: str) -> None:
    """All start at once and are switched every ten microseconds; rows and batches, short plans and long ones."""
    plan, X = pretzel.compile(fitted(name), strict=True), REQUESTS[name]
    rows = rows_of(X)
    big = pd.concat([X] * 20) if isinstance(X, pd.DataFrame) else np.tile(X, (20, 1)) if name != "texts" else X * 20
    expected = plan.predict_proba(X)
    many = plan.predict_proba(big)
    barrier = threading.Barrier(16)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            barrier.wait()
            for turn in range(40):
                at = (number * 31 + turn * 7) % ROWS
                assert np.array_equal(plan.predict_proba_one(rows[at]), expected[at])
                if turn % 20 == number:
                    assert np.array_equal(plan.predict_proba(big), many)
                if turn % 5 == 0:
                    with pytest.raises(InputError):
                        plan.predict_proba_one(object())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(i,)) for i in range(16)]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-5)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(interval)
    assert not failures, failures[0]


def test_long_plans_let_other_threads_run() -> None:
    """While a batch of some tenths of a second is computed, another thread takes its turns."""
    forest = pretzel.compile(RandomForestRegressor(100, max_depth=8).fit(NUMBERS, NUMBERS[:, 0]), strict=True)
    X = RNG.normal(size=(200_000, 7))
    turns = 0
    done = threading.Event()

    def count() -> None:
        nonlocal turns
        while not done.wait(0.001):
            turns += 1

    thread = threading.Thread(target=count)
    thread.start()
    forest.predict(X)
    done.set()
    thread.join()
    assert turns >= 3


def test_tokens_are_counted_by_many_threads() -> None:
    """Sparse results are built in memory of the call, not of the plan."""
    plan = pretzel.compile(CountVectorizer().fit(TEXTS), strict=True)
    expected = plan.transform(TEXTS)
    found: list[Any] = []
    threads = [threading.Thread(target=lambda: found.append(plan.transform(TEXTS))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert all((matrix != expected).nnz == 0 for matrix in found)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_plan_of_the_parent_answers_in_the_child() -> None:
    plan, X = pretzel.compile(fitted("numbers")), REQUESTS["numbers"]
    expected = plan.predict_proba(X)
    pid = os.fork()
    if pid == 0:
        os._exit(0 if np.array_equal(plan.predict_proba(X), expected) else 1)
    assert os.waitpid(pid, 0)[1] == 0
