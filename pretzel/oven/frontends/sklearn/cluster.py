"""Adapters of `sklearn.cluster`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter, inverse
from pretzel.oven.frontends.sklearn._common import dense_only, floats, of_another_precision, product_dtype
from pretzel.oven.frontends.sklearn.compat.clusters import bisections
from pretzel.oven.frontends.trees import Tree, join
from pretzel.oven.ir.cluster import Distances, NearestCenter, SparseDistances
from pretzel.oven.ir.columns import is_sparse
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Array, Methods, Node, Output, toposort
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.link import ArgMin
from pretzel.oven.ir.scale import SubDiv
from pretzel.schema import Follows

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer


MANY = 48
"""Centres of which bounds find the nearest faster than products with all of them do."""


@adapter("sklearn.cluster.KMeans", "sklearn.cluster.MiniBatchKMeans")
def k_means(estimator: Any, x: Node, importer: Importer) -> Methods:
    """``predict`` minimises ``|c|^2 - 2 x.c``, as scikit-learn does, so that both agree on rows between centres."""
    centers = floats(estimator.cluster_centers_)
    norms = np.einsum("ij,ij->i", centers, centers)
    checked = importer.finite(importer.numeric(x), estimator)
    nearest: Node
    in_parts = is_sparse(checked) or any(isinstance(each, Concat) for each in toposort([checked]))
    if len(centers) < MANY or in_parts:  # products of parts may be those of few entries
        nearest = ArgMin((Linear((checked,), -2.0 * centers.T, norms),))
    else:
        nearest = NearestCenter((checked,), centers, norms)
    result = product_dtype(checked, estimator.cluster_centers_.dtype, kept=Follows.FLOAT32)
    labels = (np.arange(centers.shape[0], dtype=np.int32),)
    distances = (
        SparseDistances((checked,), np.ascontiguousarray(centers.T), norms, result)
        if is_sparse(checked)
        else Distances((checked,), centers, result)
    )
    methods = {"transform": Output(distances)}
    # scikit-learn fails where centres and rows have not the same precision, but in `transform`.
    if importer.serves(checked, of_another_precision(checked, estimator.cluster_centers_.dtype)):
        methods["predict"] = Output(nearest, ndim=1, labels=labels)
    return methods


@adapter("sklearn.cluster.BisectingKMeans")
def bisecting_k_means(estimator: Any, x: Node, importer: Importer) -> Methods:
    """``predict`` goes down a tree to the nearer of two centres: left where ``|l|^2 - |r|^2 <= 2 x.(l - r)``."""
    left, right, centers, labels = bisections(estimator)
    split = np.flatnonzero(left >= 0)
    lefts, rights = floats(centers[left[split]]), floats(centers[right[split]])
    checked = importer.finite(importer.numeric(x), estimator)
    nearer = (lefts**2).sum(axis=1) - (rights**2).sum(axis=1)
    decisions = Linear((checked,), np.ascontiguousarray(-2.0 * (lefts - rights).T), nearer)
    number = np.zeros(len(left), dtype=np.int32)
    number[split] = np.arange(len(split))
    tree = Tree(number, np.zeros(len(left)), left, right, np.zeros(len(left), dtype=np.uint8))
    splits = join([tree], "_bisecting_tree")
    found = splits.per_tree(decisions, [labels[leaves] for leaves in splits.leaf_nodes], float32=False)
    methods = {**k_means(estimator, x, importer)}
    if "predict" in methods:
        methods["predict"] = Output(found, ndim=1, labels=(np.arange(len(split) + 1, dtype=np.int32),))
    return methods


@adapter("sklearn.cluster.Birch")
def birch(estimator: Any, x: Node, importer: Importer) -> Methods:
    """``predict`` is the label of the nearest subcluster."""
    centers = _centers(estimator.subcluster_centers_)
    dense_only(x, estimator)
    checked = importer.finite(importer.dense(x), estimator)
    return {
        "transform": Output(Distances((checked,), centers)),
        "predict": _nearest(checked, centers, np.asarray(estimator.subcluster_labels_)),
    }


@adapter("sklearn.cluster.FeatureAgglomeration")
def feature_agglomeration(estimator: Any, x: Node, importer: Importer) -> Node:
    """The mean of each cluster of columns."""
    dense_only(x, estimator)
    if estimator.pooling_func is not np.mean:
        raise Unsupported("FeatureAgglomeration(pooling_func=...)")
    checked = importer.finite(importer.dense(x), estimator)
    members = np.asarray(estimator.labels_)[:, None] == np.arange(estimator.labels_.max() + 1)
    sums = Linear((checked,), members.astype(np.float64), np.zeros(members.shape[1]))
    return SubDiv((sums,), None, members.sum(axis=0).astype(np.float64))


@inverse("sklearn.cluster.FeatureAgglomeration")
def of_feature_agglomeration(estimator: Any, x: Node, importer: Importer) -> Node:
    """Each column has the value of its cluster."""
    clusters = np.unique(np.asarray(estimator.labels_), return_inverse=True)[1]
    return importer.select(importer.dense(x), tuple(clusters.tolist()))


@adapter("sklearn.cluster.AffinityPropagation", "sklearn.cluster.MeanShift")
def nearest_center(estimator: Any, x: Node, importer: Importer) -> Methods:
    """``predict`` is the nearest centre, by the expanded square."""
    centers = _centers(estimator.cluster_centers_)
    dense_only(x, estimator)
    checked = importer.finite(importer.dense(x), estimator)
    return {"predict": _nearest(checked, centers, np.arange(len(centers)))}


def _nearest(x: Node, centers: Array, labels: Array) -> Output:
    if len(labels) != len(centers):
        raise ValueError(f"{len(centers)} centres have {len(labels)} labels")
    return Output(NearestCenter((x,), centers, np.empty(0)), ndim=1, labels=(labels,))


def _centers(given: Any) -> Array:
    """Centres of float64, so that distances are float64 whatever the request has."""
    centers = np.asarray(given)
    if centers.ndim != 2 or not len(centers):
        raise Unsupported("a model without centres")
    if centers.dtype == np.float32:
        raise Unsupported("centres of float32")
    return floats(centers)
