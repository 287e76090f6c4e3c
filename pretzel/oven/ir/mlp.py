"""Multi-layer perceptrons: linear layers with activations between them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Node, Parity, Value
from pretzel.schema import Schema, dense


class Relu(Node):
    """``max(x, 0)``; NaN stays NaN."""

    op: ClassVar[str] = "relu/1"
    kernel: ClassVar[str] = "relu"

    def schema(self) -> Schema:
        return dense(self.inputs[0].schema().width)

    def reference(self, *inputs: Value) -> Value:
        return np.maximum(inputs[0], 0)


class Tanh(Node):
    """``tanh(x)``."""

    op: ClassVar[str] = "tanh/1"
    kernel: ClassVar[str] = "tanh"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        return dense(self.inputs[0].schema().width)

    def reference(self, *inputs: Value) -> Value:
        return np.tanh(inputs[0])
