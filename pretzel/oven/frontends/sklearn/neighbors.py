"""Adapters of `sklearn.neighbors`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import adapter
from pretzel.oven.frontends.sklearn._common import dense_only, floats, product_dtype
from pretzel.oven.ir.linear import Linear

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node


@adapter("sklearn.neighbors.NeighborhoodComponentsAnalysis")
def neighborhood_components_analysis(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X @ components_.T``."""
    dense_only(x, estimator)
    checked = importer.finite(importer.dense(x), estimator)
    components = floats(estimator.components_)
    result = product_dtype(checked, estimator.components_.dtype)
    return Linear((checked,), np.ascontiguousarray(components.T), np.zeros(len(components)), result)
