"""Adapter of `feature_engine.creation`: sines and cosines of numbers that come again."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.feature_engine._table import Table
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.ir.scale import MulAdd
from pretzel.oven.ir.unary_function import UnaryFunction

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node


@adapter("feature_engine.creation.cyclical_features.CyclicalFeatures")
def cyclical_features(estimator: Any, x: Node, importer: Importer) -> Node:
    """Two columns for each variable, behind all others."""
    table = Table(estimator, x, importer)
    greatest = {name: float(estimator.max_values_[name]) for name in estimator.variables_}
    if any(value == 0.0 for value in greatest.values()):
        raise Unsupported("a column whose greatest value is zero")
    waves = {}
    for names, numbers in table.numbers(estimator.variables_):
        factors = np.array([2.0 * np.pi / greatest[name] for name in names])
        angles = importer.note(MulAdd((importer.finite(numbers, estimator),), factors, np.zeros(len(names))))
        made = [importer.note(UnaryFunction((angles,), function)) for function in ("sin", "cos")]
        waves.update({name: [(each, at) for each in made] for at, name in enumerate(names)})
    for name in estimator.variables_:
        for node, at in waves[name]:
            table.add(node, at)
    if estimator.drop_original:
        table.take_out(estimator.variables_)
    return table.node()
