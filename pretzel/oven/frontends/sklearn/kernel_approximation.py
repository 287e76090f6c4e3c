"""Adapters of `sklearn.kernel_approximation`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import floats
from pretzel.oven.frontends.sklearn._pairwise import times_kernels
from pretzel.oven.ir.columns import is_sparse
from pretzel.oven.ir.linear import Linear, LinearInOrder
from pretzel.oven.ir.scale import MulAdd
from pretzel.oven.ir.unary_function import UnaryFunction

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node


@adapter("sklearn.kernel_approximation.Nystroem")
def nystroem(estimator: Any, x: Node, importer: Importer) -> Node:
    """Kernels of some rows of the fit, projected."""
    checked = importer.finite(importer.numeric(x), estimator)
    return times_kernels(estimator, checked, estimator.components_, floats(estimator.normalization_).T)


@adapter("sklearn.kernel_approximation.RBFSampler")
def rbf_sampler(estimator: Any, x: Node, importer: Importer) -> Node:
    """Cosines of random projections."""
    weights, offset = estimator.random_weights_, estimator.random_offset_
    if weights.dtype != np.float64 or offset.dtype != np.float64:
        raise Unsupported("weights that are not float64")
    checked = importer.finite(importer.numeric(x), estimator)
    kind = LinearInOrder if is_sparse(checked) and len(offset) == 1 else Linear
    waves = UnaryFunction((kind((checked,), floats(weights), floats(offset)),), "cos")
    size = (2.0 / estimator.n_components) ** 0.5
    return MulAdd((waves,), np.full(len(offset), size), np.zeros(len(offset)))
