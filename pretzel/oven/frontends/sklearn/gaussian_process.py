"""Adapters of `sklearn.gaussian_process`, for sums and products of known kernels."""

from __future__ import annotations

import contextlib
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import dense_only, finite_floats, floats
from pretzel.oven.frontends.sklearn.compat.kernel_machines import scale_of_targets
from pretzel.oven.frontends.sklearn.multiclass import best, normalized
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.expected_sigmoid import ExpectedSigmoid
from pretzel.oven.ir.graph import Output
from pretzel.oven.ir.linear import Linear, Sum
from pretzel.oven.ir.link import Pair, Threshold
from pretzel.oven.ir.pairwise import Pairwise, Product
from pretzel.oven.ir.quadratic import TriangularSquares, strips_of
from pretzel.oven.ir.scale import MulAdd, SubDiv
from pretzel.oven.ir.unary_function import UnaryFunction

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array, Methods, Node

MATERN = {0.5: "matern1", 1.5: "matern3", 2.5: "matern5"}
"""Functions of `Pairwise` by ``nu``."""

MOST_FACTORS = 8
"""Largest exponent of a kernel."""

SAMPLE = 256
"""Rows of the fit whose variances tell how exact variances are."""

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
    found = _times_kernel(estimator.kernel_, checked, rows, alpha * deviation, np.zeros(alpha.shape[1]) + mean)
    methods = {"predict": Output(found, ndim=1 if alpha.shape[1] == 1 else 2)}
    if alpha.shape[1] == 1:
        with contextlib.suppress(Unsupported):
            inverse = _inverse(estimator.L_, np.eye(len(rows)))
            variance = _variance(estimator.kernel_, checked, rows, inverse, float(deviation[0]))
            _check_variance(estimator, rows, inverse)
            methods["return_std"] = Output(Concat((found, UnaryFunction((variance,), "sqrt"))))
    return methods


def _check_variance(estimator: Any, rows: Array, inverse: Array) -> None:
    """Raise `Unsupported` where variances are but rounding errors of what they are differences of."""
    kernels = estimator.kernel_(rows[:SAMPLE], rows)
    solved = _inverse(estimator.L_, kernels.T)
    multiplied = inverse @ kernels.T
    prior = _prior_variance(estimator.kernel_)
    first, second = (prior - (each * each).sum(axis=0) for each in (solved, multiplied))
    if not np.allclose(first, second, rtol=1e-11, atol=0.0):
        raise Unsupported("variances of which the last bits of kernels decide")


@adapter("sklearn.gaussian_process.GaussianProcessClassifier")
def gaussian_process_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The side of zero on which the mean of the latent function lies; probabilities by its variance, too."""
    dense_only(x, estimator)
    importer.exclude(x, ["float16", "float32"], "distances of float32")
    machine, classes = estimator.base_estimator_, np.asarray(estimator.classes_)
    if len(classes) > 2 and estimator.multi_class != "one_vs_rest":
        raise Unsupported(f"multi_class={estimator.multi_class!r:.40}")
    checked = importer.finite(importer.dense(x), estimator)
    if len(classes) == 2:
        mean, second = _latent(machine, checked)
        labels = np.where([False, True], classes[1], classes[0])  # as the source makes them, texts out of objects
        predict = Output(Threshold((mean,)), ndim=1, labels=(labels,))
        return {"predict": predict, "predict_proba": Output(Pair((second,)))}
    if len(machine.estimators_) != len(classes):
        raise ValueError(f"classes_ holds {len(classes)} labels, and there are {len(machine.estimators_)} estimators_")
    probabilities = [_latent(each, checked)[1] for each in machine.estimators_]
    return {
        "predict": best(probabilities, np.asarray(machine.classes_), importer),
        "predict_proba": Output(normalized(importer.concat(probabilities))),
    }


def _latent(machine: Any, x: Node) -> tuple[Node, Node]:
    """The mean of the latent function, and the probability of the second class (Rasmussen and Williams 2006, 3.2)."""
    rows = finite_floats(machine.X_train_)
    residuals = finite_floats(np.asarray(machine.y_train_ - machine.pi_, dtype=np.float64))
    mean = _times_kernel(machine.kernel_, x, rows, residuals[:, None], np.zeros(1))
    inverse = _inverse(machine.L_, np.diag(finite_floats(machine.W_sr_)))
    return mean, ExpectedSigmoid((mean, _variance(machine.kernel_, x, rows, inverse)))


def _inverse(factor: Any, weights: Array) -> Array:
    """The inverse of a lower triangular matrix, times weights."""
    from scipy.linalg import solve_triangular

    found: Array = solve_triangular(finite_floats(factor), weights, lower=True, check_finite=False)
    return found


def _variance(kernel: Any, x: Node, rows: Array, inverse: Array, deviation: float | None = None) -> Node:
    """The variance of the latent function; in units of the targets, and not negative, where these have a deviation."""
    squares = TriangularSquares((_kernel_row(kernel, x, rows),), strips_of(inverse))
    prior = np.array([_prior_variance(kernel)])
    if deviation is None:
        return MulAdd((squares,), -np.ones(1), prior)
    factor = deviation * deviation
    return MulAdd((squares,), np.full(1, -factor), factor * prior, 0.0, np.inf)


def _times_kernel(kernel: Any, x: Node, rows: Array, weights: Array, bias: Array) -> Node:
    """A kernel of ``x`` and each of ``rows``, times ``weights``, plus ``bias``."""
    parts: list[Node] = []
    for factor, values in _terms(kernel, x, rows):
        if values is None:
            bias = bias + factor * weights.sum(axis=0)
        else:
            parts.append(Linear((values,), factor * weights, np.zeros(weights.shape[1])))
    if not parts:
        raise Unsupported("a kernel that does not look at the rows")
    return Sum(tuple(parts), bias)


def _kernel_row(kernel: Any, x: Node, rows: Array) -> Node:
    """A kernel of ``x`` and each of ``rows``."""
    terms = _terms(kernel, x, rows)
    constant = np.full(len(rows), math.fsum(factor for factor, values in terms if values is None))
    parts = [(factor, values) for factor, values in terms if values is not None]
    if not parts:
        raise Unsupported("a kernel that does not look at the rows")
    zeros = np.zeros(len(rows))
    found = [
        values if factor == 1.0 else MulAdd((values,), np.full(len(rows), factor), zeros) for factor, values in parts
    ]
    return found[0] if len(found) == 1 and not constant.any() else Sum(tuple(found), constant)


def _prior_variance(kernel: Any) -> float:
    """A kernel of any row and itself."""
    match _name(kernel):
        case "ConstantKernel":
            return float(kernel.constant_value)
        case "WhiteKernel":
            return float(kernel.noise_level)
        case "Sum":
            return _prior_variance(kernel.k1) + _prior_variance(kernel.k2)
        case "Product":
            return _prior_variance(kernel.k1) * _prior_variance(kernel.k2)
        case "Exponentiation":
            return float(_prior_variance(kernel.kernel) ** kernel.exponent)
        case "RBF" | "Matern" | "RationalQuadratic" | "ExpSineSquared":
            return 1.0
        case name:
            raise Unsupported(f"variances of the kernel {name}")


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
    scale = np.zeros(rows.shape[1]) + floats(np.asarray(kernel.length_scale))
    return (SubDiv((x,), None, scale),), rows / scale
