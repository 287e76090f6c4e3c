"""Rows compared with stored ones: which nodes compute the kernels of `sklearn.metrics.pairwise` and of libsvm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported
from pretzel.oven.frontends.sklearn._common import floats
from pretzel.oven.ir.columns import Select, is_sparse
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.pairwise import OF_SPARSE, Pairwise, SparsePairwise

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Array, Node

FUNCTIONS = {"linear": "dot", "poly": "polynomial", "polynomial": "polynomial", "rbf": "rbf", "sigmoid": "sigmoid",
             "laplacian": "laplacian"}  # fmt: skip
"""Functions of `Pairwise` by the names of kernels."""

SAMPLE = 64
"""References that are compared with all of them, to see how large the sums are."""

SPARSE_ENOUGH = 8
"""References with one value in so many are compared entry by entry with dense rows, too."""


def kernel_of(kernel: Any) -> str:
    """The function that a kernel's name stands for."""
    if not isinstance(kernel, str):
        raise Unsupported("a function for a kernel")
    if kernel not in FUNCTIONS:
        raise Unsupported(f"kernel {kernel!r}")
    return FUNCTIONS[kernel]


def is_given(kernel: Any) -> bool:
    """Whether a request holds the kernels of its rows and all rows of the fit."""
    return isinstance(kernel, str) and kernel == "precomputed"


def given_kernels(x: Node, rows: Any) -> Node:
    """The kernels of some rows of the fit, of a request that holds them all."""
    numbers = tuple(int(row) for row in rows)
    if min(numbers) < 0 or max(numbers) >= x.schema().width:
        raise ValueError(f"a request holds kernels of {x.schema().width} rows, and row {max(numbers)} is asked for")
    return Select((x,), numbers)


def compared(
    x: Node, references: Any, function: str, gamma: float = 1.0, coef0: float = 0.0, degree: float = 3
) -> Node:
    """``function`` of ``x`` and each of ``references``, an array or a sparse matrix.

    Raises
    ------
    Unsupported
        There are no references, or the settings have no native form.
    """
    count, width = references.shape
    if not count or not width:
        raise Unsupported("it has no row to compare with")
    if function == "polynomial" and (degree != int(degree) or not 0 <= degree < 2**31):
        raise Unsupported(f"degree {degree}")
    settings = function, float(gamma), float(coef0), int(degree) if function == "polynomial" else 1
    given_sparse = hasattr(references, "tocsr")
    few = given_sparse and SPARSE_ENOUGH * references.nnz < count * width
    if not is_sparse(x) and not few:
        dense = floats(references.toarray() if given_sparse else references)
        return Pairwise((x,), dense, count, *settings)
    if function not in OF_SPARSE:
        raise Unsupported(f"{function} kernel of sparse rows")
    return SparsePairwise((x,), *columns_of(references), *settings)


def columns_of(references: Any) -> tuple[Array, Array, Array, Array]:
    """Begins of the columns, references and values of all entries, and the square of each reference."""
    from scipy.sparse import csc_array

    columns = csc_array(references)
    columns.sum_duplicates()
    if columns.nnz >= 2**31:
        raise Unsupported("too many values to compare with")
    values = floats(columns.data)
    norms = np.bincount(columns.indices, values * values, columns.shape[0]).astype(np.float64)  # integers of nothing
    return columns.indptr.astype(np.int32), columns.indices.astype(np.int32), values, norms


def times_kernels(
    estimator: Any, x: Node, references: Any, weights: Array, bias: Array | float = 0.0, *, gamma: Any = None
) -> Node:
    """Kernels of `sklearn.metrics.pairwise` that an estimator's parameters name, of all references, times weights."""
    function = kernel_of(estimator.kernel)
    if getattr(estimator, "kernel_params", None):
        raise Unsupported("kernel_params beside the name of a kernel")
    if references.dtype != np.float64:
        raise Unsupported(f"rows of {references.dtype} to compare with")
    weights, bias = np.ascontiguousarray(weights), np.zeros(weights.shape[1]) + bias
    gamma = estimator.gamma if gamma is None else gamma
    gamma = 1.0 / references.shape[1] if gamma is None else gamma
    coef0 = 1.0 if estimator.coef0 is None else estimator.coef0
    degree = 3 if estimator.degree is None else estimator.degree
    kernels = compared(x, references, function, gamma, coef0, degree)
    _check_weights(kernels, references[:SAMPLE], weights)
    if function == "dot" and not is_sparse(x):
        return Linear((x,), np.ascontiguousarray(references.T @ weights), bias)
    return Linear((kernels,), weights, bias)


def _check_weights(kernels: Node, rows: Any, weights: Array) -> None:
    """Raise `Unsupported` where sums of kernels times weights are but rounding errors of their terms."""
    with np.errstate(all="ignore"):
        asked = kernels.reference(
            rows if is_sparse(kernels.inputs[0]) or not hasattr(rows, "toarray") else rows.toarray()
        )
        terms, sums = np.abs(asked) @ np.abs(weights), np.abs(asked @ weights)
        if (terms.max(axis=0) * 2.0**-53 > 1e-10 * sums.max(axis=0)).any():
            raise Unsupported("weights so large that the last bits of kernels decide")
