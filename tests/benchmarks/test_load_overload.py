"""Shares of deadlines are counted from the call, and among what was accepted."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from benchmarks.load import overload
from benchmarks.load.arrivals import Arrivals
from benchmarks.load.driver import ANSWERED, GIVEN_UP, REJECTED, UNANSWERED, Outcome

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent.parent


def outcome(states: list[int], waited: list[float]) -> Outcome:
    """Requests sent a millisecond after they arrived, every tenth of a second."""
    count = len(states)
    seconds = np.arange(count) / 10
    sent = (seconds + 0.001) * 1e9
    zero = np.zeros(count, int)
    arrivals = Arrivals(seconds, zero, np.ones(count, bool), zero)
    return Outcome(arrivals, sent, sent + np.array(waited) * 1e9, np.array(states), 1.0, "")


def test_missed_deadlines_are_a_share_of_accepted_requests() -> None:
    states = [ANSWERED, ANSWERED, REJECTED, REJECTED, GIVEN_UP, UNANSWERED, ANSWERED]
    found = overload.accepted(outcome(states, [0.01, 0.06, 0.0, 0.0, 0.01, 0.2, 0.049]), deadline=0.05)
    assert found["sent"] == 7
    assert found["rejected"] == pytest.approx(2 / 7)
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
        "load": {"sent_per_second": 300.0, "missed": missed, "given_up": 0.0, "rejected": 0.6},
        "engine": {"expired": 1, "done": 100, "overdue": 2},
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


def test_the_whole_under_overload(load_real: Callable[[Any], Any], tmp_path: Path) -> None:
    from benchmarks import tasks

    if os.environ.get("PRETZEL_SANITIZE"):
        pytest.skip("a sanitizer makes everybody slow")
    for load in (tasks.sentiment, tasks.attendees, tasks.people):
        load_real(load)
    path = tmp_path / "overload.json"
    main = f"import sys; sys.path.append({str(ROOT)!r}); from benchmarks.load.__main__ import main; main(sys.argv[1:])"
    options = ["--quick", "--overload", "--models", "4", "--seconds", "0.3", "--json", str(path)]
    done = subprocess.run([sys.executable, "-c", main, *options], capture_output=True, text=True, timeout=240)
    assert path.exists(), done.stderr
    document = json.loads(path.read_text())
    result = document["overload"]
    assert "error" not in result, result
    assert result["load"]["error"] == ""
    assert 0 < result["load"]["rejected"] < 1  # some must go, and not all
    assert result["engine"]["rejected_deadline"] + result["engine"]["rejected_overload"] > 0
    assert result["reserved"]["overloaded"]["count"] == result["reserved"]["unloaded"]["count"] == 60
    assert len(document["bars"]) == 3
