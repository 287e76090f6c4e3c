"""One row, from the Python call that a user writes."""

from __future__ import annotations

import time

import numpy as np

from .common import Fitted


class OneRow(Fitted):
    """Latency of single rows; a hundred different ones per timed call, so divide by a hundred."""

    def setup(self, name: str) -> None:
        super().setup(name)
        self.rows = self.single_rows()
        self.call = getattr(self.plan, f"{self.method}_one")

    def time_hundred_rows(self, name: str) -> None:
        for row in self.rows:
            self.call(row)

    def track_p99_microseconds(self, name: str) -> float:
        taken = []
        for _ in range(50):
            for row in self.rows:
                start = time.perf_counter_ns()
                self.call(row)
                taken.append(time.perf_counter_ns() - start)
        return float(np.percentile(taken, 99)) / 1e3

    track_p99_microseconds.unit = "us"  # type: ignore[attr-defined]
