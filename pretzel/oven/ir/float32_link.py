"""Links of margins that are float32, computed in float32 with the bits of C's ``expf``."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Value
from pretzel.schema import Schema, dense, fixed

LARGEST, SMALLEST = float.fromhex("0x1.62e42ep6"), float.fromhex("-0x1.9fe368p6")
"""Numbers between which `exp_float32` is neither infinite nor 0."""


def _powers() -> Array:
    """``2 ** (i / 32)``."""
    with localcontext() as context:
        context.prec = 40
        return np.array([float(Decimal(2) ** (Decimal(i) / 32)) for i in range(32)])


_POWERS = _powers()
_SCALE = 32.0 * float.fromhex("0x1.71547652b82fep+0")
_MAGIC = float.fromhex("0x1.8p52")
_POLYNOMIAL = tuple(
    float.fromhex(number) / divisor
    for number, divisor in (
        ("0x1.c6af84b912394p-5", 32768.0),
        ("0x1.ebfce50fac4f3p-3", 1024.0),
        ("0x1.62e42ff0c52d6p-1", 32.0),
    )
)


def exp_float32(x: Array) -> Array:
    """``expf`` of float32, as ``kernels/float32_link.cpp`` computes it."""
    inside = np.where((x <= np.float32(LARGEST)) & (x >= np.float32(SMALLEST)), x, 0.0).astype(np.float64)
    scaled = inside * _SCALE
    whole = (scaled + _MAGIC) - _MAGIC
    r = scaled - whole
    factor = np.ldexp(_POWERS[whole.astype(np.int64) & 31], whole.astype(np.int64) >> 5)
    a, b, c = _POLYNOMIAL
    found = (((a * r + b) * (r * r) + (c * r + 1.0)) * factor).astype(np.float32)
    found = np.where(x < np.float32(SMALLEST), np.float32(0.0), found)
    found = np.where(x > np.float32(LARGEST), np.float32(np.inf), found)
    return np.where(np.isnan(x), x, found)


class ExpFloat32(Node):
    """``exp`` of every value."""

    op: ClassVar[str] = "exp_float32/1"
    kernel: ClassVar[str] = "exp_float32"
    columnwise: ClassVar[bool] = True

    def schema(self) -> Schema:
        return dense(self.inputs[0].schema().width, fixed("float32"))

    def reference(self, *inputs: Value) -> Value:
        with np.errstate(all="ignore"):
            found: Value = self._of(inputs[0].astype(np.float32)).astype(np.float64)
        return found

    def _of(self, x: Array) -> Array:
        return exp_float32(x)


class ExpitFloat32(ExpFloat32):
    """``1 / (1 + exp(-x))`` of every value, where ``-x`` is at most 88.7."""

    op: ClassVar[str] = "expit_float32/1"
    kernel: ClassVar[str] = "expit_float32"
    columnwise: ClassVar[bool] = True

    def _of(self, x: Array) -> Array:
        one = np.float32(1.0)
        return one / (exp_float32(np.where(-x > np.float32(88.7), np.float32(88.7), -x)) + one)


class SoftmaxFloat32(ExpFloat32):
    """``exp(x - max) / sum``, summed in float64."""

    op: ClassVar[str] = "softmax_float32/1"
    kernel: ClassVar[str] = "softmax_float32"
    columnwise: ClassVar[bool] = False

    def _of(self, x: Array) -> Array:
        e = exp_float32(x - x.max(axis=1, keepdims=True))
        total = np.zeros(len(e))
        for column in e.T:
            total += column
        return e / total[:, None].astype(np.float32)
