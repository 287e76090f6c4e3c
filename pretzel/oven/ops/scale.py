"""One operation per column: scalers, in the order of operations that scikit-learn uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pretzel.oven.graph import Array, Node, Value
from pretzel.oven.registry import Unsupported, from_sklearn
from pretzel.schema import Kind, Schema, dense

if TYPE_CHECKING:
    from pretzel.oven.importer import Importer


class SubDiv(Node):
    """``(x - mean) / scale``; either may be left out. Division stays division: the reciprocal gives other bits."""

    mean: Array | None
    scale: Array | None

    kernel: ClassVar[str] = "sub_div"

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return dense(source.width, keeps_float32=source.keeps_float32)

    def params(self) -> tuple[Array, ...]:
        empty = np.empty(0)
        return (empty if self.mean is None else self.mean, empty if self.scale is None else self.scale)

    def reference(self, *inputs: Value) -> Value:
        x = inputs[0]
        if self.mean is not None:
            x = x - self.mean
        return x if self.scale is None else x / self.scale

    def describe(self) -> str:
        return " ".join(name for name, on in (("mean", self.mean), ("scale", self.scale)) if on is not None)


class MulAdd(Node):
    """``x * scale + offset``, then clipped to ``[low, high]`` where these are given."""

    scale: Array
    offset: Array
    low: float | None = None
    high: float | None = None

    kernel: ClassVar[str] = "mul_add"

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return dense(source.width, keeps_float32=source.keeps_float32)

    def params(self) -> tuple[Array, ...]:
        low = -np.inf if self.low is None else self.low
        high = np.inf if self.high is None else self.high
        return (self.scale, self.offset, np.array([low, high]))

    def reference(self, *inputs: Value) -> Value:
        x = inputs[0] * self.scale + self.offset
        return x if self.low is None else np.clip(x, self.low, self.high)

    def describe(self) -> str:
        return "" if self.low is None else f"clip to [{self.low:g}, {self.high:g}]"


def _floats(array: Any) -> Array:
    return np.ascontiguousarray(array, dtype=np.float64)


def dense_only(x: Node, estimator: Any) -> None:
    """Raise `Unsupported` where ``x`` is sparse."""
    from pretzel.oven.ops.columns import Raw

    if not isinstance(x, Raw) and x.schema().kind is Kind.SPARSE:
        raise Unsupported(f"{type(estimator).__name__} on sparse rows")


@from_sklearn("sklearn.preprocessing.StandardScaler")
def standard_scaler(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X -= mean_`` and ``X /= scale_``, each where it was asked for."""
    dense_only(x, estimator)
    x = importer.finite(importer.dense(x), estimator, allow_nan=True)
    mean = _floats(estimator.mean_) if estimator.with_mean else None
    scale = _floats(estimator.scale_) if estimator.with_std else None
    return x if mean is None and scale is None else SubDiv((x,), mean, scale)


@from_sklearn("sklearn.preprocessing.RobustScaler")
def robust_scaler(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X -= center_`` and ``X /= scale_``, each where it was asked for."""
    dense_only(x, estimator)
    x = importer.finite(importer.dense(x), estimator, allow_nan=True)
    center = _floats(estimator.center_) if estimator.with_centering else None
    scale = _floats(estimator.scale_) if estimator.with_scaling else None
    return x if center is None and scale is None else SubDiv((x,), center, scale)


@from_sklearn("sklearn.preprocessing.MaxAbsScaler")
def max_abs_scaler(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X /= scale_``, then clipped where it was asked for."""
    dense_only(x, estimator)
    if getattr(estimator, "clip", False):
        raise Unsupported("MaxAbsScaler(clip=True)")
    return SubDiv((importer.finite(importer.dense(x), estimator, allow_nan=True),), None, _floats(estimator.scale_))


@from_sklearn("sklearn.preprocessing.MinMaxScaler")
def min_max_scaler(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X *= scale_`` and ``X += min_``, then clipped where it was asked for."""
    x = importer.finite(importer.dense(x), estimator, allow_nan=True)
    low, high = (map(float, estimator.feature_range)) if estimator.clip else (None, None)
    return MulAdd((x,), _floats(estimator.scale_), _floats(estimator.min_), low, high)
