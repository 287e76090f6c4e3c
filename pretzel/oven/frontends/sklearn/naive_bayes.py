"""Adapters of `sklearn.naive_bayes`: the joint log likelihood of counts is a linear model."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import floats
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.link import ArgMax, LogSoftmax, Softmax

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array


@adapter("sklearn.naive_bayes.MultinomialNB")
def multinomial_nb(estimator: Any, x: Node, importer: Importer) -> Methods:
    return _of_likelihood(estimator, x, importer, floats(estimator.class_log_prior_))


@adapter("sklearn.naive_bayes.ComplementNB")
def complement_nb(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The prior counts only where there is a single class; ``norm`` is part of the weights."""
    prior = floats(estimator.class_log_prior_)
    return _of_likelihood(estimator, x, importer, prior if len(prior) == 1 else np.zeros(len(prior)))


def _of_likelihood(estimator: Any, x: Node, importer: Importer, prior: Array) -> Methods:
    """``X @ feature_log_prob_.T`` and the prior, turned into probabilities and labels."""
    if not (prior < np.inf).all():
        raise Unsupported("class_log_prior_ that is infinite or no number")
    checked = importer.finite(importer.numeric(x), estimator)
    likelihood = Linear((checked,), floats(estimator.feature_log_prob_.T), prior)
    return {
        "predict": Output(ArgMax((likelihood,)), ndim=1, labels=(np.asarray(estimator.classes_),)),
        "predict_proba": Output(Softmax((likelihood,))),
        "predict_log_proba": Output(LogSoftmax((likelihood,))),
        "predict_joint_log_proba": Output(likelihood),
    }
