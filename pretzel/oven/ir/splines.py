"""Values of B-splines: ``SplineTransformer``."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.errors import InputValueError
from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.oven.ir.scale import ToFloat32
from pretzel.schema import Schema, dense

BEYOND = ("constant", "linear", "continue", "error", "periodic")
"""What values beyond the inner knots become, in the order of the kernel's enumeration."""

MOST_DEGREE = 30
"""The largest degree of the kernel."""


class Splines(Node):
    """The values of the B-splines of each column; zeros where it is missing.

    Parameters
    ----------
    knots : float64 array of shape (width, n_knots)
    degree : int
    beyond : str
        One of `BEYOND`.
    borders : float64 array of shape (width, 4 * n_splines)
        Values and slopes of the splines at the first inner knot, then at the last.
    kept : int
        Splines of each column that are part of the result: the first.
    """

    knots: Array
    degree: int
    beyond: str
    borders: Array
    kept: int

    op: ClassVar[str] = "splines/1"
    kernel: ClassVar[str] = "splines"
    parity: ClassVar[Parity] = Parity.TOLERANCE
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        if source.width != len(self.knots) or len(self.borders) != len(self.knots):
            raise ValueError(f"{source} meets knots of {len(self.knots)} columns")
        return dense(source.width * self.kept, source.dtype.floating())

    def in_float32(self) -> Node:
        return ToFloat32((self,))

    def params(self) -> dict[str, Array]:
        return {
            "knots": self.knots,
            "degree": np.array(self.degree, dtype=np.int32),
            "beyond": np.array(BEYOND.index(self.beyond), dtype=np.uint8),
            "borders": self.borders,
            "kept": np.array(self.kept, dtype=np.int32),
        }

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        columns = [self._of_column(x[:, j], self.knots[j], self.borders[j]) for j in range(x.shape[1])]
        return np.hstack([each[:, : self.kept] for each in columns])

    def _of_column(self, x: Array, knots: Array, borders: Array) -> Array:
        from scipy.interpolate import BSpline

        at_first, slope_first, at_last, slope_last = borders.reshape(4, -1)
        n_splines = len(at_first)
        coefficients = np.eye(n_splines)
        if self.beyond == "periodic":
            coefficients = np.vstack([coefficients, coefficients[: self.degree]])
        spline = BSpline.construct_fast(knots, coefficients, self.degree, extrapolate=True)
        first, last = knots[self.degree], knots[-self.degree - 1]
        with np.errstate(all="ignore"):
            inside = first + (x - first) % (last - first) if self.beyond == "periodic" else x
            found = np.asarray(spline(np.where(np.isnan(x), first, inside)))
            below, above = x < first, x > last
            if self.beyond == "error" and (below | above).any():
                raise InputValueError(f"row {np.argmax(below | above)} lies beyond the knots")
            if self.beyond in ("constant", "linear"):
                k = self.degree
                found[below | above] = 0.0
                found[below, :k] = self._along(at_first[:k], x[below, None] - first, slope_first[:k])
                found[above, -k:] = self._along(at_last[-k:], x[above, None] - last, slope_last[-k:])
        found[np.isnan(x)] = 0.0
        return found

    def _along(self, values: Array, distance: Array, slopes: Array) -> Array:
        return values + distance * slopes if self.beyond == "linear" else values

    def describe(self) -> str:
        return f"{len(self.knots)} columns -> {self.schema().width} splines of degree {self.degree}"
