"""Example pipelines and data to fit them on, which the tests, the calibration and the benchmarks share.

Data come from a seed and are the same on every machine. Pipelines come unfitted; scikit-learn and pandas are imported
when the first one is made.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy.typing as npt

    Seed = int | np.random.Generator

TEXT, NUMBERS, TABLE = "text", "numbers", "table"
WORDS = (
    *("the", "a", "cat", "dog", "sat", "mat", "on", "Hello", "WORLD", "x2", "don't", "under_score", "a-b"),
    *("über", "straße", "Ärger", "ΣΑΣ", "naïve", "日本", "é"),
)
LETTERS = tuple("etaoinshrdlucmfwypvbgkqjxz")


# -- data ------------------------------------------------------------------------------------------------------------


def regression(rows: int = 400, width: int = 5, seed: Seed = 0) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Normal numbers, and a target that depends on all of them, not quite linearly and with noise."""
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(rows, width))
    return X, X @ rng.normal(size=width) + np.sin(3 * X[:, 0]) + rng.normal(size=rows)


def classes(y: npt.NDArray[Any], n: int = 2, labels: Sequence[Any] | None = None) -> npt.NDArray[Any]:
    """A numeric target as ``n`` classes of about equal size: their numbers, or ``labels``."""
    found: npt.NDArray[Any] = np.digitize(y, np.quantile(y, np.linspace(0, 1, n + 1)[1:-1]))
    return found if labels is None else np.array(labels)[found]


def vocabulary(size: int, seed: Seed = 0) -> list[str]:
    """Random words of two to ten letters."""
    rng = np.random.default_rng(seed)
    return ["".join(rng.choice(LETTERS[: 5 + i % 21], 2 + i % 9)) for i in range(size)]


def texts(rows: int = 400, words: Sequence[str] = WORDS, length: int = 8, seed: Seed = 0) -> list[str]:
    """Documents of ``length`` words on average, the first words most often, written with capitals and punctuation."""
    rng = np.random.default_rng(seed)
    odds = 1.0 / np.arange(2, len(words) + 2)
    counts = rng.integers(1, 2 * length, rows)
    return [_written(rng, rng.choice(words, n, p=odds / odds.sum())) for n in counts]


def _written(rng: np.random.Generator, words: Any) -> str:
    ends = rng.choice(["", ",", ".", "!"], len(words), p=[0.85, 0.07, 0.07, 0.01])
    capitals = rng.random(len(words)) < 0.12
    written = (word.capitalize() if high else word for word, high in zip(words, capitals, strict=True))
    return " ".join(word + end for word, end in zip(written, ends, strict=True))


def table(rows: int = 400, seed: Seed = 0, missing: float = 0.2) -> Any:
    """A DataFrame of two numeric columns, a share of the first one ``missing``, and two columns of text."""
    import pandas as pd

    rng = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "age": np.where(rng.random(rows) < missing, np.nan, rng.integers(18, 80, rows)),
            "pay": rng.integers(0, 100, rows) / 4.0,
            "city": rng.choice(["Bonn", "Köln", "Paris"], rows),
            "kind": rng.choice(["x", "y"], rows),
        }
    )


# -- pipelines -------------------------------------------------------------------------------------------------------


def fitted(estimator: Any, X: Any, y: Any = None) -> Any:
    """A fitted copy, without the warnings of solvers that are stopped early on purpose."""
    from sklearn.base import clone

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return clone(estimator).fit(X, y)


def pipeline(features: Any, model: Any) -> Any:
    """Pipeline of the steps ``"features"`` and ``"model"``."""
    from sklearn.pipeline import Pipeline

    return Pipeline([("features", features), ("model", model)])


def scaled(*steps: Any) -> Any:
    """Pipeline of a `StandardScaler` and what follows it."""
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    return make_pipeline(StandardScaler(), *steps)


