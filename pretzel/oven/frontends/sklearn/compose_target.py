"""Adapters of regressors with a transformed target: `TransformedTargetRegressor`, and what undoes transformations."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.inverse import Inverse
from pretzel.oven.frontends.registry import Child, Unsupported, adapter, children, composition, public_name
from pretzel.oven.frontends.sklearn._common import floats
from pretzel.oven.frontends.sklearn._members import called
from pretzel.oven.frontends.sklearn.compat.compositions import target_ndim
from pretzel.oven.frontends.sklearn.compat.preprocessing import (
    casts_scaler_parameters,
    scaler_behind_powers,
    undoes_box_cox_by_powers,
)
from pretzel.oven.frontends.sklearn.preprocessing import numpy_function
from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.columns import width_of
from pretzel.oven.ir.graph import Array, Methods, Node, Output
from pretzel.oven.ir.opaque import new_token, opaque
from pretzel.oven.ir.power import InversePower
from pretzel.oven.ir.quantile import InverseQuantiles
from pretzel.oven.ir.scale import MulAdd, SubDiv
from pretzel.oven.ir.unary_function import KEEP_INTEGERS

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer


@composition("sklearn.compose.TransformedTargetRegressor")
def regressor_of_target(estimator: Any) -> tuple[Child, ...]:
    """The regressor predicts the transformed target."""
    return (Child(type(estimator.regressor_).__name__, estimator.regressor_, "predict"),)


@adapter("sklearn.compose.TransformedTargetRegressor")
def transformed_target(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The regressor's prediction, through the inverse of the transformation of its target.

    An inverse without a native form is called from Python with what a native regressor predicts.
    """
    (child,) = children(estimator)
    width = getattr(estimator.transformer_, "n_features_in_", None)
    output = importer.answer(child.estimator, "predict", x, name=child.name, width=width)
    if output.labels is not None or output.list_of is not None:
        raise Unsupported(f"{child.name}.predict returns no numbers")
    vector = target_ndim(estimator) == 1
    try:
        node = inverse(estimator.transformer_, output.node, importer)
    except Unsupported as error:
        if called(output.node) is not None:
            raise  # both would be called, and the dtype of what is read back between them is lost
        step = Inverse(estimator.transformer_, vector)
        return {"predict": Output(importer.note(opaque(step, "predict", output.node, str(error), new_token())))}
    unchecked = node.inputs[0] if isinstance(node, CheckFinite) else node
    keeps_integers = unchecked is output.node or getattr(unchecked, "function", "") in KEEP_INTEGERS
    if keeps_integers and called(output.node) is not None:
        raise Unsupported(f"{child.name}.predict has no native form, and what is behind it keeps the dtype")
    return {"predict": Output(node, ndim=1 if vector and node.schema().width == 1 else 2)}


def inverse(transformer: Any, x: Node, importer: Importer) -> Node:
    """What ``inverse_transform`` makes of ``x``.

    Raises
    ------
    Unsupported
    """
    kind, _, name = public_name(type(transformer)).rpartition(".")
    if name == "Pipeline" and kind == "sklearn.pipeline":
        for child in reversed(children(transformer)):
            x = inverse(child.estimator, x, importer)
        return x
    if kind != "sklearn.preprocessing" or name not in _INVERSES:
        raise Unsupported(f"the inverse of {type(transformer).__name__}")
    width = getattr(transformer, "n_features_in_", width_of(x))
    if width != width_of(x):
        raise ValueError(f"n_features_in_ is {width!r:.40}, and the target has {width_of(x)} columns")
    return importer.note(_INVERSES[name](transformer, x, importer))


def _checked(transformer: Any, x: Node, importer: Importer) -> Node:
    return importer.finite(importer.dense(x), transformer, allow_nan=True)


def _of_function(transformer: Any, x: Node, importer: Importer) -> Node:
    if transformer.inv_kw_args:
        raise Unsupported("FunctionTransformer(inv_kw_args=...)")
    checked = importer.finite(x, transformer) if transformer.validate else x
    return numpy_function(transformer.inverse_func, checked)


def _of_standard_scaler(transformer: Any, x: Node, importer: Importer) -> Node:
    scale = transformer.scale_ if transformer.with_std else None
    mean = transformer.mean_ if transformer.with_mean else None
    return _rescaled(_checked(transformer, x, importer), scale, mean, casts=casts_scaler_parameters())


def _of_robust_scaler(transformer: Any, x: Node, importer: Importer) -> Node:
    scale = transformer.scale_ if transformer.with_scaling else None
    center = transformer.center_ if transformer.with_centering else None
    return _rescaled(_checked(transformer, x, importer), scale, center)


def _of_max_abs_scaler(transformer: Any, x: Node, importer: Importer) -> Node:
    return _rescaled(_checked(transformer, x, importer), transformer.scale_, None)


def _rescaled(x: Node, scale: Array | None, offset: Array | None, *, casts: bool = False) -> Node:
    """``x * scale + offset``, each where it was asked for."""
    width = x.schema().width
    factors = np.ones(width) if scale is None else floats(scale)
    return MulAdd((x,), factors, np.zeros(width) if offset is None else floats(offset), casts=casts)


def _of_min_max_scaler(transformer: Any, x: Node, importer: Importer) -> Node:
    """Values beyond the range are not clipped."""
    return SubDiv((_checked(transformer, x, importer),), floats(transformer.min_), floats(transformer.scale_))


def _of_power_transformer(transformer: Any, x: Node, importer: Importer) -> Node:
    if transformer.method not in ("yeo-johnson", "box-cox"):
        raise ValueError(f"method is {transformer.method!r:.40}")
    if transformer.method == "box-cox" and undoes_box_cox_by_powers():
        raise Unsupported("the inverse of Box-Cox as older releases compute it")
    x = _checked(transformer, x, importer)
    if transformer.standardize:
        x = importer.note(_of_standard_scaler(scaler_behind_powers(transformer), x, importer))
    return InversePower((x,), floats(transformer.lambdas_), transformer.method == "box-cox")


def _of_quantile_transformer(transformer: Any, x: Node, importer: Importer) -> Node:
    quantiles = np.ascontiguousarray(floats(transformer.quantiles_).T)
    references = floats(transformer.references_)
    if not np.isfinite(quantiles).all() or (np.diff(references) <= 0).any():
        raise Unsupported("QuantileTransformer fitted on a column without values")
    normal = transformer.output_distribution == "normal"
    return InverseQuantiles((_checked(transformer, x, importer),), quantiles, references, normal)


_INVERSES = {
    "FunctionTransformer": _of_function,
    "MaxAbsScaler": _of_max_abs_scaler,
    "MinMaxScaler": _of_min_max_scaler,
    "PowerTransformer": _of_power_transformer,
    "QuantileTransformer": _of_quantile_transformer,
    "RobustScaler": _of_robust_scaler,
    "StandardScaler": _of_standard_scaler,
}
"""Inverses of transformers of `sklearn.preprocessing`."""
