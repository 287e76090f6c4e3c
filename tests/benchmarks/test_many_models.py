"""The benchmark of many models times the calls it says, and keeps what it has fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from benchmarks import data, many_models
from benchmarks.families import Member
from benchmarks.many_models import Group, Result, fitted, measure, report, same_text, verdicts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest


class Spy:
    """Stands for a model and notes what it is called with."""

    def __init__(self) -> None:
        self.rows: list[Any] = []

    def predict_one(self, row: Any) -> None:
        """Note a row."""
        self.rows.append(row)


def group(name: str, rows: list[Any]) -> Group:
    """Four models."""
    return Group(name, 1.5, [Spy() for _ in range(4)], rows, same_text)


def test_rows_go_to_models_of_their_own_kind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(many_models, "ROWS", 3)
    groups = [group("letters", list("abc")), group("digits", list("123"))]
    results = measure(groups, rounds=8, size=50)
    assert sum(one.calls for one in results) == 8 * 50
    for each, result in zip(groups, results, strict=True):
        seen = [row for model in each.models for row in model.rows]
        assert set(seen) == set(each.rows)
        assert all(model.rows for model in each.models)
        assert result.models == 4
        # alone, at random, and what is not timed at the beginning of a block
        assert 2 * result.calls < len(seen) <= 2 * (result.calls + 8 * many_models.WARM)


def test_bars_are_ratios_of_the_p99() -> None:
    groups = [group("near", ["a"]), group("far", ["a"])]
    results = [Result(4, 10, 1.0, 2.0, 1.5, 3.0), Result(4, 10, 1.0, 2.0, 2.0, 3.1)]
    assert [one.met for one in verdicts(groups, results)] == [True, False]
    assert report(groups, results).count("NOT MET") == 1


def test_rows_are_made_anew() -> None:
    text = "".join(["some", " text"])
    assert same_text(text) == text
    assert same_text(text) is not text


def test_models_are_fitted_once(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    asked: list[int] = []

    def make(count: int) -> Iterator[Member]:
        asked.append(count)
        return (Member(f"m/{i}", "text", i) for i in range(count))

    monkeypatch.setattr(data, "cache_folder", lambda: tmp_path)
    assert fitted("some", make, 3) == fitted("some", make, 3)
    assert asked == [3]
