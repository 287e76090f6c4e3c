"""The measuring tools measure what they say."""

from __future__ import annotations

import numpy as np

from benchmarks import report
from benchmarks.bars import judge
from benchmarks.measure import Batcher, Contender, compare, latencies, throughputs
from benchmarks.zoo import CASES, case


def test_labels_are_equal_or_not() -> None:
    difference = compare(np.array(["a", "b", "c"]), np.array(["a", "x", "c"], dtype=object), labels=True)
    assert (difference.values, difference.mismatches) == (3, 1)


def test_numbers_are_held_to_the_tolerance() -> None:
    expected = np.array([1.0, 1.0, 0.0, np.nan])
    difference = compare(np.array([1.0 + 1e-10, 1.0 + 1e-8, 1e-13, np.nan]), expected, labels=False)
    assert difference.outside == 1
    assert 0.9e-8 < difference.largest < 1.1e-8


def test_another_shape_is_all_wrong() -> None:
    assert compare(np.zeros((2, 1)), np.zeros(2), labels=False).outside == 2


def test_contenders_take_turns() -> None:
    seen: list[str] = []
    contenders = [Contender(name, lambda row, name=name: seen.append(name), [0, 1]) for name in ("a", "b")]
    timed = latencies(contenders, rounds=2, seconds=0.0)
    assert seen[4:] == ["a"] * 4 + ["b"] * 4 + ["a"] * 4 + ["b"] * 4
    assert timed["a"].calls == 6
    assert timed["a"].p50 <= timed["a"].p99


def test_slow_contenders_get_fewer_rows() -> None:
    def prepare(rows: int) -> object:
        return lambda: sum(range(rows * 200))

    rates = throughputs([Batcher("slow", prepare)], size=10**9, rounds=1, budget=0.01)
    assert 256 <= rates["slow"].rows < 10**8
    assert rates["slow"].rows_per_second > 0


def test_names_of_cases_are_unique() -> None:
    assert len({one.name for one in CASES}) == len(CASES)


def test_verdicts_follow_the_figures() -> None:
    rates = {"pretzel": 4.0, "scikit-learn": 1.0, "scikit-learn, all threads": 2.0, "onnxruntime": 1.0}
    answers = {"values": 1, "mismatches": 0, "outside": 0, "largest": 0.0}
    result = {
        "kind": "numbers",
        "compile_ms": 60.0,
        "onnx_reason": "",
        "parity": {"rows": 9, "pretzel": answers, "batch_invariant": True, "onnxruntime": answers},
        "latency": {
            "pretzel": {"p50": 2.0, "p99": 3.0},
            "scikit-learn": {"p50": 1600.0, "p99": 1700.0},
            "onnxruntime": {"p50": 5.0, "p99": 6.0},
        },
        "throughput": {"100000": {name: {"rows_per_second": rate, "rows": 100000} for name, rate in rates.items()}},
    }
    verdicts = list(judge(case("forest"), result))
    met = {verdict.what: verdict.met for verdict in verdicts}
    assert met == {
        "parity on 9 rows": True,
        "batch invariance": True,
        "compile": False,
        "one row against scikit-learn": True,
        "one row against onnxruntime": False,
        "batch of 100,000, one thread, against scikit-learn": True,
        "batch of 100,000 against the best": False,
    }
    document = {"machine": {}, "cases": {"forest": result}, "bars": [verdict.as_dict() for verdict in verdicts]}
    assert "NOT MET" in report.markdown(document)


def test_an_error_is_a_verdict() -> None:
    (verdict,) = judge(case("forest"), {"kind": "numbers", "error": "OpaqueStepError: no"})
    assert verdict.met is False
    assert "OpaqueStepError" in verdict.measured
