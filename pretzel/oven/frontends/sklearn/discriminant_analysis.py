"""Adapters of `sklearn.discriminant_analysis`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import adapter
from pretzel.oven.frontends.sklearn._common import dense_only, floats, product_dtype, without_mean
from pretzel.oven.frontends.sklearn.compat.projections import discriminants
from pretzel.oven.frontends.sklearn.linear_model import classifier, scores
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.impute import Impute
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.link import Log, Sigmoid, Softmax

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
