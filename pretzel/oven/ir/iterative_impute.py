"""Missing values predicted from the other columns by linear models, one after the other: ``IterativeImputer``."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.schema import Schema, dense


class IterativeImpute(Node):
    """Missing columns become ``fill``, then in each step what a linear model predicts of the row, within bounds.

    A row of which all columns are missing keeps ``fill``, as it does where the source imputes it alone.

    Parameters
    ----------
    fill : float64 array of shape (width,)
    columns : int32 array of shape (n_steps,)
        The column that each step predicts.
    weights : float64 array of shape (n_steps, width)
    bias, low, high : float64 arrays of shape (n_steps,)
    """

    fill: Array
    columns: Array
    weights: Array
    bias: Array
    low: Array
    high: Array

    op: ClassVar[str] = "iterative_impute/1"
    kernel: ClassVar[str] = "iterative_impute"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        if source.width != len(self.fill) or self.weights.shape != (len(self.columns), source.width):
            raise ValueError(f"{source} meets weights of shape {self.weights.shape}")
        return dense(source.width)

    def params(self) -> dict[str, Array]:
        names = ("fill", "columns", "weights", "bias", "low", "high")
        return {name: getattr(self, name) for name in names}

    def reference(self, *inputs: Value) -> Value:
        missing = np.isnan(inputs[0])
        found = np.where(missing, self.fill, inputs[0])
        some = ~missing.all(axis=1)
        steps = zip(self.columns, self.weights, self.bias, self.low, self.high, strict=True)
        for column, weights, bias, low, high in steps:
            rows = missing[:, column] & some
            found[rows, column] = np.clip(found[rows] @ weights + bias, low, high)
        return found

    def describe(self) -> str:
        return f"{len(self.fill)} columns, {len(self.columns)} steps"
