"""The transform of Box and Cox, in terms of known computations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.frontends.registry import Unsupported
from pretzel.oven.ir.link import Log
from pretzel.oven.ir.scale import MulAdd, SubDiv
from pretzel.oven.ir.unary_function import UnaryFunction

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array, Node

LEAST = 5e-324
"""The least number above zero."""

LEAST_EXPONENT = 1e-18
"""Below a tenth of it, SciPy takes logarithms."""


def box_cox_powers(positive: Node, lambdas: Array, importer: Importer) -> Node:
    """``(x ** lambda - 1) / lambda`` as SciPy computes it, but for results next to the largest number.

    Parameters
    ----------
    positive : Node
        Numbers above zero.
    lambdas : float64 array of shape (width,)

    Raises
    ------
    Unsupported
        An exponent is zero.
    """
    if not (np.abs(lambdas) > LEAST_EXPONENT).all():
        raise Unsupported("an exponent of zero")
    none = np.zeros(len(lambdas))
    logs = importer.note(Log((positive,)))
    powers = importer.note(UnaryFunction((importer.note(MulAdd((logs,), lambdas, none)),), "expm1"))
    return importer.note(SubDiv((powers,), none, lambdas))
