"""Adapters of stacking in `sklearn.ensemble`: an estimator that reads what others answer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import TRANSFORM, Child, Unsupported, adapter, children, composition
from pretzel.oven.frontends.sklearn._members import called
from pretzel.oven.frontends.sklearn.compat.compositions import stacked_widths
from pretzel.oven.frontends.sklearn.compat.ensembles import decoded_classes
from pretzel.oven.ir.encode import REJECT_UNKNOWN, category_codes
from pretzel.oven.ir.graph import Array, Methods, Node, Output
from pretzel.schema import fixed

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer

FINAL = "final_estimator"


@composition("sklearn.ensemble.StackingClassifier", "sklearn.ensemble.StackingRegressor")
def members(ensemble: Any) -> tuple[Child, ...]:
    """All members that were not dropped are given the same; the final estimator reads what ``transform`` makes."""
    if not hasattr(ensemble, "final_estimator_"):
        return ()
    names = [name for name, member in ensemble.estimators if not (isinstance(member, str) and member == "drop")]
    given = [
        Child(name, member, method)
        for name, member, method in zip(names, ensemble.estimators_, ensemble.stack_method_, strict=True)
    ]
    return (*given, Child(FINAL, ensemble.final_estimator_, "predict", TRANSFORM))


@adapter("sklearn.ensemble.StackingRegressor")
def stacking_regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The final estimator answers as it does alone."""
    stacked = _stacked(estimator, x, importer)
    found = importer.methods(estimator.final_estimator_, stacked, only=("predict",), name=FINAL)
    return {**found, "transform": Output(stacked)}


@adapter("sklearn.ensemble.StackingClassifier")
def stacking_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The final estimator knows classes by their positions; with several labels, each has its own positions."""
    stacked = _stacked(estimator, x, importer)
    several = isinstance(estimator.classes_, list)
    classes = decoded_classes(estimator)
    others = ("predict_proba", "decision_function")
    found = dict(importer.methods(estimator.final_estimator_, stacked, only=others, name=FINAL))
    if several and "predict_proba" in found:
        proba = found.pop("predict_proba")
        if proba.list_of is not None:  # of each label the probability of its first class
            firsts = np.cumsum([0, *proba.list_of[:-1]]).tolist()
            found["predict_proba"] = Output(importer.select(proba.node, tuple(firsts)))
    winner = importer.answer(estimator.final_estimator_, "predict", stacked, name=FINAL)
    if winner.labels is None or len(winner.labels) != len(classes):
        raise Unsupported(f"{type(estimator.final_estimator_).__name__} predicts no position of a class")
    labels = tuple(each[np.asarray(known)] for each, known in zip(classes, winner.labels, strict=True))
    found["predict"] = Output(winner.node, ndim=2 if several else 1, labels=labels)
    return {**found, "transform": Output(stacked)}


def _stacked(estimator: Any, x: Node, importer: Importer) -> Node:
    """What ``transform`` makes: the answers of all members, and the request behind them where it is passed through."""
    binary = len(getattr(estimator, "classes_", ())) == 2
    parts = []
    given = [child for child in children(estimator) if child.name != FINAL]
    for child, width in zip(given, stacked_widths(estimator), strict=True):
        proba = child.method == "predict_proba"
        part = _answer(child, x, importer, width + int(proba and binary))
        parts.append(_without_first(part, importer, drop=proba and binary))
        if parts[-1].schema().width != width:
            raise Unsupported(f"{child.name}.{child.method} returns another number of columns than when it was fitted")
    if estimator.passthrough:
        parts.append(importer.numeric(x))
    return importer.concat(parts)


def _answer(child: Child, x: Node, importer: Importer, width: int) -> Output:
    """The answer of a member as numbers: labels are themselves, not their positions."""
    output = importer.answer(child.estimator, child.method or "", x, name=child.name, width=width)
    if called(output.node) is not None and isinstance(getattr(child.estimator, "classes_", None), list):
        raise Unsupported(f"{child.name}.{child.method} of several labels has no native form")
    if output.labels is None:
        return output
    types = {np.asarray(labels).dtype for labels in output.labels}
    if len(types) > 1 or any(dtype.kind not in "iufb" for dtype in types):
        raise Unsupported(f"labels of {child.name} that are no numbers of one type")
    (dtype,) = types
    return Output(_labels(output.node, [np.asarray(each) for each in output.labels], dtype.name, importer), output.ndim)


def _labels(positions: Node, labels: list[Array], dtype: str, importer: Importer) -> Node:
    """The labels at these positions."""
    same = all(np.array_equal(each, np.arange(len(each))) for each in labels)
    if same and positions.schema().dtype == fixed(dtype):
        return positions
    known = [list(map(float, range(len(each)))) for each in labels]
    codes = [each.astype(np.float64).tolist() for each in labels]
    return importer.note(
        category_codes(positions, known, codes, [0.0] * len(labels), reject=REJECT_UNKNOWN, dtype=dtype)
    )


def _without_first(output: Output, importer: Importer, *, drop: bool) -> Node:
    """The columns of an answer, without the first of each block of probabilities that add up to 1."""
    node = importer.dense(output.node)
    if output.list_of is not None:
        starts = np.cumsum([0, *output.list_of[:-1]])
        kept = [at for start, n in zip(starts, output.list_of, strict=True) for at in range(start + 1, start + n)]
        return importer.select(node, tuple(map(int, kept)))
    if output.ndim == 1 or not drop:
        return node
    return importer.select(node, tuple(range(1, node.schema().width)))
