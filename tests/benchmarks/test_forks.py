"""A process that is busy forks, and its children answer."""

from __future__ import annotations

import os

import pytest

from benchmarks import forks


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork on this system")
def test_children_of_a_busy_process_answer() -> None:
    report = forks.run(40)
    assert (len(report.seconds), report.hung, report.failed) == (40, 0, 0)
