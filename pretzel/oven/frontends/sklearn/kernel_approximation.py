"""Adapters of `sklearn.kernel_approximation`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import dense_only, exclude_all_but_float64, finite_floats, floats
from pretzel.oven.frontends.sklearn._pairwise import times_kernels
from pretzel.oven.ir.check import CheckRange
from pretzel.oven.ir.columns import is_sparse
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.count_sketch import CountSketch
from pretzel.oven.ir.impute import Impute
from pretzel.oven.ir.linear import Linear, LinearInOrder
from pretzel.oven.ir.link import Log
from pretzel.oven.ir.pairwise import Product
from pretzel.oven.ir.scale import MulAdd
from pretzel.oven.ir.unary_function import UnaryFunction

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node


INTERVALS = {1: 0.8, 2: 0.5, 3: 0.4}
"""Where the characteristic function is sampled, by the number of steps (Vedaldi and Zisserman 2011, figure 2c)."""


MOST_TERMS = 512
"""Of a component of a convolution, up to which a table takes no longer than by the Fourier transforms of the source."""


@adapter("sklearn.kernel_approximation.Nystroem")
def nystroem(estimator: Any, x: Node, importer: Importer) -> Node:
    """Kernels of some rows of the fit, projected."""
    checked = importer.finite(importer.numeric(x), estimator)
    return times_kernels(estimator, checked, estimator.components_, floats(estimator.normalization_).T)


@adapter("sklearn.kernel_approximation.RBFSampler")
def rbf_sampler(estimator: Any, x: Node, importer: Importer) -> Node:
    """Cosines of random projections."""
    weights, offset = estimator.random_weights_, estimator.random_offset_
    if weights.dtype != np.float64 or offset.dtype != np.float64:
        raise Unsupported("weights that are not float64")
    checked = importer.finite(importer.numeric(x), estimator)
    kind = LinearInOrder if is_sparse(checked) and len(offset) == 1 else Linear
    return _waves(kind((checked,), floats(weights), floats(offset)), estimator)


@adapter("sklearn.kernel_approximation.SkewedChi2Sampler")
def skewed_chi2_sampler(estimator: Any, x: Node, importer: Importer) -> Node:
    """Cosines of random projections of logarithms."""
    dense_only(x, estimator)
    importer.exclude(x, ["float16", "float32"], "logarithms of float32")
    weights, offset = finite_floats(estimator.random_weights_), finite_floats(estimator.random_offset_)
    skewedness, width = float(estimator.skewedness), len(weights)
    least = np.nextafter(-skewedness, np.inf)
    checked = _above(importer.finite(importer.dense(x), estimator), estimator, least)
    logs = Log((MulAdd((checked,), np.ones(width), np.full(width, skewedness)),))
    return _waves(Linear((logs,), weights, offset), estimator)


@adapter("sklearn.kernel_approximation.AdditiveChi2Sampler")
def additive_chi2_sampler(estimator: Any, x: Node, importer: Importer) -> Node:
    """Roots, and roots times waves of logarithms: zero where a value is, whatever its logarithm is taken for."""
    dense_only(x, estimator)
    exclude_all_but_float64(x, importer, "features in the dtype of the rows")
    interval = estimator.sample_interval
    if interval is None:
        interval = INTERVALS[estimator.sample_steps]
    interval = float(interval)
    checked = _above(importer.finite(importer.dense(x), estimator), estimator, 0.0)
    width = checked.schema().width
    zeros = np.zeros(width)

    def root(factor: float) -> Node:
        return UnaryFunction((MulAdd((checked,), np.full(width, factor), zeros),), "sqrt")

    logs = Log((Impute((checked,), np.ones(width), 0.0),))
    parts = [root(interval)]
    for step in range(1, estimator.sample_steps):
        waves = MulAdd((logs,), np.full(width, step * interval), zeros)
        size = root(2.0 * interval / np.cosh(np.pi * step * interval))
        parts += [Product((size, UnaryFunction((waves,), function))) for function in ("cos", "sin")]
    return Concat(tuple(parts)) if len(parts) > 1 else parts[0]


@adapter("sklearn.kernel_approximation.PolynomialCountSketch")
def polynomial_count_sketch(estimator: Any, x: Node, importer: Importer) -> Node:
    """Convolutions of random sums of the columns, and of a constant beside them."""
    degree, n, constant = int(estimator.degree), int(estimator.n_components), bool(estimator.coef0 != 0)
    if not (estimator.gamma >= 0 and estimator.coef0 >= 0):
        raise Unsupported(f"roots of gamma={estimator.gamma} and coef0={estimator.coef0}")
    checked = importer.finite(importer.numeric(x), estimator)
    width = checked.schema().width
    places, signs = np.asarray(estimator.indexHash_), np.asarray(estimator.bitHash_)
    if places.shape != signs.shape or places.shape[1] != width + constant or len(places) < degree:
        raise Unsupported(f"places of shape {places.shape} for degree {degree} and {width} columns")
    if places.min() < 0 or places.max() >= n:
        raise Unsupported(f"places of {places.max() + 1} components, where n_components={n}")
    if not is_sparse(checked) and degree > 1 and min(width + constant, n) > MOST_TERMS:
        raise Unsupported(f"convolutions of {min(width + constant, n)} terms, which are faster by Fourier transforms")
    root, last = np.sqrt(estimator.gamma), np.sqrt(estimator.coef0) * np.ones(1)
    if (root * np.ones(1)).dtype != np.float64 or last.dtype != np.float64:
        raise Unsupported("roots in another dtype than float64")
    if (root * np.ones(1, dtype=np.float32)).dtype != np.float64:  # before NumPy 2, or where gamma is one
        importer.exclude(checked, ["float16", "float32"], "products that are rounded")
    offset = np.zeros((degree, n))
    if constant:
        offset[np.arange(degree), places[:degree, -1]] = signs[:degree, -1] * last
    own = np.ascontiguousarray(places[:degree, :width], dtype=np.int32)
    return CountSketch((checked,), own, np.ascontiguousarray(signs[:degree, :width] * root), offset)


def _waves(projected: Node, estimator: Any) -> Node:
    """Cosines, of a mean square of one half where the number of components is that of the fit."""
    width = projected.schema().width
    size = (2.0 / estimator.n_components) ** 0.5
    return MulAdd((UnaryFunction((projected,), "cos"),), np.full(width, size), np.zeros(width))


def _above(x: Node, estimator: Any, least: float) -> Node:
    """The check that no value is below ``least``."""
    low = np.full(x.schema().width, least)
    return CheckRange((x,), type(estimator).__name__, low=low, high=np.full(len(low), np.finfo(np.float64).max))
