"""Adapters of `sklearn.preprocessing`: scalers, norms, bins, powers, quantiles, products, functions."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import (
    above,
    dense_only,
    exclude_all_but_float64,
    finite_floats,
    floats,
    rounds_float32,
)
from pretzel.oven.frontends.sklearn._powers import LEAST, box_cox_powers
from pretzel.oven.frontends.sklearn.compat.preprocessing import (
    bins_are_sparse,
    casts_scaler_parameters,
    clips,
    degrees,
    full_width,
    raises_to_powers,
    scaler_behind_powers,
)
from pretzel.oven.ir.bins import Bins
from pretzel.oven.ir.check import CheckRange
from pretzel.oven.ir.columns import Raw, is_sparse
from pretzel.oven.ir.encode import OneHot
from pretzel.oven.ir.idf import NO_IDF, weighted
from pretzel.oven.ir.impute import Impute
from pretzel.oven.ir.linear import Linear, Sum
from pretzel.oven.ir.link import Exp, Log
from pretzel.oven.ir.normalize import UnitNorm
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.ir.polynomial import Polynomial, runs_of
from pretzel.oven.ir.power import YeoJohnson
from pretzel.oven.ir.quantile import Quantiles
from pretzel.oven.ir.scale import MulAdd, ScaleSparse, SubDiv, ToFloat32
from pretzel.oven.ir.splines import MOST_DEGREE, Splines
from pretzel.oven.ir.unary_function import FLOATS_ONLY, FUNCTIONS, KEEP_INTEGERS, UnaryFunction
from pretzel.oven.ir.value_properties import FLOAT64_MAX
from pretzel.schema import Follows, Kind
from pretzel.steps.analyzer import Analyzer

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array, Node


@adapter("sklearn.preprocessing.StandardScaler")
def standard_scaler(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X -= mean_`` and ``X /= scale_``, where asked for; sparse rows where there is a scale."""
    mean = floats(estimator.mean_) if estimator.with_mean else None
    scales = estimator.scale_ is not None if is_sparse(x) else estimator.with_std
    scale = floats(estimator.scale_) if scales else None
    return _scaled(estimator, x, importer, mean, scale, casts=casts_scaler_parameters())


