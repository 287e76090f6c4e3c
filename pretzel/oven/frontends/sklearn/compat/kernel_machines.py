"""Private attributes of support vector machines and of other estimators that compare rows with stored ones."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Array

LIBSVM = frozenset({"NuSVC", "NuSVR", "OneClassSVM", "SVC", "SVR"})
"""Estimators of libsvm, by the names of their classes."""


def libsvm_gamma(machine: Any) -> float:
    """The factor of products and distances that ``gamma`` stands for."""
    return float(machine._gamma)


def libsvm_is_sparse(machine: Any) -> bool:
    """Whether a machine was fitted on sparse rows; one that was not rejects them."""
    return bool(machine._sparse)


def libsvm_parts(machine: Any) -> tuple[Array, Array, Array]:
    """Dual coefficients, intercepts and numbers of support vectors of each class, with the signs of libsvm.

    A machine without classes has one number, which is counted here, because scikit-learn leaves it uninitialized where
    the machine was fitted on sparse rows.
    """
    dual = machine._dual_coef_
    of_classes = hasattr(machine, "classes_")
    support = np.asarray(machine.n_support_ if of_classes else [len(machine.support_)])
    return dual.toarray() if hasattr(dual, "toarray") else dual, machine._intercept_, support


def libsvm_sigmoids(machine: Any) -> tuple[Array, Array]:
    """Slopes and intercepts of the probabilities of pairs; empty where none were asked for."""
    return machine._probA, machine._probB


def scale_of_targets(process: Any) -> tuple[Array, Array]:
    """Mean and standard deviation of the targets of a Gaussian process, one for each or one for all."""
    return np.atleast_1d(process._y_train_mean), np.atleast_1d(process._y_train_std)


def centered_kernel(estimator: Any) -> tuple[Array, Array]:
    """Weights and bias that make the components of a `KernelPCA` of its kernels, which need not be centred then."""
    values, vectors = estimator.eigenvalues_, estimator.eigenvectors_
    known = np.flatnonzero(values)
    weights = np.zeros_like(vectors)
    weights[:, known] = vectors[:, known] / np.sqrt(values[known])
    rows, mean = estimator._centerer.K_fit_rows_, estimator._centerer.K_fit_all_
    return weights - weights.sum(axis=0) / len(rows), (mean - rows) @ weights
