"""What a plan says of its opaque steps: as an attribute, on top of its explanation, and in the log."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import numpy as np
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import pretzel

if TYPE_CHECKING:
    import pytest

X = np.random.default_rng(0).normal(size=(40, 3))
Y = X[:, 0] > 0
STEP = "Pipeline.nearest"


class Nearest(KNeighborsClassifier):
    """Has no adapter, because a subclass may override anything."""


REASON = f"{Nearest.__module__}.Nearest has no native form"


def test_an_opaque_step_is_told(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "pretzel"):
        plan = pretzel.compile(make_pipeline(StandardScaler(), Nearest(3)).fit(X, Y), name="churn")
    assert pretzel.OpaqueCall(STEP, "predict", REASON) in plan.opaque_steps
    assert [call.method for call in plan.opaque_steps] == ["predict", "predict_proba"]
    line = f"churn: predict, predict_proba opaque at {STEP} ({REASON})"
    assert plan.explain().splitlines()[0] == plan.explain("json")["summary"] == line
    assert caplog.messages == [line]


def test_native_plans_log_nothing(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, "pretzel"):
        plan = pretzel.compile(LogisticRegression().fit(X, Y))
    assert plan.opaque_steps == ()
    assert plan.explain().startswith("LogisticRegression: ")
    assert plan.explain().splitlines()[0].endswith(" native")
    assert not caplog.messages
