"""Checks that scikit-learn makes on the input of an estimator, as steps of their own so that rules can move them."""

from __future__ import annotations

from dataclasses import field
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pretzel.errors import InputValueError
from pretzel.oven.ir.graph import Array, Node, Value

if TYPE_CHECKING:
    from pretzel.schema import Schema

FLOAT32_MAX = float(np.finfo(np.float32).max)


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

    def schema(self) -> Schema:
        return self.inputs[0].schema()

    def params(self) -> tuple[Array, ...]:
        return (np.array([self.allow_nan, self.float32], dtype=np.uint8),)

    def reference(self, *inputs: Value) -> Value:
        refuse(inputs[0], self.estimator, allow_nan=self.allow_nan, float32=self.float32)
        return inputs[0]

    def describe(self) -> str:
        notes = [self.estimator, *(["NaN allowed"] if self.allow_nan else []), *(["float32"] if self.float32 else [])]
        return ", ".join(notes)


def refuse(values: Value, estimator: str, *, allow_nan: bool, float32: bool = False) -> None:
    """What `CheckFinite` does, in NumPy.

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
        raise InputValueError(f"{estimator}: row {row}, column {column}: {x[row, column]} is refused")


class CheckRange(CheckFinite):
    """Passes a dense value through; stops where column j is below ``low[j]`` or above ``high[j]``.

    What is left of the check behind a monotone step once the step itself is gone.

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

    def params(self) -> tuple[Array, ...]:
        return np.asarray(self.allow_nan, dtype=np.uint8), self.low, self.high

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        bad = (x < self.low) | (x > self.high)
        if not self.allow_nan:
            bad = bad | np.isnan(x)
        if bad.any():
            row, column = np.argwhere(bad)[0]
            raise InputValueError(f"{self.estimator}: row {row}, column {column}: {x[row, column]} is refused")
        return x
