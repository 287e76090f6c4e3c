"""Adapter of `SquashingScaler`: robust scaling of each column, and a soft limit."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import floats
from pretzel.oven.ir.scale import MulAdd, SoftClip, SubDiv

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node


@adapter("skrub.SquashingScaler")
def squashing_scaler(estimator: Any, x: Node, importer: Importer) -> Node:
    """A difference, a quotient, and where quantiles were equal a product: zero where all values were."""
    limit = estimator.max_absolute_value
    if type(limit) not in (int, float):
        raise Unsupported(f"max_absolute_value={limit!r:.40}, which has a precision of its own")
    numbers = importer.dense(x)
    width = numbers.schema().width
    mean, scale, factor = np.zeros(width), np.ones(width), np.ones(width)
    robust, narrow, constant = (
        np.asarray(each, dtype=bool) for each in (estimator.robust_cols_, estimator.minmax_cols_, estimator.zero_cols_)
    )
    if not (robust.astype(int) + narrow + constant == 1).all():
        raise ValueError("each column has one of three ways of scaling")
    if robust.any():
        mean[robust] = floats(estimator.robust_scaler_.center_)
        scale[robust] = floats(estimator.robust_scaler_.scale_)
    if narrow.any():
        if estimator.minmax_scaler_.median_.dtype != np.float32:
            importer.exclude(numbers, ["float32"], "products of float64 that are rounded to float32")
        mean[narrow] = floats(estimator.minmax_scaler_.median_)
        factor[narrow] = floats(estimator.minmax_scaler_.scale_)
    factor[constant] = 0.0
    scaled: Node = importer.note(SubDiv((numbers,), mean, scale))
    if not robust.all():
        scaled = importer.note(MulAdd((scaled,), factor, np.zeros(width)))
    return SoftClip((scaled, numbers), float(limit))
