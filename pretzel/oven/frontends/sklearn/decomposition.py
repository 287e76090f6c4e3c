"""Adapters of `sklearn.decomposition`: projections onto components are linear computations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import adapter
from pretzel.oven.frontends.sklearn._common import floats
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.scale import SubDiv

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node


@adapter("sklearn.decomposition.PCA")
def pca(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X @ components_.T``, minus the projected mean, divided by the standard deviations where it whitens."""
    components = floats(estimator.components_)
    mean = floats(estimator.mean_).reshape(1, -1)
    offset = (mean @ components.T)[0]
    projected: Node = Linear((importer.finite(importer.numeric(x), estimator),), components.T, -offset)
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
    return Linear((checked,), components.T, np.zeros(components.shape[0]))
