"""Private attributes of nearest neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pretzel.oven.frontends.registry import Unsupported

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Array

TREES = ("ball_tree", "kd_tree")

METRICS = {"EuclideanDistance": "euclidean", "ManhattanDistance": "manhattan", "ChebyshevDistance": "chebyshev"}
"""Names of metrics by the beginnings of the names of their classes."""


class Stored(NamedTuple):
    """Rows that an estimator has stored, in the order in which it visits them: see `pretzel.oven.ir.neighbors`.

    Parameters
    ----------
    rows, order, ranges, bounds, radii : ndarray
    metric : str
    by_tree : bool
    """

    rows: Array
    order: Array
    ranges: Array
    bounds: Array
    radii: Array
    metric: str
    by_tree: bool


def searches_tree(estimator: Any) -> bool:
    """Whether an estimator, or the one that finds neighbours for it, searches a tree, which takes no sparse rows."""
    finder = getattr(estimator, "nbrs_", None) or getattr(estimator, "nn_fit", None) or estimator
    return getattr(finder, "_fit_method", None) in TREES


def stored_rows(estimator: Any) -> Stored:
    """What an estimator searches.

    Raises
    ------
    Unsupported
        It was fitted on sparse rows or on a tree, or its metric has no native form.
    """
    rows = estimator._fit_X
    if not isinstance(rows, np.ndarray):
        raise Unsupported(f"{type(estimator).__name__} that was fitted on sparse rows or on a tree")
    metric = estimator.effective_metric_
    if not isinstance(metric, str) or metric not in METRICS.values():
        raise Unsupported(f"the metric {metric!r:.40}")
    empty = np.empty(0)
    if not searches_tree(estimator):
        order = np.arange(len(rows), dtype=np.int32)
        ranges = np.array([[0, len(rows)]], dtype=np.int32)
        return Stored(rows, order, ranges, np.empty((0, rows.shape[1])), empty, metric, by_tree=False)
    return of_tree(estimator._tree)


def of_tree(tree: Any) -> Stored:
    """Rows of a `KDTree` or a `BallTree`, leaf by leaf."""
    metric = _metric_of(tree)
    data, order, nodes, bounds = map(np.asarray, tree.get_arrays())
    is_ball = type(tree).__name__.startswith("Ball")
    radii = np.ascontiguousarray(nodes["radius"]) if is_ball else np.empty(0)
    ranges = np.stack([nodes["idx_start"], nodes["idx_end"]], axis=1).astype(np.int32)
    bounds = bounds.reshape(-1, data.shape[1])
    return Stored(data[order], order.astype(np.int32), ranges, bounds, radii, metric, by_tree=True)


def _metric_of(tree: Any) -> str:
    """The metric that a tree was built with."""
    names = [type(part).__name__ for part in tree.__getstate__()]
    for name in names:
        for known, metric in METRICS.items():
            if name.startswith(known):
                return metric
    raise Unsupported("a tree of another metric")


def fitted_rows(estimator: Any) -> Array:
    """Stored rows in the order of their numbers."""
    return np.asarray(estimator._fit_X)


def density_of(estimator: Any) -> tuple[Array, Array, float]:
    """Rows of a `KernelDensity`, their weights, and the logarithm by which its kernel is normalised.

    Raises
    ------
    Unsupported
        The metric is not the Euclidean one.
    """
    from sklearn.neighbors._kd_tree import kernel_norm

    tree = estimator.tree_
    if _metric_of(tree) != "euclidean":
        raise Unsupported("a density of another metric than the Euclidean one")
    rows = np.asarray(tree.data)
    weights = np.ones(len(rows)) if tree.sample_weight is None else np.asarray(tree.sample_weight)
    return rows, weights, float(kernel_norm(estimator.bandwidth_, rows.shape[1], estimator.kernel, return_log=True))


def targets_of(estimator: Any) -> Array:
    """Targets of the stored rows, classes as numbers: one or several for each."""
    found = np.asarray(estimator._y)
    if found.ndim not in (1, 2):
        raise ValueError(f"_y has {found.ndim} dimensions")
    return found


def local_densities(estimator: Any) -> tuple[Array, Array]:
    """For each stored row of a `LocalOutlierFactor`, the distance of its neighbours and its local density."""
    return estimator._distances_fit_X_[:, estimator.n_neighbors_ - 1], estimator._lrd


def by_class_mode(estimator: Any) -> bool:
    """Whether a `RadiusNeighborsClassifier` may count votes without a tree, by another way for some requests."""
    brute = estimator._fit_method == "brute" and estimator.weights == "uniform"
    return bool(brute and not estimator.outputs_2d_ and estimator.effective_metric_ != "euclidean")
