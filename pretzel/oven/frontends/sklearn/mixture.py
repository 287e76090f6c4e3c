"""Adapters of `sklearn.mixture`: densities of normal distributions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import dense_only, exclude_all_but_float64, finite_floats
from pretzel.oven.frontends.sklearn.compat.densities import log_determinants, log_weights
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.link import ArgMax, Exp, LogSoftmax, LogSumExp
from pretzel.oven.ir.quadratic import SquaredNorms, WeightedSquares
from pretzel.oven.ir.scale import MulAdd

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array


@adapter("sklearn.mixture.GaussianMixture")
def gaussian_mixture(estimator: Any, x: Node, importer: Importer) -> Methods:
    return _mixture(estimator, x, importer, np.zeros(len(estimator.means_)))


@adapter("sklearn.mixture.BayesianGaussianMixture")
def bayesian_gaussian_mixture(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The expectation over the precisions adds a constant to each component (Bishop 2006, 10.64 and 10.65)."""
    from scipy.special import digamma

    n_columns = estimator.means_.shape[1]
    freedom = np.asarray(estimator.degrees_of_freedom_)
    halves = digamma(0.5 * (freedom - np.arange(n_columns)[:, None])).sum(axis=0)
    expected = n_columns * np.log(2.0) + halves - n_columns / np.asarray(estimator.mean_precision_)
    return _mixture(estimator, x, importer, 0.5 * (expected - n_columns * np.log(freedom)))


def _mixture(estimator: Any, x: Node, importer: Importer, constant: Array) -> Methods:
    """Log densities of the components, and what follows from them."""
    dense_only(x, estimator)
    checked = importer.finite(importer.dense(x), estimator)
    exclude_all_but_float64(checked, importer, "densities in the dtype of the rows")
    n_components, n_columns = estimator.means_.shape
    constant = constant + log_determinants(estimator) + log_weights(estimator) - 0.5 * n_columns * np.log(2.0 * np.pi)
    squares = _squares(estimator, checked)
    density = MulAdd((squares,), np.full(n_components, -0.5), finite_floats(constant))
    return {
        "predict": Output(ArgMax((density,)), ndim=1),
        "predict_proba": Output(Exp((LogSoftmax((density,)),))),
        "score_samples": Output(LogSumExp((density,)), ndim=1),
    }


def _squares(estimator: Any, x: Node) -> Node:
    """Squared distances to the means in units of the components."""
    means, factors = finite_floats(estimator.means_), finite_floats(estimator.precisions_cholesky_)
    kind = estimator.covariance_type
    if kind == "full":
        bias = -np.einsum("kd,kde->ke", means, factors).ravel()
        projected = Linear((x,), np.ascontiguousarray(np.hstack(list(factors))), bias)
        return SquaredNorms((projected,), np.arange(len(means) + 1, dtype=np.int32) * means.shape[1])
    if kind == "tied":
        projected = Linear((x,), factors, np.zeros(means.shape[1]))
        return WeightedSquares((projected,), means @ factors, np.ones(means.shape))
    if kind not in ("diag", "spherical"):
        raise Unsupported(f"covariance_type={kind!r}")
    weights = factors**2 if kind == "diag" else np.repeat((factors**2)[:, None], means.shape[1], axis=1)
    return WeightedSquares((x,), means, weights)
