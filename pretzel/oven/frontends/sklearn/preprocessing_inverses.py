"""Inverses of the transformers of `sklearn.preprocessing`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, inverse
from pretzel.oven.frontends.sklearn._common import floats
from pretzel.oven.frontends.sklearn.compat.preprocessing import (
    casts_scaler_parameters,
    scaler_behind_powers,
    undoes_box_cox_by_powers,
)
from pretzel.oven.frontends.sklearn.preprocessing import function_of_numbers
from pretzel.oven.ir.power import InversePower
from pretzel.oven.ir.quantile import InverseQuantiles
from pretzel.oven.ir.scale import MulAdd, SubDiv

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
