"""The pipelines that everything is measured on, each with the real data it is fitted on.

A `Case` is a recipe: nothing is loaded or fitted before it is asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import pipelines, tasks

if TYPE_CHECKING:
    from collections.abc import Callable

TEXT, NUMBERS, TABLE = "text", "numbers", "table"


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
class Case:
    """One pipeline of the zoo.

    Parameters
    ----------
    name : str
        Short and unique: what ``--only`` takes.
    kind : str
        `TEXT` (list of str), `NUMBERS` (float64 array) or `TABLE` (DataFrame; single rows are dicts).
    make : callable
        Returns the unfitted pipeline.
    load : callable
        Returns all rows and their targets.
    fit_rows : int, optional
        Size of the random sample that is fitted; all rows by default.
    bars : Bars
        What must be reached.
    """

    name: str
    kind: str
    make: Callable[[], Any]
    load: Callable[[], tuple[Any, np.ndarray]]
    fit_rows: int | None = None
    bars: Bars = field(default_factory=Bars)

    def fit(self) -> Any:
        """Fitted pipeline; the same one each time, since every random state is fixed."""
        X, y = self.load()
        if self.fit_rows is not None and self.fit_rows < len(y):
            rows = np.random.default_rng(0).permutation(len(y))[: self.fit_rows]
            X, y = tasks.take(X, rows), y[rows]
        return pipelines.quiet_fit(self.make(), X, y)


_SA = Bars(sklearn=60, onnx=20)
_hashing = pipelines.vectorizer("HashingVectorizer", n_features=2**18)
_char_wb = pipelines.vectorizer("TfidfVectorizer", analyzer="char_wb", ngram_range=(2, 4), max_features=100_000)
_counts = pipelines.vectorizer("CountVectorizer", ngram_range=(1, 2), max_features=100_000)
_mlp = {"hidden_layer_sizes": (100,), "max_iter": 5, "random_state": 0}
_mlp_regressor = pipelines.scaled("neural_network", "MLPRegressor", **_mlp)

CASES: tuple[Case, ...] = (
    Case("sa", TEXT, pipelines.text_model(pipelines.char_and_word, pipelines.logistic), tasks.sentiment, bars=_SA),
    Case(
        "sa_multiclass",
        TEXT,
        pipelines.text_model(pipelines.char_and_word, pipelines.sgd_logistic),
        tasks.stars,
        bars=_SA,
    ),
    Case("sa_char_wb", TEXT, pipelines.text_model(_char_wb, pipelines.logistic), tasks.sentiment),
    Case("sa_count", TEXT, pipelines.text_model(_counts, pipelines.logistic), tasks.sentiment),
    Case("sa_hashing", TEXT, pipelines.text_model(_hashing, pipelines.sgd_logistic), tasks.sentiment),
    Case("sa_hashing_multiclass", TEXT, pipelines.text_model(_hashing, pipelines.sgd_logistic), tasks.stars),
    Case(
        "ac_forest",
        NUMBERS,
        pipelines.attendee_count(pipelines.forest_regressor()),
        tasks.attendees,
        20_000,
        Bars(sklearn=600, trees=True),
    ),
    Case(
        "ac_boosting",
        NUMBERS,
        pipelines.attendee_count(pipelines.boosting_regressor),
        tasks.attendees,
        20_000,
        Bars(trees=True),
    ),
    Case(
        "table_logistic",
        TABLE,
        pipelines.table_model(pipelines.logistic, missing="?"),
        tasks.people,
        bars=Bars(sklearn=1500, onnx=20, frame=60),
    ),
    Case(
        "table_boosting",
        TABLE,
        pipelines.table_model(pipelines.hist_boosting, ordinal=True),
        tasks.people,
        bars=Bars(sklearn=800, onnx=10, trees=True),
    ),
    Case(
        "table_forest",
        TABLE,
        pipelines.table_model(pipelines.forest_classifier, missing="?"),
        tasks.people,
        bars=Bars(trees=True),
    ),
    Case("flights_logistic", TABLE, pipelines.table_model(pipelines.logistic), tasks.departures, 50_000),
    Case(
        "flights_boosting",
        TABLE,
        pipelines.table_model(pipelines.hist_boosting, ordinal=True),
        tasks.departures,
        50_000,
        Bars(trees=True),
    ),
    Case("forest", NUMBERS, pipelines.forest_classifier, tasks.late, 20_000, Bars(sklearn=800, onnx=3, trees=True)),
    Case("boosting", NUMBERS, pipelines.hist_boosting, tasks.late, 50_000, Bars(trees=True)),
    Case("linear", NUMBERS, pipelines.scaled("linear_model", "LinearRegression"), tasks.attendees),
    Case("ridge", NUMBERS, pipelines.scaled("linear_model", "Ridge"), tasks.attendees),
    Case("linear_svc", NUMBERS, pipelines.scaled("svm", "LinearSVC", max_iter=50), tasks.late, 20_000),
    Case("sgd", NUMBERS, pipelines.scaled("linear_model", "SGDClassifier", random_state=0), tasks.late, 50_000),
    Case("poisson", NUMBERS, pipelines.scaled("linear_model", "PoissonRegressor"), tasks.visits),
    Case("gamma", NUMBERS, pipelines.scaled("linear_model", "GammaRegressor"), tasks.visitors),
    Case(
        "polynomial",
        NUMBERS,
        pipelines.scaled("linear_model", "Ridge", pipelines.squares),
        tasks.twenty,
        50_000,
        Bars(sklearn=150),
    ),
    Case(
        "mlp",
        NUMBERS,
        pipelines.scaled("neural_network", "MLPClassifier", **_mlp),
        tasks.late,
        20_000,
        Bars(sklearn=80),
    ),
    Case("mlp_regressor", NUMBERS, _mlp_regressor, tasks.attendees, 20_000, Bars(sklearn=80)),
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
