"""Requests that overlap in one thread: their memory is their own."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel
from pretzel import _native

X = np.random.default_rng(0).normal(size=(50, 40))
SCALED = [(StandardScaler(), list(range(20))), (StandardScaler(), list(range(20, 40)))]


@pytest.fixture
def plan() -> Any:
    return pretzel.compile(make_pipeline(make_column_transformer(*SCALED), Ridge()).fit(X, X[:, 0]), strict=True)


class Calling(float):
    """A number whose reading calls a function."""

    def __new__(cls, value: float, function: Any) -> Any:
        made = super().__new__(cls, value)
        made.function = function
        return made

    def __float__(self) -> float:
        self.function()
        return float.__add__(self, 0.0)


def with_call(row: Any, function: Any, position: int) -> list[Any]:
    """The row, with a number that calls a function."""
    return [Calling(value, function) if i == position else value for i, value in enumerate(row.tolist())]


def test_reading_a_row_may_make_other_requests(plan: Any) -> None:
    expected = [plan.predict_one(row) for row in X]
    before = _native.arena_bytes()

    def others() -> None:
        assert [plan.predict_one(row) for row in X[:3]] == expected[:3]
        assert plan.predict(X).shape == (50,)

    for i in range(20):
        assert plan.predict_one(with_call(X[i], others, i)) == expected[i]
    assert _native.arena_bytes() - before <= 1 << 20


def test_greenlets_of_a_thread_take_turns_in_any_order(plan: Any) -> None:
    greenlet = pytest.importorskip("greenlet")
    expected = [plan.predict_one(row) for row in X]
    main = greenlet.getcurrent()
    found: dict[int, float] = {}
    rng = np.random.default_rng(1)
    started = [
        greenlet.greenlet(
            lambda i=i: found.setdefault(i, plan.predict_one(with_call(X[i], main.switch, int(rng.integers(40)))))
        )
        for i in range(50)
    ]
    waiting = list(started)
    while waiting:
        each = waiting[rng.integers(len(waiting))]
        each.switch()
        assert plan.predict_one(X[0]) == expected[0]
        if each.dead:
            waiting.remove(each)
    assert [found[i] for i in range(50)] == expected
