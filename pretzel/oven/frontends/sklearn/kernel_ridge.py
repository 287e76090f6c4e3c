"""Adapters of `sklearn.kernel_ridge`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import floats
from pretzel.oven.frontends.sklearn._pairwise import is_given, times_kernels
from pretzel.oven.ir.columns import is_sparse
from pretzel.oven.ir.graph import Output
from pretzel.oven.ir.linear import Linear

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Methods, Node


@adapter("sklearn.kernel_ridge.KernelRidge")
def kernel_ridge(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Kernels of the rows of the fit times dual coefficients."""
    dual = floats(estimator.dual_coef_)
    ndim = dual.ndim
    checked = importer.finite(importer.numeric(x), estimator)
    if is_given(estimator.kernel):
        if is_sparse(x):
            raise Unsupported("sparse rows of kernels")
        weights = np.ascontiguousarray(np.atleast_2d(dual.T).T)
        return {"predict": Output(Linear((checked,), weights, np.zeros(weights.shape[1])), ndim=ndim)}
    raw = times_kernels(estimator, checked, estimator.X_fit_, np.atleast_2d(dual.T).T)
    return {"predict": Output(raw, ndim=ndim)}
