"""Private attributes of nearest neighbours."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pretzel.oven.frontends.registry import Unsupported

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Array

TREES = ("ball_tree", "kd_tree")

METRICS = {
    "EuclideanDistance": "euclidean",
    "ManhattanDistance": "manhattan",
    "ChebyshevDistance": "chebyshev",
    "SEuclideanDistance": "seuclidean",
    "MahalanobisDistance": "mahalanobis",
    "CanberraDistance": "canberra",
    "BrayCurtisDistance": "braycurtis",
    "HammingDistance": "hamming",
    "JaccardDistance": "jaccard",
    "RogersTanimotoDistance": "rogerstanimoto",
    "SokalMichenerDistance": "rogerstanimoto",
    "RussellRaoDistance": "russellrao",
}
"""Names of metrics of trees by the beginnings of the names of their classes."""

WITHOUT_TREE = {
    "l2": "euclidean",
    "l1": "manhattan",
    "cityblock": "manhattan",
    "infinity": "chebyshev",
    **{name: name for name in ("euclidean", "manhattan", "chebyshev", "sqeuclidean", "canberra", "braycurtis")},
}
"""Metrics for which scikit-learn compares rows one by one, as a tree does, also without one."""

REASONS = {
    "minkowski": "whose powers a C library computes",
    "haversine": "whose sines a C library computes",
    "dice": "which is 0/0 between rows of zeros",
    "sokalsneath": "which is 0/0 between rows of zeros",
}
"""Why metrics of trees have no native form: last bits decide which rows are nearest."""


class Stored(NamedTuple):
    """Rows that an estimator has stored, in the order in which it visits them: see `pretzel.oven.ir.neighbors`.

    Parameters
    ----------
    rows, order, ranges, bounds, radii : ndarray
    metric : str
    by_tree : bool
    form : tuple of float
    """

    rows: Array
    order: Array
    ranges: Array
    bounds: Array
    radii: Array
    metric: str
    by_tree: bool
    form: tuple[float, ...] = ()


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
    if searches_tree(estimator):
        return of_tree(estimator._tree)
    metric = estimator.effective_metric_
    if not isinstance(metric, str) or metric not in WITHOUT_TREE:
        raise Unsupported(f"the metric {metric!r:.40} without a tree")
    order = np.arange(len(rows), dtype=np.int32)
    ranges = np.array([[0, len(rows)]], dtype=np.int32)
    bounds, radii = np.empty((0, rows.shape[1])), np.empty(0)
    return Stored(rows, order, ranges, bounds, radii, WITHOUT_TREE[metric], by_tree=False)


def parts_of_threads(count: int) -> tuple[int, ...]:
    """The first of the stored rows that each thread searches for a single row, where there is no tree.

    Source: `sklearn.metrics._pairwise_distances_reduction`, "parallel_on_Y".
    """
    from sklearn import get_config
    from sklearn.utils._openmp_helpers import _openmp_effective_n_threads

    settings = get_config()
    strategy = settings.get("pairwise_dist_parallel_strategy") or "auto"
    size = min(settings.get("pairwise_dist_chunk_size") or 256, count)
    chunks, threads = -(-count // size), _openmp_effective_n_threads()
    threads = 1 if strategy == "parallel_on_X" else min(chunks, threads)
    each, more = divmod(chunks, threads)
    begins = [size * (thread * each + min(thread, more)) for thread in range(threads)]
    return tuple(begins) if threads > 1 else ()


PRODUCTS = {"l2": "euclidean", **{name: name for name in ("euclidean", "sqeuclidean", "cosine", "correlation")}}
"""Metrics that scikit-learn computes from products of rows where it searches no tree, by their names."""


def rows_for_products(estimator: Any) -> tuple[Any, str] | None:
    """Stored rows, dense or sparse, and the metric; None where an estimator computes distances in another way."""
    metric = getattr(estimator, "effective_metric_", None)
    if searches_tree(estimator) or not isinstance(metric, str) or metric not in PRODUCTS:
        return None
    return estimator._fit_X, PRODUCTS[metric]


def of_tree(tree: Any) -> Stored:
    """Rows of a `KDTree` or a `BallTree`, leaf by leaf."""
    metric, form = _metric_of(tree)
    data, order, nodes, bounds = map(np.asarray, tree.get_arrays())
    is_ball = type(tree).__name__.startswith("Ball")
    radii = np.ascontiguousarray(nodes["radius"]) if is_ball else np.empty(0)
    ranges = np.stack([nodes["idx_start"], nodes["idx_end"]], axis=1).astype(np.int32)
    bounds = bounds.reshape(-1, data.shape[1])
    return Stored(data[order], order.astype(np.int32), ranges, bounds, radii, metric, by_tree=True, form=form)


def _metric_of(tree: Any) -> tuple[str, tuple[float, ...]]:
    """The metric that a tree was built with, and the numbers that it was made with.

    Raises
    ------
    Unsupported
        It has no native form, or distances may be no numbers.
    """
    parts = {type(part).__name__: part for part in tree.__getstate__()}
    found = next((name for name in parts if name.rstrip("3264").endswith("Distance")), "")
    metric = next((metric for known, metric in METRICS.items() if found.startswith(known)), None)
    if metric is None:
        name = found.partition("Distance")[0].lower()
        raise Unsupported(f"the metric {name!r}, {REASONS[name]}" if name in REASONS else "a tree of another metric")
    _, variances, inverse, *_ = parts[found].__getstate__()
    if metric == "seuclidean":
        form = np.asarray(variances, dtype=np.float64)
        if not (form > 0.0).all() or not np.isfinite(form).all():
            raise Unsupported("the metric 'seuclidean' with variances that are not above 0")
        return metric, tuple(form.tolist())
    if metric == "mahalanobis":
        form = np.asarray(inverse, dtype=np.float64)
        sizes = np.linalg.eigvalsh(form) if np.isfinite(form).all() and np.allclose(form, form.T) else np.zeros(1)
        if not sizes.min() > 1e-10 * sizes.max():
            raise Unsupported("the metric 'mahalanobis' with a covariance that is not positive definite")
        return metric, tuple(form.ravel().tolist())
    return metric, ()


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
    if _metric_of(tree)[0] != "euclidean":
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


def sparse_apart(estimator: Any) -> bool:
    """Whether distances of sparse rows are others than those of dense ones, or an error."""
    return getattr(estimator, "effective_metric_", "") in ("braycurtis", "canberra")
