"""Containers are read by structure, as scikit-learn does, however their columns are given."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.compose import ColumnTransformer, make_column_selector
from sklearn.exceptions import NotFittedError
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline, make_union
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, StandardScaler

import pretzel
from pretzel.errors import CompileError, OpaqueStepError, UnfittedError
from pretzel.oven.frontends import registry
from tests import releases
from tests.answers import check_answers

RNG = np.random.default_rng(0)
FRAME = pd.DataFrame(RNG.normal(size=(40, 4)), columns=["a", "b", "c", "d"])
X = FRAME.to_numpy()
Y = (X[:, 0] > 0).astype(int)
PASS = "passthrough"


SELECTORS = {
    "names": ["c", "a"],
    "positions": [2, 0],
    "negative positions": [-1, 0],
    "slice": slice(1, 3),
    "slice of names": slice("b", "d"),
    "mask": [True, False, False, True],
    "array": np.array([3, 1]),
    "callable": lambda X: [0, 2],
    "selector": make_column_selector(pattern="a|d"),
}


@pytest.mark.parametrize("remainder", ["drop", PASS, "scaler"])
@pytest.mark.parametrize("name", SELECTORS)
def test_columns_of_a_column_transformer(name, remainder):
    rest = StandardScaler() if remainder == "scaler" else remainder
    transformer = ColumnTransformer([("x", MinMaxScaler(), SELECTORS[name])], remainder=rest).fit(FRAME)
    check_answers(transformer, FRAME, strict=True)


@pytest.mark.parametrize("name", ["positions", "slice", "mask", "callable"])
def test_columns_of_an_array(name):
    check_answers(ColumnTransformer([("x", MinMaxScaler(), SELECTORS[name])], remainder=PASS).fit(X), X, strict=True)


CONTAINERS = {
    "pipeline": make_pipeline(StandardScaler(), MinMaxScaler()),
    "pipeline of pipelines": make_pipeline(make_pipeline(StandardScaler(), MinMaxScaler()), StandardScaler()),
    "pass-through first": Pipeline([("p", PASS), ("s", StandardScaler())]),
    "pass-through last": Pipeline([("s", StandardScaler()), ("p", PASS)]),
    "no step in the middle": Pipeline([("s", StandardScaler()), ("n", None), ("m", MinMaxScaler())]),
    "union": FeatureUnion([("a", StandardScaler()), ("b", MinMaxScaler())]),
    "union with pass-through and drop": FeatureUnion([("a", StandardScaler()), ("b", "drop"), ("c", PASS)]),
    "union of one": FeatureUnion([("a", StandardScaler())]),
    "union of unions": FeatureUnion([("a", FeatureUnion([("x", StandardScaler()), ("y", PASS)])), ("b", PASS)]),
    "columns in columns": ColumnTransformer(
        [("x", ColumnTransformer([("y", StandardScaler(), [1, 0])], remainder=PASS), [3, 1, 0])], remainder=PASS
    ),
    "columns dropped": ColumnTransformer([("x", "drop", [0]), ("y", StandardScaler(), [1])], remainder=PASS),
    "no columns": ColumnTransformer([("x", StandardScaler(), []), ("y", MinMaxScaler(), [0, 1])]),
    "the same columns twice": ColumnTransformer([("x", StandardScaler(), [0, 1]), ("y", MinMaxScaler(), [1, 0])]),
    "columns behind a scaler": make_pipeline(StandardScaler(), ColumnTransformer([("x", MinMaxScaler(), [2, 0])])),
    "union behind columns": make_pipeline(
        ColumnTransformer([("x", PASS, [2, 0])]), FeatureUnion([("a", StandardScaler()), ("b", PASS)])
    ),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers(name):
    check_answers(CONTAINERS[name].fit(X), X, strict=True)


@pytest.mark.parametrize("name", CONTAINERS)
def test_containers_before_a_model(name):
    check_answers(make_pipeline(CONTAINERS[name], LogisticRegression()).fit(X, Y), X, strict=True)


def test_sparse_threshold_decides_the_kind():
    table = pd.DataFrame({"a": list("xyzxyzxyzw"), "b": np.arange(10.0)})
    parts = [("c", OneHotEncoder(handle_unknown="ignore"), ["a"]), ("n", StandardScaler(), ["b"])]
    for threshold in (0.0, 0.3, 1.0):
        check_answers(ColumnTransformer(parts, sparse_threshold=threshold).fit(table), table, strict=True)


def test_weights_are_honoured_or_opaque():
    """A parameter is never ignored."""
    union = FeatureUnion([("a", StandardScaler()), ("b", PASS)], transformer_weights={"a": 2.0}).fit(X)
    columns = ColumnTransformer([("a", StandardScaler(), [0])], transformer_weights={"a": 3.0}).fit(X)
    for estimator in (union, columns):
        np.testing.assert_allclose(pretzel.compile(estimator).transform(X), estimator.transform(X), rtol=1e-12)


def test_origins_are_paths():
    estimator = Pipeline([("prepare", make_pipeline(SimpleImputer(), StandardScaler())), ("m", LogisticRegression())])
    nodes = pretzel.compile(estimator.fit(X, Y)).explain("json")["logical"]["nodes"]
    origins = {node["origin"] for node in nodes}
    assert {"Pipeline.prepare.simpleimputer", "Pipeline.prepare.standardscaler", "Pipeline.m"} <= origins


def test_unread_columns_are_not_required():
    estimator = ColumnTransformer([("x", StandardScaler(), ["b"])]).fit(FRAME)
    plan = pretzel.compile(estimator)
    np.testing.assert_allclose(plan.transform_one({"b": 1.0}), estimator.transform(FRAME.assign(b=1.0))[0])


@pytest.mark.parametrize("estimator", [StandardScaler(), make_pipeline(StandardScaler(), LogisticRegression())])
def test_unfitted(estimator):
    with pytest.raises(UnfittedError, match="not fitted"):
        pretzel.compile(estimator)


def test_a_fit_that_broke_off_is_no_fit():
    estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    del estimator[-1].coef_
    with pytest.raises(UnfittedError, match="LogisticRegression is not fitted: it has no 'coef_'"):
        pretzel.compile(estimator)


def test_a_release_that_keeps_something_elsewhere_is_opaque(monkeypatch):
    monkeypatch.setitem(registry._adapters, "sklearn.preprocessing.StandardScaler", lambda scaler, *_: scaler._moved)
    estimator = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, Y)
    np.testing.assert_allclose(pretzel.compile(estimator).predict_proba(X), estimator.predict_proba(X), rtol=1e-9)
    with pytest.raises(OpaqueStepError, match="StandardScaler has no '_moved'"):
        pretzel.compile(estimator, strict=True)


def test_a_mistake_of_an_adapter_is_not_hidden(monkeypatch):
    monkeypatch.setitem(registry._adapters, "sklearn.preprocessing.StandardScaler", lambda scaler, x, _: x.nothing)
    with pytest.raises(CompileError, match=r"StandardScaler cannot be compiled.*AttributeError.*nothing") as caught:
        pretzel.compile(StandardScaler().fit(X))
    assert isinstance(caught.value.__cause__, AttributeError)


@pytest.mark.parametrize("thing", [None, 3, "model", StandardScaler, object()])
def test_not_an_estimator(thing):
    with pytest.raises(CompileError):
        pretzel.compile(thing)


def test_counts_side_by_side_stay_integers():
    from sklearn.feature_extraction.text import CountVectorizer, TfidfVectorizer
    from sklearn.pipeline import make_union

    texts = ["one two two", "two three", "three one one"]
    for second in (CountVectorizer(analyzer="char"), TfidfVectorizer()):
        union = make_union(CountVectorizer(), second).fit(texts)
        expected, found = union.transform(texts), pretzel.compile(union, strict=True).transform(texts)
        assert found.dtype == expected.dtype
        assert abs(found - expected).max() < 1e-12


@pytest.mark.parametrize("compose", [make_pipeline, make_union])
def test_the_time_of_nested_compositions_is_not_exponential(compose):
    """`check_is_fitted` of scikit-learn doubles its time with each union, and triples it with each pipeline."""
    nested = StandardScaler().fit(np.arange(8.0).reshape(4, 2))
    for _ in range(40):
        nested = compose(nested)
    assert "transform" in pretzel.compile(nested, strict=True).methods
    nested = StandardScaler()
    for _ in range(3):
        nested = compose(nested)
    with pytest.raises(UnfittedError):
        pretzel.compile(nested)


class Same(TransformerMixin, BaseEstimator):
    """Learns nothing."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return np.asarray(X)


