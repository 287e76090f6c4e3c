"""One operation per column: scalers, in the order of operations that scikit-learn uses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pretzel.oven.graph import Array, Node, Value
from pretzel.oven.ops.columns import Raw
from pretzel.oven.registry import Unsupported, from_sklearn
from pretzel.schema import Kind, Schema, dense, sparse

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
        return (self.scale, self.offset, _range(self.low, self.high))

    def reference(self, *inputs: Value) -> Value:
        x = inputs[0] * self.scale + self.offset
        return x if self.low is None else np.clip(x, self.low, self.high)

    def describe(self) -> str:
        return "" if self.low is None else f"clip to [{self.low:g}, {self.high:g}]"


class ScaleSparse(Node):
    """Stored entries times the factor of their column, then clipped to ``[low, high]`` where these are given.

    scikit-learn scales sparse rows by reciprocals, other than dense ones.
    """

    factors: Array
    low: float | None = None
    high: float | None = None

    kernel: ClassVar[str] = "scale_sparse"

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return sparse(source.width, source.nnz)

    def params(self) -> tuple[Array, ...]:
        return (self.factors, _range(self.low, self.high))

    def reference(self, *inputs: Value) -> Value:
        x = inputs[0].tocsr(copy=True)
        x.data = x.data * self.factors[x.indices]
        if self.low is not None and self.high is not None:
            x.data = np.clip(x.data, self.low, self.high)
        return x


def _range(low: float | None, high: float | None) -> Array:
    return np.array([-np.inf if low is None else low, np.inf if high is None else high])


def _floats(array: Any) -> Array:
    return np.ascontiguousarray(array, dtype=np.float64)


def is_sparse(x: Node) -> bool:
    """Whether ``x`` is sparse rows; the request has no kind before it is read."""
    return not isinstance(x, Raw) and x.schema().kind is Kind.SPARSE


def dense_only(x: Node, estimator: Any) -> None:
    """Raise `Unsupported` where ``x`` is sparse."""
    if is_sparse(x):
        raise Unsupported(f"{type(estimator).__name__} on sparse rows")


def _scaled(estimator: Any, x: Node, importer: Importer, mean: Array | None, scale: Array | None) -> Node:
    """What `StandardScaler` and `RobustScaler` do with either kind of rows."""
    if is_sparse(x):
        if mean is not None:
            raise Unsupported(f"{type(estimator).__name__} cannot centre sparse rows")
        checked = importer.finite(x, estimator, allow_nan=True)
        return checked if scale is None else ScaleSparse((checked,), 1.0 / scale)
    checked = importer.finite(importer.dense(x), estimator, allow_nan=True)
    return checked if mean is None and scale is None else SubDiv((checked,), mean, scale)


@from_sklearn("sklearn.preprocessing.StandardScaler")
def standard_scaler(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X -= mean_`` and ``X /= scale_``, each where it was asked for."""
    mean = _floats(estimator.mean_) if estimator.with_mean else None
    scale = _floats(estimator.scale_) if estimator.with_std else None
    return _scaled(estimator, x, importer, mean, scale)


@from_sklearn("sklearn.preprocessing.RobustScaler")
def robust_scaler(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X -= center_`` and ``X /= scale_``, each where it was asked for."""
    center = _floats(estimator.center_) if estimator.with_centering else None
    scale = _floats(estimator.scale_) if estimator.with_scaling else None
    return _scaled(estimator, x, importer, center, scale)


@from_sklearn("sklearn.preprocessing.MaxAbsScaler")
def max_abs_scaler(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X /= scale_``, then clipped to [-1, 1] where it was asked for."""
    scale = _floats(estimator.scale_)
    low, high = (-1.0, 1.0) if estimator.clip else (None, None)
    if is_sparse(x):
        return ScaleSparse((importer.finite(x, estimator, allow_nan=True),), 1.0 / scale, low, high)
    scaled = SubDiv((importer.finite(importer.dense(x), estimator, allow_nan=True),), None, scale)
    width = scaled.schema().width
    return MulAdd((scaled,), np.ones(width), np.zeros(width), low, high) if estimator.clip else scaled


@from_sklearn("sklearn.preprocessing.MinMaxScaler")
def min_max_scaler(estimator: Any, x: Node, importer: Importer) -> Node:
    """``X *= scale_`` and ``X += min_``, then clipped where it was asked for."""
    dense_only(x, estimator)
    x = importer.finite(importer.dense(x), estimator, allow_nan=True)
    low, high = (map(float, estimator.feature_range)) if estimator.clip else (None, None)
    return MulAdd((x,), _floats(estimator.scale_), _floats(estimator.min_), low, high)
