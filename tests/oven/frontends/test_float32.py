"""Requests of float32: every step rounds as scikit-learn does, so that later steps put each row on the same side."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.cluster import FeatureAgglomeration
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import FactorAnalysis, KernelPCA
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from sklearn.ensemble import (
    ExtraTreesClassifier,
    GradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.kernel_approximation import Nystroem, RBFSampler
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import (
    Binarizer,
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    Normalizer,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
)
from sklearn.tree import DecisionTreeRegressor

import pretzel
from tests import releases
from tests.ids import stable_id

RNG = np.random.default_rng(0)
WIDE = RNG.normal(size=(1500, 4)) * [1, 2, 0.5, 100] + [0, 1, -1, 1000]
WHOLE = RNG.integers(1, 12, (1500, 4)).astype(np.float64)
HOLES = np.where(RNG.random(WIDE.shape) < 0.2, np.nan, WIDE)
BINS = {"encode": "ordinal", **releases.QUANTILE_METHOD}
TRANSFORMERS = [
    StandardScaler(),
    StandardScaler(with_mean=False),
    StandardScaler(with_std=False),
    MinMaxScaler(),
    MinMaxScaler(clip=True, feature_range=(0.1, 0.3)),
    MaxAbsScaler(),
    MaxAbsScaler(**releases.CLIP),
    RobustScaler(),
    PolynomialFeatures(3),
    PolynomialFeatures(2, include_bias=False),
    Normalizer("max"),
    QuantileTransformer(n_quantiles=50),
    PowerTransformer(),
    KBinsDiscretizer(4, **BINS),
    KBinsDiscretizer(4, **{**BINS, "encode": "onehot-dense"}),
    Binarizer(threshold=3.1),
    Binarizer(threshold=np.float64(3.1)),
    FunctionTransformer(np.sqrt),
    FunctionTransformer(np.square),
]
PREDICTORS = [
    RandomForestRegressor(20, max_leaf_nodes=20, random_state=0),
    ExtraTreesClassifier(5, random_state=0),
    GradientBoostingClassifier(n_estimators=20),
    HistGradientBoostingRegressor(max_iter=20),
    KBinsDiscretizer(4, **BINS),
]


def named(estimator: Any) -> str:
    return str(estimator).replace(" ", "")


def fitted(estimator: Any, X: Any) -> Any:
    y = X[:, 0] > np.median(X[:, 0])
    return clone(estimator).fit(X, y if "Classifier" in str(estimator) else X[:, 1])


def check(estimator: Any, X: Any, *, exact: bool = True) -> None:
    plan = pretzel.compile(estimator)
    for method in ("transform", "predict", "predict_proba"):
        if not hasattr(estimator, method):
            continue
        for rows in (X, np.asfortranarray(X), X[::-3, :], X[:1]):
            expected, found = getattr(estimator, method)(rows), getattr(plan, method)(rows)
            assert found.dtype == expected.dtype
            if exact:
                np.testing.assert_array_equal(found, expected)
            else:
                np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)
        one, together = getattr(plan, f"{method}_one")(X[0]), getattr(plan, method)(X[:1])[0]
        np.testing.assert_array_equal(one, together)


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("fit", [np.float64, np.float32])
@pytest.mark.parametrize("X", [np.abs(WIDE), WHOLE], ids=["wide", "whole"])
@pytest.mark.parametrize("estimator", TRANSFORMERS, ids=named)
def test_transformers_have_the_bits_of_scikit_learn(estimator: Any, X: Any, fit: type) -> None:
    check(clone(estimator).fit(X.astype(fit)), X.astype(np.float32))


@pytest.mark.parametrize("predictor", PREDICTORS, ids=lambda each: type(each).__name__)
@pytest.mark.parametrize(
    "scaler", [StandardScaler(), MinMaxScaler(), MaxAbsScaler(), RobustScaler(), PolynomialFeatures(2)], ids=named
)
def test_rows_fall_into_the_same_leaves_and_bins(scaler: Any, predictor: Any) -> None:
    for X in (WIDE, WHOLE):
        small = X.astype(np.float32)
        check(fitted(make_pipeline(scaler, predictor), small), small)


def test_missing_values() -> None:
    small = HOLES.astype(np.float32)
    check(SimpleImputer(strategy="median", add_indicator=True).fit(HOLES), small)
    pipeline = make_pipeline(SimpleImputer(), StandardScaler(), HistGradientBoostingRegressor(max_iter=10))
    check(pipeline.fit(HOLES, WIDE[:, 0]), small)
    for missing in (0.1, np.float64(0.1)):  # NumPy rounds the former to the precision of the rows
        X = np.array([[0.1], [3.0], [5.0]])
        check(SimpleImputer(missing_values=missing).fit(X), X.astype(np.float32))


@pytest.mark.parametrize("fit", [np.float64, np.float32])
def test_products_agree_to_their_last_digits(fit: type) -> None:
    X, y = WIDE.astype(fit), WIDE[:, 0].astype(fit)
    for estimator in (Ridge(), LinearRegression(), make_pipeline(StandardScaler(), Ridge())):
        check(estimator.fit(X, y), WIDE.astype(np.float32), exact=False)
    classifier = make_pipeline(StandardScaler(), LogisticRegression()).fit(X, y > 0)
    check(classifier, WIDE.astype(np.float32), exact=False)
    if fit is np.float64:  # a product of float64, of values that were rounded before
        np.testing.assert_allclose(
            pretzel.compile(classifier).predict_proba(X.astype(np.float32)),
            classifier.predict_proba(X.astype(np.float32)),
            rtol=1e-9,
            atol=1e-12,
        )


def test_values_of_float32_whatever_the_request() -> None:
    texts, y = ["red sky", "blue sea", "red sea", "blue sky"], [0, 1, 0, 1]
    for first in (TfidfVectorizer(dtype=np.float32), make_union(TfidfVectorizer(dtype=np.float32))):
        model = make_pipeline(first, LogisticRegression()).fit(texts, y)
        expected, found = model.predict_proba(texts), pretzel.compile(model).predict_proba(texts)
        assert expected.dtype == found.dtype == model[-1].coef_.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-5)
    X = np.array([["a", "x"], ["b", "y"], ["a", "y"]], dtype=object)
    for encoder in (OneHotEncoder(dtype=np.float32, sparse_output=False), OrdinalEncoder(dtype=np.float32)):
        expected, found = encoder.fit_transform(X), pretzel.compile(encoder.fit(X), strict=True).transform(X)
        assert expected.dtype == found.dtype
        np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize("scaler", [MaxAbsScaler(), StandardScaler(with_mean=False)])
def test_sparse_rows_of_float32_are_rounded_beside_float64(scaler: Any) -> None:
    texts = ["one two", "two three three", "four", "one four four"] * 9
    words = make_pipeline(TfidfVectorizer(dtype=np.float32), scaler)
    columns = ColumnTransformer([("words", words, 0), ("numbers", StandardScaler(), [1])], sparse_threshold=0)
    X = np.array(list(zip(texts, np.arange(36.0), strict=True)), dtype=object)
    model = make_pipeline(columns, Ridge()).fit(X, np.arange(36.0) % 5)
    np.testing.assert_allclose(pretzel.compile(model).predict(X), model.predict(X), rtol=1e-9)


@pytest.mark.parametrize("dtype", ["int8", "uint8", "int16", "uint16", "int32", "int64", "uint64", "bool", "float16"])
@pytest.mark.parametrize("function", [np.log1p, np.square, np.exp, np.sqrt, np.absolute, np.negative], ids=str)
@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_functions_of_narrow_numbers_round_and_overflow(function: Any, dtype: str) -> None:
    pd = pytest.importorskip("pandas")
    values = np.array([[1, 0], [1, 1], [90, 7], [200, 100], [70000, 3]]).astype(dtype)
    transformer = FunctionTransformer(function)
    for X in (values, pd.DataFrame(values, columns=["a", "b"])):
        transformer.fit(X)
        plan = pretzel.compile(transformer)
        try:
            expected = np.asarray(transformer.transform(X))
        except TypeError:
            with pytest.raises(TypeError):
                plan.transform(X)
            continue
        found = np.asarray(plan.transform(X))
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-12 if expected.dtype == np.float64 else 0)


def test_one_narrow_column_among_others() -> None:
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame({"a": np.array([1, 7, 90], dtype=np.uint8), "b": [1.0, 2.0, 3.0]})
    model = make_pipeline(FunctionTransformer(np.log1p), LinearRegression()).fit(X, [1.0, 2.0, 4.0])
    np.testing.assert_allclose(pretzel.compile(model).predict(X), model.predict(X), rtol=1e-9)


@pytest.mark.parametrize("dtype", ["int64", "uint64"])
@pytest.mark.parametrize("estimator", [DecisionTreeRegressor(), RandomForestRegressor(n_estimators=60, random_state=0)])
def test_whole_numbers_reach_trees_with_one_rounding(estimator, dtype):
    """Just above the middle between two values of float32, where float64 knows only the middle."""
    middle = 2**60 + 2**36
    X = np.array([[2**60], [middle - 1], [middle], [middle + 1], [2**60 + 2**37]], dtype=dtype)
    y = [0.0, 0.0, 0.0, 1.0, 1.0]
    fitted = clone(estimator).fit(X, y)
    plan = pretzel.compile(fitted)
    np.testing.assert_array_equal(plan.predict(X), fitted.predict(X))
    np.testing.assert_array_equal(plan.predict(X[:, ::-1].copy(order="F")), fitted.predict(X))
    scaled = make_pipeline(MaxAbsScaler(), clone(estimator)).fit(X, y)  # which makes them float64 first
    np.testing.assert_array_equal(pretzel.compile(scaled).predict(X), scaled.predict(X))


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize(
    "made",
    [
        FactorAnalysis(2),
        FeatureAgglomeration(2),
        KernelPCA(2),
        LinearDiscriminantAnalysis(),
        Nystroem(n_components=3, random_state=0),
        Nystroem("cosine", n_components=3, random_state=0),
        FeatureAgglomeration(2, pooling_func=np.median),
        RBFSampler(n_components=3, random_state=0),
    ],
    ids=stable_id,
)
def test_what_a_step_makes_float64_is_not_rounded(made: Any, dtype: Any) -> None:
    X = np.random.default_rng(0).normal(size=(40, 4))
    parts = [("a", made, slice(0, 4)), ("b", StandardScaler(), [2])]
    models = [
        make_pipeline(made, StandardScaler()),
        FeatureUnion([("a", made)], transformer_weights={"a": 3.0}),
        ColumnTransformer(parts[:1], transformer_weights={"a": 3.0}),
        ColumnTransformer(parts, transformer_weights={"a": 3.0}),
    ]
    for model in models:
        model.fit(X.astype(dtype), X[:, 0] > 0)
        request = X.astype(np.float32)
        got, expected = pretzel.compile(model).transform(request), model.transform(request)
        assert got.dtype == expected.dtype
        np.testing.assert_allclose(got, expected, rtol=1e-9 if got.dtype == np.float64 else 1e-5, atol=1e-9)


BRANCHES = {
    "scaled": StandardScaler(),
    "logarithms": FunctionTransformer(np.log1p),
    "polynomials": PolynomialFeatures(2),
    "bins": KBinsDiscretizer(4, **BINS),
    "scaled, then bins": make_pipeline(StandardScaler(), KBinsDiscretizer(50, **BINS)),
}
LASTS = [LogisticRegression(), RandomForestRegressor(5, random_state=0)]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    "dtypes", ["f4 f4 i8 f8", "f4 f4 i1 f4", "f8 f8 f4 f4", "i1 i1 f4 f4", "f4 f8 f4 f4", "f2 f2 f4 f4"]
)
@pytest.mark.parametrize("other", [None, MinMaxScaler()], ids=named)
@pytest.mark.parametrize("branch", BRANCHES)
def test_each_branch_computes_in_the_dtype_of_its_columns(branch: str, other: Any, dtypes: str) -> None:
    pd = pytest.importorskip("pandas")
    rng = np.random.default_rng(7)
    values = [rng.gamma(2, 3, 300) for _ in range(4)]
    X = pd.DataFrame({name: v.astype(t) for name, v, t in zip("abcd", values, dtypes.split(), strict=True)})
    columns = ColumnTransformer(
        [("s", BRANCHES[branch], ["a", "b"]), ("o", other or "passthrough", ["c", "d"])], remainder="drop"
    )
    columns.fit(X)
    plan, expected = pretzel.compile(columns), columns.transform(X)
    small = expected.dtype != np.float64
    for request in (X, X[["d", "c", "b", "a"]]):
        found = plan.transform(request)
        assert found.dtype == expected.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-5 if small else 1e-9, atol=1e-6 if small else 1e-12)
    for last in LASTS:
        model = make_pipeline(clone(columns), clone(last)).fit(X, X.a > X.a.median())
        np.testing.assert_allclose(pretzel.compile(model).predict(X), model.predict(X), rtol=1e-9)


def test_branches_without_their_estimator_are_computed_in_one_dtype() -> None:
    pd = pytest.importorskip("pandas")
    X = pd.DataFrame({"a": np.array([1, 2, 4], np.float32), "b": [1.0, 2.0, 5.0]})
    plan = pretzel.compile(ColumnTransformer([("s", StandardScaler(), ["a"])], remainder="passthrough").fit(X))
    expected = ColumnTransformer([("s", StandardScaler(), ["a"])], remainder="passthrough").fit(X).transform(X)
    np.testing.assert_allclose(plan.transform(X), expected, rtol=1e-5, atol=1e-6)
