"""`pretzel.compile`: options are honoured, nothing of the estimator is kept or changed."""

from __future__ import annotations

import gc
import pickle
import weakref

import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler

import pretzel
from pretzel.errors import CompileError
from pretzel.store.object_store import ObjectStore

X = np.random.default_rng(0).normal(size=(50, 3))
Y = np.where(X[:, 0] > 0, "yes", "no")


@pytest.fixture
def estimator():
    return make_pipeline(StandardScaler(), PolynomialFeatures(2), LogisticRegression()).fit(X, Y)


def test_attributes_are_the_sources(estimator):
    plan = pretzel.compile(estimator)
    assert plan.classes_.tolist() == ["no", "yes"]
    assert plan.n_features_in_ == 3
    with pytest.raises(AttributeError):
        plan.feature_names_in_  # noqa: B018


def test_the_estimator_is_not_changed(estimator):
    before = pickle.dumps(estimator)
    pretzel.compile(estimator)
    assert pickle.dumps(estimator) == before


def test_the_estimator_is_not_kept():
    model = LogisticRegression().fit(X, Y)
    plan, want, seen = pretzel.compile(model), model.predict(X), weakref.ref(model)
    del model
    gc.collect()
    assert seen() is None
    assert (plan.predict(X) == want).all()


def test_compiling_twice_stores_once(estimator):
    store = ObjectStore()
    first = pretzel.compile(estimator, store=store)
    bytes_before = store.stats()["unique_bytes"]
    second = pretzel.compile(estimator, store=store)
    assert store.stats()["unique_bytes"] == bytes_before
    assert second.exclusive_bytes == 0
    assert first.nbytes == second.nbytes


def test_strict_numerics_leave_out_rules_that_reorder_sums(estimator):
    rules = {c["rule"] for c in pretzel.compile(estimator, numerics="strict").explain("json")["rules"]}
    loose = {c["rule"] for c in pretzel.compile(estimator).explain("json")["rules"]}
    assert rules <= loose


def test_disabled_rules_do_not_fire(estimator):
    fired = {c["rule"] for c in pretzel.compile(estimator).explain("json")["rules"]}
    for rule in fired:
        data = pretzel.compile(estimator, disable_rules=(rule,)).explain("json")
        assert rule not in {c["rule"] for c in data["rules"]}


def test_options_are_reported(estimator):
    plan = pretzel.compile(estimator, numerics="strict", disable_rules=("fold_affine",), name="churn")
    assert plan.name == "churn"
    options = plan.explain("json")["options"]
    assert options["numerics"] == "strict"
    assert "fold_affine" in options["disable"]


def test_one_estimator_gives_one_plan(estimator):
    """Compilation is deterministic: what is stored has the same digests."""
    plans = [pretzel.compile(estimator, store=ObjectStore()) for _ in range(2)]
    assert plans[0].physical.objects == plans[1].physical.objects


def test_options_that_do_not_exist_are_named(estimator):
    with pytest.raises(ValueError, match="numerics is 'fast' or 'strict', got 'Strict'"):
        pretzel.compile(estimator, numerics="Strict")
    with pytest.raises(ValueError, match=r"there is no rule 'fold_afine' to disable; rules are .*'fold_affine'"):
        pretzel.compile(estimator, disable_rules=("fold_afine",))
    with pytest.raises(TypeError, match="a tuple of names, got the string 'fold_affine'"):
        pretzel.compile(estimator, disable_rules="fold_affine")


def test_a_plan_is_not_compiled_again():
    plan = pretzel.compile(LinearRegression().fit([[0.0], [1.0]], [0.0, 1.0]))
    with pytest.raises(CompileError, match="LinearRegression is compiled already"):
        pretzel.compile(plan)


@pytest.mark.parametrize("table", [pd.DataFrame({"a": [1.0]}), pd.Series([1.0])], ids=["frame", "series"])
def test_a_table_is_no_estimator(table):
    kind = type(table).__name__
    with pytest.raises(CompileError, match=f"expected a fitted scikit-learn estimator, got a {kind}"):
        pretzel.compile(table)
    runtime = pretzel.Runtime(store=pretzel.ObjectStore())
    with pytest.raises(CompileError, match=f"got a {kind}"):
        runtime.register("z", table)
