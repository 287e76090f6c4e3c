"""Transformed targets: a regressor and the inverse of what its target went through."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.graph import Methods, Node, Output
from pretzel.oven.ops.columns import Raw
from pretzel.oven.ops.function import numpy_function
from pretzel.oven.ops.opaque import Opaque
from pretzel.oven.ops.scale import MulAdd
from pretzel.oven.registry import Unsupported, from_sklearn, public_name

if TYPE_CHECKING:
    from pretzel.oven.importer import Importer


@from_sklearn("sklearn.compose.TransformedTargetRegressor")
def transformed_target(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The regressor's prediction through the inverse of what its target went through."""
    output = importer.methods(estimator.regressor_, x, only=("predict",))["predict"]
    if isinstance(output.node, Opaque | Raw) or output.labels is not None or output.list_of is not None:
        raise Unsupported(f"{type(estimator.regressor_).__name__}.predict has no native form")
    node = _inverse(estimator.transformer_, output.node, importer)
    return {"predict": Output(node, ndim=1 if estimator._training_dim == 1 and node.schema().width == 1 else 2)}


def _inverse(transformer: Any, x: Node, importer: Importer) -> Node:
    name = public_name(type(transformer))
    if name == "sklearn.preprocessing.FunctionTransformer" and not transformer.inv_kw_args:
        checked = importer.finite(x, transformer) if transformer.validate else x
        return numpy_function(transformer.inverse_func, checked)
    if name == "sklearn.preprocessing.StandardScaler":
        width = x.schema().width
        scale = np.asarray(transformer.scale_, dtype=np.float64) if transformer.with_std else np.ones(width)
        mean = np.asarray(transformer.mean_, dtype=np.float64) if transformer.with_mean else np.zeros(width)
        return MulAdd((importer.finite(x, transformer, allow_nan=True),), scale, mean)
    raise Unsupported(f"the inverse of {type(transformer).__name__}")
