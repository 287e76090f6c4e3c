"""Machines of libsvm against scikit-learn, where the cases of parity say too little."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from scipy.sparse import csr_matrix
from sklearn.kernel_ridge import KernelRidge
from sklearn.metrics.pairwise import linear_kernel, rbf_kernel
from sklearn.svm import SVC, SVR, NuSVC, NuSVR, OneClassSVM

import pretzel
from pretzel.errors import CompileError, InputShapeError
from tests.answers import check_answers

if TYPE_CHECKING:
    from pathlib import Path

X = np.random.default_rng(0).normal(size=(12, 12))


@pytest.mark.parametrize("machine", [SVR(gamma=0.1), NuSVR(gamma=0.1), OneClassSVM(gamma=0.1)])
def test_the_number_of_support_vectors_that_scikit_learn_leaves_uninitialized_is_not_read(machine: Any) -> None:
    rng = np.random.default_rng(0)
    rows = csr_matrix(rng.poisson(0.05, size=(90, 80)).astype(np.float64))
    machine.fit(rows, rng.normal(size=90))
    machine._n_support = np.array([80, 0], dtype=np.int32)  # as a fit on sparse rows may leave it
    plan = pretzel.compile(machine, strict=True)
    np.testing.assert_allclose(plan.predict(rows), machine.predict(rows), rtol=1e-9)


MACHINES = pytest.mark.parametrize("machine", [SVC, NuSVC, SVR, NuSVR, OneClassSVM])


@MACHINES
def test_a_kernel_without_a_native_form_is_the_reason(machine: Any) -> None:
    """scikit-learn keeps no support vectors of these."""
    for labels in (X[:, 0] > 0, np.arange(12) % 3):
        plan = pretzel.compile(machine(kernel=linear_kernel).fit(X @ X.T, labels))
        assert {call.reason for call in plan.opaque_steps} == {"a function for a kernel"}


@MACHINES
def test_kernels_that_a_request_holds(machine: Any) -> None:
    kernels = rbf_kernel(X, X[:10])
    for labels in (X[:10, 0] > 0, np.arange(10) % 3):
        check_answers(machine(kernel="precomputed").fit(kernels[:10], labels), kernels)


@pytest.mark.parametrize("options", [{"decision_function_shape": "ovo"}, {"break_ties": True}], ids=["ovo", "ties"])
def test_votes_by_kernels_that_a_request_holds(options: dict[str, Any]) -> None:
    kernels = rbf_kernel(X, X[:10])
    check_answers(SVC(kernel="precomputed", **options).fit(kernels[:10], np.arange(10) % 3), kernels)


@pytest.mark.parametrize("targets", [X[:10, 0], X[:10, :2]], ids=["one", "two"])
def test_kernels_that_a_request_holds_for_a_regression(targets: Any) -> None:
    kernels = rbf_kernel(X, X[:10])
    check_answers(KernelRidge(kernel="precomputed").fit(kernels[:10], targets), kernels)


def test_kernels_of_other_rows_are_refused(tmp_path: Path) -> None:
    model = SVC(kernel="precomputed").fit(rbf_kernel(X), np.arange(12) % 3)
    pretzel.compile(model, strict=True).save(tmp_path / "svc.pretzel")
    plan = pretzel.load(tmp_path / "svc.pretzel")
    np.testing.assert_array_equal(plan.predict(rbf_kernel(X)), model.predict(rbf_kernel(X)))
    with pytest.raises(InputShapeError, match="X has 11 features, but SVC is expecting 12"):
        plan.predict(rbf_kernel(X, X[:11]))
    with pytest.raises(ValueError, match="NaN"):
        plan.predict(np.full((2, 12), np.nan))
    model.support_ = model.support_ + 1
    with pytest.raises(CompileError, match="row 12 is asked for"):
        pretzel.compile(model)


@pytest.mark.parametrize("shape", ["ovr", "ovo"])
@pytest.mark.parametrize("left_out", [0, 2])
@pytest.mark.parametrize("kernel", ["rbf", "linear"])
def test_a_class_whose_rows_have_no_weight(shape: str, left_out: int, kernel: str) -> None:
    y = np.arange(12) % 4
    machine = SVC(kernel=kernel, decision_function_shape=shape).fit(X, y, sample_weight=(y != left_out) * 1.0)
    check_answers(machine, X, methods=("predict",))
