"""Adapters of `sklearn.covariance`: squared Mahalanobis distances."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import adapter
from pretzel.oven.frontends.sklearn._common import dense_only, finite_floats
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.link import Threshold
from pretzel.oven.ir.quadratic import QuadraticForm
from pretzel.oven.ir.scale import MulAdd
from pretzel.oven.ir.unary_function import UnaryFunction

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer


@adapter(
    "sklearn.covariance.EmpiricalCovariance",
    "sklearn.covariance.GraphicalLasso",
    "sklearn.covariance.GraphicalLassoCV",
    "sklearn.covariance.LedoitWolf",
    "sklearn.covariance.MinCovDet",
    "sklearn.covariance.OAS",
    "sklearn.covariance.ShrunkCovariance",
)
def covariance(estimator: Any, x: Node, importer: Importer) -> Methods:
    return {"mahalanobis": Output(_mahalanobis(estimator, x, importer), ndim=1)}


@adapter("sklearn.covariance.EllipticEnvelope")
def elliptic_envelope(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Rows that are farther away than `offset_` are outliers."""
    score = UnaryFunction((_mahalanobis(estimator, x, importer),), "negative")
    decision = MulAdd((score,), np.ones(1), np.full(1, -float(estimator.offset_)))
    return {
        "predict": Output(Threshold((decision,), inclusive=True), ndim=1, labels=(np.array([-1, 1]),)),
        "decision_function": Output(decision, ndim=1),
        "score_samples": Output(score, ndim=1),
    }


def _mahalanobis(estimator: Any, x: Node, importer: Importer) -> Node:
    """The square of a root, as scikit-learn computes it, so that a row on the border of an envelope stays there."""
    dense_only(x, estimator)
    checked = importer.finite(importer.dense(x), estimator)
    form = QuadraticForm((checked,), finite_floats(estimator.location_), finite_floats(estimator.get_precision().T))
    return UnaryFunction((UnaryFunction((form,), "sqrt"),), "square")