class Tagged(Same):
    """Says by a tag that it needs no fit."""

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = False
        return tags


class Untagged:
    """Has learnt something, but does not inherit from `BaseEstimator`."""

    def fit(self, X, y=None):
        self.factor_ = 2.0
        return self

    def transform(self, X):
        return np.asarray(X) * self.factor_


@pytest.mark.filterwarnings("ignore:This Pipeline instance is not fitted yet")
@pytest.mark.parametrize("step", [Same(), Tagged(), Untagged()], ids=lambda step: type(step).__name__)
@pytest.mark.parametrize(
    "around",
    [
        lambda step: make_pipeline(StandardScaler(), step),
        lambda step: make_pipeline(StandardScaler(), step, PASS),
        lambda step: make_pipeline(step, StandardScaler()),
        lambda step: make_union(step, StandardScaler()),
        lambda step: make_pipeline(StandardScaler(), make_union(step, MinMaxScaler())),
        lambda step: make_union(StandardScaler(), make_pipeline(MinMaxScaler(), step)),
        lambda step: step,
    ],
    ids=["last", "before a pass-through", "first", "in a union", "in a last union", "last in a union", "alone"],
)
def test_pipelines_ask_their_last_step_whether_it_is_fitted(around, step):
    """Since scikit-learn 1.8, at each call; it is fitted if an attribute or a tag says so."""
    model = around(step).fit(X)
    try:
        expected = model.transform(X)
    except (NotFittedError, AttributeError) as error:
        with pytest.raises(UnfittedError if isinstance(error, NotFittedError) else CompileError, match=r"fit|answer"):
            pretzel.compile(model)
        assert releases.since("1.8")
    else:
        np.testing.assert_allclose(pretzel.compile(model).transform(X), expected, rtol=1e-12)
