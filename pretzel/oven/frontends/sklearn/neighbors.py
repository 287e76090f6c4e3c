"""Adapters of `sklearn.neighbors`."""

from __future__ import annotations

import contextlib
import numbers
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import (
    dense_only,
    exclude_all_but_float64,
    finite_floats,
    floats,
    product_dtype,
)
from pretzel.oven.frontends.sklearn._nearest import (
    by_distance,
    nearest,
    nearest_by_answers,
    nearest_in_order,
    sort_of_source,
    sorted_nearest,
    within,
)
from pretzel.oven.frontends.sklearn.compat.neighbors import (
    by_class_mode,
    density_of,
    local_densities,
    stored_rows,
    targets_of,
)
from pretzel.oven.ir.cluster import Distances, ExpandedDistances, NearestCenter
from pretzel.oven.ir.columns import ToFloat64
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Array, Methods, Node, Output
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.link import (
    ArgMax,
    Exp,
    Log,
    LogSoftmax,
    LogSumExp,
    NormalizeNonzeroSum,
    NormalizeSum,
    Threshold,
)
from pretzel.oven.ir.mlp import Relu
from pretzel.oven.ir.neighbor_answers import NeighborDensity, NeighborGraph, NeighborMeans, NeighborVotes
from pretzel.oven.ir.neighbors import Neighbors
from pretzel.oven.ir.normalize import SubtractMax
from pretzel.oven.ir.quadratic import WeightedSquares
from pretzel.oven.ir.radius_neighbors import REJECT, RadiusGraph, RadiusMeans, RadiusVotes
from pretzel.oven.ir.scale import MulAdd, SubDiv
from pretzel.oven.ir.unary_function import UnaryFunction

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer


