"""Adapters of `sklearn.cross_decomposition`: projections of rows that are scaled."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import adapter, inverse
from pretzel.oven.frontends.sklearn._common import dense_only, floats, product_dtype
from pretzel.oven.frontends.sklearn.compat.projections import mean_and_scale, predicts_one
from pretzel.oven.frontends.sklearn.decomposition import times_components
from pretzel.oven.ir.columns import ToFloat64
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.scale import MulAdd, SubDiv

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer


@adapter(
    "sklearn.cross_decomposition.CCA",
    "sklearn.cross_decomposition.PLSCanonical",
    "sklearn.cross_decomposition.PLSRegression",
)
def partial_least_squares(estimator: Any, x: Node, importer: Importer) -> Methods:
    """``transform`` rotates rows that are scaled, ``predict`` multiplies rows that are only centred."""
    dense_only(x, estimator)
    checked = importer.finite(importer.dense(x), estimator)
    mean, scale = mean_and_scale(estimator)
    centered = SubDiv((checked,), floats(mean), None)
    scaled = SubDiv((checked,), floats(mean), floats(scale))
    rotations, coef = floats(estimator.x_rotations_), floats(estimator.coef_).T
    scores = Linear((scaled,), rotations, np.zeros(rotations.shape[1]), product_dtype(scaled, rotations.dtype))
    result = product_dtype(centered, estimator.coef_.dtype, estimator.intercept_.dtype)
    predicted = Linear((centered,), np.ascontiguousarray(coef), floats(estimator.intercept_), result)
    return {
        "transform": Output(scores),
        "predict": Output(predicted, ndim=1 if predicts_one(estimator) else 2),
    }


@inverse(
    "sklearn.cross_decomposition.CCA",
    "sklearn.cross_decomposition.PLSCanonical",
    "sklearn.cross_decomposition.PLSRegression",
)
def of_partial_least_squares(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X @ x_loadings_.T``, in the scale and around the means of the fit."""
    checked = importer.finite(importer.dense(x), estimator)
    mean, scale = mean_and_scale(estimator)
    return MulAdd((times_components(estimator.x_loadings_.T, checked),), floats(scale), floats(mean))


@adapter("sklearn.cross_decomposition.PLSSVD")
def pls_svd(estimator: Any, x: Node, importer: Importer) -> Node:
    """``(X - mean) / std @ x_weights_``, all in float64."""
    dense_only(x, estimator)
    checked = ToFloat64((importer.finite(importer.dense(x), estimator),))
    mean, scale = mean_and_scale(estimator)
    scaled = SubDiv((checked,), floats(mean), floats(scale))
    weights = floats(estimator.x_weights_)
    return Linear((scaled,), weights, np.zeros(weights.shape[1]))
