"""Pickles of another release of scikit-learn: compiled where the answers are right, else both releases are named."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
import sklearn
from sklearn.ensemble import AdaBoostClassifier, VotingClassifier
from sklearn.feature_selection import SelectFromModel
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, RidgeClassifier
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import KBinsDiscretizer, MaxAbsScaler, SplineTransformer, StandardScaler

import pretzel
from pretzel.errors import CompileError
from pretzel.oven.frontends.sklearn import compat
from tests import releases

X = np.random.default_rng(0).normal(size=(90, 4))
Y = np.digitize(X[:, 0], np.quantile(X[:, 0], [0.3, 0.6]))

if not compat.since("1.8"):
    pytest.skip("the attributes that are taken away came with scikit-learn 1.8", allow_module_level=True)


def without(estimator, *names):
    for name in names:
        del estimator.__dict__[name]
    return pickle.loads(pickle.dumps(estimator))


def logistic(multi_class, solver="lbfgs", y=Y):
    """A model with the attributes that it had up to 1.7."""
    model = LogisticRegression().fit(X, y)
    model.__dict__ |= {"multi_class": multi_class, "solver": solver, "penalty": "l2", "l1_ratio": None}
    if multi_class == "ovr" or solver == "liblinear":
        model.n_iter_ = np.ones(len(model.coef_), dtype=np.int32)
    return model


def of_adaboost():
    model = AdaBoostClassifier(n_estimators=2).fit(X, Y)
    model.algorithm = "SAMME.R"
    return model


REJECTED = {
    "imputer": (without(SimpleImputer().fit(X), "_fill_dtype"), "SimpleImputer", "1.5 to 1.7"),
    "step": (make_pipeline(without(SimpleImputer().fit(X), "_fill_dtype"), StandardScaler().fit(X)), "", "1.5 to 1.7"),
    "scaler": (without(MaxAbsScaler().fit(X), "clip"), "MaxAbsScaler", "1.5 to 1.7"),
    "spline": (without(SplineTransformer().fit(X), "handle_missing"), "SplineTransformer", "1.5 to 1.7"),
    "ridge": (without(RidgeClassifier().fit(X, Y), "classes_"), "RidgeClassifier", "1.5 to 1.7"),
    "one versus rest": (logistic("ovr"), "LogisticRegression", "1.5 to 1.7"),
    "liblinear": (logistic("deprecated", "liblinear"), "LogisticRegression", "1.5 to 1.7"),
    "two classes": (logistic("multinomial", y=Y > 0), "LogisticRegression", "1.5 to 1.7"),
    "boosting": (of_adaboost(), "AdaBoostClassifier", "1.5"),
}


@pytest.mark.parametrize("name", REJECTED)
def test_rejected(name):
    estimator, part, origin = REJECTED[name]
    with pytest.raises(CompileError, match=f"{part}.* scikit-learn {origin}, and {sklearn.__version__} is installed"):
        pretzel.compile(estimator)


def test_rejected_wherever_it_is():
    model = VotingClassifier([("l", LogisticRegression())], voting="soft").fit(X, Y)
    model.estimators_[0] = logistic("ovr")
    search = GridSearchCV(LogisticRegression(), {"C": [1.0]}, cv=2).fit(X, Y)
    search.best_estimator_ = logistic("ovr")
    chosen = SelectFromModel(LogisticRegression()).fit(X, Y)
    chosen.estimator_ = logistic("auto")
    for each in (model, search, chosen):
        with pytest.raises(CompileError, match="is installed"):
            pretzel.compile(each)


@pytest.mark.parametrize(
    "model",
    [
        logistic("deprecated"),
        logistic("auto"),
        logistic("multinomial"),
        logistic("ovr", y=Y > 0),
        logistic("deprecated", "newton-cholesky"),
        logistic("deprecated", "liblinear", y=Y > 0),
        without(KBinsDiscretizer(encode="ordinal", **releases.QUANTILE_METHOD).fit(X), *releases.QUANTILE_METHOD),
        without(make_pipeline(StandardScaler()).fit(X), "transform_input"),
    ],
)
def test_compiled_where_the_attributes_that_are_read_are_the_same(model):
    plan = pretzel.compile(model)
    for method in ("predict_proba", "transform"):
        if hasattr(model, method):
            np.testing.assert_allclose(getattr(plan, method)(X), getattr(model, method)(X), rtol=1e-9)


def test_the_warning_tells_the_release():
    state = pickle.dumps(SimpleImputer().fit(X)).replace(sklearn.__version__.encode(), b"1.7.2")
    with pytest.warns(sklearn.exceptions.InconsistentVersionWarning):
        imputer = pickle.loads(state)
    assert imputer.__dict__.pop("_fill_dtype") is not None
    with pytest.raises(CompileError, match=r"scikit-learn 1\.(7\.2|5 to 1\.7), and"):
        pretzel.compile(imputer)
