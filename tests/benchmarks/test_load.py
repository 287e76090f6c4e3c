"""The whole benchmark with few models and little time: everybody answers, and the figures are where they belong."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from benchmarks.load import models, report
from benchmarks.load.trial import in_child

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).resolve().parent.parent.parent
# A process of its own, for this one may have run OpenMP and must not be forked; the checkout stands behind the wheel.
MAIN = f"import sys; sys.path.append({str(ROOT)!r}); from benchmarks.load.__main__ import main; main(sys.argv[1:])"


@pytest.fixture(scope="module")
def document(load_real: Callable[[Any], Any], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What ``--json`` wrote."""
    from benchmarks import tasks

    if os.environ.get("PRETZEL_SANITIZE"):
        pytest.skip("a sanitizer makes everybody slow")
    for load in (tasks.sentiment, tasks.attendees, tasks.people):
        load_real(load)
    path = tmp_path_factory.mktemp("load") / "load.json"
    command = [sys.executable, "-c", MAIN, "--quick", "--models", "4", "--seconds", "0.2", "--json", str(path)]
    done = subprocess.run([*command, "--peers", "threads,processes"], capture_output=True, text=True, timeout=240)
    assert path.exists(), done.stderr
    return dict(json.loads(path.read_text()))


def test_everybody_answers(document: dict[str, Any]) -> None:
    found = document["contenders"]
    assert set(found) == {report.PRETZEL, report.THREADS, report.PROCESSES, "the harness alone"}
    for name, result in found.items():
        assert "error" not in result, (name, result)
        assert result["models"] == sum(models.counts(4).values()) == 6
        for point in [result["unloaded"], *result["points"]]:
            assert point["error"] == ""
            for kind in ("single", "batch"):
                assert point[kind]["failed"] == 0
                assert point[kind]["count"] == 0 or point[kind]["p50"] <= point[kind]["p99"] <= point[kind]["p99.9"]


def test_answers_are_those_of_scikit_learn(document: dict[str, Any]) -> None:
    for name in (report.PRETZEL, report.THREADS, report.PROCESSES):
        differences = document["contenders"][name]["differences"]
        assert differences["values"] > 1000
        assert differences["mismatches"] == differences["outside"] == 0


def test_each_bar_has_a_verdict(document: dict[str, Any]) -> None:
    assert len(document["bars"]) == 7
    assert set(document["executors"]) >= {"1"}
    text = report.markdown(document)
    for bar in document["bars"]:
        assert bar["what"] in text


def test_the_picture_is_drawn(document: dict[str, Any], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    from benchmarks.load import plot

    plot.draw(document, tmp_path / "load.png")
    assert (tmp_path / "load.png").read_bytes().startswith(b"\x89PNG")


def test_a_contender_that_fails_is_part_of_the_report() -> None:
    def broken() -> dict[str, Any]:
        raise ValueError("out of order")

    def endless() -> dict[str, Any]:
        import time

        time.sleep(60)
        return {}

    assert in_child(broken, 30.0)["error"] == "ValueError: out of order"
    assert in_child(endless, 0.2)["error"] == "not done after 0 s"
    (verdict,) = report.judge({"contenders": {report.PRETZEL: {"error": "out of order"}}, "executors": {}})
    assert verdict.met is False


def test_models_are_counted_by_family() -> None:
    assert models.counts(500) == {"sentiment": 250, "attendees": 250, "income": 50}
