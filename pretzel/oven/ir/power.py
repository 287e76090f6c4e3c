"""Power transforms, which make skewed columns look normal."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value, replace
from pretzel.oven.ir.scale import ToFloat32
from pretzel.schema import Schema, dense

EPSILON = float(np.finfo(np.float64).eps)  # exponents nearer than this to 0 and 2 are these


class YeoJohnson(Node):
    """The transform of Yeo and Johnson with one exponent per column, as ``scipy.stats.yeojohnson``.

    Parameters
    ----------
    lambdas : float64 array of shape (width,)
    mirrored : float64 array of shape (width,)
        ``2 - lambdas``, rounded to float32 where the fitted exponents are of that type.
    powers : bool
        Raise ``1 + abs(x)`` to a power and subtract 1, as scikit-learn did before it called SciPy.
    """

    lambdas: Array
    mirrored: Array
    powers: bool = False

    op: ClassVar[str] = "yeo_johnson/2"
    kernel: ClassVar[str] = "yeo_johnson"
    columnwise: ClassVar[bool] = True
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        if source.width != len(self.lambdas) or len(self.mirrored) != len(self.lambdas):
            raise ValueError(f"{source} meets {len(self.lambdas)} exponents")
        return dense(source.width, source.dtype.floating())

    def params(self) -> dict[str, Array]:
        return {
            "lambdas": self.lambdas,
            "mirrored": self.mirrored,
            "epsilon": np.array(EPSILON),
            "powers": np.array(int(self.powers), dtype=np.uint8),
        }

    def reference(self, *inputs: Value) -> Value:
        out = np.empty_like(inputs[0])
        with np.errstate(all="ignore"):
            for j, (power, mirrored) in enumerate(zip(self.lambdas, self.mirrored, strict=True)):
                x = inputs[0][:, j]
                logs = np.log1p(np.abs(x))
                above = logs if abs(power) < EPSILON else self._power(x, logs, power)
                below = -self._power(x, logs, mirrored) if abs(mirrored) > EPSILON else -logs
                out[:, j] = np.where(x >= 0.0, above, below)
        return out

    def _power(self, x: Array, logs: Array, power: float) -> Array:
        raised: Array = np.power(np.abs(x) + 1.0, power) - 1.0 if self.powers else np.expm1(power * logs)
        return raised / power

    def in_float32(self) -> Node:
        return ToFloat32((self,))

    def select_columns(self, x: Node, columns: Array) -> Node | None:
        return replace(self, inputs=(x,), lambdas=self.lambdas[columns], mirrored=self.mirrored[columns])

    def describe(self) -> str:
        return f"{len(self.lambdas)} columns"


class InversePower(Node):
    """The inverse of the transform of Yeo and Johnson, or of Box and Cox, with one exponent per column.

    Parameters
    ----------
    lambdas : float64 array of shape (width,)
    box_cox : bool
    """

    lambdas: Array
    box_cox: bool = False

    op: ClassVar[str] = "inverse_power/1"
    kernel: ClassVar[str] = "inverse_power"
    columnwise: ClassVar[bool] = True
    parity: ClassVar[Parity] = Parity.TOLERANCE
    rounds_once: ClassVar[bool] = True

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        if source.width != len(self.lambdas):
            raise ValueError(f"{source} meets {len(self.lambdas)} exponents")
        return dense(source.width, source.dtype.floating())

    def params(self) -> dict[str, Array]:
        return {
            "lambdas": self.lambdas,
            "epsilon": np.array(EPSILON),
            "box_cox": np.array(int(self.box_cox), dtype=np.uint8),
        }

    def reference(self, *inputs: Value) -> Value:
        out = np.empty_like(inputs[0])
        with np.errstate(all="ignore"):
            for j, power in enumerate(self.lambdas):
                x = inputs[0][:, j]
                if self.box_cox:
                    out[:, j] = np.exp(x) if power == 0.0 else np.exp(np.log1p(power * x) / power)
                    continue
                above = np.exp(x) if abs(power) < EPSILON else np.power(x * power + 1.0, 1.0 / power)
                mirrored = 2.0 - power
                below = np.power(-mirrored * x + 1.0, 1.0 / mirrored) if abs(mirrored) > EPSILON else np.exp(-x)
                out[:, j] = np.where(x >= 0.0, above - 1.0, 1.0 - below)
        return out

    def in_float32(self) -> Node:
        return ToFloat32((self,))

    def select_columns(self, x: Node, columns: Array) -> Node | None:
        return replace(self, inputs=(x,), lambdas=self.lambdas[columns])

    def describe(self) -> str:
        return f"{len(self.lambdas)} columns{', Box-Cox' if self.box_cox else ''}"
