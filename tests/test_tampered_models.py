"""A fitted estimator whose attributes contradict each other is a `CompileError` that names step and attribute."""

from __future__ import annotations

import copy
import functools
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.ensemble import GradientBoostingClassifier, HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import PolynomialCountSketch, RBFSampler
from sklearn.linear_model import LogisticRegression, Ridge, RidgeClassifier
from sklearn.naive_bayes import ComplementNB, MultinomialNB
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline, make_union
from sklearn.preprocessing import (
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    StandardScaler,
    TargetEncoder,
)
from sklearn.svm import SVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

import pretzel
from pretzel.errors import CompileError
from tests import releases
from tests.tampering.generator import tampered
from tests.tampering.outcomes import is_fault
from tests.tampering.workers import run

if TYPE_CHECKING:
    from collections.abc import Callable

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 4))
Y = RNG.integers(0, 3, 60)
WORDS = ["a cat", "a dog and a cat", "no dog", "cat dog"]
CITIES = np.array([["Bonn", "x"], ["Köln", "y"], ["Bonn", "y"], ["Paris", "x"]], dtype=object)
SAMPLE = 250

pytestmark = [pytest.mark.filterwarnings("ignore::UserWarning"), pytest.mark.filterwarnings("ignore::RuntimeWarning")]


def _set(name: str, value: Any) -> Callable[[Any], None]:
    """Replace a fitted attribute; a function is given the old value."""
    return lambda estimator: setattr(estimator, name, value(getattr(estimator, name)) if callable(value) else value)


def _node(field: str, number: int, value: int) -> Callable[[Any], None]:
    def change(estimator: Any) -> None:
        made, arguments, state = estimator.tree_.__reduce__()
        nodes = state["nodes"].copy()
        nodes[field][number] = value
        estimator.tree_ = made(*arguments)
        estimator.tree_.__setstate__({**state, "nodes": nodes})

    return change


def _first(name: str, value: Any) -> Callable[[Any], None]:
    """Replace the first item of a list."""
    return _set(name, lambda old: [value, *old[1:]])


def _longer(old: Any) -> Any:
    return np.concatenate([old, np.full((400, *old.shape[1:]), 1e9)])


def _shorter(old: Any) -> Any:
    return old[:-1]


NUMBERS: dict[str, tuple[Any, Callable[[Any], None], str]] = {
    "a scaler of other columns": (StandardScaler(), _set("n_features_in_", 4000), "mean_"),
    "a scaler with one scale": (MinMaxScaler(), _set("scale_", lambda old: old[:1]), "scale_"),
    "a scaler without scales": (MaxAbsScaler(), _set("scale_", lambda old: old[:0]), "scale_"),
    "a scaler of text": (StandardScaler(), _set("mean_", "junk"), "mean_"),
    "an imputer that shows what was missing": (SimpleImputer(), _set("add_indicator", True), "add_indicator"),
    "an imputer of other columns": (SimpleImputer(), _set("n_features_in_", 4000), "statistics_"),
    "no number of columns": (StandardScaler(), _set("n_features_in_", "four"), "n_features_in_|four"),
    "too many columns": (StandardScaler(), _set("n_features_in_", 2**40), "n_features_in_"),
    "names of other columns": (StandardScaler(), _set("feature_names_in_", np.array(["a"])), "feature_names_in_"),
    "weights of other columns": (Ridge(), _set("coef_", _shorter), "coef_"),
    "weights that are none": (Ridge(), _set("coef_", None), "coef_"),
    "an intercept too many": (LogisticRegression(), _set("intercept_", _longer), "intercept_"),
    "fewer labels than scores": (LogisticRegression(), _set("classes_", lambda old: old[:1]), "classes_"),
    "more labels than scores": (LogisticRegression(), _set("classes_", np.arange(7)), "classes_"),
    "no labels": (LogisticRegression(), _set("classes_", None), "classes_"),
    "one label of two scores": (ComplementNB(), _set("classes_", lambda old: old[:1]), "classes_"),
    "labels of a tree": (DecisionTreeClassifier(), _set("classes_", lambda old: old[:2]), "classes_"),
    "classes of a forest": (RandomForestClassifier(3), _set("n_classes_", 2), "n_classes_"),
    "labels of boosting": (HistGradientBoostingClassifier(max_iter=3), _set("classes_", np.arange(2)), "classes_"),
    "a mask too long": (SelectKBest(k=2), _set("scores_", _longer), "scores_"),
    "edges of fewer columns": (
        KBinsDiscretizer(3, **releases.QUANTILE_METHOD),
        _set("bin_edges_", lambda old: old[:3]),
        "bin_edges_",
    ),
    "another degree": (PolynomialFeatures(), _set("_max_degree", 1000), "n_output_features_"),
    "no degree": (PolynomialFeatures(), _set("_max_degree", 0), "n_output_features_"),
    "too many layers": (MLPClassifier((3, 5), max_iter=2), _set("n_layers_", 2**31), "n_layers_"),
    "trees of other classes": (
        GradientBoostingClassifier(n_estimators=3),
        _set("n_trees_per_iteration_", 3.5),
        "n_trees_per_iteration_",
    ),
    "layers in another order": (MLPClassifier((3, 5), max_iter=2), _set("coefs_", lambda old: old[::-1]), "coefs_"),
    "a split on no column": (DecisionTreeClassifier(), _node("feature", 0, 1_000_000), "1000000 of 4"),
    "a split on a negative column": (DecisionTreeClassifier(), _node("feature", 0, -2), "-2 to"),
    "a circle": (DecisionTreeClassifier(), _node("left_child", 2, 0), "tree_"),
    "a child behind the end": (DecisionTreeRegressor(), _node("right_child", 0, 100_000), "tree_"),
    "a child of itself": (DecisionTreeRegressor(), _node("right_child", 0, 0), "tree_"),
}


