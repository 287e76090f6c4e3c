"""The pipelines that everything is measured on, each with the real data it is fitted on.

A `Case` is a recipe: nothing is loaded or fitted before it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from sklearn.ensemble import (
    GradientBoostingRegressor,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
    RandomForestRegressor,
)
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer
from sklearn.linear_model import (
    GammaRegressor,
    LinearRegression,
    LogisticRegression,
    PoissonRegressor,
    Ridge,
    SGDClassifier,
)
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.preprocessing import PolynomialFeatures
from sklearn.svm import LinearSVC

from benchmarks import tasks
from pretzel.examples import (
    NUMBERS,
    TABLE,
    TEXT,
    Example,
    attendees,
    char_and_word,
    fitted,
    pipeline,
    scaled,
    table_features,
)


@dataclass(frozen=True)
class Bars:
    """How many times faster than the others one row must be; ``None`` where nothing is promised.

    Parameters
    ----------
    sklearn, onnx : float, optional
        Least ratio of the p50 of one row, from the call that a user writes.
    frame : float, optional
        Least ratio when both are given a one-row DataFrame.
    batch : float
        Least ratio of rows per second on the largest batch: one thread against all threads of scikit-learn.
    trees : bool
        The batch must be three times as fast as the better of scikit-learn (one thread) and onnxruntime.
    """

    sklearn: float | None = None
    onnx: float | None = None
    frame: float | None = None
    batch: float = 1.0
    trees: bool = False


@dataclass(frozen=True)
class Case(Example):
    """One pipeline of the zoo.

    Parameters
    ----------
    name, kind, estimator, load
        As of an `Example`; the name is what ``--only`` takes.
    fit_rows : int, optional
        Size of the random sample that is fitted; all rows by default.
    bars : Bars
        What must be reached.
    """

    fit_rows: int | None = None
    bars: Bars = field(default_factory=Bars)

    def fit(self) -> Any:
        """Fitted pipeline; the same one each time, since every random state is fixed."""
        X, y = self.load()
        if self.fit_rows is not None and self.fit_rows < len(y):
            rows = np.random.default_rng(0).permutation(len(y))[: self.fit_rows]
            X, y = tasks.take(X, rows), y[rows]
        return fitted(self.estimator, X, y)


LOGISTIC = LogisticRegression(max_iter=20)
_sgd = SGDClassifier(loss="log_loss", max_iter=5, random_state=0)
_chars = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4), max_features=100_000)
_counts = CountVectorizer(ngram_range=(1, 2), max_features=100_000)
_hashing = HashingVectorizer(n_features=2**18)
_words = char_and_word(100_000)
BOOSTED = GradientBoostingRegressor(n_estimators=100, max_features=0.3, random_state=0)
_boosting = HistGradientBoostingClassifier(max_iter=100, max_leaf_nodes=31, early_stopping=False, random_state=0)
_forest = RandomForestClassifier(100, max_depth=12, random_state=0)
_codes, _people = table_features(ordinal=True), table_features(missing="?")
_mlp: dict[str, Any] = {"hidden_layer_sizes": (100,), "max_iter": 5, "random_state": 0}


def forest_regressor(trees: int = 60, depth: int = 8) -> Any:
    """An unfitted random forest for numbers."""
    return RandomForestRegressor(trees, max_depth=depth, max_features=0.3, random_state=0)


_SA = Bars(sklearn=60, onnx=20)
CASES: tuple[Case, ...] = (
    Case("sa", TEXT, pipeline(_words, LOGISTIC), tasks.sentiment, bars=_SA),
    Case("sa_multiclass", TEXT, pipeline(_words, _sgd), tasks.stars, bars=_SA),
    Case("sa_char_wb", TEXT, pipeline(_chars, LOGISTIC), tasks.sentiment),
    Case("sa_count", TEXT, pipeline(_counts, LOGISTIC), tasks.sentiment),
    Case("sa_hashing", TEXT, pipeline(_hashing, _sgd), tasks.sentiment),
    Case("sa_hashing_multiclass", TEXT, pipeline(_hashing, _sgd), tasks.stars),
    Case(
        "ac_forest",
        NUMBERS,
        attendees(forest_regressor()),
        tasks.attendees,
        20_000,
        Bars(sklearn=600, trees=True),
    ),
    Case("ac_boosting", NUMBERS, attendees(BOOSTED), tasks.attendees, 20_000, Bars(trees=True)),
    Case(
        "table_logistic",
        TABLE,
        pipeline(_people, LOGISTIC),
        tasks.people,
        bars=Bars(sklearn=1500, onnx=20, frame=60),
    ),
    Case(
        "table_boosting",
        TABLE,
        pipeline(_codes, _boosting),
        tasks.people,
        bars=Bars(sklearn=800, onnx=10, trees=True),
    ),
    Case("table_forest", TABLE, pipeline(_people, _forest), tasks.people, bars=Bars(trees=True)),
    Case("flights_logistic", TABLE, pipeline(table_features(), LOGISTIC), tasks.departures, 50_000),
    Case("flights_boosting", TABLE, pipeline(_codes, _boosting), tasks.departures, 50_000, Bars(trees=True)),
    Case("forest", NUMBERS, _forest, tasks.late, 20_000, Bars(sklearn=800, onnx=3, trees=True)),
    Case("boosting", NUMBERS, _boosting, tasks.late, 50_000, Bars(trees=True)),
    Case("linear", NUMBERS, scaled(LinearRegression()), tasks.attendees),
    Case("ridge", NUMBERS, scaled(Ridge()), tasks.attendees),
    Case("linear_svc", NUMBERS, scaled(LinearSVC(max_iter=50)), tasks.late, 20_000),
    Case("sgd", NUMBERS, scaled(SGDClassifier(random_state=0)), tasks.late, 50_000),
    Case("poisson", NUMBERS, scaled(PoissonRegressor()), tasks.visits),
    Case("gamma", NUMBERS, scaled(GammaRegressor()), tasks.visitors),
    Case("polynomial", NUMBERS, scaled(PolynomialFeatures(2), Ridge()), tasks.twenty, 50_000, Bars(sklearn=150)),
    Case("mlp", NUMBERS, scaled(MLPClassifier(**_mlp)), tasks.late, 20_000, Bars(sklearn=80)),
    Case("mlp_regressor", NUMBERS, scaled(MLPRegressor(**_mlp)), tasks.attendees, 20_000, Bars(sklearn=80)),
)


def case(name: str) -> Case:
    """The case of that name.

    Raises
    ------
    KeyError
        There is none.
    """
    for one in CASES:
        if one.name == name:
            return one
    raise KeyError(f"no case is named {name!r}; there are {', '.join(one.name for one in CASES)}")


def methods(estimator: Any) -> list[str]:
    """Prediction methods that a fitted estimator has, the one that is timed first."""
    return [name for name in ("predict_proba", "predict", "decision_function") if hasattr(estimator, name)]
