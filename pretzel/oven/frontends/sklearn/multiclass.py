"""Adapters of `sklearn.multiclass`: one classifier for each class, for each pair of classes, for each bit of a code."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Child, Unsupported, adapter, children, composition
from pretzel.oven.frontends.sklearn._common import floats
from pretzel.oven.frontends.sklearn._members import (
    answer,
    answers,
    is_bare,
    is_constant_predictor,
    is_regressor,
    threshold_of_scores,
    vector,
)
from pretzel.oven.frontends.sklearn.compat.ensembles import first_of_equals_wins, zero_probabilities_stay
from pretzel.oven.ir.cluster import NearestCenter
from pretzel.oven.ir.columns import Constant
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.link import ArgMax, NormalizeNonzeroSum, NormalizeSum, Pair, Threshold
from pretzel.oven.ir.voting import PairWinners

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array


@composition("sklearn.multiclass.OneVsRestClassifier", "sklearn.multiclass.OutputCodeClassifier")
def members(estimator: Any) -> tuple[Child, ...]:
    """All members are given the same, but those that answer the same for all rows."""
    return tuple(
        Child(str(number), member, score_of(member))
        for number, member in enumerate(estimator.estimators_)
        if not is_constant_predictor(member)
    )


@composition("sklearn.multiclass.OneVsOneClassifier")
def pairs(estimator: Any) -> tuple[Child, ...]:
    """Members are given an array, or columns of a matrix of kernels."""
    columns = estimator.pairwise_indices_ or [None] * len(estimator.estimators_)
    return tuple(
        Child(str(number), member, "predict", columns=None if given is None else tuple(map(int, given)))
        for number, (member, given) in enumerate(zip(estimator.estimators_, columns, strict=True))
    )


def score_of(member: Any) -> str:
    """The method whose result is taken for the score of a binary member."""
    if is_regressor(member):
        return "predict"
    return "decision_function" if hasattr(member, "decision_function") else "predict_proba"


def _scores(estimator: Any, x: Node, importer: Importer, method: str | None = None) -> list[Node]:
    """One score of each member, in their order; probabilities are those of the second class."""
    found = {}
    for child in children(estimator):
        asked = method or score_of(child.estimator)
        found[child.name] = score(child, asked, x, importer)
    if not found or all(is_bare(node) for node in found.values()):
        raise Unsupported("no member has a native form")
    some = next(iter(found.values()))
    return [
        found[str(number)] if str(number) in found else _constant(member, method or "decision_function", some)
        for number, member in enumerate(estimator.estimators_)
    ]


def score(child: Child, method: str, x: Node, importer: Importer) -> Node:
    """The score of a binary member."""
    if method != "predict_proba":
        return vector(child, x, importer, method)
    node = importer.dense(answer(child, x, importer, 2, method).node)
    if node.schema().width != 2:
        raise Unsupported("a member that has not two probabilities")
    return importer.select(node, (1,))


def _constant(member: Any, method: str, rows: Node) -> Node:
    """The answer of a member whose class was, or was not, that of all rows."""
    dtype = "float64" if method == "predict_proba" else str(member.y_.dtype)
    return Constant((rows,), floats(member.y_), dtype)


# -- one versus the rest ---------------------------------------------------------------------------------------------


@adapter("sklearn.multiclass.OneVsRestClassifier")
def one_versus_rest(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The class with the largest score; with several labels, all whose scores exceed the threshold."""
    binarizer = estimator.label_binarizer_
    sparse = binarizer.sparse_input_  # and so are the answers
    if sparse and binarizer.y_type_ != "multilabel-indicator":
        raise Unsupported("targets that were sparse")
    classes = np.asarray(estimator.classes_)
    scores = _scores(estimator, x, importer)
    known = len(scores) == 1 if binarizer.y_type_ == "binary" else len(scores) == len(classes)
    if not known:
        raise ValueError(f"classes_ holds {len(classes)} labels, and there are {len(scores)} estimators_")
    methods = {} if sparse else {"predict": _predict(estimator, scores, classes, importer)}
    if all(hasattr(child.estimator, "predict_proba") for child in children(estimator)):
        methods["predict_proba"] = Output(_probabilities(estimator, x, importer))
    if all(hasattr(child.estimator, "decision_function") for child in children(estimator)):
        decisions = _scores(estimator, x, importer, "decision_function")
        together = importer.concat(decisions)
        methods["decision_function"] = Output(together, ndim=1 if len(decisions) == 1 else 2)
    return methods


