"""Adapters of `sklearn.naive_bayes`.

The joint log likelihood of counts is a linear model, that of normal deviates a sum of weighted squares.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import above, dense_only, finite_floats, floats, is_on
from pretzel.oven.frontends.value_reader import DENSE_WIDTH
from pretzel.oven.ir.columns import is_sparse
from pretzel.oven.ir.embedding_sum import EmbeddingSum
from pretzel.oven.ir.encode import WholeCodes
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.link import ArgMax, Exp, LogSoftmax
from pretzel.oven.ir.quadratic import WeightedSquares
from pretzel.oven.ir.scale import MulAdd

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array


@adapter("sklearn.naive_bayes.MultinomialNB")
def multinomial_nb(estimator: Any, x: Node, importer: Importer) -> Methods:
    return _of_likelihood(estimator, x, importer, _finite_prior(estimator))


@adapter("sklearn.naive_bayes.ComplementNB")
def complement_nb(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The prior counts only where there is a single class; ``norm`` is part of the weights."""
    prior = _finite_prior(estimator)
    return _of_likelihood(estimator, x, importer, prior if len(prior) == 1 else np.zeros(len(prior)))


@adapter("sklearn.naive_bayes.BernoulliNB")
def bernoulli_nb(estimator: Any, x: Node, importer: Importer) -> Methods:
    """A column that is on adds its log probability, one that is off that of its complement.

    A single estimator is given narrow sparse rows in dense form; here, one inside of a composition makes that of them.
    """
    checked = importer.finite(importer.numeric(x), estimator)
    if estimator.binarize is not None:
        if is_sparse(checked) and checked.schema().width <= DENSE_WIDTH and not is_on(checked, estimator.binarize):
            checked = importer.dense(checked)
        checked = above(checked, estimator.binarize, estimator)
    on = floats(estimator.feature_log_prob_)
    off = np.log(1.0 - np.exp(on))
    prior = _finite_prior(estimator) + off.sum(axis=1)
    return _methods(estimator, Linear((checked,), np.ascontiguousarray((on - off).T), prior))


@adapter("sklearn.naive_bayes.CategoricalNB")
def categorical_nb(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Each column holds the number of a category, and adds the entry of that category in the table of the column."""
    dense_only(x, estimator)
    checked = importer.finite(importer.dense(x), estimator)
    importer.exclude(checked, ["object"], "texts of whole numbers")
    tables = [finite_floats(each).T for each in estimator.feature_log_prob_]
    counts = np.array([len(each) for each in tables], dtype=np.int32)
    codes = importer.note(WholeCodes((checked,), counts))
    offsets = np.cumsum([0, *counts]).astype(np.int32)
    likelihood = EmbeddingSum((codes,), np.ascontiguousarray(np.concatenate(tables)), offsets, _finite_prior(estimator))
    return _methods(estimator, likelihood)


@adapter("sklearn.naive_bayes.GaussianNB")
def gaussian_nb(estimator: Any, x: Node, importer: Importer) -> Methods:
    """``log(prior) - (log(2 pi var) + (x - theta)^2 / var) / 2``, summed over the columns."""
    dense_only(x, estimator)
    checked = importer.finite(importer.dense(x), estimator)
    if np.asarray(estimator.var_).dtype == np.float32:
        raise Unsupported("variances in float32, of which the source makes logarithms in float32")
    theta, variances = finite_floats(estimator.theta_), floats(estimator.var_)
    weights = finite_floats(1.0 / variances)
    squares = WeightedSquares((checked,), theta, weights)
    with np.errstate(divide="ignore"):
        offset = np.log(floats(estimator.class_prior_)) - 0.5 * np.log(2.0 * np.pi * variances).sum(axis=1)
    return _methods(estimator, MulAdd((squares,), np.full(len(theta), -0.5), offset))


def _of_likelihood(estimator: Any, x: Node, importer: Importer, prior: Array) -> Methods:
    """``X @ feature_log_prob_.T`` and the prior."""
    checked = importer.finite(importer.numeric(x), estimator)
    return _methods(estimator, Linear((checked,), floats(estimator.feature_log_prob_.T), prior))


def _methods(estimator: Any, likelihood: Node) -> Methods:
    """Probabilities and labels of a joint log likelihood."""
    log_proba = LogSoftmax((likelihood,))
    return {
        "predict": Output(ArgMax((likelihood,)), ndim=1, labels=(np.asarray(estimator.classes_),)),
        "predict_proba": Output(Exp((log_proba,))),
        "predict_log_proba": Output(log_proba),
        "predict_joint_log_proba": Output(likelihood),
    }


def _finite_prior(estimator: Any) -> Array:
    prior = floats(estimator.class_log_prior_)
    if not (prior < np.inf).all():
        raise Unsupported("class_log_prior_ that is infinite or no number")
    return prior
