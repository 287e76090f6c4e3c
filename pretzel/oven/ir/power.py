"""Power transforms, which make skewed columns look normal."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value, replace
from pretzel.schema import Schema, dense

EPSILON = float(np.finfo(np.float64).eps)  # exponents nearer than this to 0 and 2 are these


class YeoJohnson(Node):
    """The transform of Yeo and Johnson with one exponent per column, as ``scipy.stats.yeojohnson``.

    Parameters
    ----------
    lambdas : float64 array of shape (width,)
    """

    lambdas: Array

    op: ClassVar[str] = "yeo_johnson/1"
    kernel: ClassVar[str] = "yeo_johnson"
    columnwise: ClassVar[bool] = True
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        if source.width != len(self.lambdas):
            raise ValueError(f"{source} meets {len(self.lambdas)} exponents")
        return dense(source.width, source.dtype.floating())

    def params(self) -> dict[str, Array]:
        return {"lambdas": self.lambdas, "epsilon": np.array(EPSILON)}

    def reference(self, *inputs: Value) -> Value:
        out = np.empty_like(inputs[0])
        with np.errstate(all="ignore"):
            for j, power in enumerate(self.lambdas):
                x = inputs[0][:, j]
                logs = np.log1p(np.abs(x))
                above = logs if abs(power) < EPSILON else np.expm1(power * logs) / power
                below = -np.expm1((2.0 - power) * logs) / (2.0 - power) if abs(power - 2.0) > EPSILON else -logs
                out[:, j] = np.where(x >= 0.0, above, below)
        return out

    def select_columns(self, x: Node, columns: Array) -> Node | None:
        return replace(self, inputs=(x,), lambdas=self.lambdas[columns])

    def describe(self) -> str:
        return f"{len(self.lambdas)} columns"
