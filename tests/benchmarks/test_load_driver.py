"""The driver counts from the arrival, loses nothing, and ends in time."""

from __future__ import annotations

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from benchmarks.families import Member
from benchmarks.load import driver
from benchmarks.load.arrivals import Arrivals, draw
from benchmarks.load.driver import ANSWERED, FAILED, GIVEN_UP, REJECTED, UNANSWERED, drive
from benchmarks.load.rows import Rows
from benchmarks.load.trial import summary

if TYPE_CHECKING:
    from collections.abc import Callable

MEMBERS = [Member("a", "numbers", None), Member("b", "numbers", None)]
ROWS = [Rows("numbers", singles=[], records=["one", "two"], batches=["many"])]


class Busy(Exception):
    """Rejection of `Fake`."""


class Fake:
    """Answers with a function of (model, row)."""

    rejections = (Busy,)

    def __init__(self, answer: Callable[[int, Any], Any]) -> None:
        self.answer = answer
        self.asked: list[tuple[int, Any]] = []

    def single(self, model: int) -> Callable[[Any], Any]:
        def call(row: Any) -> Any:
            self.asked.append((model, row))
            return self.answer(model, row)

        return call

    batch = single

    def arguments(self, rows: Rows) -> tuple[list[Any], list[Any]]:
        return rows.records, rows.batches

    def close(self) -> None:
        pass


def requests(seconds: list[float], batch: bool = False) -> Arrivals:
    """Arrivals at given times, alternating between two models."""
    count = len(seconds)
    index = np.arange(count)
    return Arrivals(np.array(seconds), index % 2, np.full(count, batch), index)


def test_each_request_reaches_its_model_with_its_row_once() -> None:
    fake = Fake(lambda model, row: None)
    arrivals = draw(np.array([0.5, 0.5]), 5000.0, 300, seed=1)
    outcome = drive(fake, MEMBERS, ROWS, arrivals, seconds=5.0)
    expected = [
        (model, "many" if batch else ["one", "two"][row % 2])
        for model, batch, row in zip(arrivals.model, arrivals.batch, arrivals.row, strict=True)
    ]
    assert sorted(fake.asked) == sorted(expected)
    assert (outcome.state == ANSWERED).all()
    assert (outcome.sent >= arrivals.seconds * 1e9 - 1).all()
    assert (outcome.answered >= outcome.sent).all()


def test_waiting_counts_from_the_arrival() -> None:
    fake = Fake(lambda model, row: time.sleep(0.05))
    outcome = drive(fake, MEMBERS, ROWS, requests([0.0, 0.0, 0.0]), seconds=5.0, clients=1)
    latency = np.sort(outcome.answered) * 1e-9
    assert (latency >= [0.05, 0.10, 0.15]).all()  # one client: the third waits for two others


def test_a_blocked_client_leaves_the_next_request_to_another() -> None:
    blocked = threading.Event()

    def answer(model: int, row: Any) -> None:
        if model == 0:
            assert blocked.wait(10)
        else:
            blocked.set()

    outcome = drive(Fake(answer), MEMBERS, ROWS, requests([0.0, 0.01]), seconds=5.0, clients=2)
    assert (outcome.state == ANSWERED).all()


def test_futures_count_when_they_are_done() -> None:
    with ThreadPoolExecutor(1) as pool:
        fake = Fake(lambda model, row: pool.submit(time.sleep, 0.03))
        outcome = drive(fake, MEMBERS, ROWS, requests([0.0, 0.0]), seconds=5.0)
    assert (np.sort(outcome.answered) * 1e-9 >= [0.03, 0.06]).all()
    assert (outcome.state == ANSWERED).all()


def test_rejected_and_failed_are_told_apart() -> None:
    def answer(model: int, row: Any) -> Any:
        if model == 0:
            raise Busy
        future: Future[None] = Future()
        future.set_exception(ValueError("no such thing"))
        return future

    outcome = drive(Fake(answer), MEMBERS, ROWS, requests([0.0, 0.0]), seconds=5.0)
    assert outcome.state.tolist() == [REJECTED, FAILED]
    assert outcome.error == "ValueError: no such thing"


def test_what_was_accepted_and_then_rejected_is_given_up() -> None:
    def answer(model: int, row: Any) -> Any:
        future: Future[None] = Future()
        future.set_exception(Busy())
        return future

    outcome = drive(Fake(answer), MEMBERS, ROWS, requests([0.01]), seconds=5.0)
    assert outcome.state.tolist() == [GIVEN_UP]
    assert summary(outcome, 1.0)["single"]["rejected"] == 1.0


def test_an_overloaded_contender_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "OUTSTANDING", 3)
    monkeypatch.setattr(driver, "DRAIN", 0.05)
    start = time.perf_counter()
    with ThreadPoolExecutor(1) as pool:
        fake = Fake(lambda model, row: pool.submit(time.sleep, 0.5))
        outcome = drive(fake, MEMBERS, ROWS, requests([0.0] * 6), seconds=5.0)
    assert time.perf_counter() - start < 5.0
    assert np.bincount(outcome.state, minlength=4).tolist() == [3, 0, 3, 0]
    waited = outcome.answered[outcome.state == UNANSWERED] * 1e-9
    assert (waited >= 0.05).all()  # what it had waited by the end


def test_a_closed_loop_keeps_the_window_full(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(driver, "WINDOW", 4)
    lock, now, most = threading.Lock(), [0], [0]

    def work() -> None:
        with lock:
            now[0] += 1
            most[0] = max(most[0], now[0])
        time.sleep(0.01)
        with lock:
            now[0] -= 1

    with ThreadPoolExecutor(8) as pool:
        fake = Fake(lambda model, row: pool.submit(work))
        outcome = drive(fake, MEMBERS, ROWS, requests([100.0] * 2000), seconds=0.3, closed=True)
    assert most[0] == 4
    assert 8 <= np.count_nonzero(outcome.state == ANSWERED) <= 4 * 31
    assert REJECTED not in outcome.state


def test_summary_counts_shares_of_each_class() -> None:
    arrivals = Arrivals(
        np.array([0.0, 0.1, 0.2, 0.3]), np.zeros(4, int), np.array([False, False, False, True]), np.zeros(4, int)
    )
    answered = np.array([0.001, 0.15, 0.2, 1.3]) * 1e9
    outcome = driver.Outcome(
        arrivals,
        sent=arrivals.seconds * 1e9 + 1,
        answered=answered,
        state=np.array([ANSWERED, ANSWERED, REJECTED, UNANSWERED]),
        seconds=1.0,
        error="",
    )
    result = summary(outcome, 10.0)
    single, batch = result["single"], result["batch"]
    assert (single["count"], batch["count"]) == (3, 1)
    assert single["rejected"] == pytest.approx(1 / 3)
    assert single["late"] == pytest.approx(1 / 3)  # 50 ms, and the limit is 10 ms
    assert single["p50"] == pytest.approx((1000 + 50_000) / 2)
    assert (batch["unanswered"], batch["late"], batch["p50"]) == (1.0, 1.0, pytest.approx(1e6))
    assert result["answered_per_second"] == pytest.approx(2.0)
    assert result["saturated"]
