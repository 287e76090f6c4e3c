"""Which frontend reads an estimator, what a composition consists of, and which releases are trusted."""

from __future__ import annotations

import sys
import types

import numpy as np
import pytest
import sklearn
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor
from sklearn.ensemble import VotingClassifier, VotingRegressor
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import MinMaxScaler, StandardScaler

import pretzel
from pretzel.errors import CompileError
from pretzel.oven.frontends import registry
from pretzel.oven.frontends.registry import Child, children
from pretzel.oven.frontends.sklearn import compat
from tests import releases

X = np.random.default_rng(0).normal(size=(60, 4))
Y = (X[:, 0] > 0).astype(int)


# -- children --------------------------------------------------------------------------------------------------------


def test_steps_of_a_pipeline_read_one_another():
    estimator = Pipeline([("a", StandardScaler()), ("p", "passthrough"), ("m", LogisticRegression())]).fit(X, Y)
    assert children(estimator) == (
        Child("a", estimator["a"], "transform", None, reader=estimator["m"]),
        Child("m", estimator["m"], None, "a"),
    )


def test_parts_of_a_union_are_given_the_same():
    estimator = FeatureUnion([("a", StandardScaler()), ("d", "drop"), ("p", "passthrough")]).fit(X)
    assert children(estimator) == (
        Child("a", estimator.transformer_list[0][1], "transform"),
        Child("p", estimator.transformer_list[2][1], "transform"),
    )


def test_parts_of_columns_are_given_some():
    parts = [("a", StandardScaler(), [2, 0]), ("d", "drop", [1])]
    estimator = ColumnTransformer(parts, remainder=MinMaxScaler()).fit(X)
    described = [(child.name, child.method, child.columns, child.width) for child in children(estimator)]
    assert described == [("a", "transform", (2, 0), 2), ("remainder", "transform", (3,), 1)]


@pytest.mark.parametrize(
    ("estimator", "expected"),
    [
        (VotingClassifier([("a", LogisticRegression()), ("b", "drop")]), [("a", "predict")]),
        (VotingClassifier([("a", LogisticRegression())], voting="soft"), [("a", "predict_proba")]),
        (VotingRegressor([("a", Ridge()), ("b", Ridge())]), [("a", "predict"), ("b", "predict")]),
        (GridSearchCV(LogisticRegression(), {}, cv=2), [("LogisticRegression", None)]),
        *((each, [("Ridge", None)]) for each in releases.frozen(Ridge().fit(X, Y))),
        (TransformedTargetRegressor(Ridge()), [("Ridge", "predict")]),
        (Ridge(), []),
    ],
    ids=lambda value: type(value).__name__,
)
def test_members(estimator, expected):
    assert [(child.name, child.method) for child in children(estimator.fit(X, Y))] == expected


def test_the_input_is_that_of_whoever_is_given_it():
    import pandas as pd

    frame = pd.DataFrame(X, columns=list("abcd"))
    columns = ColumnTransformer([("a", StandardScaler(), ["c", "a"])])
    for wrapped in (columns, *releases.frozen(columns.fit(frame)), make_pipeline(make_pipeline(columns))):
        plan = pretzel.compile(make_pipeline(wrapped, Ridge()).fit(frame, Y), strict=True)
        assert plan.physical.input.any_order
        assert plan.physical.input.required == (0, 2)


# -- frontends -------------------------------------------------------------------------------------------------------


def test_a_frontend_is_chosen_by_the_module_of_the_estimator(monkeypatch):
    """The adapter decides what it reads: neither ``fit`` nor ``check_is_fitted`` is needed."""
    library, frontend = types.ModuleType("boosters"), types.ModuleType("boosters_frontend")

    class Booster:
        n_features_in_ = 4

        def predict(self, X):
            return np.asarray(X) @ np.arange(4.0)

    def read(booster, x, importer):
        from pretzel.oven.ir.graph import Output
        from pretzel.oven.ir.linear import Linear

        linear = Linear((importer.dense(x),), np.arange(4.0)[:, None], np.zeros(1))
        return {"predict": Output(linear, ndim=1)}

    Booster.__module__ = "boosters.core"
    Booster.__qualname__ = "Booster"
    frontend.check_readable = lambda estimator: None
    frontend.output_container = lambda estimator: "default"
    monkeypatch.setitem(sys.modules, "boosters", library)
    monkeypatch.setitem(sys.modules, "boosters_frontend", frontend)
    monkeypatch.setitem(registry.FRONTENDS, "boosters", "boosters_frontend")
    monkeypatch.setitem(registry._adapters, "boosters.core.Booster", read)
    plan = pretzel.compile(Booster(), strict=True)
    np.testing.assert_allclose(plan.predict(X), Booster().predict(X), rtol=1e-12)


def test_what_cannot_be_fitted_need_not_be():
    class Half:
        def transform(self, X):
            return np.asarray(X) / 2

    plan = pretzel.compile(Half())
    np.testing.assert_array_equal(plan.transform(X), X / 2)
    np.testing.assert_array_equal(plan.transform_one(X[0]), X[0] / 2)
    model = make_pipeline(StandardScaler(), LogisticRegression()).fit(X / 2, Y)
    whole = Pipeline([("half", Half()), ("model", model)])
    np.testing.assert_array_equal(pretzel.compile(whole).predict(X), whole.predict(X))
    with pytest.raises(CompileError, match="expected a fitted"):
        pretzel.compile(Half)


# -- releases --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("version", ["1.4.2", "0.24.2", "1.10.0", "1.10.dev0", "2.0"])
def test_other_releases_are_rejected_by_name(version, monkeypatch):
    """Their attributes may have another meaning."""
    monkeypatch.setattr(sklearn, "__version__", version)
    with pytest.raises(CompileError, match=f"scikit-learn {version} is installed; supported are >=1.5,<1.10"):
        pretzel.compile(make_pipeline(StandardScaler(), Ridge()).fit(X, Y))


@pytest.mark.parametrize("version", ["1.5.0", "1.7.2", "1.9.1rc1", "1.9.dev0"])
def test_supported_releases(version, monkeypatch):
    monkeypatch.setattr(sklearn, "__version__", version)
    compat.check_release()
