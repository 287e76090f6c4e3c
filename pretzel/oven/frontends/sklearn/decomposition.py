"""Adapters of `sklearn.decomposition`: projections onto components are linear computations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import adapter
from pretzel.oven.frontends.sklearn._common import floats, product_dtype
from pretzel.oven.ir.columns import is_sparse
from pretzel.oven.ir.linear import Linear, LinearInOrder
from pretzel.oven.ir.scale import SubDiv
from pretzel.schema import Follows

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array, Node


@adapter("sklearn.decomposition.PCA")
def pca(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X @ components_.T``, minus the projected mean, divided by the standard deviations where it whitens."""
    components = floats(estimator.components_)
    offset = floats((estimator.mean_.reshape(1, -1) @ estimator.components_.T)[0])  # in their own dtype
    checked = importer.finite(importer.numeric(x), estimator)
    result = product_dtype(checked, estimator.components_.dtype, estimator.mean_.dtype, kept=Follows.FLOAT32)
    projected: Node = _projected(checked, components, -offset, result)
    if not estimator.whiten:
        return projected
    scale = np.sqrt(np.asarray(estimator.explained_variance_))
    smallest = np.finfo(scale.dtype).eps
    return SubDiv((projected,), None, np.maximum(scale, smallest).astype(np.float64))


@adapter("sklearn.decomposition.TruncatedSVD")
def truncated_svd(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X @ components_.T``."""
    components = floats(estimator.components_)
    checked = importer.finite(importer.numeric(x), estimator)
    result = product_dtype(checked, estimator.components_.dtype)
    return _projected(checked, components, np.zeros(components.shape[0]), result)


def _projected(x: Node, components: Array, bias: Array, result: str) -> Linear:
    """``x @ components.T + bias``, where products of sparse rows are added up as SciPy does.

    So `Linear` does for more than one output.
    """
    kind = LinearInOrder if is_sparse(x) and len(components) == 1 else Linear
    return kind((x,), components.T, bias, result)
