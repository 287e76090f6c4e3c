"""Batches on one thread, and whether the answers are still the estimator's."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from .common import CASES, ROWS, Fitted


class Batch(Fitted):
    """Time of one call with many rows."""

    params: ClassVar[list[Any]] = [CASES, [32, 1024, ROWS]]
    param_names: ClassVar[list[str]] = ["case", "rows"]

    def setup(self, name: str, rows: int) -> None:
        super().setup(name)
        self.rows = self.batch(rows)
        self.call = getattr(self.plan, self.method)

    def time_batch(self, name: str, rows: int) -> None:
        self.call(self.rows)


class Answers(Fitted):
    """Parity with the estimator that was compiled."""

    def track_same_prediction(self, name: str) -> int:
        got, expected = getattr(self.plan, self.method)(self.X), getattr(self.estimator, self.method)(self.X)
        return int(np.count_nonzero(~np.isclose(got, expected, rtol=1e-9, atol=1e-12)))

    track_same_prediction.unit = "values that differ"  # type: ignore[attr-defined]
