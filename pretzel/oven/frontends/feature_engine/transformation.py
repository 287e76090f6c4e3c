"""Adapters of `feature_engine.transformation` and `feature_engine.scaling`: functions of one number."""

from __future__ import annotations

import functools
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.feature_engine._table import Table
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import INTEGERS, floats
from pretzel.oven.frontends.sklearn._powers import LEAST, box_cox_powers
from pretzel.oven.ir.check import CheckRange
from pretzel.oven.ir.link import Log
from pretzel.oven.ir.power import YeoJohnson
from pretzel.oven.ir.scale import MulAdd, SubDiv
from pretzel.oven.ir.unary_function import UnaryFunction
from pretzel.oven.ir.value_properties import FLOAT64_MAX

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node

SAMPLES = 100_000

MODULE = "feature_engine.transformation"


@adapter(f"{MODULE}.log.LogTransformer")
def logarithm(estimator: Any, x: Node, importer: Importer) -> Node:
    """Logarithms of numbers above zero."""
    table = Table(estimator, x, importer)
    for names, numbers in table.numbers(estimator.variables_):
        table.put(names, _log(importer.note(_above_zero(numbers, estimator)), estimator))
    return table.node()


@adapter(f"{MODULE}.log.LogCpTransformer")
def shifted_logarithm(estimator: Any, x: Node, importer: Importer) -> Node:
    """Logarithms of sums with a constant, which are above zero."""
    table = Table(estimator, x, importer)
    constants = estimator.C_
    for names, numbers in table.numbers(estimator.variables_):
        shift = floats(np.array([constants[name] if isinstance(constants, dict) else constants for name in names]))
        sums = MulAdd((importer.finite(numbers, estimator),), np.ones(len(names)), shift)
        table.put(names, _log(importer.note(_above_zero(importer.note(sums), estimator)), estimator))
    return table.node()


def _above_zero(numbers: Node, estimator: Any) -> Node:
    """Numbers none of which is missing, infinite, zero or below."""
    width = numbers.schema().width
    low, high = np.full(width, LEAST), np.full(width, FLOAT64_MAX)
    return CheckRange((numbers,), type(estimator).__name__, low=low, high=high)


def _log(numbers: Node, estimator: Any) -> Node:
    if estimator.base not in ("e", "10"):
        raise Unsupported(f"base={estimator.base!r:.40}")
    return Log((numbers,)) if estimator.base == "e" else UnaryFunction((numbers,), "log10")


@adapter(f"{MODULE}.power.PowerTransformer")
def power(estimator: Any, x: Node, importer: Importer) -> Node:
    """Square roots and squares, where NumPy's powers have their bits."""
    table = Table(estimator, x, importer)
    function = {0.5: "sqrt", 2.0: "square"}.get(float(estimator.exp))
    if function is None or not _are_powers(function, float(estimator.exp)):
        raise Unsupported(f"exp={estimator.exp!r:.40}")
    for names, numbers in table.numbers(estimator.variables_):
        table.put(names, UnaryFunction((importer.finite(numbers, estimator),), function))
    return table.node()


@functools.cache
def _are_powers(function: str, exponent: float) -> bool:
    """Whether a function of NumPy gives the bits of its powers on this machine."""
    values = np.random.default_rng(0).lognormal(0.0, 5.0, SAMPLES)
    return np.array_equal(getattr(np, function)(values), np.power(values, exponent))


@adapter(f"{MODULE}.reciprocal.ReciprocalTransformer")
def reciprocal(estimator: Any, x: Node, importer: Importer) -> Node:
    """Quotients, of which zero has none; nor have numbers whose quotients are infinite."""
    table = Table(estimator, x, importer)
    for names, numbers in table.numbers(estimator.variables_):
        found = importer.note(UnaryFunction((importer.finite(numbers, estimator),), "reciprocal"))
        table.put(names, importer.finite(found, estimator))
    return table.node()


@adapter(f"{MODULE}.arcsinh.ArcSinhTransformer")
def inverse_hyperbolic_sine(estimator: Any, x: Node, importer: Importer) -> Node:
    """Of the distance from ``loc``, in units of ``scale``."""
    table = Table(estimator, x, importer)
    for names, numbers in table.numbers(estimator.variables_):
        mean, scale = (np.full(len(names), float(each)) for each in (estimator.loc, estimator.scale))
        scaled = SubDiv((importer.finite(numbers, estimator),), mean, scale)
        table.put(names, UnaryFunction((importer.note(scaled),), "arcsinh"))
    return table.node()


@adapter(f"{MODULE}.yeojohnson.YeoJohnsonTransformer")
def yeo_johnson(estimator: Any, x: Node, importer: Importer) -> Node:
    """The transform of Yeo and Johnson."""
    table = Table(estimator, x, importer)
    for names, numbers in table.numbers(estimator.variables_):
        lambdas = floats(np.array([estimator.lambda_dict_[name] for name in names]))
        table.put(names, YeoJohnson((importer.finite(numbers, estimator),), lambdas, 2.0 - lambdas))
    return table.node()


@adapter(f"{MODULE}.arcsin.ArcsinTransformer")
def arcsine(estimator: Any, x: Node, importer: Importer) -> Node:
    """Arcsines of roots of numbers between 0 and 1; pandas may refuse to put them in columns of integers."""
    table = Table(estimator, x, importer)
    for names, numbers in table.numbers(estimator.variables_):
        importer.exclude(numbers, ["bool", "object", *INTEGERS], "columns that hold no floats", each=True)
        low, high = np.zeros(len(names)), np.ones(len(names))
        within = importer.note(CheckRange((numbers,), type(estimator).__name__, low=low, high=high))
        roots = importer.note(UnaryFunction((within,), "sqrt"))
        table.put(names, UnaryFunction((roots,), "arcsin"))
    return table.node()


@adapter(f"{MODULE}.boxcox.BoxCoxTransformer")
def box_cox(estimator: Any, x: Node, importer: Importer) -> Node:
    """The transform of Box and Cox."""
    table = Table(estimator, x, importer)
    for names, numbers in table.numbers(estimator.variables_):
        lambdas = floats(np.array([estimator.lambda_dict_[name] for name in names]))
        powered = box_cox_powers(importer.note(_above_zero(numbers, estimator)), lambdas, importer)
        table.put(names, importer.finite(powered, estimator))
    return table.node()


@adapter("feature_engine.scaling.mean_normalization.MeanNormalizationScaler")
def mean_normalization(estimator: Any, x: Node, importer: Importer) -> Node:
    """The distance from the mean, as a part of the range."""
    table = Table(estimator, x, importer)
    for names, numbers in table.numbers(estimator.variables_):
        mean, scale = (floats(np.array([each[name] for name in names])) for each in (estimator.mean_, estimator.range_))
        table.put(names, SubDiv((importer.finite(numbers, estimator),), mean, scale))
    return table.node()
