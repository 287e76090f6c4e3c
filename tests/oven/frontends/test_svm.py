"""Machines of libsvm that stay opaque say why."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from sklearn.metrics.pairwise import linear_kernel
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

import pretzel

X = np.random.default_rng(0).normal(size=(12, 12))
Y = X[:, 0] > 0
MANY = np.arange(12) % 3


@pytest.mark.parametrize(
    ("kernel", "reason"), [(linear_kernel, "a function for a kernel"), ("precomputed", "kernel 'precomputed'")]
)
@pytest.mark.parametrize("machine", [SVC, NuSVC, SVR, NuSVR, OneClassSVM])
def test_a_kernel_without_a_native_form_is_the_reason(machine: Any, kernel: Any, reason: str) -> None:
    """scikit-learn keeps no support vectors of these."""
    for labels in (Y, MANY):
        plan = pretzel.compile(machine(kernel=kernel).fit(X @ X.T, labels))
        assert {call.reason for call in plan.opaque_steps} == {reason}
