"""Function transformers: NumPy's functions, methods of estimators, everything else opaque."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

import pretzel
from pretzel.errors import OpaqueStepError

from .numeric import SPECIAL, check, numbers

X = numbers(1000, 5)


@pytest.mark.parametrize("function", [np.abs, np.sqrt, np.square, np.negative], ids=lambda f: f.__name__)
def test_exact_functions(function: Any) -> None:
    check(FunctionTransformer(function).fit(X), X, ("transform",), exact=True)


@pytest.mark.parametrize(
    "function", [np.log, np.log1p, np.log2, np.log10, np.exp, np.expm1, np.cbrt], ids=lambda f: f.__name__
)
def test_functions(function: Any) -> None:
    positive = np.abs(X)
    positive[:, 0] = np.minimum(positive[:, 0], 700.0)
    check(FunctionTransformer(function).fit(X), np.minimum(positive, 700.0), ("transform",))
    odd = np.array([*SPECIAL, np.nan, np.inf, -np.inf, 1e308]).reshape(-1, 1)
    with np.errstate(all="ignore"):
        expected = function(odd)
    np.testing.assert_allclose(
        pretzel.compile(FunctionTransformer(function).fit(odd), strict=True).transform(odd), expected, rtol=1e-9
    )


def test_nothing() -> None:
    check(make_pipeline(FunctionTransformer(), StandardScaler()).fit(X), X, ("transform",), exact=True)


def test_methods_of_estimators() -> None:
    X = numbers(1000, 5, special=False)
    y = np.digitize(X[:, 0], [-0.5, 0.5])
    classifier = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y)
    scaler = StandardScaler().fit(X)
    union = FeatureUnion(
        [
            ("pca", PCA(2)),
            ("proba", FunctionTransformer(classifier.predict_proba)),
            ("scores", FunctionTransformer(classifier.decision_function)),
            ("scaled", FunctionTransformer(scaler.transform)),
        ]
    )
    check(make_pipeline(union, Ridge()).fit(X, X[:, 1]), X, ("predict",))


@pytest.mark.parametrize(
    "transformer",
    [
        FunctionTransformer(lambda x: x + 1),
        FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": 1}),
        FunctionTransformer(np.floor),
    ],
    ids=["lambda", "kw_args", "unknown"],
)
def test_everything_else_is_opaque(transformer: FunctionTransformer) -> None:
    check_opaque(transformer)


def test_a_method_that_gives_a_vector_is_opaque() -> None:
    check_opaque(FunctionTransformer(LogisticRegression().fit(X, X[:, 0] > 0).decision_function))


def check_opaque(transformer: FunctionTransformer) -> None:
    transformer.fit(X)
    with pytest.raises(OpaqueStepError):
        pretzel.compile(transformer, strict=True)
    np.testing.assert_array_equal(pretzel.compile(transformer).transform(X), transformer.transform(X))


def test_a_method_fitted_on_other_columns_fails_as_in_the_source() -> None:
    model = LogisticRegression().fit(X[:, :3], X[:, 0] > 0)
    plan = pretzel.compile(FeatureUnion([("proba", FunctionTransformer(model.predict_proba))]).fit(X))
    with pytest.raises(ValueError, match="expecting 3 features"):
        plan.transform(X)
