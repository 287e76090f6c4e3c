"""Checks that scikit-learn makes on the input of an estimator, as separate steps, so that rules can move them."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pretzel.errors import InputValueError
from pretzel.oven.ir.graph import Array, Node, Value
from pretzel.oven.ir.value_properties import FLOAT32_LIMIT, FLOAT32_MAX, FLOAT64_MAX, ValueProperties

if TYPE_CHECKING:
    from pretzel.schema import Schema


class CheckFinite(Node):
    """Passes dense or sparse rows through; stops where ``check_array(ensure_all_finite=...)`` of ``estimator`` would.

    Parameters
    ----------
    estimator : str
        Named in the error.
    allow_nan : bool
        NaN passes, infinity does not.
    float32 : bool
        The estimator reads float32: values that overflow it count as infinite.
    """

    estimator: str
    allow_nan: bool = False
    float32: bool = False

    op: ClassVar[str] = "check_finite/1"
    kernel: ClassVar[str] = "check_finite"
    columnwise: ClassVar[bool] = True
    passthrough: ClassVar[bool] = True

    def schema(self) -> Schema:
        return self.inputs[0].schema()

    def params(self) -> dict[str, Array]:
        return {
            "allow_nan": np.array(self.allow_nan, dtype=np.uint8),
            "float32": np.array(self.float32, dtype=np.uint8),
        }

    def reference(self, *inputs: Value) -> Value:
        reject(inputs[0], self.estimator, allow_nan=self.allow_nan, float32=self.float32)
        return inputs[0]

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        limit = FLOAT32_LIMIT if self.float32 else FLOAT64_MAX
        return self._passed(inputs[0], -limit, limit)

    def _passed(self, x: ValueProperties, low: float, high: float) -> ValueProperties:
        return ValueProperties(max(x.low, low), min(x.high, high), x.no_nan or not self.allow_nan, x.integral)

    def limits(self) -> tuple[Array, Array]:
        """The least and the greatest value of each column that pass, once rounded to float32 where that is checked."""
        high = np.full(self.schema().width, FLOAT32_MAX if self.float32 else FLOAT64_MAX)
        return -high, high

    def passes(self, x: ValueProperties) -> bool:
        """Whether values of these properties are certain to pass."""
        return (self.allow_nan or x.no_nan) and (x.fits_float32 if self.float32 else x.no_inf)

    def describe(self) -> str:
        notes = [self.estimator, *(["NaN allowed"] if self.allow_nan else []), *(["float32"] if self.float32 else [])]
        return ", ".join(notes)


def reject(values: Value, estimator: str, *, allow_nan: bool, float32: bool = False) -> None:
    """`CheckFinite` in NumPy.

    Raises
    ------
    InputValueError
    """
    from scipy import sparse

    x = values.toarray() if sparse.issparse(values) else values
    with np.errstate(over="ignore"):
        bad = np.isinf(x.astype(np.float32) if float32 else x)
    if not allow_nan:
        bad = bad | np.isnan(x)
    if bad.any():
        row, column = np.argwhere(bad)[0]
        raise InputValueError(f"{estimator}: row {row}, column {column}: {x[row, column]} is rejected")


class CheckRange(CheckFinite):
    """Passes a dense value through; stops where column j is below ``low[j]`` or above ``high[j]``.

    Replaces the check behind a monotone step when the step itself is folded away.

    Parameters
    ----------
    estimator : str
        Named in the error.
    allow_nan : bool
        NaN passes.
    low, high : ndarray of float64, shape (width,)
        The range of each column.
    """

    low: Array = field(kw_only=True)
    high: Array = field(kw_only=True)

    op: ClassVar[str] = "check_range/1"
    kernel: ClassVar[str] = "check_range"

    def params(self) -> dict[str, Array]:
        return {"allow_nan": np.array(self.allow_nan, dtype=np.uint8), "low": self.low, "high": self.high}

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        if not self.low.size:
            return inputs[0]
        return self._passed(inputs[0], float(self.low.min()), float(self.high.max()))

    def limits(self) -> tuple[Array, Array]:
        return self.low, self.high

    def passes(self, x: ValueProperties) -> bool:
        within = not self.low.size or bool((self.low <= x.low).all() and (x.high <= self.high).all())
        return within and (self.allow_nan or x.no_nan)

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        bad = (x < self.low) | (x > self.high)
        if not self.allow_nan:
            bad = bad | np.isnan(x)
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise InputValueError(f"{self.estimator}: row {row}, column {column}: {x[row, column]} is rejected")
        return x
