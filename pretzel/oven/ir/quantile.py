"""Columns mapped to a uniform or a normal distribution through their quantiles."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value, replace
from pretzel.oven.ir.scale import ToFloat32
from pretzel.schema import Schema, dense

MARGIN = 1e-7  # values this near to the ends of a column count as its ends, where the result is normal


class _OfQuantiles(Node):
    """What values and their places among the quantiles of a column are to each other.

    Parameters
    ----------
    quantiles : float64 array of shape (width, n_quantiles)
        Ascending.
    references : float64 array of shape (n_quantiles,)
        What the quantiles are mapped to.
    normal : bool
        Places are normal deviates.
    """

    quantiles: Array
    references: Array
    normal: bool

    columnwise: ClassVar[bool] = True
    parity: ClassVar[Parity] = Parity.TOLERANCE
    rounds_once: ClassVar[bool] = True

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        if source.width != len(self.quantiles) or self.quantiles.shape[1:] != self.references.shape:
            raise ValueError(f"{source} meets the quantiles of {len(self.quantiles)} columns")
        return dense(source.width, source.dtype.floating())

    def params(self) -> dict[str, Array]:
        return {
            "quantiles": self.quantiles,
            "references": self.references,
            "normal": np.array(self.normal, dtype=np.uint8),
        }

    def in_float32(self) -> Node:
        return ToFloat32((self,))

    def select_columns(self, x: Node, columns: Array) -> Node | None:
        return replace(self, inputs=(x,), quantiles=self.quantiles[columns])

    def describe(self) -> str:
        return f"{self.quantiles.shape[1]} of {len(self.quantiles)} columns, {'normal' if self.normal else 'uniform'}"


class Quantiles(_OfQuantiles):
    """Where a value stands among the quantiles of its column, between 0 and 1, or the normal deviate of that.

    The mean of an interpolation from below and one from above, which differ where quantiles coincide.
    """

    op: ClassVar[str] = "quantiles/1"
    kernel: ClassVar[str] = "quantiles"

    def params(self) -> dict[str, Array]:
        return {**super().params(), "limits": np.array([MARGIN, *_limits()])}

    def reference(self, *inputs: Value) -> Value:
        from scipy.special import ndtri

        out = np.empty_like(inputs[0])
        margin = MARGIN if self.normal else 0.0
        for j, quantiles in enumerate(self.quantiles):
            x = inputs[0][:, j]
            below = np.interp(x, quantiles, self.references)
            above = np.interp(-x, -quantiles[::-1], -self.references[::-1])
            y = 0.5 * (below - above)
            y[x + margin > quantiles[-1] if self.normal else x == quantiles[-1]] = 1.0
            y[x - margin < quantiles[0] if self.normal else x == quantiles[0]] = 0.0
            out[:, j] = np.clip(ndtri(y), *_limits()) if self.normal else y
        return out


class InverseQuantiles(_OfQuantiles):
    """The quantile at a value between 0 and 1, or at the probability below a normal deviate."""

    op: ClassVar[str] = "inverse_quantiles/1"
    kernel: ClassVar[str] = "inverse_quantiles"

    def params(self) -> dict[str, Array]:
        return {**super().params(), "margin": np.array(MARGIN if self.normal else 0.0)}

    def reference(self, *inputs: Value) -> Value:
        from scipy.special import ndtr

        out = np.empty_like(inputs[0])
        for j, quantiles in enumerate(self.quantiles):
            x = ndtr(inputs[0][:, j]) if self.normal else inputs[0][:, j]
            y = np.interp(x, self.references, quantiles)
            margin = MARGIN if self.normal else 0.0
            y[x + margin > 1.0] = quantiles[-1]
            y[x - margin < 0.0] = quantiles[0]
            out[:, j] = y
        return out


def _limits() -> tuple[float, float]:
    """Normal deviates that the ends of a column are given instead of infinity."""
    from scipy.stats import norm

    edge = MARGIN - np.spacing(1)
    return float(norm.ppf(edge)), float(norm.ppf(1 - edge))
