"""Adapters of `sklearn.calibration`: classifiers behind a curve for each class."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Child, Unsupported, adapter, children, composition, public_name
from pretzel.oven.frontends.sklearn._members import is_always_float32
from pretzel.oven.frontends.sklearn.isotonic import curves
from pretzel.oven.ir.columns import Place
from pretzel.oven.ir.graph import Array, Methods, Node, Output
from pretzel.oven.ir.link import ArgMax, Expit, Log, NormalizeSum, Pair, Sigmoid, Softmax
from pretzel.oven.ir.scale import MulAdd
from pretzel.oven.ir.voting import Mean

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.oven.frontends.importer import Importer

EPSILON = 1e-12
"""What is added to probabilities before their logarithm is taken."""


@composition("sklearn.calibration.CalibratedClassifierCV")
def classifiers(estimator: Any) -> tuple[Child, ...]:
    """One classifier, or one of each fold, is asked for its scores."""
    found = [each.estimator for each in getattr(estimator, "calibrated_classifiers_", ())]
    return tuple(Child(f"{type(each).__name__}[{i}]", each, _method_of(each)) for i, each in enumerate(found))


def _method_of(classifier: Any) -> str:
    return "decision_function" if hasattr(classifier, "decision_function") else "predict_proba"


@adapter("sklearn.calibration.CalibratedClassifierCV")
def calibrated_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The mean of the calibrated probabilities of all classifiers."""
    classes = np.asarray(estimator.classes_)
    if len(classes) < 2:
        raise Unsupported("one class")
    parts = []
    for child, each in zip(children(estimator), estimator.calibrated_classifiers_, strict=True):
        if not np.array_equal(each.classes, classes):
            raise ValueError("classes_ are not the classes of a calibrated classifier")
        parts.append(_calibrated(each, child, x, importer))
    mean = Mean(tuple(parts), np.empty(0)) if len(parts) > 1 else parts[0]
    return {"predict_proba": Output(mean), "predict": Output(ArgMax((mean,)), ndim=1, labels=(classes,))}


def _calibrated(pair: Any, child: Child, x: Node, importer: Importer) -> Node:
    """Probabilities of all classes by one classifier and its calibrators, in float64 whatever the request has."""
    classes, known = np.asarray(pair.classes), np.asarray(pair.estimator.classes_)
    binary, is_proba = len(known) == 2, child.method == "predict_proba"
    if len(known) < 2:
        raise Unsupported("a classifier that knows one class")
    width = len(known) if is_proba or not binary else 1
    output = importer.answer(child.estimator, child.method or "", x, name=child.name, width=width)
    scores = importer.dense(output.node)
    if output.list_of is not None or scores.schema().width != width:
        raise Unsupported(f"{child.name}.{child.method} returns other scores than one for each class")
    if is_proba and binary:
        scores = importer.select(scores, (1,))
    if pair.method == "temperature":
        return _at_temperature(pair, scores, importer, is_proba=is_proba)
    if pair.method not in ("sigmoid", "isotonic"):
        raise Unsupported(f"method={pair.method!r}")
    positions = np.searchsorted(classes, known)
    if not np.array_equal(classes[np.minimum(positions, len(classes) - 1)], known):
        raise ValueError("the classifier has classes that the calibrated one has not")
    # Of a classifier of two classes among more, the score of the second calibrates the first.
    count = min(scores.schema().width, len(pair.calibrators))
    if count < scores.schema().width:
        raise ValueError(f"{count} calibrators of {scores.schema().width} scores")
    if pair.method == "sigmoid":
        logits = _logits(pair.calibrators, scores)
        if len(classes) == 2:
            return Sigmoid((logits,))
        found: Node = Expit((logits,))
    else:
        found = _curves(pair.calibrators, scores, importer)
    if len(classes) == 2:
        return Pair((found,))
    return NormalizeSum((_spread(found, positions[:count], len(classes)),))


def _logits(calibrators: Sequence[Any], scores: Node) -> Node:
    """``-(a * score + b)`` of each column; NumPy's numbers make float64 of float32."""
    pairs = [(each.a_, each.b_) for each in calibrators]
    if any(not isinstance(number, np.float64) for pair in pairs for number in pair):
        raise Unsupported("a calibrator whose numbers are not of NumPy's float64")
    slope, intercept = np.array(pairs).T
    return MulAdd((scores,), -slope, -intercept, wide=True)


def _curves(calibrators: Sequence[Any], scores: Node, importer: Importer) -> Node:
    """Isotonic regressions of all columns; rounding may bring them beyond 1."""
    if any(public_name(type(each)) != "sklearn.isotonic.IsotonicRegression" for each in calibrators):
        raise Unsupported(f"calibrators of type {type(calibrators[0]).__name__}")
    if any((each.y_thresholds_ < 0.0).any() or (each.y_thresholds_ > 1.0).any() for each in calibrators):
        raise ValueError("y_thresholds_ of a calibrator are no probabilities")
    return curves(calibrators, scores, importer, dtype="float64", high=1.0)


def _spread(values: Node, positions: Array, width: int) -> Node:
    """Values as the columns at these positions, and zeros as all others."""
    if np.array_equal(positions, np.arange(width)):
        return values
    return Place((values,), tuple(int(each) for each in positions), width)


def _at_temperature(pair: Any, scores: Node, importer: Importer, *, is_proba: bool) -> Node:
    """The softmax of scores, or of logarithms of probabilities, times the inverse of the temperature.

    scikit-learn takes scores that look like probabilities, in all rows of a request, for such.
    """
    (calibrator,) = pair.calibrators
    beta = calibrator.beta_
    if is_always_float32(scores) and (is_proba or beta.dtype == np.float32):
        raise Unsupported("logarithms and exponentials of float32, whose bits depend on the processor")
    if beta.dtype == np.float32:
        importer.exclude(scores, ["float32"], "a temperature in float32")
    scores = importer.finite(scores, calibrator)
    if is_proba:
        scores = Pair((scores,)) if scores.schema().width == 1 else scores
        width = scores.schema().width
        scores = Log((MulAdd((scores,), np.ones(width), np.full(width, EPSILON)),))
    elif scores.schema().width == 1:
        scores = importer.concat([MulAdd((scores,), np.array([-1.0]), np.zeros(1)), scores])
    width = scores.schema().width
    if width != len(pair.classes):
        raise Unsupported("a classifier that does not know all classes")
    return Softmax((MulAdd((scores,), np.full(width, float(beta)), np.zeros(width), wide=True),))