@adapter("sklearn.preprocessing.RobustScaler")
def robust_scaler(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X -= center_`` and ``X /= scale_``, each where it was asked for; sparse rows are not centred."""
    center = floats(estimator.center_) if estimator.with_centering and not is_sparse(x) else None
    scale = floats(estimator.scale_) if estimator.with_scaling else None
    return _scaled(estimator, x, importer, center, scale)


def _scaled(
    estimator: Any, x: Node, importer: Importer, mean: Array | None, scale: Array | None, *, casts: bool = False
) -> Node:
    """What `StandardScaler` and `RobustScaler` do with either kind of rows."""
    if is_sparse(x):
        if mean is not None:
            raise Unsupported(f"{type(estimator).__name__} cannot centre sparse rows")
        factors = np.ones(x.schema().width) if scale is None else floats(1.0 / estimator.scale_)
        return ScaleSparse((importer.finite(x, estimator, allow_nan=True),), factors)
    checked = importer.finite(importer.dense(x), estimator, allow_nan=True)
    if mean is None and scale is None:  # whole numbers become floats all the same
        scale = np.ones(checked.schema().width)
    return SubDiv((checked,), mean, scale, casts)


@adapter("sklearn.preprocessing.MaxAbsScaler")
def max_abs_scaler(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X /= scale_``, then clipped to [-1, 1] where it was asked for."""
    scale = floats(estimator.scale_)
    low, high = (-1.0, 1.0) if clips(estimator) else (None, None)
    if is_sparse(x):
        return ScaleSparse((importer.finite(x, estimator, allow_nan=True),), floats(1.0 / estimator.scale_), low, high)
    scaled = SubDiv((importer.finite(importer.dense(x), estimator, allow_nan=True),), None, scale)
    width = scaled.schema().width
    return MulAdd((scaled,), np.ones(width), np.zeros(width), low, high) if clips(estimator) else scaled


@adapter("sklearn.preprocessing.MinMaxScaler")
def min_max_scaler(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X *= scale_`` and ``X += min_``, then clipped where it was asked for."""
    dense_only(x, estimator)
    x = importer.finite(importer.dense(x), estimator, allow_nan=True)
    low, high = (map(float, estimator.feature_range)) if estimator.clip else (None, None)
    return MulAdd((x,), floats(estimator.scale_), floats(estimator.min_), low, high)


@adapter("sklearn.preprocessing.Normalizer")
def normalizer(estimator: Any, x: Node, importer: Importer) -> Node:
    """Sparse rows are divided as tf-idf divides documents, dense ones with a bound for norms near zero."""
    x = importer.finite(importer.numeric(x), estimator)
    if x.schema().kind is Kind.DENSE:
        return UnitNorm((x,), estimator.norm)
    if estimator.norm == "max":
        raise Unsupported("Normalizer(norm='max') on sparse rows")
    return weighted(x, NO_IDF, estimator.norm, False, False)


@adapter("sklearn.preprocessing.Binarizer")
def binarizer(estimator: Any, x: Node, importer: Importer) -> Node:
    """1 above the threshold, else 0."""
    return above(importer.finite(importer.numeric(x), estimator), estimator.threshold, estimator)


VALUES = ("inverted_cdf", "averaged_inverted_cdf", "closest_observation")
"""Methods for quantiles that are values of the training data, or midpoints of two."""


@adapter("sklearn.preprocessing.KBinsDiscretizer")
def k_bins(estimator: Any, x: Node, importer: Importer) -> Node:
    """The outer edges of a column bound nothing: values beyond them fall into the first and the last bin."""
    dense_only(x, estimator)
    dtype = "" if estimator.dtype is None else np.dtype(estimator.dtype).name
    inner = [floats(edges)[1:-1] for edges in estimator.bin_edges_]
    starts = np.cumsum([0, *map(len, inner)], dtype=np.int32)
    asked = importer.dense(x)
    if dtype == "float32":  # the request is rounded before it is compared
        asked = ToFloat32((asked,))
    codes = Bins((importer.finite(asked, estimator),), np.concatenate(inner), starts, dtype)
    if estimator.strategy == "quantile" and getattr(estimator, "quantile_method", "linear") not in VALUES:
        importer.interpolated.add(codes)
    if estimator.encode == "ordinal":
        return codes
    n_bins = [len(edges) + 1 for edges in inner]
    return OneHot((codes,), np.cumsum([0, *n_bins], dtype=np.int32), bins_are_sparse(estimator), "")


NEAR_ZERO = 1e-6
"""Exponents below it make logarithms of powers, of which no more digits are left than are right in a power."""


@adapter("sklearn.preprocessing.PowerTransformer")
def power_transformer(estimator: Any, x: Node, importer: Importer) -> Node:
    """The power, then the scaler that was fitted on it, with its own check: powers may overflow."""
    dense_only(x, estimator)
    checked = importer.finite(importer.dense(x), estimator, allow_nan=True)
    if rounds_float32(checked):
        importer.exclude(checked, ["float32"], "powers in float32")
    powers = {"yeo-johnson": _yeo_johnson, "box-cox": _box_cox}[estimator.method]
    # The powers are a step of this estimator, not of the scaler behind it.
    powered = importer.note(powers(estimator, checked, importer))
    return importer.transform(scaler_behind_powers(estimator), powered).node if estimator.standardize else powered


def _yeo_johnson(estimator: Any, x: Node, importer: Importer) -> Node:
    lambdas = floats(estimator.lambdas_)
    if raises_to_powers() and any(0.0 < abs(each) < NEAR_ZERO for each in (*lambdas, *(2.0 - lambdas))):
        raise Unsupported("exponents next to 0 or 2, where the last bits of NumPy's powers decide")
    return YeoJohnson((x,), lambdas, floats(2 - estimator.lambdas_), raises_to_powers())


def _box_cox(estimator: Any, x: Node, importer: Importer) -> Node:
    lambdas = floats(estimator.lambdas_)
    low, high = np.full(len(lambdas), LEAST), np.full(len(lambdas), FLOAT64_MAX)
    positive = importer.note(CheckRange((x,), type(estimator).__name__, allow_nan=True, low=low, high=high))
    return box_cox_powers(positive, lambdas, importer)


@adapter("sklearn.preprocessing.QuantileTransformer")
def quantile_transformer(estimator: Any, x: Node, importer: Importer) -> Node:
    """Requests of sparse rows are taken for dense ones, zeros and all."""
    dense_only(x, estimator)
    if estimator.ignore_implicit_zeros:
        raise Unsupported("QuantileTransformer(ignore_implicit_zeros=True)")
    quantiles = np.ascontiguousarray(floats(estimator.quantiles_).T)
    if np.isnan(quantiles).any():
        raise Unsupported("QuantileTransformer fitted on a column without values")
    if not np.isfinite(quantiles).all() or (np.diff(quantiles) < 0).any():
        raise ValueError("quantiles_ of a column descend, or are not finite")
    references = floats(estimator.references_)
    checked = importer.finite(importer.dense(x), estimator, allow_nan=True)
    if estimator.output_distribution == "normal" and rounds_float32(checked):
        importer.exclude(checked, ["float32"], "normal deviates in float32")
    return Quantiles((checked,), quantiles, references, estimator.output_distribution == "normal")


@adapter("sklearn.preprocessing.PolynomialFeatures")
def polynomial_features(estimator: Any, x: Node, importer: Importer) -> Node:
    """All products up to the degree asked for, or only those of distinct columns."""
    if not isinstance(x, Raw) and x.schema().kind is Kind.SPARSE:
        raise Unsupported("PolynomialFeatures on sparse rows")
    x = importer.finite(importer.dense(x), estimator)
    low, high = degrees(estimator)
    choose = itertools.combinations if estimator.interaction_only else itertools.combinations_with_replacement
    width, n_out = x.schema().width, int(estimator.n_output_features_)
    spread = 0 if estimator.interaction_only else 1
    counts = [math.comb(width + spread * (d - 1), d) for d in range(1, min(high, full_width(estimator)) + 1)]
    bias = int(bool(estimator.include_bias))
    if (n_out, full_width(estimator)) != (bias + sum(counts[max(low, 1) - 1 :]), bias + sum(counts)):
        raise ValueError(f"n_output_features_ is {n_out}, and degrees {low} to {high} of {width} columns make others")
    if high == 0:
        raise Unsupported("PolynomialFeatures(degree=0)")
    combinations = [c for degree in range(1, high + 1) for c in choose(range(width), degree)]
    first = 1 + sum(1 for c in combinations if len(c) < low)
    return Polynomial((x,), runs_of(combinations), first, bool(estimator.include_bias))


NARROW = ("bool", "float16", "int8", "int16", "uint8", "uint16", "object")
"""dtypes of arrays for which functions of NumPy compute in a narrower type than float64, or not at all."""

WIDE = ("int32", "int64", "uint32", "uint64")
"""Others for which some functions return whole numbers, which may overflow."""

SHAPED = ("transform", "predict_proba", "predict_log_proba", "decision_function", "apply")
"""Methods whose result may be a table of numbers."""


@adapter("sklearn.preprocessing.SplineTransformer")
def spline_transformer(estimator: Any, x: Node, importer: Importer) -> Node:
    """Values of the B-splines of each column."""
    dense_only(x, estimator)
    if estimator.sparse_output:
        raise Unsupported("SplineTransformer(sparse_output=True)")
    degree, beyond = int(estimator.degree), str(estimator.extrapolation)
    if (beyond == "linear" and degree < 2) or (beyond == "constant" and not degree):
        raise Unsupported(f"SplineTransformer(extrapolation={beyond!r}) of degree {degree}")
    if degree > MOST_DEGREE:
        raise Unsupported(f"splines of degree {degree}, which is more than {MOST_DEGREE}")
    splines = estimator.bsplines_
    extends = beyond in ("continue", "periodic")
    if any(each.k != degree or bool(each.extrapolate) != extends for each in splines):
        raise Unsupported("degree or extrapolation is not that of the fit")
    knots = finite_floats(np.array([each.t for each in splines]))
    first, last = knots[:, degree], knots[:, -degree - 1]
    if beyond == "periodic" and not (first < last).all():
        raise Unsupported("a period of zero")
    checked = importer.dense(x)
    if getattr(estimator, "handle_missing", "error") != "zeros":
        checked = importer.finite(checked, estimator)
    count = splines[0].c.shape[1]
    borders = np.zeros((len(splines), 4, count))
    if beyond in ("constant", "linear"):
        for row, spline, low, high in zip(borders, splines, first, last, strict=True):
            for slope in range(1 + (beyond == "linear")):
                row[slope, :degree] = spline(low, nu=slope)[:degree]
                row[2 + slope, -degree:] = spline(high, nu=slope)[-degree:]
    kept = count if estimator.include_bias else count - 1
    if not kept:
        raise Unsupported("the only spline of each column is left out")
    if beyond != "periodic" and estimator.n_features_out_ != len(splines) * kept:
        raise Unsupported("include_bias is not that of the fit")
    return importer.note(Splines((checked,), knots, degree, beyond, borders.reshape(len(splines), -1), kept))


@adapter("sklearn.preprocessing.FunctionTransformer")
def function_transformer(estimator: Any, x: Node, importer: Importer) -> Node:
    """Nothing, a function of NumPy that is known here, or a method of an estimator that has an adapter.

    Doing nothing is also what a fitted container holds for "passthrough".
    """
    if estimator.validate:
        dense_only(x, estimator)
        x = importer.finite(importer.dense(x), estimator)
    function = estimator.func
    if isinstance(function, Analyzer):
        raise Unsupported(function.reason)
    if estimator.kw_args or function in (np.clip, np.nan_to_num):
        return _with_arguments(estimator, x, importer)
    if function is None:
        return x
    if hasattr(function, "__self__") and callable(getattr(function.__self__, "fit", None)):
        return _method(function, x, importer)
    dense_only(x, estimator)
    return function_of_numbers(function, x, importer)


@adapter("sklearn.preprocessing.KernelCenterer")
def kernel_centerer(estimator: Any, x: Node, importer: Importer) -> Node:
    """``K`` minus its mean, minus the means of the fit, plus the mean of these."""
    dense_only(x, estimator)
    importer.exclude(x, ["float16", "float32"], "kernels that are centred in float32")
    checked = importer.finite(importer.dense(x), estimator)
    means = finite_floats(estimator.K_fit_rows_)
    count = len(means)
    own = Linear((Linear((checked,), np.full((count, 1), 1.0 / count), np.zeros(1)),), -np.ones((1, count)), -means)
    return Sum((checked, own), np.full(count, float(estimator.K_fit_all_)))


def _with_arguments(estimator: Any, x: Node, importer: Importer) -> Node:
    """`numpy.clip` and `numpy.nan_to_num`, with numbers for arguments."""
    dense_only(x, estimator)
    function, arguments = estimator.func, dict(estimator.kw_args or {})
    source = importer.dense(x)
    exclude_all_but_float64(source, importer, "functions that keep the dtype")
    ones = np.ones(source.schema().width)
    if function is np.clip:
        low, high = (_bound(arguments, *names) for names in (("a_min", "min"), ("a_max", "max")))
        made: Node = MulAdd(
            (source,), ones, 0.0 * ones, -np.inf if low is None else low, np.inf if high is None else high
        )
    elif function is np.nan_to_num:
        arguments.pop("copy", None)  # of the request, which the plan leaves alone
        missing = _bound(arguments, "nan")
        low, high = (_bound(arguments, name) for name in ("neginf", "posinf"))
        if low is not None or high is not None:
            raise Unsupported("numpy.nan_to_num(neginf=..., posinf=...)")
        finite = MulAdd((source,), ones, 0.0 * ones, -FLOAT64_MAX, FLOAT64_MAX)
        made = Impute((finite,), ones * (0.0 if missing is None else missing))
    else:
        raise Unsupported("FunctionTransformer(kw_args=...)")
    if arguments:
        raise Unsupported(f"arguments {', '.join(map(str, arguments))} of numpy.{function.__name__}")
    return made


def _bound(arguments: dict[str, Any], *names: str) -> float | None:
    """An argument by any of its names, taken out."""
    given = [arguments.pop(name) for name in names if name in arguments]
    if len(given) > 1 or not all(each is None or isinstance(each, int | float) for each in given):
        raise Unsupported(f"argument {names[0]} that is no number")
    return None if not given or given[0] is None else float(given[0])


def function_of_numbers(function: Any, x: Node, importer: Importer) -> Node:
    """`numpy_function` of a table, but for numbers so narrow that NumPy computes otherwise."""
    source = importer.dense(x)
    made = numpy_function(function, source)
    follows = source.schema().dtype.follows
    if follows is Follows.REQUEST and made is not source:
        name = made.function if isinstance(made, UnaryFunction) else ""
        dtypes = (*NARROW, *WIDE) if name in (*KEEP_INTEGERS, *FLOATS_ONLY) else NARROW
        importer.exclude(source, dtypes, "functions of narrow numbers", each=True)
    elif follows is Follows.FLOAT and made is not source:
        importer.exclude(source, ["float16"], "functions of narrow numbers")
    return made


def numpy_function(function: Any, x: Node) -> Node:
    """``function`` of every value of a dense node; None is the identity."""
    if function is None:
        return x
    name = getattr(function, "__name__", "")
    if not isinstance(function, np.ufunc) or getattr(np, name, None) is not function:
        raise Unsupported(f"function {name or function!r} runs in Python")
    if name in ("exp", "log"):
        return Exp((x,)) if name == "exp" else Log((x,))
    if name not in FUNCTIONS:
        raise Unsupported(f"function numpy.{name} has no native form")
    dtype = x.schema().dtype
    if name in FLOATS_ONLY and dtype.follows is Follows.NOTHING and np.dtype(dtype.least).kind != "f":
        raise Unsupported(f"function numpy.{name} of whole numbers")
    return UnaryFunction((x,), name)


def _method(function: Any, x: Node, importer: Importer) -> Node:
    """The node of a bound method, where it returns one row of numbers for each row."""
    estimator, name = function.__self__, function.__name__
    if name not in SHAPED:
        raise Unsupported(f"method {type(estimator).__name__}.{name} as a function")
    width = len(x.columns) if isinstance(x, Raw) else x.schema().width
    if getattr(estimator, "n_features_in_", width) != width:
        raise Unsupported(f"{type(estimator).__name__} was fitted on another number of columns than {width}")
    output = importer.methods(estimator, x, only=(name,)).get(name)
    if output is None:
        raise Unsupported(f"{type(estimator).__name__} has no {name}")
    if isinstance(output.node, Opaque):
        return importer.columns_of(output.node, output.node.width)
    if output.ndim != 2 or output.labels is not None or output.list_of is not None:
        raise Unsupported(f"{type(estimator).__name__}.{name} returns no table of numbers")
    return output.node
