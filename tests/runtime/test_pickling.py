"""Plans and their methods are pickled and copied; models and runtimes say what to do instead."""

from __future__ import annotations

import copy
import gc
import pickle
from typing import Any

import joblib
import numpy as np
import pytest
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel

X = np.random.default_rng(0).normal(size=(20, 4))
COPIES = {"pickle": pickle.dumps, "copy": copy.copy, "deepcopy": copy.deepcopy}
ESTIMATORS = {"native": Ridge(), "opaque": KNeighborsRegressor(2, p=3)}


@pytest.mark.parametrize("how", COPIES)
@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
def test_copying_says_what_to_do_instead(estimator: Any, how: str) -> None:
    plan = pretzel.compile(estimator.fit(X, X[:, 0]))
    with pretzel.Runtime() as runtime:
        model = runtime.register("model", plan)
        for each in (runtime, model, model.predict):
            with pytest.raises(TypeError, match=r"pickle its plan, or save that to a file"):
                COPIES[how](each)
        gc.collect()  # half-made copies would complain here
        assert plan.predict_one(X[0]) == model.predict_one(X[0])


@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
def test_plans_are_pickled_and_copied(estimator: Any, tmp_path: Any) -> None:
    source = make_pipeline(StandardScaler(), estimator).fit(X, X[:, 0])
    plan = pretzel.compile(source, name="churn")
    expected = plan.predict(X)
    joblib.dump(plan, tmp_path / "plan.joblib")
    copies = [pickle.loads(pickle.dumps(plan)), joblib.load(tmp_path / "plan.joblib"), copy.copy(plan)]
    copies += [copy.deepcopy(plan), pickle.loads(pickle.dumps(copies[0]))]
    del plan
    gc.collect()
    for each in copies:
        np.testing.assert_array_equal(each.predict(X), expected)
        assert each.predict_one(X[1]) == expected[1]
        assert each.name == "churn"


@pytest.mark.parametrize("how", [lambda each: pickle.loads(pickle.dumps(each)), copy.copy, copy.deepcopy])
@pytest.mark.parametrize("estimator", ESTIMATORS.values(), ids=ESTIMATORS)
def test_methods_are_pickled_and_copied_with_their_plan(estimator: Any, how: Any) -> None:
    plan = pretzel.compile(estimator.fit(X, X[:, 0]))
    expected = plan.predict(X)
    np.testing.assert_array_equal(how(plan.predict)(X), expected)
    assert how(plan.predict_one)(X[1]) == expected[1]
    assert joblib.Parallel(2)(joblib.delayed(plan.predict_one)(row) for row in X[:3]) == list(expected[:3])
    predict = plan.predict
    with pytest.raises(AttributeError, match="no attribute 'transform_one'"):
        predict.transform_one  # noqa: B018
    del plan
    gc.collect()
    with pytest.raises(TypeError, match="pickle its plan"):
        how(predict)


def test_an_estimator_that_is_kept_is_pickled_with_its_plan() -> None:
    kept = pickle.loads(pickle.dumps(pretzel.compile(Ridge().fit(X, X[:, 0]), keep_source=True)))
    np.testing.assert_array_equal(kept.coef_, Ridge().fit(X, X[:, 0]).coef_)
    source = Ridge().fit(X, X[:, 0])
    with pytest.raises(AttributeError, match="it was not saved with the plan"):
        pickle.loads(pickle.dumps(pretzel.compile(source))).coef_  # noqa: B018
