"""Models for the kernels of gradient boosting libraries, of those that are installed."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel import examples

if TYPE_CHECKING:
    from collections.abc import Iterator


def boosters(rng: np.random.Generator, rows: int, quick: bool) -> Iterator[tuple[Any, Any]]:
    """Fitted boosters, each with rows to time it on, over widths and numbers of trees."""
    libraries = {"lightgbm": _lightgbm, "xgboost": _xgboost, "catboost": _catboost}
    installed = [models for name, models in libraries.items() if find_spec(name) is not None]
    sizes = [(5, 5, 3), (30, 30, 6)] if quick else [(5, 5, 3), (12, 40, 6), (30, 150, 5), (80, 20, 8)]
    for width, rounds, size in sizes:
        X, y = examples.regression(rows, width, rng)
        for models in installed:
            yield from models(rng, X, y, rounds, size)


def _lightgbm(rng: np.random.Generator, X: Any, y: Any, rounds: int, size: int) -> Iterator[tuple[Any, Any]]:
    from lightgbm import LGBMClassifier, LGBMRegressor

    made: dict[str, Any] = {"n_estimators": rounds, "num_leaves": 4 * size, "n_jobs": 1, "verbosity": -1}
    yield LGBMClassifier(**made).fit(X, examples.classes(y, size)), X
    yield LGBMRegressor(linear_tree=True, **made).fit(X, y), X
    yield LGBMRegressor(reg_sqrt=True, **made).fit(X, y), X
    zeros = np.where(rng.random(X.shape) < 0.2, 0.0, X)
    yield LGBMRegressor(zero_as_missing=True, **made).fit(zeros, y), zeros


def _xgboost(rng: np.random.Generator, X: Any, y: Any, rounds: int, size: int) -> Iterator[tuple[Any, Any]]:
    from sklearn.ensemble import BaggingRegressor
    from sklearn.feature_extraction.text import CountVectorizer
    from sklearn.multiclass import OneVsRestClassifier
    from sklearn.pipeline import make_pipeline
    from xgboost import XGBClassifier, XGBRegressor

    made: dict[str, Any] = {"n_estimators": rounds, "max_depth": size, "n_jobs": 1}
    for classes in (2, size):
        labels = examples.classes(y, classes)
        yield XGBClassifier(**made).fit(X, labels), X
        yield XGBClassifier(booster="gblinear", n_estimators=2, n_jobs=1).fit(X, labels).get_booster(), X
    yield XGBRegressor(objective="count:poisson", **made).fit(X, np.floor(np.exp(y / y.std()))), X
    texts = examples.texts(len(y), examples.vocabulary(30 * size, rng), 4 * size, rng)
    yield make_pipeline(CountVectorizer(), XGBRegressor(**made)).fit(texts, y), texts
    small: dict[str, Any] = {"n_estimators": 2, "max_depth": 2, "n_jobs": 1}
    for n in (3, 12):
        yield BaggingRegressor(XGBRegressor(**small), n_estimators=n, random_state=0).fit(X, y), X
        yield OneVsRestClassifier(XGBClassifier(**small)).fit(X, examples.classes(y, n)), X


def _catboost(rng: np.random.Generator, X: Any, y: Any, rounds: int, size: int) -> Iterator[tuple[Any, Any]]:
    from catboost import CatBoostClassifier, CatBoostRegressor

    made: dict[str, Any] = {
        "iterations": rounds,
        "depth": size,
        "thread_count": 1,
        "verbose": False,
        "allow_writing_files": False,
    }
    yield CatBoostRegressor(**made).fit(X, y), X
    yield CatBoostClassifier(**made).fit(X, examples.classes(y, size)), X
    table = X.astype(object)
    names = list(range(0, X.shape[1], 2))
    for j in names:
        table[:, j] = rng.choice(examples.vocabulary(3 + j, rng), len(X))
    yield CatBoostRegressor(cat_features=names, max_ctr_complexity=2, **made).fit(table, y), table
