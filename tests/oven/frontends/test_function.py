"""Function transformers: NumPy's functions, methods of estimators, everything else opaque."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.decomposition import PCA
from sklearn.ensemble import VotingClassifier
from sklearn.kernel_approximation import AdditiveChi2Sampler
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, KBinsDiscretizer, StandardScaler

import pretzel
from pretzel.errors import OpaqueStepError
from tests.ids import stable_id

from .numeric import SPECIAL, check, numbers

X = numbers(1000, 5)


@pytest.mark.parametrize(
    "function",
    [np.abs, np.sqrt, np.square, np.negative, np.rint, np.floor, np.ceil, np.trunc, np.sign, np.reciprocal],
    ids=lambda f: f.__name__,
)
def test_exact_functions(function: Any) -> None:
    with np.errstate(all="ignore"):
        check(FunctionTransformer(function).fit(X), X, ("transform",), exact=True)
        odd = np.array([*SPECIAL, -0.0, np.nan, np.inf, -np.inf, 1e308, 0.5, -2.5]).reshape(-1, 1)
        model = FunctionTransformer(function).fit(odd)
        plan = pretzel.compile(model, strict=True, keep_source=True)
        for request in (odd, odd[:5], odd.astype(np.float32), np.arange(-3, 4).reshape(-1, 1)):
            if function is np.reciprocal and request.dtype.kind == "i":
                request = request[request[:, 0] != 0].reshape(-1, 1)
            found, expected = plan.transform(request), model.transform(request)
            assert found.dtype == expected.dtype
            np.testing.assert_array_equal(found, expected)
            np.testing.assert_array_equal(np.signbit(found), np.signbit(expected))


def test_whole_numbers_of_a_step_before() -> None:
    rows = X[:50]
    for function in (np.floor, np.sign):
        steps = KBinsDiscretizer(3, encode="ordinal", strategy="uniform"), FunctionTransformer(function)
        model = make_pipeline(*steps).fit(rows)
        check(model, rows, ("transform",), exact=True)


@pytest.mark.parametrize(
    "function",
    [
        *[np.log, np.log1p, np.log2, np.log10, np.exp, np.expm1, np.cbrt],
        *[np.tan, np.sinh, np.cosh, np.tanh, np.arcsinh, np.arctan, np.arcsin],
    ],
    ids=lambda f: f.__name__,
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


@pytest.mark.parametrize(
    ("function", "arguments"),
    [
        (np.clip, {"a_min": -0.5, "a_max": 1}),
        (np.clip, {"a_min": 0.0, "a_max": None}),
        (np.clip, {"a_min": None, "a_max": np.float64(2.5)}),
        (np.nan_to_num, None),
        (np.nan_to_num, {"nan": -1.0, "copy": False}),
    ],
    ids=stable_id,
)
def test_functions_with_arguments(function: Any, arguments: dict[str, Any] | None) -> None:
    odd = np.array([*SPECIAL, np.nan, np.inf, -np.inf, 1e308]).reshape(-1, 1)
    for rows in (X, odd):
        model = FunctionTransformer(function, kw_args=arguments).fit(rows)
        found = pretzel.compile(model, strict=True, keep_source=True).transform(rows)
        np.testing.assert_array_equal(found, model.transform(rows.copy()))
    narrow = X[:9].astype(np.float32)
    found, expected = pretzel.compile(model, keep_source=True).transform(narrow[:, :1]), model.transform(narrow[:, :1])
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)


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
        FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": [1, 2, 3, 4, 5]}),
        FunctionTransformer(np.clip, kw_args={"a_min": 0, "a_max": 1, "where": True}),
        FunctionTransformer(np.nan_to_num, kw_args={"posinf": 3}),
        FunctionTransformer(np.deg2rad),
    ],
    ids=["lambda", "a list", "another argument", "infinity", "unknown"],
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


@pytest.mark.parametrize("last", [AdditiveChi2Sampler(), FunctionTransformer(np.nan_to_num)], ids=stable_id)
def test_whole_numbers_of_a_step_before_keep_their_dtype(last: Any) -> None:
    labels = np.digitize(X[:, 0], [-0.5, 0.5])
    first = VotingClassifier([("a", LogisticRegression()), ("b", GaussianNB())]).fit(X, labels)
    model = make_pipeline(first, last).fit(X, labels)
    found, expected = pretzel.compile(model, keep_source=True).transform(X), model.transform(X)
    assert found.dtype == expected.dtype
    np.testing.assert_array_equal(found, expected)
