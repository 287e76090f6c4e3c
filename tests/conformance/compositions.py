"""Pipelines over a frame of mixed columns: numbers, whole numbers, text, categories, booleans, and missing values."""

from __future__ import annotations

import functools
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import ColumnTransformer, TransformedTargetRegressor, make_column_selector
from sklearn.decomposition import PCA, TruncatedSVD
from sklearn.ensemble import (
    ExtraTreesRegressor,
    GradientBoostingClassifier,
    HistGradientBoostingClassifier,
    HistGradientBoostingRegressor,
    RandomForestClassifier,
    StackingClassifier,
    VotingClassifier,
)
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.feature_selection import SelectKBest, VarianceThreshold
from sklearn.impute import KNNImputer, SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.multiclass import OneVsRestClassifier
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import (
    FunctionTransformer,
    KBinsDiscretizer,
    MaxAbsScaler,
    MinMaxScaler,
    OneHotEncoder,
    OrdinalEncoder,
    PolynomialFeatures,
    PowerTransformer,
    QuantileTransformer,
    RobustScaler,
    StandardScaler,
    TargetEncoder,
)

from tests import releases
from tests.conformance.data import ASKED_ROWS, Rows, documents, target

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

FITTED_ROWS = 200
NUMBERS = ["age", "income"]
TEXTS = ["city", "plan"]
Build = "Callable[[], Any]"


