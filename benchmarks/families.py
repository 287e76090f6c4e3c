"""Many models of one kind, as one process would serve them: some share fitted features, some have their own sample."""

from __future__ import annotations

import copy
import functools
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks import tasks, zoo
from pretzel.examples import attendees, char_and_word, fitted, pipeline, table_features

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


@dataclass(frozen=True)
class Member:
    """A fitted model of a family.

    Parameters
    ----------
    name : str
        Unique among all families.
    kind : str
        What its rows are: `zoo.TEXT`, `zoo.NUMBERS` or `zoo.TABLE`.
    estimator : object
        The fitted pipeline.
    """

    name: str
    kind: str
    estimator: Any


def sample(load: Callable[[], tuple[Any, np.ndarray]], size: int, seed: int) -> tuple[Any, np.ndarray]:
    """Random rows of a data set, different for each seed."""
    X, y = load()
    rows = np.random.default_rng(seed).choice(len(y), size, replace=False)
    return tasks.take(X, rows), y[rows]


def sentiment_models(count: int, size: int = 1500) -> Iterator[Member]:
    """Text models: the first half share two vectorizers and differ in weights, the others share nothing."""
    half = count // 2
    features = _sentiment_features(4 * size)
    for seed in range(half):
        texts, y = sample(tasks.sentiment, size, seed)
        head = fitted(zoo.LOGISTIC, features.transform(texts), y)
        yield Member(f"sentiment/shared/{seed}", zoo.TEXT, pipeline(features, head))
    yield from own_sentiment_models(range(half, count), size)


def own_sentiment_models(seeds: Iterable[int], size: int = 1500) -> Iterator[Member]:
    """Text models that share no array; their samples have most words in common."""
    own = zoo.case("sa").estimator
    for seed in seeds:
        model = fitted(own, *sample(tasks.sentiment, size, seed))
        yield Member(f"sentiment/own/{seed}", zoo.TEXT, model)


@functools.cache
def _sentiment_features(size: int) -> Any:
    return char_and_word(100_000).fit(sample(tasks.sentiment, size, 0)[0])


def sentiment_heads(count: int, size: int = 20_000) -> Iterator[Member]:
    """Text models over two shared vectorizers; all weights differ, though only the first model is fitted."""
    features = _sentiment_features(size)
    texts, y = sample(tasks.sentiment, 2000, 1)
    head = fitted(zoo.LOGISTIC, features.transform(texts), y)
    for seed in range(count):
        other = copy.copy(head)
        random = np.random.default_rng(seed)
        other.coef_ = head.coef_ + random.normal(0, 0.01, head.coef_.shape)
        other.intercept_ = head.intercept_ + random.normal(0, 0.01, head.intercept_.shape)
        yield Member(f"sentiment/head/{seed}", zoo.TEXT, pipeline(features, other))


def attendee_models(count: int, size: int = 3000) -> Iterator[Member]:
    """Count regressions on their own samples, half with a forest and half with boosting."""
    forest = attendees(zoo.forest_regressor(trees=20, depth=6), trees=15)
    boosting = attendees(zoo.BOOSTED, trees=15)
    for seed in range(count):
        name, estimator = ("forest", forest) if seed < count - count // 2 else ("boosting", boosting)
        model = fitted(estimator, *sample(tasks.attendees, size, seed))
        yield Member(f"attendees/{name}/{seed}", zoo.NUMBERS, model)


def table_heads(count: int) -> Iterator[Member]:
    """Logistic models over one shared transformer; all weights differ, though only the first model is fitted."""
    features = table_features(missing="?").fit(tasks.people()[0])
    X, y = sample(tasks.people, 5000, 1)
    head = fitted(zoo.LOGISTIC, features.transform(X), y)
    for seed in range(count):
        other = copy.copy(head)
        other.coef_ = head.coef_ + np.random.default_rng(seed).normal(0, 0.01, head.coef_.shape)
        yield Member(f"income/head/{seed}", zoo.TABLE, pipeline(features, other))


def table_models(count: int, size: int = 5000) -> Iterator[Member]:
    """Models of mixed tables on their own samples: logistic over one shared transformer, boosting, forests."""
    half = count // 2
    features = table_features(missing="?").fit(tasks.people()[0])
    for seed in range(half):
        X, y = sample(tasks.people, size, seed)
        head = fitted(zoo.LOGISTIC, features.transform(X), y)
        yield Member(f"income/logistic/{seed}", zoo.TABLE, pipeline(features, head))
    for seed in range(half, count):
        estimator = zoo.case("table_forest" if seed % 5 == 0 else "table_boosting").estimator
        yield Member(f"income/trees/{seed}", zoo.TABLE, fitted(estimator, *sample(tasks.people, size, seed)))


FAMILIES: dict[str, tuple[Callable[..., Iterator[Member]], Callable[[], tuple[Any, np.ndarray]]]] = {
    "sentiment": (sentiment_models, tasks.sentiment),
    "attendees": (attendee_models, tasks.attendees),
    "income": (table_models, tasks.people),
}