def _predict(estimator: Any, scores: list[Node], classes: Array, importer: Importer) -> Output:
    kind = estimator.label_binarizer_.y_type_
    if kind == "multiclass":
        return best(scores, classes, importer)
    chosen = Threshold((importer.concat(scores),), threshold_of_scores(estimator.estimators_[0]))
    if kind == "binary":
        return Output(chosen, ndim=1, labels=(classes,))
    if kind != "multilabel-indicator":
        raise Unsupported(f"{kind} targets")
    return Output(chosen, labels=(np.array([0, 1]),) * len(scores))


def best(scores: list[Node], classes: Array, importer: Importer) -> Output:
    """The class with the largest score."""
    if not first_of_equals_wins():
        scores, classes = scores[::-1], classes[::-1].copy()
    return Output(ArgMax((importer.concat(scores),)), ndim=1, labels=(classes,))


def _probabilities(estimator: Any, x: Node, importer: Importer) -> Node:
    """The probabilities of the members, scaled to the sum 1 where a row has one class."""
    together = importer.concat(_scores(estimator, x, importer, "predict_proba"))
    if len(estimator.estimators_) == 1:
        together = Pair((together,))
    if estimator.multilabel_:
        return together
    return normalized(together)


def normalized(probabilities: Node) -> Node:
    """Probabilities of classes each against the rest, divided by their sum."""
    if zero_probabilities_stay():
        return NormalizeNonzeroSum((probabilities,))
    return NormalizeSum((probabilities,), uniform=False)


# -- one versus one --------------------------------------------------------------------------------------------------


@adapter("sklearn.multiclass.OneVsOneClassifier")
def one_versus_one(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Votes of all pairs; confidences decide between classes with equally many."""
    classes = np.asarray(estimator.classes_)
    if len(children(estimator)) != len(classes) * (len(classes) - 1) // 2:
        raise ValueError(f"classes_ holds {len(classes)} labels, and there are {len(children(estimator))} estimators_")
    x = importer.numeric(x)
    said = [_said(output, importer) for output in answers(estimator, x, importer, 1)]
    confidences = [score(child, score_of(child.estimator), x, importer) for child in children(estimator)]
    votes = PairWinners((importer.concat(said), importer.concat(confidences)), len(classes))
    if len(classes) > 2:
        return {
            "decision_function": Output(votes),
            "predict": Output(ArgMax((votes,)), ndim=1, labels=(classes,)),
        }
    second = importer.select(votes, (1,))
    above = Threshold((second,), threshold_of_scores(estimator.estimators_[0]))
    return {"decision_function": Output(second, ndim=1), "predict": Output(above, ndim=1, labels=(classes,))}


def _said(output: Output, importer: Importer) -> Node:
    """What a member predicts, where its classes are 0 and 1; a regressor predicts any number."""
    if output.labels is not None and [labels.tolist() for labels in output.labels] != [[0, 1]]:
        raise Unsupported("a member of OneVsOneClassifier whose classes are not 0 and 1")
    return importer.dense(output.node)


# -- output codes ----------------------------------------------------------------------------------------------------


@adapter("sklearn.multiclass.OutputCodeClassifier")
def output_code(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The class with the nearest code, the first of equals."""
    codes, classes = floats(estimator.code_book_), np.asarray(estimator.classes_)
    if codes.shape != (len(classes), len(estimator.estimators_)):
        raise ValueError(f"code_book_ has the shape {codes.shape}")
    scores = importer.concat(_scores(estimator, x, importer))
    nearest = NearestCenter((scores,), codes, np.empty(0))
    return {"predict": Output(nearest, ndim=1, labels=(classes,))}