@pytest.mark.parametrize("kind", NUMBERS)
def test_contradictions(kind: str) -> None:
    estimator, change, named = NUMBERS[kind]
    estimator = copy.deepcopy(estimator).fit(*((np.abs(X), Y > 0) if isinstance(estimator, ComplementNB) else (X, Y)))
    pretzel.compile(estimator, strict=True)
    change(estimator)
    with pytest.raises(CompileError, match=named) as caught:
        pretzel.compile(estimator)
    assert str(caught.value).startswith(type(estimator).__name__)
    assert not isinstance(estimator, StandardScaler) or "StandardScaler" in str(caught.value)


def test_labels_of_several_types() -> None:
    source = RandomForestClassifier(3).fit(X, np.stack([Y, Y], axis=1))
    source.classes_[1] = source.classes_[1].astype(np.float64)
    with pytest.raises(CompileError, match="int64, float64"):
        pretzel.compile(source)


@pytest.mark.parametrize(
    "kind", [kind for kind in NUMBERS if hasattr(NUMBERS[kind][0], "transform") and "names" not in kind]
)
def test_the_step_is_named(kind: str) -> None:
    estimator, change, _ = NUMBERS[kind]
    pipeline = make_pipeline(make_union(StandardScaler(), copy.deepcopy(estimator)), Ridge()).fit(X, Y)
    name, step = pipeline[0].transformer_list[1]
    change(step)
    with pytest.raises(CompileError, match=rf"Pipeline\.featureunion\.{name}"):
        pretzel.compile(pipeline)


@pytest.mark.parametrize(
    ("estimator", "change", "named"),
    [
        (OneHotEncoder(), _first("categories_", np.array(["Bonn"], dtype=object)), "categories_"),
        (OneHotEncoder(), _set("categories_", _shorter), "OneHotEncoder"),
        (OneHotEncoder(), _first("_n_features_outs", 1), "categories_"),
        (OrdinalEncoder(), _set("categories_", []), "OrdinalEncoder"),
        (OrdinalEncoder(), _first("categories_", "junk"), "categories_"),
        (OrdinalEncoder(), _first("categories_", np.array(["a", "a"], dtype=object)), "categories_"),
        (
            OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1),
            _set("handle_unknown", []),
            "handle_unknown",
        ),
        (OrdinalEncoder(), _set("_missing_indices", {1: 1.5}), "_missing_indices"),
        (OrdinalEncoder(), _set("_missing_indices", {0: -1}), "_missing_indices"),
        (TargetEncoder(cv=2), _set("encodings_", _shorter), "encodings_"),
    ],
)
def test_encoders(estimator: Any, change: Callable[[Any], None], named: str) -> None:
    estimator = copy.deepcopy(estimator).fit(CITIES, [0.0, 1.0, 2.0, 0.5])
    change(estimator)
    with pytest.raises(CompileError, match=named):
        pretzel.compile(estimator)


@pytest.mark.parametrize(
    ("estimator", "change", "named"),
    [
        (CountVectorizer(), _set("vocabulary_", lambda old: {**old, "cat": 1000}), "vocabulary_"),
        (CountVectorizer(), _set("vocabulary_", lambda old: {**old, "cat": -1}), "vocabulary_"),
        (CountVectorizer(), _set("vocabulary_", lambda old: {**old, "cat": "first"}), "CountVectorizer"),
        (TfidfVectorizer(), lambda estimator: _set("idf_", _shorter)(estimator._tfidf), "idf_"),
        (TfidfVectorizer(), lambda estimator: _set("idf_", None)(estimator._tfidf), "_tfidf"),
    ],
)
def test_texts(estimator: Any, change: Callable[[Any], None], named: str) -> None:
    estimator = copy.deepcopy(estimator).fit(WORDS)
    change(estimator)
    with pytest.raises(CompileError, match=named):
        pretzel.compile(estimator)


