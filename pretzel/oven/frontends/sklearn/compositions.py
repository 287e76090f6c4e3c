"""Estimators made of estimators: voting, searches, frozen estimators, transformed targets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter, public_name
from pretzel.oven.frontends.sklearn.preprocessing import numpy_function
from pretzel.oven.ir.columns import Raw
from pretzel.oven.ir.graph import Array, Methods, Node, Output
from pretzel.oven.ir.link import ArgMax
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.ir.scale import MulAdd
from pretzel.oven.ir.voting import Majority, Mean

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer


def _members(estimator: Any, x: Node, importer: Importer, method: str) -> list[Output]:
    names = [name for name, member in estimator.estimators if not (isinstance(member, str) and member == "drop")]
    outputs = []
    for name, member in zip(names, estimator.estimators_, strict=True):
        output = importer.methods(member, x, only=(method,), name=name).get(method)
        if output is None or isinstance(output.node, Opaque) or output.list_of is not None:
            raise Unsupported(f"{type(member).__name__}.{method} has no native form")
        outputs.append(output)
    return outputs


def _weights(estimator: Any) -> Array | None:
    weights = estimator._weights_not_none
    return None if weights is None else np.asarray(weights, dtype=np.float64)


@adapter("sklearn.ensemble.VotingRegressor")
def voting_regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    """``transform`` shows what is averaged."""
    members = _members(estimator, x, importer, "predict")
    if any(output.ndim != 1 or output.labels is not None for output in members):
        raise Unsupported("a member of VotingRegressor that predicts no vector of numbers")
    nodes = tuple(output.node for output in members)
    weights = _weights(estimator)
    mean = Mean(nodes, np.empty(0) if weights is None else weights)
    return {"predict": Output(mean, ndim=1), "transform": Output(importer.concat(list(nodes)))}


@adapter("sklearn.ensemble.VotingClassifier")
def voting_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Members predict positions in ``classes_``, whatever their own labels are called."""
    if estimator.voting not in ("hard", "soft"):
        raise Unsupported(f"voting={estimator.voting!r}")
    classes = np.asarray(estimator.classes_)
    return (_hard if estimator.voting == "hard" else _soft)(estimator, x, importer, classes)


def _hard(estimator: Any, x: Node, importer: Importer, classes: Array) -> Methods:
    members = _members(estimator, x, importer, "predict")
    positions = np.arange(len(classes))
    for output in members:
        labels = output.labels or ()
        if len(labels) != 1 or not np.array_equal(labels[0], positions):
            raise Unsupported("a member of VotingClassifier that does not know all classes")
    nodes = tuple(output.node for output in members)
    weights = _weights(estimator)
    if weights is not None and (weights < 0.0).any():
        raise Unsupported("negative weights: scikit-learn's counts end with the largest class that has a vote")
    winner = Majority(nodes, len(classes), np.ones(len(nodes)) if weights is None else weights)
    return {
        "predict": Output(winner, ndim=1, labels=(classes,)),
        "transform": Output(importer.concat(list(nodes)), labels=(positions,) * len(nodes)),
    }


def _soft(estimator: Any, x: Node, importer: Importer, classes: Array) -> Methods:
    nodes = tuple(output.node for output in _members(estimator, x, importer, "predict_proba"))
    if any(node.schema().width != len(classes) for node in nodes):
        raise Unsupported("a member of VotingClassifier that does not know all classes")
    weights = _weights(estimator)
    mean = Mean(nodes, np.empty(0) if weights is None else weights)
    methods = {"predict": Output(ArgMax((mean,)), ndim=1, labels=(classes,)), "predict_proba": Output(mean)}
    if estimator.flatten_transform:
        methods["transform"] = Output(importer.concat(list(nodes)))
    return methods


@adapter(
    "sklearn.model_selection.GridSearchCV",
    "sklearn.model_selection.HalvingGridSearchCV",
    "sklearn.model_selection.HalvingRandomSearchCV",
    "sklearn.model_selection.RandomizedSearchCV",
)
def search(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The methods of ``best_estimator_``."""
    if not hasattr(estimator, "best_estimator_"):
        raise Unsupported("refit=False leaves no best estimator")
    return importer.methods(estimator.best_estimator_, x)


@adapter("sklearn.frozen.FrozenEstimator")
def frozen_estimator(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The methods of ``estimator``."""
    return importer.methods(estimator.estimator, x)


@adapter("sklearn.compose.TransformedTargetRegressor")
def transformed_target(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The regressor's prediction through the inverse of what its target went through."""
    output = importer.methods(estimator.regressor_, x, only=("predict",))["predict"]
    if isinstance(output.node, Opaque | Raw) or output.labels is not None or output.list_of is not None:
        raise Unsupported(f"{type(estimator.regressor_).__name__}.predict has no native form")
    node = _inverse(estimator.transformer_, output.node, importer)
    return {"predict": Output(node, ndim=1 if estimator._training_dim == 1 and node.schema().width == 1 else 2)}


def _inverse(transformer: Any, x: Node, importer: Importer) -> Node:
    name = public_name(type(transformer))
    if name == "sklearn.preprocessing.FunctionTransformer" and not transformer.inv_kw_args:
        checked = importer.finite(x, transformer) if transformer.validate else x
        return numpy_function(transformer.inverse_func, checked)
    if name == "sklearn.preprocessing.StandardScaler":
        width = x.schema().width
        scale = np.asarray(transformer.scale_, dtype=np.float64) if transformer.with_std else np.ones(width)
        mean = np.asarray(transformer.mean_, dtype=np.float64) if transformer.with_mean else np.zeros(width)
        return MulAdd((importer.finite(x, transformer, allow_nan=True),), scale, mean)
    raise Unsupported(f"the inverse of {type(transformer).__name__}")
