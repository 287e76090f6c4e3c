"""Functions of NumPy applied to every value, and methods of fitted estimators used as functions."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.oven.ir.scale import ToFloat32
from pretzel.schema import Schema, dense

FUNCTIONS = (
    "absolute", "sqrt", "square", "negative", "log1p", "expm1", "log2", "log10", "cbrt", "exp2", "sin", "cos", "tan",
    "sinh", "cosh", "tanh", "arcsinh", "arctan", "rint", "floor", "ceil", "trunc", "sign", "reciprocal",
    "arcsin",
)  # fmt: skip
"""Names in NumPy, in the order of the kernel's enumeration."""

KEEP_INTEGERS = ("absolute", "negative", "square")
"""Functions that return integers for integers."""

FLOATS_ONLY = ("floor", "ceil", "trunc", "sign", "reciprocal")
"""Functions that have another result, or dtype, for integers."""

ROUNDED_CORRECTLY = ("absolute", "sqrt", "square", "negative", "rint", *FLOATS_ONLY)
"""Functions whose results are rounded as IEEE 754 demands, in float32 as in float64."""


class UnaryFunction(Node):
    """A function of one number, for every value."""

    function: str

    op: ClassVar[str] = "unary_function/1"
    kernel: ClassVar[str] = "unary_function"
    needs_rows: ClassVar[bool] = False
    columnwise: ClassVar[bool] = True
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return dense(source.width, source.dtype if self.function in KEEP_INTEGERS else source.dtype.floating())

    def is_exact(self) -> bool:
        """Roots, products, quotients and whole numbers, which IEEE 754 defines to the last bit."""
        return self.function in ROUNDED_CORRECTLY

    def in_float32(self) -> Node:
        return self if self.function in ("absolute", "negative") else ToFloat32((self,))

    def params(self) -> dict[str, Array]:
        return {"function": np.array(FUNCTIONS.index(self.function), dtype=np.uint8)}

    def reference(self, *inputs: Value) -> Value:
        with np.errstate(all="ignore"):
            return getattr(np, self.function)(inputs[0])

    def describe(self) -> str:
        return self.function