def test_columns_that_were_not_fitted() -> None:
    source = ColumnTransformer([("scaled", StandardScaler(), [0, 2])], remainder="passthrough").fit(X)
    source._transformer_to_input_indices["scaled"] = [1, 2]
    with pytest.raises(CompileError, match="scaled"):
        pretzel.compile(source)


def test_weights_that_are_not_finite_stay_with_their_source() -> None:
    source = MultinomialNB().fit(np.abs(X), Y)
    source.feature_log_prob_[0, 1] = -np.inf
    plan = pretzel.compile(source)
    assert "opaque" in plan.explain()
    for rows in (np.abs(X), sparse.csr_matrix(np.where(X > 0.5, X, 0.0))):
        np.testing.assert_array_equal(plan.predict_proba(rows), source.predict_proba(rows))


def test_priors_that_are_infinite_stay_with_their_source() -> None:
    source = MultinomialNB().fit(np.abs(X), Y)
    source.class_log_prior_[1] = np.inf
    plan = pretzel.compile(source)
    np.testing.assert_array_equal(plan.predict_proba(np.abs(X)), source.predict_proba(np.abs(X)))


def test_a_width_that_no_kernel_has() -> None:
    source = HashingVectorizer().fit(WORDS)
    source.n_features = 2**40
    assert "opaque" in pretzel.compile(source).explain()


@pytest.mark.parametrize("step", [RBFSampler(n_components=3, random_state=0), PolynomialCountSketch(n_components=3)])
def test_a_number_of_names_that_no_table_has(step: Any) -> None:
    source = clone(step).fit(X)
    source._n_features_out = 2**31
    np.testing.assert_allclose(pretzel.compile(source).transform(X), source.transform(X))


def test_support_vectors_that_do_not_match_their_numbers() -> None:
    source = SVC().fit(X, Y)
    source.support_ = np.append(source.support_, 0)  # the source would read what lies behind the last vector
    with pytest.raises(CompileError, match="support"):
        pretzel.compile(source)


def test_the_cause_is_kept() -> None:
    source = Ridge().fit(X, Y)
    source.coef_ = object()
    with pytest.raises(CompileError, match="Ridge cannot be compiled, because attribute coef_") as caught:
        pretzel.compile(source)
    assert isinstance(caught.value.__cause__, TypeError)


@pytest.mark.parametrize(
    "change",
    [
        _set("coef_", lambda old: old.astype(np.float32)),
        _set("coef_", np.asfortranarray),
        _set("coef_", lambda old: old.astype(object)),
        _set("coef_", lambda old: old.astype(np.longdouble)),
        _set("intercept_", lambda old: old.astype(np.int64)),
        _set("intercept_", lambda old: old[:1]),
        _set("coef_", lambda old: np.where(old > 0.3, np.nan, old)),
    ],
)
def test_what_the_source_still_answers_is_answered(change: Callable[[Any], None]) -> None:
    source = LogisticRegression().fit(X, Y)
    change(source)
    plan = pretzel.compile(source)
    assert plan.predict(X).tolist() == source.predict(X).tolist()
    np.testing.assert_allclose(plan.decision_function(X).astype(float), source.decision_function(X).astype(float))


@pytest.mark.parametrize(
    "estimator",
    [
        MLPClassifier((3,), max_iter=5, random_state=0),
        DecisionTreeClassifier(),
        RandomForestClassifier(3),
        HistGradientBoostingClassifier(max_iter=3),
        MultinomialNB(),
        RidgeClassifier(),
    ],
)
@pytest.mark.parametrize("label", ["a", 7])
def test_one_class(estimator: Any, label: Any) -> None:
    """What a classifier that was fitted on one class answers: a new tenant, a rare event."""
    rows = np.abs(X)
    try:
        source = copy.deepcopy(estimator).fit(rows, np.full(60, label))
        want = source.predict(rows)
    except Exception:
        pytest.skip("the source takes no single class")
    plan = pretzel.compile(source)
    assert plan.predict(rows).tolist() == want.tolist()
    assert [plan.predict_one(tuple(row)) for row in rows] == want.tolist()
    if hasattr(source, "predict_proba"):
        np.testing.assert_allclose(plan.predict_proba(rows), source.predict_proba(rows))


def test_a_sample_of_everything() -> None:
    """As ``python -m tests.tampering``, in one worker: no crash, no hang, no bare exception, no other answer."""
    faults: list[str] = []

    def report(number: int, name: str, found: str) -> None:
        if is_fault(name, found):
            faults.append(f"{number}: {name}: {found}")

    run(list(range(SAMPLE)), seed=0, jobs=1, timeout=30.0, report=report)
    assert not faults


def test_the_changes_are_those_of_the_seed() -> None:
    names = functools.partial(map, str)
    first, again = (list(names(tampered(number, 3) for number in range(20))) for _ in range(2))
    assert first == again
