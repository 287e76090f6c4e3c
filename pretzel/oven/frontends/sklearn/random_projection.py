"""Adapters of `sklearn.random_projection`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter, inverse
from pretzel.oven.frontends.sklearn._common import floats, product_dtype, projected
from pretzel.oven.frontends.sklearn.decomposition import times_components
from pretzel.oven.ir.columns import is_sparse
from pretzel.schema import Follows

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node


@adapter("sklearn.random_projection.GaussianRandomProjection", "sklearn.random_projection.SparseRandomProjection")
def random_projection(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X @ components_.T``. Zeros of sparse components are multiplied, too."""
    components = estimator.components_
    checked = importer.finite(importer.numeric(x), estimator)
    if hasattr(components, "toarray"):
        if is_sparse(checked) and not estimator.dense_output:
            raise Unsupported("sparse products of sparse rows")
        components = components.toarray()
    result = product_dtype(checked, components.dtype, kept=Follows.FLOAT32)
    return projected(checked, floats(components), np.zeros(len(components)), result)


@inverse("sklearn.random_projection.GaussianRandomProjection", "sklearn.random_projection.SparseRandomProjection")
def of_random_projection(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X @ inverse_components_.T``, where ``fit`` has left it; else the source computes it for each request."""
    if not estimator.compute_inverse_components:
        raise Unsupported(f"{type(estimator).__name__}(compute_inverse_components=False)")
    checked = importer.finite(importer.dense(x), estimator)
    return times_components(estimator.inverse_components_.T, checked, kept=Follows.FLOAT32)
