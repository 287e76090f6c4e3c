"""Voting ensembles: means of probabilities or predictions, and majorities."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pretzel.oven.graph import Array, Methods, Node, Output, Parity, Value
from pretzel.oven.ops.link import ArgMax
from pretzel.oven.ops.opaque import Opaque
from pretzel.oven.registry import Unsupported, from_sklearn
from pretzel.schema import Schema, dense

if TYPE_CHECKING:
    from pretzel.oven.importer import Importer


class Mean(Node):
    """Mean of dense values of one width, weighted where ``weights`` has one number for each; it may be empty."""

    weights: Array

    kernel: ClassVar[str] = "mean"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        (width,) = {node.schema().width for node in self.inputs}
        return dense(width)

    def params(self) -> tuple[Array, ...]:
        return (self.weights,)

    def reference(self, *inputs: Value) -> Value:
        return np.average(np.stack(inputs), axis=0, weights=self.weights if self.weights.size else None)

    def describe(self) -> str:
        return f"{len(self.inputs)} {'weighted ' if self.weights.size else ''}values"


class Majority(Node):
    """The class index with the largest sum of weights among the votes of all inputs, the smallest of equals.

    Parameters
    ----------
    classes : int
        Votes are 0 .. ``classes - 1``.
    weights : float64 array of shape (len(inputs),)
    """

    classes: int
    weights: Array

    kernel: ClassVar[str] = "majority"

    def schema(self) -> Schema:
        return dense(1, integral=True)

    def params(self) -> tuple[Array, ...]:
        return (np.array(self.classes, dtype=np.int32), self.weights)

    def reference(self, *inputs: Value) -> Value:
        counts = np.zeros((inputs[0].shape[0], self.classes))
        for votes, weight in zip(inputs, self.weights, strict=True):
            counts[np.arange(len(counts)), votes[:, 0].astype(int)] += weight
        return np.argmax(counts, axis=1)[:, None].astype(np.float64)

    def describe(self) -> str:
        return f"{len(self.inputs)} votes, {self.classes} classes"


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


@from_sklearn("sklearn.ensemble.VotingRegressor")
def voting_regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    """``transform`` shows what is averaged."""
    members = _members(estimator, x, importer, "predict")
    if any(output.ndim != 1 or output.labels is not None for output in members):
        raise Unsupported("a member of VotingRegressor that predicts no vector of numbers")
    nodes = tuple(output.node for output in members)
    weights = _weights(estimator)
    mean = Mean(nodes, np.empty(0) if weights is None else weights)
    return {"predict": Output(mean, ndim=1), "transform": Output(importer.concat(list(nodes)))}


@from_sklearn("sklearn.ensemble.VotingClassifier")
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