@adapter("sklearn.neighbors.NeighborhoodComponentsAnalysis")
def neighborhood_components_analysis(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X @ components_.T``."""
    dense_only(x, estimator)
    checked = importer.finite(importer.dense(x), estimator)
    components = floats(estimator.components_)
    result = product_dtype(checked, estimator.components_.dtype)
    return Linear((checked,), np.ascontiguousarray(components.T), np.zeros(len(components)), result)


@adapter("sklearn.neighbors.KNeighborsClassifier")
def k_neighbors_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Weights of the classes among the neighbours; labels by the largest, probabilities by their sum."""
    weighted = by_distance(estimator)
    k, targets = estimator.n_neighbors, targets_of(estimator)
    found = nearest_by_answers(estimator, x, importer, k, targets, weighted=weighted, votes=True)
    classes, codes = _classes(estimator)
    winners: list[Node] = []
    shares: list[Node] = []
    for output, labels in enumerate(classes):
        own = codes[output]
        votes = NeighborVotes((found,), own, len(labels), weighted)
        weights = NeighborVotes((found,), own, len(labels), weighted, True) if weighted else votes
        winners.append(ArgMax((weights,)))
        shares.append(NormalizeSum((votes,), uniform=False))
    return {**_answers(estimator, winners, shares, classes), **_found(estimator, x, importer)}


def _found(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Distances to the neighbours, and their numbers, beside what they say; none where their order is not known."""
    with contextlib.suppress(Unsupported):
        return _kneighbors(estimator, x, importer)
    return {}


def _kneighbors(estimator: Any, x: Node, importer: Importer) -> Methods:
    k = estimator.n_neighbors
    if not isinstance(k, numbers.Integral) or k < 1:
        raise Unsupported(f"n_neighbors={k!r:.40}")
    return {"kneighbors": Output(nearest_in_order(estimator, x, importer, int(k)), list_of=(int(k), int(k)))}


def _answers(estimator: Any, winners: list[Node], shares: list[Node], labels: list[Array]) -> Methods:
    """Labels and probabilities of each output, side by side where there are several."""
    if not estimator.outputs_2d_:
        return {"predict": Output(winners[0], 1, tuple(labels)), "predict_proba": Output(shares[0])}
    widths = tuple(node.schema().width for node in shares)
    return {
        "predict": Output(Concat(tuple(winners)), 2, tuple(labels)),
        "predict_proba": Output(Concat(tuple(shares)), list_of=widths),
    }


@adapter("sklearn.neighbors.KNeighborsRegressor")
def k_neighbors_regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Means of the targets of the neighbours."""
    weighted = by_distance(estimator)
    targets = targets_of(estimator)
    if targets.dtype == np.float32 and not weighted:
        raise Unsupported("means of targets of float32")
    found = nearest_by_answers(estimator, x, importer, estimator.n_neighbors, targets, weighted=weighted)
    values = floats(targets)
    means = NeighborMeans((found,), values.reshape(len(values), -1), weighted)
    return {"predict": Output(means, ndim=values.ndim), **_found(estimator, x, importer)}


@adapter("sklearn.neighbors.RadiusNeighborsClassifier")
def radius_neighbors_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Weights of the classes within the radius; rows without neighbours have a label of their own, or none."""
    weighted = by_distance(estimator)
    classes, codes = _classes(estimator)
    outliers = estimator.outlier_label_
    if outliers is not None and by_class_mode(estimator):
        raise Unsupported("outlier_label, which the source compares with numbers of classes")
    found = within(estimator, x, importer)
    winners: list[Node] = []
    shares: list[Node] = []
    named = []
    for output, labels in enumerate(classes):
        width, outlier, known = len(labels), REJECT, labels
        if outliers is not None:
            at = np.flatnonzero(labels == outliers[output])
            if not at.size:
                known = np.append(labels, np.array(outliers[output]).astype(labels.dtype))
            outlier = int(at[0]) if at.size else width
        votes = RadiusVotes((found,), codes[output], len(known), weighted, outlier)
        winners.append(ArgMax((votes,)))
        shares.append(
            NormalizeNonzeroSum((importer.select(votes, tuple(range(width))) if len(known) > width else votes,))
        )
        named.append(known)
    return _answers(estimator, winners, shares, named)


@adapter("sklearn.neighbors.RadiusNeighborsRegressor")
def radius_neighbors_regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Means of the targets within the radius; rows without neighbours become NaN as the dtype of the targets has it."""
    targets = targets_of(estimator)
    if targets.dtype.kind not in "iu" and targets.dtype != np.float64:
        raise Unsupported(f"means of targets of {targets.dtype}")
    found = within(estimator, x, importer)
    values = floats(targets).reshape(len(targets), -1)
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        otherwise = np.full_like(targets.reshape(values.shape)[0], np.nan).astype(np.float64)
    return {"predict": Output(RadiusMeans((found,), values, by_distance(estimator), otherwise), ndim=targets.ndim)}


@adapter("sklearn.neighbors.KNeighborsTransformer")
def k_neighbors_transformer(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Distances to the neighbours and to one more, because a row may be its own; or ones."""
    far = _is_by_distance(estimator)
    found = sorted_nearest(estimator, x, importer, int(estimator.n_neighbors) + far)
    graph = NeighborGraph((found,), len(found.points), far)
    return {"transform": Output(graph), **_found(estimator, x, importer)}


@adapter("sklearn.neighbors.RadiusNeighborsTransformer")
def radius_neighbors_transformer(estimator: Any, x: Node, importer: Importer) -> Node:
    """Distances to the rows within the radius, or ones."""
    far = _is_by_distance(estimator)
    found = within(estimator, x, importer)
    if not stored_rows(estimator).by_tree:
        exclude_all_but_float64(found.inputs[0], importer, "distances that are rounded")
    return RadiusGraph((found,), far, sort_of_source())


def _is_by_distance(estimator: Any) -> bool:
    """Whether a graph has distances.

    Raises
    ------
    Unsupported
        Without a tree, the source subtracts squares, so that the distance of a row to itself is half its digits.
    """
    if estimator.mode not in ("distance", "connectivity"):
        raise Unsupported(f"mode={estimator.mode!r:.40}")
    stored = stored_rows(estimator)
    if estimator.n_samples_fit_ != len(stored.rows):
        raise Unsupported(f"a graph of {estimator.n_samples_fit_!r:.40} columns over {len(stored.rows)} rows")
    if estimator.mode == "distance" and stored.metric in ("euclidean", "sqeuclidean") and not stored.by_tree:
        raise Unsupported("Euclidean distances without a tree, which are rounding next to a stored row")
    return bool(estimator.mode == "distance")


@adapter("sklearn.neighbors.NearestNeighbors")
def nearest_neighbors(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Distances to the neighbours, and their numbers."""
    return _kneighbors(estimator, x, importer)


@adapter("sklearn.neighbors.LocalOutlierFactor")
def local_outlier_factor(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Densities of the neighbours as parts of that of a row; outliers lie below the offset."""
    if not estimator.novelty:
        raise Unsupported("LocalOutlierFactor(novelty=False), which answers for the rows that it was fitted on")
    found = nearest(estimator, x, importer, estimator.n_neighbors_)
    importer.exclude(found.inputs[0], ["float16", "float32"], "distances that are rounded to float32")
    reach, density = map(floats, local_densities(estimator))
    score = NeighborDensity((found,), reach, density)
    decision = MulAdd((score,), np.ones(1), np.array([-float(estimator.offset_)]))
    labels = (np.array([-1, 1]),)
    return {
        "score_samples": Output(score, ndim=1),
        "decision_function": Output(decision, ndim=1),
        "predict": Output(Threshold((decision,), 0.0, inclusive=True), ndim=1, labels=labels),
        **_found(estimator, x, importer),
    }


@adapter("sklearn.neighbors.KernelDensity")
def kernel_density(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The logarithm of the sum of a kernel around each row of the fit."""
    dense_only(x, estimator)
    if estimator.atol or estimator.rtol:
        raise Unsupported("tolerances, within which the source ends its search")
    rows, weights, norm = density_of(estimator)
    width, total = float(estimator.bandwidth_), norm - np.log(weights.sum())
    checked = importer.finite(importer.dense(x), estimator)
    count = len(rows)
    kernel = estimator.kernel
    if kernel in ("gaussian", "exponential"):
        far: Node = WeightedSquares((checked,), rows, np.full(rows.shape, 0.5 / width**2))
        if kernel == "exponential":
            far = MulAdd((Distances((checked,), rows),), np.full(count, 1.0 / width), np.zeros(count))
        with np.errstate(divide="ignore"):
            logs: Node = LogSumExp((MulAdd((far,), np.full(count, -1.0), np.log(weights)),))
    elif kernel in ("tophat", "epanechnikov", "linear"):
        if kernel == "epanechnikov":
            far = WeightedSquares((checked,), rows, np.full(rows.shape, 1.0 / width**2))
            near: Node = Relu((MulAdd((far,), np.full(count, -1.0), np.ones(count)),))
        else:
            far = Distances((checked,), rows)
            inside = MulAdd((far,), np.full(count, -1.0), np.full(count, width))
            near = Relu((inside,)) if kernel == "linear" else Threshold((inside,))
        scale = 1.0 / width if kernel == "linear" else 1.0
        logs = Log((Linear((near,), scale * weights[:, None], np.zeros(1)),))
    else:
        raise Unsupported(f"kernel {kernel!r}")
    return {"score_samples": Output(MulAdd((logs,), np.ones(1), np.array([total])), ndim=1)}


@adapter("sklearn.neighbors.NearestCentroid")
def nearest_centroid(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The nearest centroid, or that of the largest posterior where classes are not equally likely (since 1.6)."""
    dense_only(x, estimator)
    centroids = finite_floats(estimator.centroids_)
    checked = importer.finite(importer.dense(x), estimator)
    labels = (np.asarray(estimator.classes_),)
    priors = getattr(estimator, "class_prior_", None)
    is_uniform = priors is None or np.isclose(priors, 1.0 / len(centroids)).all()
    if estimator.metric == "manhattan":
        if not is_uniform:
            raise Unsupported("priors of classes beside the metric 'manhattan'")
        count = len(centroids)
        order, ranges = np.arange(count, dtype=np.int32), np.array([[0, count]], dtype=np.int32)
        empty = np.empty((0, centroids.shape[1]))
        found = Neighbors((checked,), centroids, order, ranges, empty, np.empty(0), "manhattan", 1)
        return {"predict": Output(ArgMax((NeighborVotes((found,), order, count, False),)), ndim=1, labels=labels)}
    if estimator.metric != "euclidean":
        raise Unsupported(f"the metric {estimator.metric!r:.40}")
    near = NearestCenter((checked,), centroids, np.empty(0))
    if priors is None:
        return {"predict": Output(near, ndim=1, labels=labels)}
    deviation = finite_floats(estimator.within_class_std_dev_)
    scale = np.where(deviation != 0.0, deviation, 1.0)
    far = ExpandedDistances((SubDiv((ToFloat64((checked,)),), None, scale),), centroids / scale)
    squares = UnaryFunction((UnaryFunction((far,), "sqrt"),), "square")  # far rows are told apart by half the digits
    with np.errstate(divide="ignore"):
        scores = MulAdd((squares,), np.full(len(centroids), -1.0), 2.0 * np.log(floats(priors)))
    log_proba = LogSoftmax((SubtractMax((scores,)),))
    two = len(centroids) == 2
    return {
        "predict": Output(near if is_uniform else ArgMax((scores,)), ndim=1, labels=labels),
        "predict_proba": Output(Exp((log_proba,))),
        "predict_log_proba": Output(log_proba),
        "decision_function": Output(difference(scores) if two else scores, ndim=1 if two else 2),
    }


def difference(scores: Node) -> Node:
    """The second of two columns minus the first."""
    return Linear((scores,), np.array([[-1.0], [1.0]]), np.zeros(1))


def _classes(estimator: Any) -> tuple[list[Array], list[Array]]:
    """Labels of each output of a classifier, and the class of each stored row."""
    classes = estimator.classes_ if estimator.outputs_2d_ else [estimator.classes_]
    targets = targets_of(estimator)
    codes = targets.reshape(len(targets), -1).astype(np.int32)
    if codes.shape[1] != len(classes):
        raise ValueError(f"classes_ has the labels of {len(classes)} outputs, and _y has {codes.shape[1]}")
    return classes, [np.ascontiguousarray(each) for each in codes.T]
