"""A crash and a hang are results of a run like any other, and the cases behind them are run."""

from __future__ import annotations

import os
import signal
import time
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, RegressorMixin

from tests.conformance.estimators import Subject
from tests.conformance.run import Selection, run


class Faulty(RegressorMixin, BaseEstimator):
    """Dies of one form of request, hangs on another, changes a third and answers a fourth differently each time."""

    def fit(self, X: Any, y: Any) -> Faulty:
        self.n_features_in_ = X.shape[1]
        self.calls_ = 0
        return self

    def predict(self, X: Any) -> Any:
        dtype = getattr(X, "dtype", None)
        if dtype == np.int8:
            os.kill(os.getpid(), signal.SIGKILL)
        if dtype == np.int16:
            time.sleep(60)
        if dtype == np.int32:
            self.calls_ += 1
        return np.zeros(len(X)) + self.calls_


def test_a_crash_and_a_hang_are_results() -> None:
    selection = Selection(form="int")
    cases = list(run(selection, workers=1, found=[Subject("Faulty", Faulty, "array")], seconds=6.0))
    kinds = {case.form: case.kind for case in cases if case.method == "predict"}
    assert kinds["int8"] == "crash"
    assert kinds["int16"] == "hang"
    assert kinds["int32"] == "values"
    assert kinds["uint64"] == ""
