"""Multi-layer perceptrons: linear layers with activations between them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.oven.ir.scale import ToFloat32
from pretzel.oven.ir.value_properties import ValueProperties
from pretzel.schema import Schema, dense


class Relu(Node):
    """``max(x, 0)``; NaN stays NaN."""

    op: ClassVar[str] = "relu/1"
    kernel: ClassVar[str] = "relu"
    columnwise: ClassVar[bool] = True

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return dense(source.width, source.dtype.floating())

    def reference(self, *inputs: Value) -> Value:
        return np.maximum(inputs[0], 0)

    def monotone(self) -> Array | None:
        return np.ones(self.inputs[0].schema().width, dtype=np.int8)


class Tanh(Node):
    """``tanh(x)``."""

    op: ClassVar[str] = "tanh/1"
    kernel: ClassVar[str] = "tanh"
    columnwise: ClassVar[bool] = True
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return dense(source.width, source.dtype.floating())

    def in_float32(self) -> Node:
        return ToFloat32((self,))

    def reference(self, *inputs: Value) -> Value:
        return np.tanh(inputs[0])

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return ValueProperties(-1.0, 1.0, no_nan=inputs[0].no_nan)
