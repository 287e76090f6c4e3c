"""Sparse rows through pairs: every transformer that takes them before every estimator, of which each run draws some."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.pipeline import Pipeline, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer, MaxAbsScaler, Normalizer

import pretzel
from pretzel.oven.frontends.registry import depends_on_batch
from pretzel.verification.alone import answer
from tests.conformance.compare import ask, difference
from tests.conformance.estimators import builders
from tests.conformance.rotation import draw

PAIRS = 250
SLOW = {"DictionaryLearning", "EllipticEnvelope", "MinCovDet", "MiniBatchDictionaryLearning", "MiniBatchSparsePCA",
        "SparsePCA"}  # fmt: skip
METHODS = ("predict", "transform", "predict_proba", "decision_function")
WIDTH = 4

_rng = np.random.default_rng(0)
X = np.where(_rng.random((30, WIDTH)) < 0.3, 0.0, _rng.random((30, WIDTH)).round(2))
Y = np.arange(30) % 2
ROWS = sparse.csr_matrix(X[:7])

COMPOSITIONS = {
    "union": make_union(MaxAbsScaler(), Normalizer()),
    "union with passthrough": make_union(MaxAbsScaler(), "passthrough"),
    "dense columns": ColumnTransformer([("scaled", MaxAbsScaler(), [0, 1])], remainder="passthrough"),
    "sparse columns": ColumnTransformer(
        [("scaled", MaxAbsScaler(), [0, 1])], remainder="passthrough", sparse_threshold=1.0
    ),
    "passthrough": ColumnTransformer([("kept", "passthrough", [0, 1, 2, 3])]),
    "pipeline": make_pipeline(MaxAbsScaler(), FunctionTransformer()),
    "function": FunctionTransformer(lambda rows: rows, accept_sparse=True),
    "function that makes sparse rows": FunctionTransformer(sparse.csr_matrix, accept_sparse=True),
    "ufunc": FunctionTransformer(np.abs),
}


@functools.cache
def _fitted(name: str, width: int) -> Any:
    """A fitted estimator, None where these rows are not for it."""
    rows = np.tile(X, (1, -(-width // WIDTH)))[:, :width]
    for target in (Y, np.c_[Y, 1 - Y]):
        estimator = clone(COMPOSITIONS[name]) if name in COMPOSITIONS else builders()[name]()
        try:
            return estimator.fit(rows, target)
        except Exception:  # rows or targets of another kind
            continue
    return None


@functools.cache
def _transformers() -> dict[str, int]:
    """Names of the transformers that answer sparse rows, with the columns that they make."""
    found = {}
    for name in (*builders(), *COMPOSITIONS):
        if name.partition("-")[0] in SLOW or not hasattr(_fitted(name, WIDTH), "transform"):
            continue
        made = ask(_fitted(name, WIDTH).transform, X)
        if made.error is None and np.ndim(made.value) == 2 and ask(_fitted(name, WIDTH).transform, ROWS).error is None:
            found[name] = made.value.shape[1]
    return found


@pytest.mark.filterwarnings("ignore")
def test_sparse_rows_through_pairs_are_those_of_the_source() -> None:
    transformers = _transformers()
    assert len(transformers) > 40
    names = [name for name in (*builders(), *COMPOSITIONS) if name.partition("-")[0] not in SLOW]
    pairs = [(first, last) for first, width in transformers.items() if width <= 16 for last in names]
    asked, found = 0, []
    for first, last in draw(pairs, PAIRS):
        width = transformers[first]
        estimator = _fitted(last, width)
        if estimator is None or getattr(estimator, "n_features_in_", width) != width:
            continue
        model = Pipeline([("first", _fitted(first, WIDTH)), ("last", estimator)])
        method = next((each for each in METHODS if hasattr(model, each)), None)
        if method is None:
            continue
        plan = pretzel.compile(model)
        asked += 1
        call = functools.partial(answer, name=method, X=ROWS, alone=depends_on_batch(model))
        differs = difference(ask(call, plan), ask(call, model))
        if any(differs):
            found.append(f"{first} before {last}: {method}: {': '.join(differs)}")
    assert asked > 0.3 * PAIRS
    assert not found, "\n".join(found)
