"""Probabilities of classes of which a normal distribution is known: ``GaussianProcessClassifier``."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Node, Parity, Value
from pretzel.schema import Schema, dense

SLOPES = (0.41, 0.4, 0.37, 0.44, 0.39)
FACTORS = (-1854.8214151, 3516.89893646, 221.29346712, 128.12323805, -2010.49422654)
"""Parameters of five error functions whose sum approximates the sigmoid (Williams and Barber 1998, appendix A)."""


class ExpectedSigmoid(Node):
    """The mean of ``1 / (1 + exp(-f))`` where ``f`` has a normal distribution, by a sum of error functions.

    The inputs are the mean and the variance, a column each. Where the variance is not above zero, the result is NaN.
    """

    op: ClassVar[str] = "expected_sigmoid/1"
    kernel: ClassVar[str] = "expected_sigmoid"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        (width,) = {node.schema().width for node in self.inputs}
        return dense(width)

    def reference(self, *inputs: Value) -> Value:
        from scipy.special import erf

        mean, variance = inputs
        found = np.full(mean.shape, 0.5 * sum(FACTORS))
        with np.errstate(all="ignore"):
            for slope, factor in zip(SLOPES, FACTORS, strict=True):
                found += 0.5 * factor * erf(slope * mean / np.sqrt(1.0 + 2.0 * slope * slope * variance))
        return np.where(variance > 0.0, found, np.nan)
