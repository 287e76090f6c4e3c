"""Adapters of `sklearn.ensemble`: AdaBoost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Child, Unsupported, adapter, composition
from pretzel.oven.frontends.sklearn._common import floats
from pretzel.oven.frontends.sklearn._members import answers, checked_array, positions
from pretzel.oven.frontends.sklearn.compat.ensembles import boosts_probabilities
from pretzel.oven.ir.graph import Array, Methods, Node, Output
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.link import ArgMax, Log, Softmax, Threshold
from pretzel.oven.ir.scale import MulAdd, SubDiv
from pretzel.oven.ir.voting import Mean, Votes, WeightedMedian

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer


@composition("sklearn.ensemble.AdaBoostClassifier", "sklearn.ensemble.AdaBoostRegressor")
def members(ensemble: Any) -> tuple[Child, ...]:
    """All members are given the same."""
    method = "predict_proba" if boosts_probabilities(ensemble) else "predict"
    return tuple(Child(str(number), member, method) for number, member in enumerate(ensemble.estimators_))


@adapter("sklearn.ensemble.AdaBoostRegressor")
def ada_boost_regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The weighted median of what the members predict."""
    found = answers(estimator, checked_array(estimator, x, importer), importer, 1)
    if any(output.ndim != 1 or output.labels is not None for output in found):
        raise Unsupported("a member of AdaBoostRegressor that predicts no vector of numbers")
    together = importer.concat([output.node for output in found])
    return {"predict": Output(WeightedMedian((together,), _weights(estimator)), ndim=1)}


def _weights(estimator: Any) -> Array:
    """Weights of the members; boosting may have ended before it had as many as were asked for."""
    return floats(estimator.estimator_weights_)[: len(estimator.estimators_)]


@adapter("sklearn.ensemble.AdaBoostClassifier")
def ada_boost_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Sums over the members for each class; for two classes the second minus the first."""
    classes = np.asarray(estimator.classes_)
    if len(classes) != estimator.n_classes_:
        raise ValueError(f"n_classes_ is {estimator.n_classes_}, and classes_ holds {len(classes)}")
    if len(classes) == 1:
        raise Unsupported("a single class")
    x = checked_array(estimator, x, importer)
    sums = (_of_probabilities if boosts_probabilities(estimator) else _of_votes)(estimator, x, importer, classes)
    if len(classes) == 2:
        score: Node = Linear((sums,), np.array([[-1.0], [1.0]]), np.zeros(1))
        proba: Node = Softmax((Linear((score,), np.array([[-0.5, 0.5]]), np.zeros(2)),))
        winner: Node = Threshold((score,))
    else:
        score = sums
        proba = Softmax((_divided(score, len(classes) - 1.0),))
        winner = ArgMax((score,))
    return {
        "predict": Output(winner, ndim=1, labels=(classes,)),
        "decision_function": Output(score, ndim=1 if len(classes) == 2 else 2),
        "predict_proba": Output(proba),
        "predict_log_proba": Output(Log((proba,))),
    }


def _divided(node: Node, divisor: float) -> Node:
    return SubDiv((node,), None, np.full(node.schema().width, divisor))


def _of_votes(estimator: Any, x: Node, importer: Importer, classes: Array) -> Node:
    """A member adds its weight to the class that it votes for, and takes a part of it from all others."""
    found = answers(estimator, x, importer, 1)
    if any(output.labels is None or output.ndim != 1 for output in found):
        raise Unsupported("a member of AdaBoostClassifier that predicts no labels")
    tables = [positions(output.labels[0], classes) for output in found if output.labels is not None]
    offsets = np.cumsum([0, *map(len, tables)], dtype=np.int32)
    weights = _weights(estimator)
    others = -1 / (len(classes) - 1) * weights
    total = float(estimator.estimator_weights_.sum())
    votes = importer.concat([output.node for output in found])
    return Votes((votes,), np.concatenate(tables), offsets, weights, others, len(classes), total)


def _of_probabilities(estimator: Any, x: Node, importer: Importer, classes: Array) -> Node:
    """``SAMME.R``: logarithms of probabilities without their mean, times the number of classes less one."""
    if not (_weights(estimator) == 1.0).all():
        raise Unsupported("SAMME.R with weights other than 1")
    n = len(classes)
    smallest, ones, zeros = float(np.finfo(np.float64).eps), np.ones(n), np.zeros(n)
    centred = (n - 1) * (np.eye(n) - 1.0 / n)
    found = []
    for output in answers(estimator, x, importer, n):
        if output.node.schema().width != n or not output.node.schema().dtype.dtype_for(np.float32) == np.float64:
            raise Unsupported("a member of AdaBoostClassifier that has not a float64 for each class")
        clipped = MulAdd((importer.dense(output.node),), ones, zeros, smallest, np.inf)
        found.append(Linear((Log((clipped,)),), centred, zeros))
    return Mean(tuple(found), np.empty(0))
