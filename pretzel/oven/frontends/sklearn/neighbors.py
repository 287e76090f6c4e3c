"""Adapters of `sklearn.neighbors`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import dense_only, floats, product_dtype
from pretzel.oven.frontends.sklearn._nearest import nearest
from pretzel.oven.frontends.sklearn.compat.neighbors import local_densities, targets_of
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.link import ArgMax, NormalizeSum, Threshold
from pretzel.oven.ir.neighbor_answers import NeighborDensity, NeighborMeans, NeighborVotes
from pretzel.oven.ir.scale import MulAdd

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
    by_distance = _by_distance(estimator)
    found = nearest(estimator, x, importer, estimator.n_neighbors)
    classes = estimator.classes_ if estimator.outputs_2d_ else [estimator.classes_]
    targets = targets_of(estimator)
    codes = targets.reshape(len(targets), -1).astype(np.int32)
    if codes.shape[1] != len(classes):
        raise ValueError(f"classes_ has the labels of {len(classes)} outputs, and _y has {codes.shape[1]}")
    winners: list[Node] = []
    shares: list[Node] = []
    for output, labels in enumerate(classes):
        own = np.ascontiguousarray(codes[:, output])
        votes = NeighborVotes((found,), own, len(labels), by_distance)
        weights = NeighborVotes((found,), own, len(labels), by_distance, True) if by_distance else votes
        winners.append(ArgMax((weights,)))
        shares.append(NormalizeSum((votes,), uniform=False))
    several = estimator.outputs_2d_
    widths = tuple(map(len, classes)) if several else None
    return {
        "predict": Output(Concat(tuple(winners)) if several else winners[0], 2 if several else 1, tuple(classes)),
        "predict_proba": Output(Concat(tuple(shares)) if several else shares[0], list_of=widths),
    }


@adapter("sklearn.neighbors.KNeighborsRegressor")
def k_neighbors_regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Means of the targets of the neighbours."""
    by_distance = _by_distance(estimator)
    targets = targets_of(estimator)
    if targets.dtype == np.float32 and not by_distance:
        raise Unsupported("means of targets of float32")
    found = nearest(estimator, x, importer, estimator.n_neighbors)
    values = floats(targets)
    means = NeighborMeans((found,), values.reshape(len(values), -1), by_distance)
    return {"predict": Output(means, ndim=values.ndim)}


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
    }


def _by_distance(estimator: Any) -> bool:
    """Whether nearer neighbours count more."""
    if estimator.weights not in ("uniform", "distance", None):
        raise Unsupported(f"weights={estimator.weights!r:.40}")
    return bool(estimator.weights == "distance")
