"""Every level of instructions that this machine has gives the same bits, for one row and for many."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA
from sklearn.ensemble import RandomForestClassifier
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, Normalizer, PolynomialFeatures, StandardScaler

from pretzel._native import _core

if TYPE_CHECKING:
    from pathlib import Path

LEVELS = ("baseline", "x86-64-v3", "x86-64-v4")

DIGESTS = """
import hashlib, pickle, sys
import numpy as np
import pretzel
from pretzel._native import _core

assert _core.isa() == sys.argv[2]
with open(sys.argv[1], "rb") as file:
    cases = pickle.load(file)
for name, estimator, X in cases:
    plan = pretzel.compile(estimator, strict=True)
    for method in ("predict", "predict_proba", "predict_log_proba", "decision_function"):
        if not hasattr(estimator, method):
            continue
        whole = np.asarray(getattr(plan, method)(X))
        rows = np.concatenate([np.asarray(getattr(plan, method)(X[i : i + 1])) for i in range(20)])
        assert np.array_equal(whole[:20], rows, equal_nan=whole.dtype.kind == "f"), (name, method)
        print(name, method, hashlib.blake2b(whole.tobytes(), digest_size=8).hexdigest())
"""


def cases() -> list[tuple[str, Any, Any]]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(203, 19))
    y = X @ rng.normal(size=19)
    c = np.digitize(y, [-3, 0, 3])
    texts = [" ".join(rng.choice(["red", "green", "Wein", "été", "tea"], size=rng.integers(0, 9))) for _ in range(203)]
    union = FeatureUnion([("pca", PCA(7)), ("distances", KMeans(9, n_init=1)), ("norm", Normalizer())])
    small = {"max_iter": 3, "random_state": 0}
    return [
        ("relu", MLPRegressor(hidden_layer_sizes=(33, 5), **small).fit(X, y), X),
        ("tanh", MLPClassifier(hidden_layer_sizes=(17,), activation="tanh", **small).fit(X, c), X),
        ("logistic", MLPClassifier(hidden_layer_sizes=(9,), activation="logistic", **small).fit(X, c > 1), X),
        ("polynomial", make_pipeline(StandardScaler(), PolynomialFeatures(3), Ridge()).fit(X, y), X),
        ("softmax", make_pipeline(StandardScaler(), LogisticRegression()).fit(X, c), X),
        ("union", make_pipeline(union, Ridge()).fit(X, y), X),
        ("targets", LinearRegression().fit(X, np.stack([y, X[:, 0], X[:, 1]] * 7, axis=1)), X),
        ("function", make_pipeline(FunctionTransformer(np.abs), FunctionTransformer(np.log1p), Ridge()).fit(X, y), X),
        ("forest", RandomForestClassifier(9, max_depth=6, random_state=0).fit(X, c), X),
        ("text", make_pipeline(TfidfVectorizer(ngram_range=(1, 2)), LogisticRegression()).fit(texts, c), texts),
    ]


def test_the_same_bits(tmp_path: Path) -> None:
    models = tmp_path / "models.pickle"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        models.write_bytes(pickle.dumps(cases()))
    seen = {}
    for level in LEVELS[: LEVELS.index(_core.isa()) + 1]:
        run = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", DIGESTS, str(models), level],
            env={**os.environ, "PRETZEL_ISA": level},
            capture_output=True,
            text=True,
            check=False,
        )
        assert run.returncode == 0, run.stderr
        seen[level] = run.stdout.splitlines()
    assert len(seen["baseline"]) > 15
    for level, lines in seen.items():
        assert lines == seen["baseline"], level
