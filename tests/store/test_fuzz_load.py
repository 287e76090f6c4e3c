"""Plan files and stores that were changed at random are rejected, or answer."""

from __future__ import annotations

from tests.store.fuzz_load import run_many


def test_changed_files_are_rejected_or_answer():
    counts = run_many(2000, seed=0)
    assert counts.total() == 2000
    assert min(counts["rejected"], counts["answers"]) > 200, counts
    assert min(counts["rejected while lowered again"], counts["answers lowered again"]) > 100, counts
