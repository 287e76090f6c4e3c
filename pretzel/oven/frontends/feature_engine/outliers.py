"""Adapters of `feature_engine.outliers`, but for the one that leaves rows out."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.feature_engine._table import Table
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.ir.scale import MulAdd

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node

MODULE = "feature_engine.outliers"


@adapter(f"{MODULE}.artbitrary.ArbitraryOutlierCapper", f"{MODULE}.winsorizer.Winsorizer")
def capper(estimator: Any, x: Node, importer: Importer) -> Node:
    """Numbers beyond the limits of their column become these."""
    table = Table(estimator, x, importer)
    if getattr(estimator, "add_indicators", False):
        raise Unsupported("indicators of values that are capped")
    if estimator.missing_values not in ("raise", "ignore"):
        raise Unsupported(f"missing_values={estimator.missing_values!r:.40}")
    for names, numbers in table.numbers(estimator.variables_):
        checked = importer.finite(numbers, estimator) if estimator.missing_values == "raise" else numbers
        for at, name in enumerate(names):
            high = _cap(estimator.right_tail_caps_.get(name, math.inf), math.inf)
            low = _cap(estimator.left_tail_caps_.get(name, -math.inf), -math.inf)
            if low > high:
                raise Unsupported("a lower limit above the upper one")
            column = importer.select(checked, (at,))
            table.put([name], MulAdd((column,), np.ones(1), np.zeros(1), low, high))
    return table.node()


def _cap(limit: Any, absent: float) -> float:
    """A limit; pandas applies none where it is missing."""
    found = float(limit)
    return absent if math.isnan(found) else found
