"""One operation per column: scalers, in the order of operations that scikit-learn uses."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Value
from pretzel.schema import Schema, dense, sparse


class SubDiv(Node):
    """``(x - mean) / scale``; either may be left out. Division stays division: the reciprocal gives other bits."""

    mean: Array | None
    scale: Array | None

    op: ClassVar[str] = "sub_div/1"
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

    op: ClassVar[str] = "mul_add/1"
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

    op: ClassVar[str] = "scale_sparse/1"
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
