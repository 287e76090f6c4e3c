"""Voting ensembles: means of probabilities or predictions, and majorities."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.oven.ir.value_properties import ValueProperties, whole
from pretzel.schema import Schema, dense, fixed


class Mean(Node):
    """Mean of dense values of one width, weighted where ``weights`` has one number for each; it may be empty."""

    weights: Array

    op: ClassVar[str] = "mean/1"
    kernel: ClassVar[str] = "mean"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        (width,) = {node.schema().width for node in self.inputs}
        first, *others = (node.schema().dtype for node in self.inputs)
        return dense(width, first.promote(*others).floating())

    def params(self) -> dict[str, Array]:
        return {"weights": self.weights}

    def reference(self, *inputs: Value) -> Value:
        return np.average(np.stack(inputs), axis=0, weights=self.weights if self.weights.size else None)

    def describe(self) -> str:
        return f"{len(self.inputs)} {'weighted ' if self.weights.size else ''}values"


class Majority(Node):
    """The class index with the largest sum of weights among the votes of all inputs, the smallest of equals.

    Parameters
    ----------
    classes : int
        Votes are 0 .. ``classes - 1``.
    weights : float64 array of shape (len(inputs),)
    """

    classes: int
    weights: Array

    op: ClassVar[str] = "majority/1"
    kernel: ClassVar[str] = "majority"
    discrete: ClassVar[bool] = True

    def schema(self) -> Schema:
        return dense(1, fixed("int64"))

    def params(self) -> dict[str, Array]:
        return {"classes": np.array(self.classes, dtype=np.int32), "weights": self.weights}

    def reference(self, *inputs: Value) -> Value:
        counts = np.zeros((inputs[0].shape[0], self.classes))
        for votes, weight in zip(inputs, self.weights, strict=True):
            counts[np.arange(len(counts)), votes[:, 0].astype(int)] += weight
        return np.argmax(counts, axis=1)[:, None].astype(np.float64)

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return whole(0, max(self.classes - 1, 0))

    def describe(self) -> str:
        return f"{len(self.inputs)} votes, {self.classes} classes"
