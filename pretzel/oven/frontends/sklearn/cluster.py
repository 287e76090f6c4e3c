"""Adapters of `sklearn.cluster`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import adapter
from pretzel.oven.frontends.sklearn._common import NUMBERS, floats, product_dtype
from pretzel.oven.ir.cluster import Distances, SparseDistances
from pretzel.oven.ir.columns import is_sparse
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.link import ArgMin
from pretzel.schema import Follows

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer


@adapter("sklearn.cluster.KMeans", "sklearn.cluster.MiniBatchKMeans")
def k_means(estimator: Any, x: Node, importer: Importer) -> Methods:
    """``predict`` minimises ``|c|^2 - 2 x.c``, as scikit-learn does, so that both agree on rows between centres."""
    centers = floats(estimator.cluster_centers_)
    norms = np.einsum("ij,ij->i", centers, centers)
    checked = importer.finite(importer.numeric(x), estimator)
    nearest = ArgMin((Linear((checked,), -2.0 * centers.T, norms),))
    result = product_dtype(checked, estimator.cluster_centers_.dtype, kept=Follows.FLOAT32)
    labels = (np.arange(centers.shape[0], dtype=np.int32),)
    distances = (
        SparseDistances((checked,), np.ascontiguousarray(centers.T), norms, result)
        if is_sparse(checked)
        else Distances((checked,), centers, result)
    )
    methods = {"transform": Output(distances)}
    # scikit-learn fails where centres and rows have not the same precision, but in `transform`.
    of_rows = checked.schema().dtype.floating(Follows.FLOAT32)
    failing = [each for each in NUMBERS if of_rows.dtype_for(each) != estimator.cluster_centers_.dtype]
    if importer.serves(checked, failing):
        methods["predict"] = Output(nearest, ndim=1, labels=labels)
    return methods
