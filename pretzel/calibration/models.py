"""Synthetic models that together use every kernel, over a grid of sizes, where all libraries are installed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel import examples
from pretzel.calibration.boosters import boosters
from pretzel.calibration.comparisons import comparisons
from pretzel.calibration.compositions import compositions
from pretzel.calibration.transformers import transformers

if TYPE_CHECKING:
    from collections.abc import Iterator

ROWS = 512
TEXTS = 1500  # a processor learns a few by heart, which no service gets again


def models(quick: bool = False) -> Iterator[tuple[Any, Any]]:
    """Fitted estimators, each with rows to time it on."""
    rng = np.random.default_rng(0)
    yield from _dense(rng, (5, 40) if quick else (3, 8, 20, 60, 150))
    yield from _trees(rng, quick)
    yield from _tables(rng, (3, 12) if quick else (2, 6, 20))
    yield from _texts(rng, quick)
    yield from compositions(rng, ROWS, quick)
    yield from boosters(rng, ROWS, quick)
    yield from comparisons(rng, ROWS, quick)
    yield from transformers(rng, ROWS, quick)


def _dense(rng: np.random.Generator, widths: tuple[int, ...]) -> Iterator[tuple[Any, Any]]:
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.feature_selection import SelectPercentile
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LinearRegression, LogisticRegression, PoissonRegressor, Ridge, SGDClassifier
    from sklearn.naive_bayes import MultinomialNB
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import FeatureUnion, make_pipeline
    from sklearn.preprocessing import (
        FunctionTransformer,
        KBinsDiscretizer,
        MinMaxScaler,
        Normalizer,
        PolynomialFeatures,
        PowerTransformer,
        QuantileTransformer,
        StandardScaler,
    )

    for width in widths:
        X, y = examples.regression(ROWS, width, rng)
        many = np.stack([y + i * X[:, 0] for i in range(25)], axis=1)
        holes = X.copy()
        holes[rng.random(X.shape) < 0.1] = np.nan
        yield examples.scaled(LogisticRegression()).fit(X, examples.classes(y, 2)), X
        for classes in (3, 8, 12):
            yield make_pipeline(MinMaxScaler(clip=True), LogisticRegression()).fit(X, examples.classes(y, classes)), X
            yield make_pipeline(MinMaxScaler(clip=True), MultinomialNB()).fit(X, examples.classes(y, classes)), X
        yield make_pipeline(PCA(max(width // 2, 1)), Ridge()).fit(X, many), X
        yield make_pipeline(Normalizer(), LinearRegression()).fit(X, y), X
        yield examples.scaled(PoissonRegressor()).fit(X, np.exp(y / y.std())), X
        yield make_pipeline(KMeans(12, n_init=1, max_iter=5), StandardScaler()).fit(X), X
        yield make_pipeline(KMeans(width, n_init=1, max_iter=5)).fit(X), X
        yield make_pipeline(QuantileTransformer(n_quantiles=200)).fit(X), X
        yield make_pipeline(QuantileTransformer(n_quantiles=50, output_distribution="normal")).fit(X), X
        yield make_pipeline(PowerTransformer(), Ridge()).fit(X, y), X
        yield make_pipeline(KBinsDiscretizer(8, encode="ordinal", subsample=None), Normalizer()).fit(X), X
        yield make_pipeline(KBinsDiscretizer(5, subsample=None), LogisticRegression()).fit(X, examples.classes(y, 3)), X
        yield make_pipeline(SimpleImputer(add_indicator=True), Normalizer()).fit(holes), holes
        for function in (np.abs, np.sqrt, np.log1p):
            yield make_pipeline(FunctionTransformer(np.abs), FunctionTransformer(function)).fit(X), X
        for activation in ("relu", "tanh"):
            for classes in (2, 4):
                hidden = MLPClassifier((60, 20), activation=activation, max_iter=2, random_state=0)
                yield examples.fitted(hidden, X, examples.classes(y, classes)), X
        if width <= 40:
            yield make_pipeline(PolynomialFeatures(2), Normalizer()).fit(X), X
        huber = SGDClassifier(loss="modified_huber", max_iter=2, tol=None, random_state=0)
        yield examples.scaled(huber).fit(X, examples.classes(y, 3)), X
        yield make_pipeline(SelectPercentile(percentile=50), Normalizer()).fit(X, examples.classes(y, 2)), X
        parts = [("n", Normalizer("l1")), ("s", StandardScaler()), ("k", KMeans(5, n_init=1, max_iter=5))]
        yield FeatureUnion(parts).fit(X), X


def _trees(rng: np.random.Generator, quick: bool) -> Iterator[tuple[Any, Any]]:
    from sklearn.ensemble import (
        GradientBoostingClassifier,
        GradientBoostingRegressor,
        HistGradientBoostingClassifier,
        RandomForestClassifier,
        RandomForestRegressor,
        RandomTreesEmbedding,
        VotingClassifier,
        VotingRegressor,
    )
    from sklearn.linear_model import LogisticRegression, Ridge
    from sklearn.tree import DecisionTreeRegressor

    X, y = examples.regression(4000, 12, rng)
    few = X[: 2 * ROWS]
    for trees, depth, rows in [(10, 3, 3000), (40, 8, 3000), (20, None, 500), (60, None, 4000), (200, 5, 1000)]:
        if quick and trees > 40:
            continue
        made = {"n_estimators": trees, "max_depth": depth, "random_state": 0, "max_samples": min(rows, 3999)}
        yield RandomForestRegressor(**made).fit(X, y), few
        yield RandomForestClassifier(**made).fit(X, examples.classes(y, 2 if depth else 7)), few
    for rounds, leaves, rows in [(15, 31, 1000), (60, 15, 1000), (150, 31, 500), (20, 64, 3000)]:
        boosting = GradientBoostingRegressor(n_estimators=rounds, max_depth=None, max_leaf_nodes=leaves)
        yield boosting.fit(X[:rows], y[:rows]), few
    for rounds, leaves in [(8, 20)] if quick else [(8, 20), (40, 31)]:
        made = {"max_iter": rounds, "max_leaf_nodes": leaves, "early_stopping": False}
        yield HistGradientBoostingClassifier(**made).fit(few, examples.classes(y[: len(few)], 3)), few
    yield DecisionTreeRegressor(max_depth=10).fit(X, y), few
    yield GradientBoostingClassifier(n_estimators=40).fit(X[:1000], examples.classes(y, 2)[:1000]), few
    yield examples.scaled(DecisionTreeRegressor(max_depth=4)).fit(X, y), few
    yield RandomTreesEmbedding(20, random_state=0).fit(X), few
    X, y = examples.regression(3000, 100, rng)
    yield RandomForestRegressor(30, max_depth=9, random_state=0).fit(X, y), X[: 2 * ROWS]
    yield (
        GradientBoostingRegressor(n_estimators=50, max_leaf_nodes=25, max_depth=None, max_features=10).fit(X, y),
        X[: 2 * ROWS],
    )
    parts = [("a", DecisionTreeRegressor(max_depth=3)), ("b", Ridge()), ("c", Ridge(10.0))]
    yield VotingRegressor(parts).fit(X, y), X[:ROWS]
    voters = [("a", LogisticRegression(max_iter=20)), ("b", LogisticRegression(C=0.1, max_iter=20))]
    yield examples.fitted(VotingClassifier(voters), X[:ROWS], examples.classes(y, 3)[:ROWS]), X[:ROWS]


def _tables(rng: np.random.Generator, widths: tuple[int, ...]) -> Iterator[tuple[Any, Any]]:
    from sklearn.compose import make_column_transformer
    from sklearn.ensemble import HistGradientBoostingClassifier
    from sklearn.impute import SimpleImputer
    from sklearn.linear_model import LogisticRegression
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import Normalizer, OneHotEncoder, OrdinalEncoder, StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    for width in widths:
        numbers = list(range(width))
        names = list(range(width, 2 * width))
        X = np.empty((ROWS, 2 * width), dtype=object)
        X[:, :width] = rng.normal(size=(ROWS, width))
        for j in names:
            choices = [
                "".join(rng.choice(examples.LETTERS, rng.integers(1, 8 + 2 * width)))
                for _ in range(5 * (j - width) + 3)
            ]
            X[:, j] = rng.choice(choices, ROWS)
        y = np.asarray(X[:, 0] > 0, dtype=int)
        rows = _columns_of(X, width)
        one_hot = make_column_transformer(
            (make_pipeline(SimpleImputer(), StandardScaler()), numbers),
            (OneHotEncoder(handle_unknown="ignore"), names),
        )
        filled = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
        yield make_pipeline(one_hot, LogisticRegression()).fit(X, y), rows
        yield make_pipeline(one_hot, LogisticRegression()).fit(X, rng.integers(0, 4, ROWS)), rows
        yield one_hot.fit(X), rows
        dense = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
        yield make_pipeline(make_column_transformer((dense, names)), Normalizer()).fit(X), rows
        yield make_pipeline(make_column_transformer((filled, names)), LogisticRegression()).fit(X, y), rows
        constant = make_pipeline(SimpleImputer(strategy="constant", fill_value="none"), OrdinalEncoder())
        yield make_column_transformer((constant, names)).fit(X), rows
        yield make_pipeline(one_hot, DecisionTreeClassifier(max_depth=5)).fit(X, y), rows
        codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
        ordinal = make_column_transformer((StandardScaler(), numbers), (codes, names))
        boosted = HistGradientBoostingClassifier(max_iter=6, early_stopping=False)
        yield make_pipeline(ordinal, boosted).fit(X, y), rows


def _columns_of(X: Any, width: int) -> Any:
    """Numbers and texts in columns of their own, as tables usually come, if there is a library for it."""
    try:
        import pyarrow
    except ImportError:
        return X
    columns = [X[:, j].astype(float if j < width else str) for j in range(X.shape[1])]
    return pyarrow.table(columns, names=[f"x{j}" for j in range(X.shape[1])])


def _texts(rng: np.random.Generator, quick: bool) -> Iterator[tuple[Any, Any]]:
    from sklearn.cluster import KMeans
    from sklearn.decomposition import TruncatedSVD
    from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
    from sklearn.feature_selection import SelectKBest
    from sklearn.linear_model import LogisticRegression, SGDClassifier
    from sklearn.pipeline import make_pipeline, make_union
    from sklearn.preprocessing import MaxAbsScaler

    for words, length in [(3000, 20)] if quick else [(800, 8), (6000, 40), (30000, 120)]:
        texts = examples.texts(TEXTS, examples.vocabulary(words, rng), length, rng)
        y = np.array([len(text) % 5 for text in texts])
        char = TfidfVectorizer(analyzer="char", ngram_range=(2, 4))
        word = TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True)
        linear = SGDClassifier(loss="log_loss", max_iter=2, tol=None)
        short = [TfidfVectorizer(analyzer="char", ngram_range=each) for each in ((1, 1), (1, 3), (3, 3))]
        padded = TfidfVectorizer(analyzer="char_wb", ngram_range=(3, 5))
        for vectorizer in (char, *short, word, padded, CountVectorizer()):
            yield make_pipeline(vectorizer, linear).fit(texts, y > 2), texts
        yield make_pipeline(make_union(char, word), LogisticRegression(max_iter=3)).fit(texts, y > 2), texts
        yield make_pipeline(CountVectorizer(ngram_range=(1, 2)), linear).fit(texts, y), texts
        yield TfidfVectorizer(dtype=np.float32, max_features=500).fit(texts), texts
        matched = r"[a-z]+|[^\w\s]"
        yield CountVectorizer(token_pattern=matched).fit(texts), texts
        yield HashingVectorizer(n_features=2**16, token_pattern=matched), texts
        yield make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), linear).fit(texts, y), texts
        yield make_pipeline(CountVectorizer(), MaxAbsScaler(), linear).fit(texts, y > 2), texts
        yield make_pipeline(HashingVectorizer(n_features=2**16), linear).fit(texts, y > 2), texts
        for least, most in ((2, 3), (1, 4)):
            hashed = HashingVectorizer(analyzer="char", ngram_range=(least, most), n_features=2**12)
            yield make_pipeline(hashed, linear).fit(texts, y), texts
        yield make_pipeline(TfidfVectorizer(max_features=500)).fit(texts), texts
        for clusters in (3, 20):
            yield make_pipeline(TfidfVectorizer(), KMeans(clusters, n_init=1, max_iter=2)).fit(texts), texts
        yield make_pipeline(TfidfVectorizer(), TruncatedSVD(1)).fit(texts), texts
        yield make_pipeline(CountVectorizer(), SelectKBest(k=200)).fit(texts, y), texts
