"""Models whose answers tell versions apart, and threads that call them."""

from __future__ import annotations

import contextlib
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

WIDTH = 6
ROWS = np.random.default_rng(0).normal(size=(3000, WIDTH))  # enough for the table calls to release the GIL


class Doubling(RegressorMixin, BaseEstimator):
    """A step that only Python can compute."""

    def fit(self, X: Any, y: Any = None) -> Doubling:
        self.n_features_in_ = X.shape[1]
        return self

    def predict(self, X: Any) -> Any:
        return 2.0 * np.asarray(X)[:, 0]


def constant(value: float) -> Pipeline:
    """A regression that answers ``value`` for every row, with weights of its own that are 0 after all."""
    pipeline = make_pipeline(StandardScaler(), LinearRegression()).fit(ROWS[:20] + value, np.zeros(20))
    pipeline[-1].coef_ = np.zeros(WIDTH)
    pipeline[-1].intercept_ = value
    return pipeline


def plan(value: float) -> pretzel.Plan:
    """`constant`, compiled into a store of its own."""
    return pretzel.compile(constant(value), store=pretzel.ObjectStore())


class Watch:
    """What threads have seen and what went wrong in them."""

    def __init__(self) -> None:
        self.seen: set[float] = set()
        self.turns = 0
        self.failures: list[BaseException] = []
        self.stop = threading.Event()
        self._end = time.monotonic() + 60

    def wants(self, *values: float) -> bool:
        """Whether to go on: not all of ``values`` have been seen, or not often enough."""
        assert time.monotonic() < self._end, self.seen
        return self.turns < 2000 or not self.seen.issuperset(values)

    def one_answer(self, answer: Any) -> None:
        """Every row of an answer must be of one version."""
        values = np.unique(answer)
        assert values.size == 1, values
        self.seen.add(float(values[0]))
        self.turns += 1


@contextlib.contextmanager
def callers(*calls: Callable[[], Any]) -> Iterator[Watch]:
    """Each call in a thread of its own, again and again, until the block ends; fails if one of them did."""
    watch = Watch()

    def work(call: Callable[[], Any]) -> None:
        try:
            while not watch.stop.is_set():
                watch.one_answer(call())
        except BaseException as error:
            watch.failures.append(error)

    threads = [threading.Thread(target=work, args=(call,)) for call in calls]
    for thread in threads:
        thread.start()
    try:
        yield watch
    finally:
        watch.stop.set()
        for thread in threads:
            thread.join()
    assert not watch.failures, watch.failures


def in_threads(*works: Callable[[], Any]) -> list[Any]:
    """Each of ``works`` in a thread of its own, all at once; their results, or the first exception of one."""
    start = threading.Barrier(len(works))
    results: list[Any] = [None] * len(works)
    failures: list[BaseException] = []

    def work(number: int) -> None:
        try:
            start.wait()
            results[number] = works[number]()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(len(works))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return results
