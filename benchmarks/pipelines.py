"""Recipes of the zoo's pipelines: functions that return unfitted estimators."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np


def quiet_fit(estimator: Any, X: Any, y: np.ndarray) -> Any:
    """Fit without the warnings of solvers that are stopped early on purpose."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return estimator.fit(X, y)


def char_and_word() -> Any:
    """Features of the sentiment models: TF-IDF of characters and of words side by side."""
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import FeatureUnion

    chars = TfidfVectorizer(analyzer="char", ngram_range=(2, 3))
    words = TfidfVectorizer(ngram_range=(1, 2), max_features=100_000)
    return FeatureUnion([("chars", chars), ("words", words)])


def text_model(features: Callable[[], Any], model: Callable[[], Any]) -> Callable[[], Any]:
    """Recipe of a pipeline from text to label."""

    def make() -> Any:
        from sklearn.pipeline import Pipeline

        return Pipeline([("features", features()), ("model", model())])

    return make


def logistic() -> Any:
    """Logistic regression, stopped early."""
    from sklearn.linear_model import LogisticRegression

    return LogisticRegression(max_iter=20)


def sgd_logistic() -> Any:
    """Logistic regression by stochastic gradients."""
    from sklearn.linear_model import SGDClassifier

    return SGDClassifier(loss="log_loss", max_iter=5, random_state=0)


def vectorizer(name: str, **options: Any) -> Callable[[], Any]:
    """Recipe of a class of ``sklearn.feature_extraction.text``."""

    def make() -> Any:
        import sklearn.feature_extraction.text as module

        return getattr(module, name)(**options)

    return make


def attendee_count(model: Callable[[], Any], embedding_trees: int = 30) -> Callable[[], Any]:
    """Recipe of scaler -> PCA, cluster distances, tree embedding and class probabilities -> regressor."""

    def make() -> Any:
        from sklearn.cluster import KMeans
        from sklearn.decomposition import PCA
        from sklearn.ensemble import RandomTreesEmbedding, VotingClassifier
        from sklearn.pipeline import FeatureUnion, Pipeline
        from sklearn.preprocessing import StandardScaler
        from sklearn.tree import DecisionTreeClassifier

        # A soft vote of one is how scikit-learn spells "the probabilities of a classifier, as features".
        vote = VotingClassifier([("tree", DecisionTreeClassifier(max_depth=8, random_state=0))], voting="soft")
        features = FeatureUnion(
            [
                ("pca", PCA(n_components=10, random_state=0)),
                ("clusters", KMeans(n_clusters=10, n_init=1, random_state=0)),
                ("embedding", RandomTreesEmbedding(n_estimators=embedding_trees, max_depth=5, random_state=0)),
                ("classes", vote),
            ]
        )
        return Pipeline([("scale", StandardScaler()), ("features", features), ("model", model())])

    return make


def forest_regressor(trees: int = 60, depth: int = 8) -> Callable[[], Any]:
    """Recipe of a random forest for numbers."""

    def make() -> Any:
        from sklearn.ensemble import RandomForestRegressor

        return RandomForestRegressor(trees, max_depth=depth, max_features=0.3, random_state=0)

    return make


def boosting_regressor() -> Any:
    """Gradient boosting, 100 trees of depth 3."""
    from sklearn.ensemble import GradientBoostingRegressor

    return GradientBoostingRegressor(n_estimators=100, max_features=0.3, random_state=0)


def forest_classifier() -> Any:
    """Random forest of 100 trees of depth 12."""
    from sklearn.ensemble import RandomForestClassifier

    return RandomForestClassifier(100, max_depth=12, random_state=0)


def hist_boosting() -> Any:
    """Histogram gradient boosting, 100 trees of 31 leaves."""
    from sklearn.ensemble import HistGradientBoostingClassifier

    return HistGradientBoostingClassifier(max_iter=100, max_leaf_nodes=31, early_stopping=False, random_state=0)


def table_features(ordinal: bool = False, missing: Any = float("nan")) -> Any:
    """Column transformer over the numeric and the text columns of any DataFrame.

    Parameters
    ----------
    ordinal : bool
        Text becomes category codes and numbers stay as they are: what trees want.
    missing : object
        How a missing text is written.
    """
    from sklearn.compose import ColumnTransformer, make_column_selector
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OneHotEncoder, OrdinalEncoder, StandardScaler

    numeric, text = make_column_selector(dtype_include="number"), make_column_selector(dtype_exclude="number")
    if ordinal:
        encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        return ColumnTransformer([("numbers", "passthrough", numeric), ("codes", encoder, text)])
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    impute = SimpleImputer(strategy="most_frequent", missing_values=missing)
    codes = make_pipeline(impute, OneHotEncoder(handle_unknown="ignore"))
    return ColumnTransformer([("numbers", numbers, numeric), ("codes", codes, text)])


def table_model(model: Callable[[], Any], **options: Any) -> Callable[[], Any]:
    """Recipe of a pipeline from a mixed table to a class; the options are those of `table_features`."""

    def make() -> Any:
        from sklearn.pipeline import Pipeline

        return Pipeline([("features", table_features(**options)), ("model", model())])

    return make


def scaled(module: str, name: str, *before: Callable[[], Any], **options: Any) -> Callable[[], Any]:
    """Recipe of scaler -> ... -> the estimator ``sklearn.<module>.<name>``."""

    def make() -> Any:
        import importlib

        from sklearn.pipeline import make_pipeline
        from sklearn.preprocessing import StandardScaler

        estimator = getattr(importlib.import_module(f"sklearn.{module}"), name)(**options)
        return make_pipeline(StandardScaler(), *(step() for step in before), estimator)

    return make


def squares() -> Any:
    """Polynomial features of degree two."""
    from sklearn.preprocessing import PolynomialFeatures

    return PolynomialFeatures(2)