def table(seed: int, n: int) -> pd.DataFrame:
    """A frame as users have it."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    age, income = rng.normal(40, 12, n), rng.gamma(2, 20_000, n)
    age[rng.random(n) < 0.1] = np.nan
    return pd.DataFrame(
        {
            "age": age,
            "income": income,
            "visits": rng.integers(0, 9, n),
            "member": rng.random(n) < 0.4,
            "city": pd.Series(rng.choice(["Bonn", "Köln", "Paris", "東京"], n)).mask(rng.random(n) < 0.1),
            "plan": pd.Categorical(rng.choice(["basic", "plus", "max"], n)),
            "code": rng.choice(["7", "11", "x"], n),
            "note": documents(rng, n),
        }
    )


class Ratio(TransformerMixin, BaseEstimator):
    """A transformer as textbooks write it: it neither counts nor names its columns."""

    def fit(self, X: Any, y: Any = None) -> Ratio:
        return self

    def transform(self, X: Any) -> Any:
        return np.c_[np.asarray(X[["age", "income"]], dtype=float), X["income"] / (X["visits"] + 1)]


class Lengths(TransformerMixin, BaseEstimator):
    """A transformer that returns a frame."""

    def fit(self, X: Any, y: Any = None) -> Lengths:
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X: Any) -> Any:
        return X.assign(length=X["note"].str.len()).drop(columns="note")


def add_one(X: Any) -> Any:
    """Works on arrays and frames."""
    return X + 1


def first_word(X: Any) -> Any:
    """Works on frames only."""
    return X.apply(lambda column: column.str.split().str[0])


def numeric() -> Any:
    return make_pipeline(SimpleImputer(strategy="median"), StandardScaler())


def one_hot(**options: Any) -> Any:
    return OneHotEncoder(**{"handle_unknown": "ignore", **options})


def ordinal() -> Any:
    return OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)


def text_then_codes(encoder: Any) -> Any:
    return make_pipeline(SimpleImputer(strategy="most_frequent"), encoder)


def columns(**options: Any) -> Any:
    return ColumnTransformer([("n", numeric(), NUMBERS), ("t", text_then_codes(one_hot()), TEXTS)], **options)


def impute_all() -> Any:
    return ColumnTransformer(
        [
            ("n", SimpleImputer(strategy="mean"), [*NUMBERS, "visits"]),
            ("t", SimpleImputer(strategy="constant", fill_value="none"), TEXTS),
        ]
    )


def encode_places() -> Any:
    return ColumnTransformer([("n", StandardScaler(), [0, 1, 2]), ("t", one_hot(), [3, 4])])


def boosted_frame() -> Any:
    chosen = ColumnTransformer(
        [("keep", "passthrough", ["age", "income", "visits", "plan"])], verbose_feature_names_out=False
    )
    return make_pipeline(chosen.set_output(transform="pandas"), HistGradientBoostingClassifier(max_iter=10))


COMPOSITIONS: dict[str, tuple[Callable[[], Any], str]] = {
    "logistic regression": (lambda: make_pipeline(columns(), LogisticRegression()), "labels"),
    "column transformer alone": (columns, "binary"),
    "remainder passed through": (
        lambda: ColumnTransformer([("n", numeric(), NUMBERS)], remainder="passthrough"), "binary"),
    "columns by mask, slice and selector": (
        lambda: make_pipeline(
            ColumnTransformer(
                [
                    ("mask", numeric(), [True, True, *[False] * 6]),
                    ("slice", MinMaxScaler(), slice(2, 3)),
                    ("selector", one_hot(), make_column_selector(dtype_include="category")),
                ]
            ),
            LogisticRegression(),
        ), "binary"),
    "columns by place": (
        lambda: ColumnTransformer([("n", RobustScaler(), [0, 1]), ("t", one_hot(), [4, 5])]), "binary"),
    "dense with weights": (
        lambda: ColumnTransformer([("n", numeric(), NUMBERS), ("t", one_hot(sparse_output=False), TEXTS)],
                                  transformer_weights={"n": 2.0, "t": 0.5}, sparse_threshold=0.0), "binary"),
    "frames between steps": (
        lambda: make_pipeline(
            ColumnTransformer([("n", numeric(), NUMBERS), ("t", one_hot(sparse_output=False), TEXTS)],
                              verbose_feature_names_out=False),
            StandardScaler(), LogisticRegression(),
        ).set_output(transform="pandas"), "binary"),
    "polars output": (
        lambda: ColumnTransformer([("n", numeric(), NUMBERS), ("o", ordinal(), TEXTS)]).set_output(transform="polars"),
        "binary"),
    "forest on codes": (
        lambda: make_pipeline(
            ColumnTransformer([("o", ordinal(), [*TEXTS, "code"])], remainder="drop"),
            RandomForestClassifier(5, random_state=0),
        ), "labels"),
    "boosting on codes": (
        lambda: make_pipeline(
            ColumnTransformer([("o", ordinal(), TEXTS), ("n", "passthrough", [*NUMBERS, "visits", "member"])]),
            HistGradientBoostingRegressor(max_iter=10, categorical_features=[0, 1]),
        ), "real"),
    "boosting on categories of a frame": (boosted_frame, "binary"),
    "target encoder": (
        lambda: make_pipeline(
            ColumnTransformer([("t", TargetEncoder(random_state=0), TEXTS), ("n", numeric(), NUMBERS)]), Ridge()),
        "real"),
    "texts and numbers": (
        lambda: make_pipeline(ColumnTransformer([("w", TfidfVectorizer(), "note"), ("n", numeric(), NUMBERS)]),
                              LogisticRegression()), "binary"),
    "two texts": (
        lambda: make_pipeline(
            ColumnTransformer([("w", CountVectorizer(ngram_range=(1, 2)), "note"),
                               ("h", HashingVectorizer(n_features=16), "code")]),
            TruncatedSVD(2, random_state=0)), "binary"),
    "impute, then encode": (lambda: make_pipeline(impute_all(), encode_places(), LogisticRegression()), "labels"),
    "imputed text alone": (impute_all, "binary"),
    "custom transformer first": (lambda: make_pipeline(Ratio(), SimpleImputer(), StandardScaler(), Ridge()), "real"),
    "custom frame first": (
        lambda: make_pipeline(
            Lengths(), ColumnTransformer([("n", numeric(), [*NUMBERS, "length"]), ("t", one_hot(), TEXTS)]),
            LogisticRegression()), "binary"),
    "function on numbers": (
        lambda: make_pipeline(ColumnTransformer([("f", FunctionTransformer(np.log1p), ["income", "visits"]),
                                                 ("g", FunctionTransformer(add_one), ["age"])]),
                              HistGradientBoostingRegressor(max_iter=5)), "real"),
    "function on text": (
        lambda: ColumnTransformer([("f", make_pipeline(FunctionTransformer(first_word), one_hot()), ["note"])]),
        "binary"),
    "bins and powers": (
        lambda: ColumnTransformer(
            [
                ("b", KBinsDiscretizer(4, encode="onehot", **releases.QUANTILE_METHOD), ["income"]),
                ("p", PowerTransformer(), ["visits"]),
                ("q", QuantileTransformer(n_quantiles=20), ["income"]),
            ]), "binary"),
    "polynomials": (
        lambda: make_pipeline(
            ColumnTransformer([("n", make_pipeline(SimpleImputer(), PolynomialFeatures(2)), NUMBERS)]),
            StandardScaler(), LinearRegression()), "real"),
    "neighbour imputer": (
        lambda: make_pipeline(ColumnTransformer([("n", KNNImputer(n_neighbors=3), [*NUMBERS, "visits"])]),
                              GradientBoostingClassifier(n_estimators=5)), "labels"),
    "selection": (
        lambda: make_pipeline(columns(), VarianceThreshold(), SelectKBest(k=3), LogisticRegression()), "binary"),
    "union": (
        lambda: make_pipeline(
            ColumnTransformer([("n", SimpleImputer(), NUMBERS)]),
            FeatureUnion([("s", StandardScaler()), ("p", PCA(1)), ("x", "passthrough")]), Ridge()), "columns"),
    "voting": (
        lambda: VotingClassifier(
            [("a", make_pipeline(columns(), LogisticRegression())),
             ("b", make_pipeline(columns(), KNeighborsClassifier(p=3)))], voting="soft"), "labels"),
    "stacking": (
        lambda: StackingClassifier([("a", make_pipeline(columns(), LogisticRegression()))], LogisticRegression(), cv=2),
        "binary"),
    "calibrated": (lambda: CalibratedClassifierCV(make_pipeline(columns(), LogisticRegression()), cv=2), "binary"),
    "one versus rest": (lambda: OneVsRestClassifier(make_pipeline(columns(), LogisticRegression())), "labels"),
    "search": (
        lambda: GridSearchCV(Pipeline([("c", columns()), ("m", LogisticRegression())]), {"m__C": [0.1, 1.0]}, cv=2),
        "labels"),
    "transformed target": (
        lambda: TransformedTargetRegressor(make_pipeline(columns(), Ridge()), func=np.log1p, inverse_func=np.expm1),
        "count"),
    "nested column transformers": (
        lambda: make_pipeline(
            ColumnTransformer([
                ("inner", ColumnTransformer([("n", numeric(), ["age"]), ("o", ordinal(), ["city"])],
                                            remainder="passthrough"), ["income", "age", "city"]),
                ("m", MaxAbsScaler(), ["visits"])]),
            ExtraTreesRegressor(5, random_state=0)), "real"),
}  # fmt: skip


@functools.cache
def fitted_composition(name: str) -> Any:
    """A fitted pipeline with rows to ask it about."""
    from tests.conformance.estimators import Fitted

    build, kind = COMPOSITIONS[name]
    X, asked = table(1, FITTED_ROWS), table(2, ASKED_ROWS)
    numbers = [frame[["visits", "income"]].to_numpy() for frame in (X, asked)]
    estimator = build()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator.fit(X, target(kind, numbers[0], FITTED_ROWS))
    return Fitted(estimator, "mixed", Rows(asked, tuple(asked.columns)), target(kind, numbers[1], ASKED_ROWS))
