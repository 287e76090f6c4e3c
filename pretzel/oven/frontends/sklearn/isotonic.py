"""Adapters of `sklearn.isotonic`: a curve through the points that were fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import dense_only, floats
from pretzel.oven.ir.check import CheckRange
from pretzel.oven.ir.columns import width_of
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.oven.ir.interpolate import Interpolate, InterpolateFloat32
from pretzel.oven.ir.scale import ToFloat32

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.oven.frontends.importer import Importer


@adapter("sklearn.isotonic.IsotonicRegression")
def isotonic_regression(estimator: Any, x: Node, importer: Importer) -> Methods:
    """``transform`` is ``predict``."""
    if width_of(x) != 1:
        raise Unsupported(f"IsotonicRegression of {width_of(x)} columns")
    found = Output(curves([estimator], x, importer), ndim=1)
    return {"predict": found, "transform": found}


def curves(
    regressions: Sequence[Any], x: Node, importer: Importer, *, dtype: str = "", high: float | None = None
) -> Node:
    """The prediction of the regression of each column of ``x``.

    Parameters
    ----------
    regressions : sequence of IsotonicRegression
    x : Node
    importer : Importer
    dtype : str
        dtype of the result. By default that of the fitted points.
    high : float, optional
        Larger results become this.
    """
    first = regressions[0]
    dense_only(x, first)
    types = {(each.X_thresholds_.dtype.name, each.y_thresholds_.dtype.name, each.out_of_bounds) for each in regressions}
    if len(types) > 1:
        raise Unsupported("curves of several kinds")
    ((computed, result, outside),) = types
    if computed != result or computed not in ("float32", "float64"):
        raise Unsupported(f"points of dtype {computed} and {result}")
    points = [(floats(each.X_thresholds_), floats(each.y_thresholds_)) for each in regressions]
    for each, (xs, ys) in zip(regressions, points, strict=True):
        if xs.shape != ys.shape or xs.ndim != 1 or not len(xs):
            raise ValueError(f"X_thresholds_ and y_thresholds_ have the shapes {xs.shape} and {ys.shape}")
        if not (np.isfinite(xs).all() and np.isfinite(ys).all() and (np.diff(xs) > 0).all()):
            raise ValueError("X_thresholds_ do not ascend, or points are not finite")
        if (each.X_min_, each.X_max_) != (xs[0], xs[-1]):
            raise ValueError(f"X_min_ and X_max_ are {each.X_min_} and {each.X_max_}, and the points end elsewhere")
    x = importer.finite(importer.dense(x), first, float32=computed == "float32")
    if computed == "float32":
        x = ToFloat32((x,))
    if outside == "raise" and all(len(xs) > 1 for xs, _ in points):
        low, high_x = (np.array([xs[end] for xs, _ in points]) for end in (0, -1))
        x = CheckRange((x,), type(first).__name__, low=low, high=high_x)
    elif outside not in ("clip", "nan", "raise"):
        raise ValueError(f"out_of_bounds is {outside!r:.40}")
    kind = InterpolateFloat32 if computed == "float32" else Interpolate
    return kind(
        (x,),
        np.concatenate([xs for xs, _ in points]),
        np.concatenate([ys for _, ys in points]),
        np.cumsum([0, *(len(xs) for xs, _ in points)], dtype=np.int32),
        outside == "nan",
        high,
        dtype or computed,
    )
