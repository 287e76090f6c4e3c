"""Linear computations: ``x @ weights + bias``, and sums of such parts."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.check import refuse
from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.schema import Schema, dense

LARGEST_WEIGHT = 1e20
"""Weights up to here cannot make an overflow out of counts, categories and the like, not even in several layers."""


class Linear(Node):
    """``x @ weights + bias`` for dense or sparse ``x``.

    Parameters
    ----------
    weights : float64 array of shape (width, n_out)
    bias : float64 array of shape (n_out,)
    """

    weights: Array
    bias: Array

    op: ClassVar[str] = "linear/1"
    kernel: ClassVar[str] = "linear"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        if self.inputs[0].schema().width != self.weights.shape[0]:
            raise ValueError(f"{self.inputs[0].schema()} meets weights of shape {self.weights.shape}")
        return dense(self.weights.shape[1])

    def params(self) -> tuple[Array, ...]:
        return (self.weights, self.bias)

    def reference(self, *inputs: Value) -> Value:
        return np.asarray(inputs[0] @ self.weights) + self.bias

    def always_finite(self) -> bool:
        weights = (self.weights, self.bias)
        return self.inputs[0].always_finite() and all(bool((np.abs(w) < LARGEST_WEIGHT).all()) for w in weights)

    def describe(self) -> str:
        return f"{self.weights.shape[0]} -> {self.weights.shape[1]}"


class CheckedLinear(Node):
    """``Linear(CheckFinite(x))``: only a row whose first output is not finite needs to be looked at.

    Parameters
    ----------
    weights, bias : float64 arrays
        As in `Linear`.
    estimator : str
        Named in the error.
    allow_nan : bool
        NaN passes, infinity does not.
    """

    weights: Array
    bias: Array
    estimator: str
    allow_nan: bool

    op: ClassVar[str] = "checked_linear/1"
    kernel: ClassVar[str] = "checked_linear"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        return dense(self.weights.shape[1])

    def params(self) -> tuple[Array, ...]:
        return (self.weights, self.bias, np.array([self.allow_nan, False], dtype=np.uint8))

    def reference(self, *inputs: Value) -> Value:
        refuse(inputs[0], self.estimator, allow_nan=self.allow_nan)
        return np.asarray(inputs[0] @ self.weights) + self.bias

    def describe(self) -> str:
        allowed = ", NaN allowed" if self.allow_nan else ""
        return f"{self.estimator}{allowed}, {self.weights.shape[0]} -> {self.weights.shape[1]}"


class Sum(Node):
    """Dense values of one width added up in order, then ``bias``."""

    bias: Array

    op: ClassVar[str] = "sum/1"
    kernel: ClassVar[str] = "sum"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        widths = {node.schema().width for node in self.inputs}
        if widths != {self.bias.shape[0]}:
            raise ValueError(f"a sum of values of widths {sorted(widths)} and a bias of {self.bias.shape[0]}")
        return dense(self.bias.shape[0])

    def params(self) -> tuple[Array, ...]:
        return (self.bias,)

    def reference(self, *inputs: Value) -> Value:
        total = inputs[0]
        for part in inputs[1:]:
            total = total + part
        return total + self.bias

    def describe(self) -> str:
        return f"{len(self.inputs)} parts"
