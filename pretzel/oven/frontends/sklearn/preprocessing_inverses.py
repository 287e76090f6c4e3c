"""Inverses of the transformers of `sklearn.preprocessing`."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, inverse
from pretzel.oven.frontends.sklearn._common import floats
from pretzel.oven.frontends.sklearn.compat.preprocessing import (
    casts_scaler_parameters,
    dropped_codes,
    frequent_categories,
    infrequent_code,
    missing_category,
    one_hot_categories,
    scaler_behind_powers,
    takes_zeros_for_unknown,
    undoes_box_cox_by_powers,
)
from pretzel.oven.frontends.sklearn.preprocessing import function_of_numbers
from pretzel.oven.ir.bins import Bins
from pretzel.oven.ir.columns import Constant
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.encode import REJECT_UNKNOWN, category_codes
from pretzel.oven.ir.graph import Output
from pretzel.oven.ir.impute import Impute
from pretzel.oven.ir.linear import Linear, Sum
from pretzel.oven.ir.link import ArgMax, Threshold
from pretzel.oven.ir.power import InversePower
from pretzel.oven.ir.quantile import InverseQuantiles
from pretzel.oven.ir.scale import MulAdd, SubDiv
from pretzel.oven.ir.unary_function import UnaryFunction
from pretzel.oven.ir.value_properties import FLOAT64_MAX

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array, Node


@inverse("sklearn.preprocessing.StandardScaler")
def of_standard_scaler(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X *= scale_`` and ``X += mean_``, each where it was asked for."""
    scale = estimator.scale_ if estimator.with_std else None
    mean = estimator.mean_ if estimator.with_mean else None
    return _rescaled(_checked(estimator, x, importer), scale, mean, casts=casts_scaler_parameters())


