"""Adapters of `sklearn.gaussian_process`: means of regressions, for sums and products of known kernels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import dense_only, floats
from pretzel.oven.frontends.sklearn.compat.kernel_machines import scale_of_targets
from pretzel.oven.ir.graph import Output
from pretzel.oven.ir.linear import Linear, Sum
from pretzel.oven.ir.pairwise import Pairwise, Product
from pretzel.oven.ir.scale import MulAdd, SubDiv

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array, Methods, Node

MATERN = {0.5: "matern1", 1.5: "matern3", 2.5: "matern5"}
"""Functions of `Pairwise` by ``nu``."""

MOST_FACTORS = 8
"""Largest exponent of a kernel."""

Term = tuple[float, "Node | None"]
"""A number, and the values that it multiplies; without them it is the value itself."""


@adapter("sklearn.gaussian_process.GaussianProcessRegressor")
def gaussian_process_regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The mean: kernels of the rows of the fit times dual coefficients."""
    dense_only(x, estimator)
    importer.exclude(x, ["float16", "float32"], "distances of float32")
    if estimator.X_train_.dtype != np.float64:
        raise Unsupported(f"rows of {estimator.X_train_.dtype} to compare with")
    rows, alpha = floats(estimator.X_train_), floats(estimator.alpha_)
    alpha = np.ascontiguousarray(alpha.reshape(len(alpha), -1))
    size = float(np.abs(floats(estimator.y_train_)).max())
    if np.abs(alpha).sum(axis=0).max() * 2.0**-53 > 1e-9 * size:
        raise Unsupported("dual coefficients so large that the last bits of kernels decide")
    mean, deviation = scale_of_targets(estimator)
    checked = importer.finite(importer.dense(x), estimator)
    alpha, bias = alpha * deviation, np.zeros(alpha.shape[1]) + mean
    parts: list[Node] = []
    for factor, values in _terms(estimator.kernel_, checked, rows):
        if values is None:
            bias = bias + factor * alpha.sum(axis=0)
        else:
            parts.append(Linear((values,), factor * alpha, np.zeros(alpha.shape[1])))
    if not parts:
        raise Unsupported("a kernel that does not look at the rows")
    return {"predict": Output(Sum(tuple(parts), bias), ndim=1 if alpha.shape[1] == 1 else 2)}


def _terms(kernel: Any, x: Node, rows: Array) -> list[Term]:
    """A kernel as terms of a sum."""
    if _name(kernel) == "Sum":
        return [*_terms(kernel.k1, x, rows), *_terms(kernel.k2, x, rows)]
    return [_term(kernel, x, rows)]


def _name(kernel: Any) -> str:
    if type(kernel).__module__ != "sklearn.gaussian_process.kernels":
        raise Unsupported(f"kernel {type(kernel).__name__}")
    return type(kernel).__name__


def _term(kernel: Any, x: Node, rows: Array) -> Term:
    match _name(kernel):
        case "ConstantKernel":
            return float(kernel.constant_value), None
        case "WhiteKernel":
            return 0.0, None
        case "Sum":
            return _added(_terms(kernel, x, rows), len(rows))
        case "Product":
            return _multiplied([_term(each, x, rows) for each in (kernel.k1, kernel.k2)])
        case "Exponentiation":
            exponent = float(kernel.exponent)
            if not exponent.is_integer() or not 1 <= exponent <= MOST_FACTORS:
                raise Unsupported(f"a kernel to the power of {exponent:g}")
            return _multiplied([_term(kernel.kernel, x, rows)] * int(exponent))
        case _:
            return 1.0, _values(kernel, x, rows)


def _added(terms: list[Term], count: int) -> Term:
    constant = math.fsum(factor for factor, values in terms if values is None)
    every = [
        values if factor == 1.0 else MulAdd((values,), np.full(count, factor), np.zeros(count))
        for factor, values in terms
        if values is not None
    ]
    return (1.0, Sum(tuple(every), np.full(count, constant))) if every else (constant, None)


def _multiplied(terms: list[Term]) -> Term:
    every = tuple(values for _, values in terms if values is not None)
    return math.prod(factor for factor, _ in terms), Product(every) if len(every) > 1 else next(iter(every), None)


def _values(kernel: Any, x: Node, rows: Array) -> Node:
    """A kernel that compares rows."""
    count = len(rows)
    match _name(kernel):
        case "RBF":
            return Pairwise(*_scaled(kernel, x, rows), count, "rbf", 0.5)
        case "Matern" if kernel.nu == math.inf:
            return Pairwise(*_scaled(kernel, x, rows), count, "rbf", 0.5)
        case "Matern" if kernel.nu in MATERN:
            return Pairwise(*_scaled(kernel, x, rows), count, MATERN[kernel.nu])
        case "RationalQuadratic":
            gamma = 1.0 / (2.0 * kernel.alpha * kernel.length_scale**2)
            return Pairwise((x,), rows, count, "rational_quadratic", float(gamma), float(kernel.alpha))
        case "ExpSineSquared":
            gamma, scale = math.pi / kernel.periodicity, kernel.length_scale
            return Pairwise((x,), rows, count, "periodic", float(gamma), float(scale))
        case "DotProduct":
            return Sum((Pairwise((x,), rows, count, "dot"),), np.full(count, float(kernel.sigma_0) ** 2))
        case name:
            raise Unsupported(f"kernel {name}")


def _scaled(kernel: Any, x: Node, rows: Array) -> tuple[tuple[Node], Array]:
    """Requests and rows of the fit, divided by the length scale of each column."""
    scale = np.zeros(rows.shape[1]) + floats(kernel.length_scale)
    return (SubDiv((x,), None, scale),), rows / scale
