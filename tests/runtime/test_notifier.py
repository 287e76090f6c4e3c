"""Callbacks of answers: whatever they raise or wait for, other requests are answered."""

from __future__ import annotations

import logging
import sys
import threading
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.linear_model import Ridge

import pretzel

if TYPE_CHECKING:
    from collections.abc import Iterator

X = np.arange(150.0).reshape(50, 3)
SECONDS = 30  # until a test fails that waits


@pytest.fixture
def model() -> Iterator[Any]:
    runtime = pretzel.Runtime(executors=1)
    yield runtime.register("model", Ridge().fit(X, X[:, 0]))
    runtime.close()


def interrupt(answer: Any) -> None:
    raise KeyboardInterrupt


def leave(answer: Any) -> None:
    sys.exit(3)


def fail(answer: Any) -> None:
    raise ValueError


@pytest.mark.parametrize("callback", [interrupt, leave, fail])
def test_whatever_a_callback_raises_later_requests_are_answered(
    model: Any, callback: Any, caplog: pytest.LogCaptureFixture
) -> None:
    called = threading.Event()
    answer = model.submit(X)
    answer.add_done_callback(lambda answer: called.set() or callback(answer))
    assert called.wait(SECONDS)
    with caplog.at_level(logging.ERROR):
        for _ in range(3):
            assert model.submit(X).result(SECONDS).shape == (50,)


def test_result_set_by_the_caller_stays(model: Any) -> None:
    answer = model.submit(X)
    if not answer.done():
        answer.set_result("mine")
        assert answer.result(SECONDS) == "mine"
    assert model.submit(X).result(SECONDS).shape == (50,)


def test_callback_may_wait_for_other_answers(model: Any) -> None:
    """Three levels of callbacks, each of which waits for answers of the same runtime."""
    found: list[Any] = []
    done = threading.Event()

    def ask(level: int, answer: Any) -> None:
        found.append(answer.result())
        if level:
            others = [model.submit(X) for _ in range(3)]
            assert others[0].exception(SECONDS) is None
            found.extend(other.result(SECONDS) for other in others)
            model.submit(X).add_done_callback(lambda other: ask(level - 1, other))
        else:
            done.set()

    model.submit(X).add_done_callback(lambda answer: ask(3, answer))
    assert done.wait(SECONDS)
    assert len(found) == 4 + 9
    assert all(np.array_equal(each, found[0]) for each in found)


def test_callback_may_close_the_runtime() -> None:
    runtime = pretzel.Runtime(executors=1)
    model = runtime.register("model", Ridge().fit(X, X[:, 0]))
    closed = threading.Event()
    model.submit(X).add_done_callback(lambda answer: runtime.close() or closed.set())
    assert closed.wait(SECONDS)
