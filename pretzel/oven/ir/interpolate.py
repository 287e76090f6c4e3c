"""Values to those of a curve that is linear between known points: isotonic regression."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Value, replace
from pretzel.oven.ir.value_properties import UNKNOWN, ValueProperties
from pretzel.schema import Schema, dense, fixed


class Interpolate(Node):
    """Each value through the points of its column, as `numpy.interp` computes; a single point is a constant.

    Parameters
    ----------
    x, y : float64 array of shape (n_points,)
        Points, ascending for each column; those of column j are ``x[starts[j]:starts[j + 1]]``.
    starts : int32 array of shape (width + 1,)
    nan_outside : bool
        Values beyond the points become NaN, else those of the ends.
    high : float or None
        Larger results become this.
    dtype : str
        dtype of the result, whatever the request has.
    """

    x: Array
    y: Array
    starts: Array
    nan_outside: bool = False
    high: float | None = None
    dtype: str = "float64"

    op: ClassVar[str] = "interpolate/1"
    kernel: ClassVar[str] = "interpolate"
    columnwise: ClassVar[bool] = True

    def schema(self) -> Schema:
        width = self.inputs[0].schema().width
        if width != len(self.starts) - 1 or (np.diff(self.starts) < 1).any():
            raise ValueError(
                f"{width} columns meet the points of {len(self.starts) - 1}, of which each has one or more"
            )
        return dense(width, fixed(self.dtype))

    def params(self) -> dict[str, Array]:
        return {
            "x": self.x,
            "y": self.y,
            "starts": self.starts,
            "nan_outside": np.array(self.nan_outside, dtype=np.uint8),
            "high": np.array(np.inf if self.high is None else self.high),
        }

    def reference(self, *inputs: Value) -> Value:
        out = np.empty_like(inputs[0])
        for j, (first, end) in enumerate(zip(self.starts[:-1], self.starts[1:], strict=True)):
            x, y, values = self.x[first:end], self.y[first:end], inputs[0][:, j]
            if len(x) == 1:
                out[:, j] = np.where(np.isnan(values), np.nan, y[0])
                continue
            with np.errstate(all="ignore"):
                out[:, j] = self._between(np.clip(values, x[0], x[-1]), x, y)
            if self.nan_outside:
                out[(values < x[0]) | (values > x[-1]), j] = np.nan
        return out if self.high is None else np.minimum(out, self.high)

    def _between(self, values: Array, x: Array, y: Array) -> Array:
        """The curve at values from the first to the last point; `numpy.interp`, without fused sums and products."""
        at = np.clip(np.searchsorted(x, values, side="right") - 1, 0, len(x) - 2)
        slope = (y[at + 1] - y[at]) / (x[at + 1] - x[at])
        made = slope * (values - x[at]) + y[at]
        known = np.clip(np.searchsorted(x, values), 0, len(x) - 1)
        found: Array = np.where(x[known] == values, y[known], made)
        return found

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        if not np.isfinite(self.x).all() or not np.isfinite(self.y).all():
            return UNKNOWN
        slack = 1e-6 * float(np.abs(self.y).max(initial=0.0))  # more than is lost by rounding between two points
        low, high = float(self.y.min()) - slack, float(self.y.max()) + slack
        top = np.inf if self.high is None else self.high
        return ValueProperties(min(low, top), min(high, top), inputs[0].no_nan and not self.nan_outside)

    def select_columns(self, x: Node, columns: Array) -> Node | None:
        parts = [slice(self.starts[j], self.starts[j + 1]) for j in columns]
        chosen = [np.concatenate([np.empty(0), *(each[part] for part in parts)]) for each in (self.x, self.y)]
        starts = np.cumsum([0, *(part.stop - part.start for part in parts)], dtype=np.int32)
        return replace(self, inputs=(x,), x=chosen[0], y=chosen[1], starts=starts)

    def describe(self) -> str:
        return f"{len(self.x)} points of {len(self.starts) - 1} columns"


class InterpolateFloat32(Interpolate):
    """`Interpolate` in float32, of values and points that float32 holds, as `scipy.interpolate.interp1d` computes."""

    op: ClassVar[str] = "interpolate_float32/1"
    kernel: ClassVar[str] = "interpolate_float32"

    def _between(self, values: Array, x: Array, y: Array) -> Array:
        x, y, values = (each.astype(np.float32) for each in (x, y, values))
        upper = np.clip(np.searchsorted(x, values), 1, len(x) - 1)
        slope = (y[upper] - y[upper - 1]) / (x[upper] - x[upper - 1])
        found: Array = (slope * (values - x[upper - 1]) + y[upper - 1]).astype(np.float64)
        return found