@inverse("sklearn.preprocessing.RobustScaler")
def of_robust_scaler(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X *= scale_`` and ``X += center_``, each where it was asked for."""
    scale = estimator.scale_ if estimator.with_scaling else None
    center = estimator.center_ if estimator.with_centering else None
    return _rescaled(_checked(estimator, x, importer), scale, center)


@inverse("sklearn.preprocessing.MaxAbsScaler")
def of_max_abs_scaler(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X *= scale_``."""
    return _rescaled(_checked(estimator, x, importer), estimator.scale_, None)


@inverse("sklearn.preprocessing.MinMaxScaler")
def of_min_max_scaler(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X -= min_`` and ``X /= scale_``; values beyond the range are not clipped."""
    return SubDiv((_checked(estimator, x, importer),), floats(estimator.min_), floats(estimator.scale_))


@inverse("sklearn.preprocessing.PowerTransformer")
def of_power_transformer(estimator: Any, x: Node, importer: Importer) -> Node:
    """The inverse of the scaler behind the powers, then that of the powers."""
    if estimator.method not in ("yeo-johnson", "box-cox"):
        raise ValueError(f"method is {estimator.method!r:.40}")
    if estimator.method == "box-cox" and undoes_box_cox_by_powers():
        raise Unsupported("the inverse of Box-Cox as older releases compute it")
    x = _checked(estimator, x, importer)
    if estimator.standardize:
        x = importer.note(of_standard_scaler(scaler_behind_powers(estimator), x, importer))
    return InversePower((x,), floats(estimator.lambdas_), estimator.method == "box-cox")


@inverse("sklearn.preprocessing.QuantileTransformer")
def of_quantile_transformer(estimator: Any, x: Node, importer: Importer) -> Node:
    """Quantiles at values between 0 and 1, or at the probabilities below normal deviates."""
    quantiles = np.ascontiguousarray(floats(estimator.quantiles_).T)
    references = floats(estimator.references_)
    if not np.isfinite(quantiles).all() or (np.diff(references) <= 0).any():
        raise Unsupported("QuantileTransformer fitted on a column without values")
    normal = estimator.output_distribution == "normal"
    return InverseQuantiles((_checked(estimator, x, importer),), quantiles, references, normal)


@inverse("sklearn.preprocessing.FunctionTransformer")
def of_function_transformer(estimator: Any, x: Node, importer: Importer) -> Node:
    """A function of NumPy that is known here, or nothing."""
    if estimator.inv_kw_args:
        raise Unsupported("FunctionTransformer(inv_kw_args=...)")
    if estimator.validate:
        x = importer.finite(importer.dense(x), estimator)
    return x if estimator.inverse_func is None else function_of_numbers(estimator.inverse_func, x, importer)


def _checked(estimator: Any, x: Node, importer: Importer) -> Node:
    return importer.finite(importer.dense(x), estimator, allow_nan=True)


def _rescaled(x: Node, scale: Array | None, offset: Array | None, *, casts: bool = False) -> Node:
    """``x * scale + offset``, each where it was asked for."""
    width = x.schema().width
    factors = np.ones(width) if scale is None else floats(scale)
    return MulAdd((x,), factors, np.zeros(width) if offset is None else floats(offset), casts=casts)


# -- categories and bins ---------------------------------------------------------------------------------------------

MOST_LABELS = 10_000
"""Categories of all columns that a plan names in its description; the source answers where there are more."""


@inverse("sklearn.preprocessing.OrdinalEncoder")
def of_ordinal_encoder(estimator: Any, x: Node, importer: Importer) -> Output:
    """The category at each number; None for the number that stands for unknown ones, where there is one."""
    categories = _categories(estimator)
    dtype = np.result_type(*(each.dtype for each in categories))
    knows_unknown = estimator.handle_unknown == "use_encoded_value"
    grouped = [infrequent_code(estimator, j) is not None for j in range(len(categories))]
    labels, places = [], []
    for j in range(len(categories)):
        missing, special = missing_category(estimator, j), {}
        if missing is not None and grouped[j]:
            raise Unsupported("a missing value beside infrequent categories")
        known = frequent_categories(estimator, j)
        found = np.empty(len(known), dtype=dtype)
        found[:] = known
        more = ["infrequent_sklearn"] * grouped[j] + [None] * knows_unknown
        if knows_unknown:
            special[float(estimator.unknown_value)] = len(known) + grouped[j]
        if missing is not None:
            special[float(estimator.encoded_missing_value)] = missing
        if grouped[j]:
            special[float(len(known))] = len(known)
        labels.append(_with_objects(found, more) if knows_unknown or any(grouped) else found)
        places.append((len(known), special))
    codes = _at_places(estimator, x, importer, places, [np.arange(len(each), dtype=float) for each in labels])
    return Output(codes, labels=tuple(labels))


@inverse("sklearn.preprocessing.OneHotEncoder")
def of_one_hot_encoder(estimator: Any, x: Node, importer: Importer) -> Output:
    """The category of the largest value; a row of zeros is one that was dropped, an unknown one, or rejected."""
    checked = importer.finite(importer.dense(x), estimator)
    categories, drops, start = _categories(estimator), dropped_codes(estimator), 0
    known, every = zip(*(one_hot_categories(estimator, j) for j in range(len(drops))), strict=True)
    dtype = np.result_type(*(each.dtype for each in every))
    codes: list[Node] = []
    labels = []
    for j, drop in enumerate(drops):
        given = importer.select(checked, tuple(range(start, start + len(known[j]))))
        start += len(known[j])
        found = np.empty(len(known[j]), dtype=dtype)
        found[:] = known[j]
        if not len(found):
            codes.append(Constant((checked,), np.zeros(1)))
            labels.append(np.array([categories[j][drop]], dtype=dtype))
            continue
        unknown = takes_zeros_for_unknown(estimator, j)
        if drop is None and not unknown:
            codes.append(_largest(given, rejects=True))
        elif drop is None:
            if dtype.kind != "O":
                raise Unsupported("the dtype of the result depends on whether a category is unknown")
            codes.append(_largest(given, rejects=False))
            found = _with_objects(found, [None])
        else:
            codes.append(_largest(given, rejects=False))
            last = np.array([(categories[j] if unknown else every[j])[drop]], dtype=dtype)
            found = np.concatenate([found, last])
        labels.append(found)
    return Output(importer.concat(codes), labels=tuple(labels))


@inverse("sklearn.preprocessing.KBinsDiscretizer")
def of_k_bins(estimator: Any, x: Node, importer: Importer) -> Node:
    """The middle of each bin."""
    edges = [floats(each) for each in estimator.bin_edges_]
    centers = [(each[1:] + each[:-1]) * 0.5 for each in edges]
    if estimator.encode == "ordinal":
        checked = importer.finite(importer.dense(x), estimator)
        narrow = not importer.serves(checked, ["float32"])
        return _at_places(estimator, checked, importer, [(len(each), {}) for each in centers], centers, narrow=narrow)
    checked, start = importer.finite(importer.dense(x), estimator), 0
    parts: list[Node] = []
    for each in centers:
        given = importer.select(checked, tuple(range(start, start + len(each))))
        start += len(each)
        numbers = [float(k) for k in range(len(each))]
        parts.append(category_codes(_largest(given, rejects=True), [[*numbers]], [each.tolist()], [0.0], reject=0))
    return importer.concat(parts)


def _categories(estimator: Any) -> list[Array]:
    found = [np.asarray(each) for each in estimator.categories_]
    if sum(map(len, found)) > MOST_LABELS:
        raise Unsupported(f"more than {MOST_LABELS:,} categories")
    return found


def _largest(x: Node, *, rejects: bool) -> Node:
    """The first of the largest columns. A row whose sum is zero is rejected, or has the number behind the columns."""
    total = Linear((x,), np.ones((x.schema().width, 1)), np.zeros(1))
    if rejects:
        counted = Threshold((UnaryFunction((total,), "absolute"),), 0.0)
        passed = category_codes(counted, [[1.0]], [[0.0]], [0.0], reject=REJECT_UNKNOWN)
        return Sum((ArgMax((x,)), passed), np.zeros(1))
    return ArgMax((Concat((x, category_codes(total, [[0.0]], [[FLOAT64_MAX]], [-FLOAT64_MAX], reject=0))),))


def _at_places(
    estimator: Any,
    x: Node,
    importer: Importer,
    places: list[tuple[int, dict[float, int]]],
    values: list[Array],
    *,
    narrow: bool = False,
) -> Node:
    """``values[int(x)]`` of each column, from the end where ``x`` is negative; any other number is rejected.

    Parameters
    ----------
    places : list of (int, dict of float to int)
        Of each column, how many values numbers stand for, and the places of special numbers, which may be NaN.
    values : list of ndarray of float64
    narrow : bool
        The result is float32.
    """
    checked = importer.finite(importer.dense(x), estimator, allow_nan=True)
    edges, known, codes = [], [], []
    for (count, special), found in zip(places, values, strict=True):
        ends, numbers, at = _intervals(count, special)
        edges.append(ends)
        known.append([float(number) for number in numbers])
        codes.append((found.astype(np.float32) if narrow else found)[at].astype(np.float64).tolist())
    starts = np.cumsum([0, *map(len, edges)], dtype=np.int32)
    filled = Impute((checked,), np.full(len(edges), FLOAT64_MAX))
    bins = Bins((filled,), np.concatenate(edges), starts, "float64")
    dtype = "float32" if narrow else "float64"
    return category_codes(bins, known, codes, [0.0] * len(codes), reject=REJECT_UNKNOWN, dtype=dtype)


def _intervals(count: int, special: dict[float, int]) -> tuple[Array, list[int], list[int]]:
    """Where intervals of numbers begin, and for those that stand for something their numbers and their places.

    Numbers are cut to integers, from -``count`` to ``count`` - 1; the special ones are intervals of their own.
    """
    if any(float(np.float32(number)) != number for number in special if number == number):
        raise Unsupported("a number that float32 does not hold")
    special = {FLOAT64_MAX if number != number else number: place for number, place in special.items()}
    ends = [math.nextafter(-k, math.inf) for k in range(1, count + 2)] + [float(k) for k in range(1, count + 1)]
    ends += [end for number in special for end in (number, math.nextafter(number, math.inf))]
    ends = sorted({end for end in ends if end < math.inf})
    places = {
        i: special[end] if end in special else int(end) % count
        for i, end in enumerate(ends, start=1)
        if end in special or -count <= int(end) < count
    }
    return np.array(ends), [*places], [*places.values()]


def _with_objects(found: Array, more: list[Any]) -> Array:
    return np.array([*found.astype(object).tolist(), *more, None], dtype=object)[:-1]
