"""Shares of deadlines are counted from the call, and among what was accepted."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from benchmarks.load import overload
from benchmarks.load.arrivals import Arrivals
from benchmarks.load.driver import ANSWERED, GIVEN_UP, REFUSED, UNANSWERED, Outcome


def outcome(states: list[int], waited: list[float]) -> Outcome:
    """Requests sent a millisecond after they arrived, every tenth of a second."""
    count = len(states)
    seconds = np.arange(count) / 10
    sent = (seconds + 0.001) * 1e9
    zero = np.zeros(count, int)
    arrivals = Arrivals(seconds, zero, np.ones(count, bool), zero)
    return Outcome(arrivals, sent, sent + np.array(waited) * 1e9, np.array(states), 1.0, "")


def test_missed_deadlines_are_a_share_of_accepted_requests() -> None:
    states = [ANSWERED, ANSWERED, REFUSED, REFUSED, GIVEN_UP, UNANSWERED, ANSWERED]
    found = overload.accepted(outcome(states, [0.01, 0.06, 0.0, 0.0, 0.01, 0.2, 0.049]), deadline=0.05)
    assert found["sent"] == 7
    assert found["refused"] == pytest.approx(2 / 7)
    assert found["missed"] == pytest.approx(3 / 5)
    assert found["given_up"] == pytest.approx(1 / 5)


def test_the_reserved_plan_waits_from_the_arrival() -> None:
    found = overload.waits(outcome([ANSWERED] * 3, [0.001, 0.002, 0.003]))
    assert found["p50"] == pytest.approx(3000)


@pytest.mark.parametrize(("missed", "p99", "met"), [(0.001, 110.0, True), (0.02, 130.0, False)])
def test_verdicts_follow_the_figures(missed: float, p99: float, met: bool) -> None:
    result: dict[str, Any] = {
        "saturation": 100.0,
        "executors": 1,
        "deadline": 0.05,
        "others": 0.0,
        "load": {"sent_per_second": 300.0, "missed": missed, "given_up": 0.0, "refused": 0.6},
        "engine": {"late": 1, "done": 100, "overdue": 2},
        "reserved": {
            "unloaded": {"count": 9, "p50": 50.0, "p99": 100.0},
            "overloaded": {"count": 9, "p50": 50.0, "p99": p99},
        },
    }
    assert [verdict.met for verdict in overload.judge(result)] == [True, met, met]
    assert ("NOT MET" in overload.markdown(result)) is not met


def test_an_error_is_a_verdict() -> None:
    (verdict,) = overload.judge({"error": "the process died"})
    assert verdict.met is False
    assert "the process died" in overload.markdown({"error": "the process died"})
