"""Machines of libsvm against scikit-learn, where the cases of parity say too little."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.metrics.pairwise import linear_kernel
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

import pretzel
from tests.answers import check_answers

X = np.random.default_rng(0).normal(size=(12, 12))


@pytest.mark.parametrize("machine", [SVR(gamma=0.1), NuSVR(gamma=0.1), OneClassSVM(gamma=0.1)])
def test_the_number_of_support_vectors_that_scikit_learn_leaves_uninitialized_is_not_read(machine: Any) -> None:
    rng = np.random.default_rng(0)
    rows = csr_matrix(rng.poisson(0.05, size=(90, 80)).astype(np.float64))
    machine.fit(rows, rng.normal(size=90))
    machine._n_support = np.array([80, 0], dtype=np.int32)  # as a fit on sparse rows may leave it
    plan = pretzel.compile(machine, strict=True)
    np.testing.assert_allclose(plan.predict(rows), machine.predict(rows), rtol=1e-9)


@pytest.mark.parametrize(
    ("kernel", "reason"), [(linear_kernel, "a function for a kernel"), ("precomputed", "kernel 'precomputed'")]
)
@pytest.mark.parametrize("machine", [SVC, NuSVC, SVR, NuSVR, OneClassSVM])
def test_a_kernel_without_a_native_form_is_the_reason(machine: Any, kernel: Any, reason: str) -> None:
    """scikit-learn keeps no support vectors of these."""
    for labels in (X[:, 0] > 0, np.arange(12) % 3):
        plan = pretzel.compile(machine(kernel=kernel).fit(X @ X.T, labels))
        assert {call.reason for call in plan.opaque_steps} == {reason}


@pytest.mark.parametrize("shape", ["ovr", "ovo"])
@pytest.mark.parametrize("left_out", [0, 2])
@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_a_class_whose_rows_have_no_weight(shape: str, left_out: int, kernel: str) -> None:
    y = np.arange(12) % 4
    machine = SVC(kernel=kernel, decision_function_shape=shape).fit(X, y, sample_weight=(y != left_out) * 1.0)
    check_answers(machine, X, methods=("predict",))
