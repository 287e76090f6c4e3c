"""How ten whole pipelines compile: a refactoring leaves this untouched, a new rule shows what it does.

``pytest tests/test_golden.py --update-golden`` writes the files anew; the difference belongs in the review.
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.cluster import KMeans
from sklearn.compose import ColumnTransformer
from sklearn.decomposition import PCA
from sklearn.ensemble import (
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
    RandomTreesEmbedding,
    VotingClassifier,
)
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LogisticRegression, PoissonRegressor, Ridge, SGDClassifier
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import FeatureUnion, Pipeline, make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, OrdinalEncoder, PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeClassifier

import pretzel
from pretzel.store.object_store import ObjectStore

GOLDEN = Path(__file__).parent / "golden"
RNG = np.random.default_rng(0)
X = RNG.integers(-8, 9, size=(64, 6)) / 4.0  # exact in binary, so that fits are the same everywhere
Y = (X[:, 0] + X[:, 1] > 0).astype(int)
TEXTS = ["the cat sat on the mat", "a dog", "the dog sat", "cats and dogs", "on and on"] * 4
STARS = ["good", "bad", "fair", "bad", "good"] * 4
FRAME = pd.DataFrame(
    {
        "age": np.where(RNG.random(64) < 0.2, np.nan, RNG.integers(18, 80, 64)),
        "pay": RNG.integers(0, 100, 64) / 4.0,
        "city": RNG.choice(["Bonn", "Paris", "Rome"], 64),
        "kind": RNG.choice(["x", "y"], 64),
    }
)


class Unknown(TransformerMixin, BaseEstimator):
    """A step without a native form."""

    def fit(self, X, y=None):
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.asarray(X) * 2

    def get_feature_names_out(self, input_features=None):
        return np.array([f"u{i}" for i in range(self.n_features_in_)], dtype=object)


def sentiment():
    chars = TfidfVectorizer(analyzer="char", ngram_range=(2, 3))
    return Pipeline(
        [
            ("features", FeatureUnion([("chars", chars), ("words", TfidfVectorizer(ngram_range=(1, 2)))])),
            ("model", LogisticRegression()),
        ]
    ).fit(TEXTS, np.array(STARS) == "good")


def hashing():
    return make_pipeline(HashingVectorizer(n_features=256), SGDClassifier(loss="log_loss", random_state=0)).fit(
        TEXTS, STARS
    )


def attendees():
    vote = VotingClassifier([("tree", DecisionTreeClassifier(max_depth=2, random_state=0))], voting="soft")
    features = FeatureUnion(
        [
            ("pca", PCA(2, random_state=0)),
            ("clusters", KMeans(3, n_init=1, random_state=0)),
            ("embedding", RandomTreesEmbedding(2, max_depth=2, random_state=0)),
            ("classes", vote),
        ]
    )
    model = RandomForestRegressor(3, max_depth=2, random_state=0)
    return Pipeline([("scale", StandardScaler()), ("features", features), ("model", model)]).fit(X, Y)


def mixed():
    numbers = make_pipeline(SimpleImputer(strategy="median"), StandardScaler())
    codes = make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder(handle_unknown="ignore"))
    return ColumnTransformer([("numbers", numbers, ["age", "pay"]), ("codes", codes, ["city", "kind"])])


def table_logistic():
    return Pipeline([("features", mixed()), ("model", LogisticRegression())]).fit(FRAME, Y)


def table_forest():
    model = RandomForestClassifier(3, max_depth=2, random_state=0)
    return Pipeline([("features", mixed()), ("model", model)]).fit(FRAME, Y)


def table_boosting():
    encoder = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    features = ColumnTransformer([("numbers", "passthrough", ["age", "pay"]), ("codes", encoder, ["city", "kind"])])
    model = HistGradientBoostingClassifier(max_iter=3, max_leaf_nodes=4, random_state=0)
    return Pipeline([("features", features), ("model", model)]).fit(FRAME, Y)


def poisson():
    return make_pipeline(StandardScaler(), PoissonRegressor()).fit(X, Y + 1.0)


def polynomial():
    return make_pipeline(StandardScaler(), PolynomialFeatures(2), Ridge()).fit(X, Y)


def network():
    return make_pipeline(StandardScaler(), MLPClassifier((4,), max_iter=5, random_state=0)).fit(X, Y)


def opaque():
    steps = [("scale", StandardScaler()), ("unknown", Unknown()), ("same", FunctionTransformer())]
    return Pipeline([*steps, ("model", LogisticRegression())]).fit(X, Y)


PIPELINES = (
    sentiment,
    hashing,
    attendees,
    table_logistic,
    table_forest,
    table_boosting,
    poisson,
    polynomial,
    network,
    opaque,
)


def masked(text: str) -> str:
    """Without what differs from run to run (digests, times) and what is a kernel's own business (its bytes)."""
    text = re.sub(r"^(  stage \d+) [0-9a-f]{12}", r"\1 <digest>", text, flags=re.M)
    text = re.sub(r"[\d,]+ B  ", "<bytes>  ", text)
    text = re.sub(r"^bytes: .*$", "bytes: <bytes>", text, flags=re.M)
    return re.sub(r"\d+(\.\d+)? (ms|us|ns)\b", "<time>", text)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", PIPELINES, ids=lambda make: make.__name__)
def test_explain(make, request):
    path = GOLDEN / f"{make.__name__}.txt"
    text = masked(pretzel.compile(make(), store=ObjectStore()).explain()) + "\n"
    if request.config.getoption("--update-golden"):
        path.write_text(text)
    assert path.exists(), "run pytest with --update-golden"
    assert text == path.read_text()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("make", PIPELINES, ids=lambda make: make.__name__)
@pytest.mark.parametrize("numerics", ["fast", "strict"])
def test_verified(make, numerics):
    texts = make in (sentiment, hashing)
    rows = TEXTS if texts else FRAME if make.__name__.startswith("table") else X
    estimator = make()
    report = pretzel.verify(pretzel.compile(estimator, numerics=numerics), estimator, rows, boundary=True)
    assert report.ok, str(report)


def test_no_golden_file_is_left_over():
    assert {path.stem for path in GOLDEN.glob("*.txt")} == {make.__name__ for make in PIPELINES}