def char_and_word(max_features: int | None = None) -> Any:
    """Features of a text: TF-IDF of characters and of words side by side.

    Parameters
    ----------
    max_features : int, optional
        Most features of the words.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sklearn.pipeline import FeatureUnion

    chars = TfidfVectorizer(analyzer="char", ngram_range=(2, 3))
    words = TfidfVectorizer(ngram_range=(1, 2), max_features=max_features)
    return FeatureUnion([("chars", chars), ("words", words)])


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


def attendees(
    model: Any, components: int = 10, clusters: int = 10, trees: int = 30, depth: int = 5, vote_depth: int = 8
) -> Any:
    """Scaler, then PCA, cluster distances, tree embedding and class probabilities side by side, then a regressor.

    Parameters
    ----------
    model : estimator
        The regressor.
    components, clusters : int
        Of the PCA and of the k-means.
    trees, depth : int
        Of the embedding.
    vote_depth : int
        Of the tree whose probabilities are features.
    """
    from sklearn.cluster import KMeans
    from sklearn.decomposition import PCA
    from sklearn.ensemble import RandomTreesEmbedding, VotingClassifier
    from sklearn.pipeline import FeatureUnion, Pipeline
    from sklearn.preprocessing import StandardScaler
    from sklearn.tree import DecisionTreeClassifier

    # A soft vote of one is how scikit-learn spells "the probabilities of a classifier, as features".
    vote = VotingClassifier([("tree", DecisionTreeClassifier(max_depth=vote_depth, random_state=0))], voting="soft")
    features = FeatureUnion(
        [
            ("pca", PCA(components, random_state=0)),
            ("clusters", KMeans(clusters, n_init=1, random_state=0)),
            ("embedding", RandomTreesEmbedding(trees, max_depth=depth, random_state=0)),
            ("classes", vote),
        ]
    )
    return Pipeline([("scale", StandardScaler()), ("features", features), ("model", model)])


# -- small whole examples --------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Example:
    """A pipeline and the data that it is fitted on.

    Parameters
    ----------
    name : str
        Short and unique.
    kind : str
        `TEXT` (list of str), `NUMBERS` (float64 array) or `TABLE` (DataFrame; single rows are dicts).
    estimator : object
        The unfitted pipeline.
    load : callable
        Returns all rows and their targets.
    """

    name: str
    kind: str
    estimator: Any
    load: Callable[[], tuple[Any, Any]]

    def fit(self) -> Any:
        """Fitted pipeline; the same one each time, since every random state is fixed."""
        return fitted(self.estimator, *self.load())


def small_documents() -> tuple[list[str], npt.NDArray[Any]]:
    """Twenty short documents and their grades."""
    documents = ["the cat sat on the mat", "a dog", "the dog sat", "cats and dogs", "on and on"]
    return documents * 4, np.array(["good", "bad", "fair", "bad", "good"] * 4)


def small_sentiment() -> tuple[list[str], npt.NDArray[Any]]:
    """The same documents, and whether they are good."""
    documents, grades = small_documents()
    return documents, grades == "good"


def small_numbers(seed: Seed = 0) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Numbers that are exact in binary, so that fits are the same everywhere, and two classes."""
    X = np.random.default_rng(seed).integers(-8, 9, size=(64, 6)) / 4.0
    return X, (X[:, 0] + X[:, 1] > 0).astype(int)


def small_table() -> tuple[Any, npt.NDArray[Any]]:
    """As many rows of a `table`, and the classes of `small_numbers`."""
    rng = np.random.default_rng(0)
    _, y = small_numbers(rng)
    return table(64, rng), y


def small_examples() -> tuple[Example, ...]:
    """A pipeline of each shape that the benchmarks measure on real data, so small that its plan can be read."""
    from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier, RandomForestRegressor
    from sklearn.feature_extraction.text import HashingVectorizer
    from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge, SGDClassifier
    from sklearn.neural_network import MLPClassifier
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import PolynomialFeatures

    few = {"max_depth": 2, "random_state": 0}
    hashing = make_pipeline(HashingVectorizer(n_features=256), SGDClassifier(loss="log_loss", random_state=0))
    regressor = attendees(RandomForestRegressor(3, **few), 2, 3, trees=2, depth=2, vote_depth=2)
    boosting = HistGradientBoostingClassifier(max_iter=3, max_leaf_nodes=4, random_state=0)
    network = MLPClassifier((4,), max_iter=5, random_state=0)
    return (
        Example("sentiment", TEXT, pipeline(char_and_word(), LogisticRegression()), small_sentiment),
        Example("hashing", TEXT, hashing, small_documents),
        Example("attendees", NUMBERS, regressor, small_numbers),
        Example("table_logistic", TABLE, pipeline(table_features(), LogisticRegression()), small_table),
        Example("table_forest", TABLE, pipeline(table_features(), RandomForestClassifier(3, **few)), small_table),
        Example("table_boosting", TABLE, pipeline(table_features(ordinal=True), boosting), small_table),
        Example("poisson", NUMBERS, scaled(PoissonRegressor()), small_numbers),
        Example("polynomial", NUMBERS, scaled(PolynomialFeatures(2), Ridge()), small_numbers),
        Example("network", NUMBERS, scaled(network), small_numbers),
    )
