"""Methods of plans and handles have signatures, and documentation that says what they take, return and raise."""

from __future__ import annotations

import inspect
import io
import pydoc
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.cluster import KMeans
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.mixture import GaussianMixture
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

import pretzel

if TYPE_CHECKING:
    from collections.abc import Iterator

X = np.random.default_rng(0).normal(size=(30, 3))
CLASSES = np.array(["n", "y"])[(X[:, 0] > 0).astype(int)]


@pytest.fixture(scope="module")
def runtime() -> Iterator[Any]:
    with pretzel.Runtime(store=pretzel.ObjectStore()) as found:
        found.register("logistic", LogisticRegression().fit(X, CLASSES))
        found.register("line", LinearRegression().fit(X, X[:, 0]))
        found.register("lines", LinearRegression().fit(X, X[:, :2]))
        found.register("forest", RandomForestClassifier(3, max_depth=2).fit(X, np.stack([CLASSES] * 2, axis=1)))
        found.register("scaler", StandardScaler().fit(X))
        found.register("words", CountVectorizer().fit(["a text", "and more"]))
        found.register("clusters", KMeans(2, n_init=1).fit(X))
        found.register("neighbours", KNeighborsClassifier(p=3).fit(X, CLASSES))
        found.register("mixture", GaussianMixture(2).fit(X))
        yield found


RETURNS = {
    ("logistic", "predict"): "labels : ndarray of shape (n_rows,)",
    ("logistic", "predict_one"): "label : str",
    ("logistic", "predict_proba"): "ndarray of float64, shape (n_rows, n_classes)",
    ("logistic", "predict_proba_one"): "ndarray of float64, shape (n_classes,)",
    ("logistic", "predict_log_proba"): "ndarray of float64, shape (n_rows, n_classes)",
    ("logistic", "decision_function"): "ndarray of float64, shape (n_rows,)",
    ("logistic", "decision_function_one"): "value : float",
    ("line", "predict"): "ndarray of float64, shape (n_rows,)",
    ("line", "predict_one"): "value : float",
    ("lines", "predict"): "ndarray of float64, shape (n_rows, n_outputs)",
    ("forest", "predict"): "labels : ndarray of shape (n_rows, n_outputs)",
    ("forest", "predict_proba"): "list of ndarray",
    ("scaler", "transform"): "ndarray of float64, shape (n_rows, n_features_out)",
    ("scaler", "transform_one"): "ndarray of float64, shape (n_features_out,)",
    ("words", "transform"): "csr_matrix of int64, shape (n_rows, n_features_out)",
    ("words", "transform_one"): "csr_matrix of int64, shape (1, n_features_out)",
    ("clusters", "predict"): "labels : ndarray of shape (n_rows,)",
    ("clusters", "predict_one"): "the number of the cluster",
    ("neighbours", "predict"): "The estimator's result",
    ("neighbours", "predict_one"): "The estimator's result",
}


def helped(thing: Any) -> str:
    """What ``help`` shows."""
    out = io.StringIO()
    pydoc.Helper(output=out).help(thing)
    return out.getvalue()


@pytest.mark.parametrize(("name", "method"), RETURNS)
def test_help_says_what_comes_back(runtime: Any, name: str, method: str) -> None:
    for owner in (runtime[name], runtime[name].plan):
        found = getattr(owner, method)
        text = helped(found)
        assert RETURNS[name, method] in text
        for section in ("Parameters", "Returns", "Raises", "InputShapeError", "InputKeyError", "InputValueError"):
            assert section in text
        argument = "row" if method.endswith("_one") else "X"
        assert list(inspect.signature(found).parameters) == [argument]
        assert text.splitlines()[2 if argument == "row" else 3].lstrip().startswith(f"{method}({argument})")
        assert inspect.getdoc(found)


def test_every_method_of_the_source_is_documented(runtime: Any) -> None:
    for name in runtime:
        for method in runtime[name].plan.methods:
            for form in (method, f"{method}_one"):
                for owner in (runtime[name], runtime[name].plan):
                    assert "Returns" in inspect.getdoc(getattr(owner, form)), (name, form)


def test_arguments_may_be_named(runtime: Any) -> None:
    model = runtime["line"]
    for owner in (model, model.plan, runtime["neighbours"], runtime["neighbours"].plan):
        assert owner.predict_one(row=tuple(X[0])) == owner.predict_one(tuple(X[0]))
        assert owner.predict(X=X[:1])[0] == owner.predict(X[:1])[0]
        with pytest.raises(TypeError, match="expected one argument, row"):
            owner.predict_one()
        with pytest.raises(TypeError, match="expected one argument, row"):
            owner.predict_one(tuple(X[0]), 2)
        with pytest.raises(TypeError, match="expected one argument, row"):
            owner.predict_one(line=tuple(X[0]))
    assert model.predict_one.__name__ == "predict_one"


def test_documentation_follows_the_version() -> None:
    with pretzel.Runtime() as runtime:
        model = runtime.register("m", LinearRegression().fit(X, X[:, 0]))
        assert "value : float" in model.predict_one.__doc__
        runtime.register("m", LogisticRegression().fit(X, CLASSES), allow_changes=True)
        assert "label : str" in model.predict_one.__doc__
        predict = model.predict
        runtime.unregister("m")
        assert "The result of the current version" in predict.__doc__


def test_there_is_one_runtime_and_its_parameters_are_documented() -> None:
    from pretzel.runtime.runtime import Runtime

    assert pretzel.Runtime is Runtime
    text = helped(pretzel.Runtime)
    for parameter in inspect.signature(pretzel.Runtime).parameters:
        assert f"{parameter} : " in text
    for method in (pretzel.Runtime.register, pretzel.Runtime.replace):
        assert not [name for name in inspect.signature(method).parameters if name.startswith("_")]


def test_a_plan_takes_no_options() -> None:
    with pretzel.Runtime() as runtime:
        plan = pretzel.compile(LinearRegression().fit(X, X[:, 0]))
        with pytest.raises(TypeError, match="options are not accepted for a compiled Plan: strict"):
            runtime.register("m", plan, strict=True)
