"""Adapters of `sklearn.svm`: linear models, and machines of libsvm, which compare rows with support vectors."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import floats
from pretzel.oven.frontends.sklearn._pairwise import compared, given_kernels, is_given, kernel_of
from pretzel.oven.frontends.sklearn.compat.kernel_machines import (
    libsvm_gamma,
    libsvm_is_sparse,
    libsvm_parts,
    libsvm_sigmoids,
)
from pretzel.oven.frontends.sklearn.linear_model import classifier, regressor, scores, with_probabilities
from pretzel.oven.ir.class_pairs import PairCoupling, PairDecisions, PairVotes
from pretzel.oven.ir.columns import is_sparse
from pretzel.oven.ir.graph import Output
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.link import ArgMax, Threshold
from pretzel.oven.ir.scale import MulAdd
from pretzel.oven.ir.unary_function import UnaryFunction
from pretzel.oven.ir.voting import PairWinners

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array, Methods, Node


@adapter("sklearn.svm.LinearSVC")
def linear_svc(estimator: Any, x: Node, importer: Importer) -> Methods:
    """LibLinear leaves out classes whose rows have no weight; what it makes are the scores of the first classes."""
    return classifier(estimator, scores(estimator, x, importer), leaves_out=True)


@adapter("sklearn.svm.LinearSVR")
def linear_svr(estimator: Any, x: Node, importer: Importer) -> Methods:
    return regressor(estimator, x, importer)


@adapter("sklearn.svm.SVR", "sklearn.svm.NuSVR")
def svr(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Kernels of the support vectors times dual coefficients."""
    return {"predict": Output(_values(estimator, x, importer), ndim=1)}


@adapter("sklearn.svm.OneClassSVM")
def one_class_svm(estimator: Any, x: Node, importer: Importer) -> Methods:
    """As a regression; what lies above zero is no outlier."""
    raw = _values(estimator, x, importer)
    offset = floats(np.atleast_1d(estimator.offset_))
    return {
        "predict": Output(Threshold((raw,)), ndim=1, labels=(np.array([-1, 1]),)),
        "decision_function": Output(raw, ndim=1),
        "score_samples": Output(MulAdd((raw,), np.ones(1), offset), ndim=1),
    }


@adapter("sklearn.svm.SVC", "sklearn.svm.NuSVC")
def svc(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Votes of all pairs of classes; probabilities are coupled from those of pairs."""
    classes = (np.asarray(estimator.classes_),)
    known = len(classes[0])
    if libsvm_parts(estimator)[0].shape[0] + 1 < known:
        raise Unsupported("a class whose rows have no weight: libsvm leaves it out, and numbers the others anew")
    raw = _values(estimator, x, importer) if known == 2 else _pairs(estimator, x, importer)
    pairs = known * (known - 1) // 2
    if raw.schema().width != pairs:
        raise ValueError(f"classes_ holds {known} labels, and there are {raw.schema().width} scores")
    negative = UnaryFunction((raw,), "negative")
    by_class = estimator.decision_function_shape == "ovr" and known > 2
    decision: Node = negative if known == 2 else raw
    if by_class:
        decision = PairWinners((Threshold((negative,)), negative), known)
    methods = {"decision_function": Output(decision, ndim=1 if known == 2 else 2)}
    if not estimator.break_ties or (estimator.decision_function_shape == "ovr" and known == 2):
        methods["predict"] = Output(PairVotes((raw,), known), ndim=1, labels=classes)
    elif by_class:
        methods["predict"] = Output(ArgMax((decision,)), ndim=1, labels=classes)
    slopes, intercepts = map(floats, libsvm_sigmoids(estimator))
    if not slopes.size or not intercepts.size:
        return methods
    return with_probabilities(methods, PairCoupling((raw,), known, slopes, intercepts))


def _values(estimator: Any, x: Node, importer: Importer) -> Node:
    """The one decision of a machine, with libsvm's sign: positive for the first of two classes."""
    dual, intercept, _ = _parts(estimator)
    if len(dual) != 1 or len(intercept) != 1:
        raise ValueError(f"one row of dual coefficients is expected, and there are {len(dual)}")
    if not is_given(estimator.kernel) and kernel_of(estimator.kernel) == "dot":
        weights = np.asarray(dual @ estimator.support_vectors_)
        return Linear((_numbers(estimator, x, importer),), np.ascontiguousarray(weights.T), intercept)
    return Linear((_kernels(estimator, x, importer),), np.ascontiguousarray(dual.T), intercept)


def _pairs(estimator: Any, x: Node, importer: Importer) -> Node:
    """A decision for each pair of three classes or more."""
    dual, intercept, support = _parts(estimator)
    starts = np.concatenate([[0], np.cumsum(support)]).astype(np.int32)
    if is_given(estimator.kernel) or kernel_of(estimator.kernel) != "dot":
        return PairDecisions((_kernels(estimator, x, importer),), dual, starts, intercept)
    vectors = estimator.support_vectors_
    classes = [slice(first, last) for first, last in pairwise(starts)]
    weights = [
        np.asarray(dual[j - 1, classes[i]] @ vectors[classes[i]] + dual[i, classes[j]] @ vectors[classes[j]])
        for i, j in zip(*np.triu_indices(len(classes), 1), strict=True)
    ]
    return Linear((_numbers(estimator, x, importer),), np.ascontiguousarray(np.stack(weights, axis=1)), intercept)


def _parts(estimator: Any) -> tuple[Array, Array, Array]:
    """Dual coefficients, intercepts and numbers of support vectors of a machine that is complete."""
    given = is_given(estimator.kernel)
    if not given:
        kernel_of(estimator.kernel)  # of others there are no support vectors
    dual, intercept, support = libsvm_parts(estimator)
    count = len(estimator.support_) if given else estimator.support_vectors_.shape[0]
    if not count:
        raise Unsupported("it has no support vectors")
    if {int(support.sum()), dual.shape[1], len(estimator.support_)} != {count}:
        raise ValueError(f"there are {count} support vectors, and n_support_ is {support}")
    return floats(dual), floats(intercept), support


def _numbers(estimator: Any, x: Node, importer: Importer) -> Node:
    if is_sparse(x) and not libsvm_is_sparse(estimator):
        raise Unsupported("sparse rows for a machine that was fitted on dense ones")
    return importer.finite(importer.numeric(x), estimator)


def _kernels(estimator: Any, x: Node, importer: Importer) -> Node:
    """The kernel of each support vector."""
    numbers = _numbers(estimator, x, importer)
    if is_given(estimator.kernel):
        return given_kernels(numbers, estimator.support_)
    function, gamma = kernel_of(estimator.kernel), libsvm_gamma(estimator)
    return compared(numbers, estimator.support_vectors_, function, gamma, estimator.coef0, estimator.degree)
