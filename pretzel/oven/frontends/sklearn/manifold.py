"""Adapters of `sklearn.manifold`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import dense_only, finite_floats
from pretzel.oven.frontends.sklearn._nearest import nearest
from pretzel.oven.frontends.sklearn.compat.kernel_machines import centered_kernel
from pretzel.oven.frontends.sklearn.compat.neighbors import fitted_rows
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.neighbor_embeddings import NeighborCombination, NeighborPaths

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node

LEAST_REGULARIZATION = 1e-4
"""Below it, the last bits of the weights' equations show in the answers."""


@adapter("sklearn.manifold.Isomap")
def isomap(estimator: Any, x: Node, importer: Importer) -> Node:
    """Shortest paths to the stored rows through the neighbours, as a kernel that is centred and projected."""
    if estimator.n_neighbors is None:
        raise Unsupported("Isomap(radius=...)")
    dense_only(x, estimator)
    paths = finite_floats(estimator.dist_matrix_)
    weights, bias = map(finite_floats, centered_kernel(estimator.kernel_pca_))
    found = nearest(estimator.nbrs_, x, importer, estimator.nbrs_.n_neighbors)
    importer.exclude(found.inputs[0], ["float16", "float32"], "paths that are rounded to float32")
    kernel = importer.finite(NeighborPaths((found,), paths), estimator.kernel_pca_)
    return Linear((kernel,), weights, bias)


@adapter("sklearn.manifold.LocallyLinearEmbedding")
def locally_linear_embedding(estimator: Any, x: Node, importer: Importer) -> Node:
    """What the neighbours became, weighted as they make up the row."""
    dense_only(x, estimator)
    if not estimator.reg >= LEAST_REGULARIZATION:
        raise Unsupported(f"reg={estimator.reg!r:.40}, with which weights depend on the last bits of distances")
    rows = finite_floats(fitted_rows(estimator.nbrs_))
    checked = importer.finite(importer.dense(x), estimator)
    found = nearest(estimator.nbrs_, checked, importer, estimator.n_neighbors)
    importer.exclude(checked, ["float16", "float32"], "weights that are rounded to float32")
    embedding = finite_floats(np.ascontiguousarray(estimator.embedding_))
    if estimator.n_components != embedding.shape[1]:
        raise Unsupported("n_components is not the width of embedding_")
    return NeighborCombination((found, checked), rows, embedding, float(estimator.reg))
