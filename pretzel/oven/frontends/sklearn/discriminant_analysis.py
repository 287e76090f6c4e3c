"""Adapters of `sklearn.discriminant_analysis`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import adapter
from pretzel.oven.frontends.sklearn._common import dense_only, finite_floats, floats, product_dtype, without_mean
from pretzel.oven.frontends.sklearn.compat import since
from pretzel.oven.frontends.sklearn.compat.projections import discriminants
from pretzel.oven.frontends.sklearn.linear_model import classifier, scores
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.impute import Impute
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.link import ArgMax, Log, LogSoftmax, Sigmoid, Softmax
from pretzel.oven.ir.normalize import SubtractMax
from pretzel.oven.ir.quadratic import SquaredNorms
from pretzel.oven.ir.scale import MulAdd

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer


@adapter("sklearn.discriminant_analysis.LinearDiscriminantAnalysis")
def linear_discriminant_analysis(estimator: Any, x: Node, importer: Importer) -> Methods:
    """A linear classifier, and the projection that separates its classes."""
    raw = scores(estimator, x, importer)
    proba: Node = Sigmoid((raw,)) if raw.schema().width == 1 else Softmax((raw,))
    width = proba.schema().width
    smallest = Impute((proba,), np.full(width, np.finfo(np.float64).smallest_normal), 0.0)
    methods = {
        **classifier(estimator, raw),
        "predict_proba": Output(proba),
        "predict_log_proba": Output(Log((smallest,))),
    }
    if estimator.solver != "lsqr":
        methods["transform"] = Output(_separated(estimator, x, importer))
    return methods


def _separated(estimator: Any, x: Node, importer: Importer) -> Node:
    dense_only(x, estimator)
    scalings = floats(estimator.scalings_)[:, : discriminants(estimator)]
    x = importer.finite(importer.dense(x), estimator)
    if estimator.solver == "svd":
        x = without_mean(x, estimator.xbar_, estimator.scalings_)
    result = product_dtype(x, estimator.scalings_.dtype)
    return Linear((x,), np.ascontiguousarray(scalings), np.zeros(scalings.shape[1]), result)


@adapter("sklearn.discriminant_analysis.QuadraticDiscriminantAnalysis")
def quadratic_discriminant_analysis(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The log posterior of each class: the squares of a projection of its own, centred on its mean."""
    dense_only(x, estimator)
    checked = importer.finite(importer.dense(x), estimator)
    scalings = [finite_floats(each) for each in estimator.scalings_]
    with np.errstate(all="ignore"):
        each_class = zip(estimator.rotations_, scalings, strict=True)
        projections = [finite_floats(finite_floats(rotation) * scaling**-0.5) for rotation, scaling in each_class]
        constant = np.array([np.log(each).sum() for each in scalings])
        offset = -0.5 * constant + np.log(floats(estimator.priors_))
    means = finite_floats(estimator.means_)
    bias = np.concatenate([-mean @ each for mean, each in zip(means, projections, strict=True)])
    projected = Linear((checked,), np.ascontiguousarray(np.hstack(projections)), bias)
    offsets = np.cumsum([0, *(each.shape[1] for each in projections)]).astype(np.int32)
    posterior = MulAdd((SquaredNorms((projected,), offsets),), np.full(len(means), -0.5), offset)
    proba = Softmax((posterior,))
    difference = Linear((posterior,), np.array([[-1.0], [1.0]]), np.zeros(1)) if len(means) == 2 else posterior
    return {
        "predict": Output(ArgMax((posterior,)), ndim=1, labels=(np.asarray(estimator.classes_),)),
        "predict_proba": Output(proba),
        "predict_log_proba": Output(LogSoftmax((SubtractMax((posterior,)),)) if since("1.6") else Log((proba,))),
        "decision_function": Output(difference, ndim=1 if len(means) == 2 else 2),
    }
