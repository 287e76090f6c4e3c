"""Adapter of `feature_engine.creation.GeoDistanceFeatures`: distances of two places on Earth."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.feature_engine._table import Table
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import INTEGERS
from pretzel.oven.ir.check import CheckRange
from pretzel.oven.ir.linear import Sum
from pretzel.oven.ir.polynomial import product_of
from pretzel.oven.ir.scale import MulAdd
from pretzel.oven.ir.unary_function import UnaryFunction

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node

KILOMETRES_PER_DEGREE = 111.0

MOST = 1.0 - 2.0**-46
"""The greatest haversine whose arcsine does not hang on the last bits of sines: other places are antipodes."""


@adapter("feature_engine.creation.geo_features.GeoDistanceFeatures")
def distance(estimator: Any, x: Node, importer: Importer) -> Node:
    """The distance behind all columns."""
    table = Table(estimator, x, importer)
    places = [estimator.lat1, estimator.lon1, estimator.lat2, estimator.lon2]
    if estimator.output_col in estimator.feature_names_in_:
        raise Unsupported("a new column that has the name of another")
    radii = sys.modules[type(estimator).__module__].EARTH_RADIUS
    radius, conversion = float(radii[estimator.output_unit]), radii[estimator.output_unit] / radii["km"]
    read = table.together(places)
    narrow = set(INTEGERS) - {"int64"}
    importer.exclude(read, ["bool", "object", *narrow], "coordinates that are computed in other types", each=True)
    ends = np.full(4, math.inf)
    read = importer.note(CheckRange((read,), type(estimator).__name__, low=-ends, high=ends))
    columns = _Columns(importer)
    if estimator.method == "haversine":
        made = columns.haversine(columns.times(read, math.pi / 180.0), radius, type(estimator).__name__)
    elif estimator.method == "euclidean":
        made = columns.times(columns.euclidean(read), conversion)
    elif estimator.method == "manhattan":
        made = columns.times(columns.manhattan(read), conversion)
    else:
        raise Unsupported(f"method={estimator.method!r:.40}")
    table.add(made, 0)
    if estimator.drop_original:
        table.take_out(dict.fromkeys(places))
    return table.node()


class _Columns:
    """Computations in the order of the source."""

    def __init__(self, importer: Importer) -> None:
        self._importer = importer

    def times(self, x: Node, factor: float) -> Node:
        width = x.schema().width
        return self._importer.note(MulAdd((x,), np.full(width, factor), np.zeros(width)))

    def haversine(self, angles: Node, radius: float, name: str) -> Node:
        latitudes = self._importer.select(angles, (0, 2))
        squares = self._of(self._of(self.times(self._differences(angles), 0.5), "sin"), "square")
        across = self._importer.concat([self._of(latitudes, "cos"), self._importer.select(squares, (1,))])
        total = self._sum([self._importer.select(squares, (0,)), self._importer.note(product_of(across))])
        checked = CheckRange((total,), name, allow_nan=True, low=np.zeros(1), high=np.full(1, MOST))
        roots = self._of(self._importer.note(checked), "sqrt")
        return self.times(self._of(roots, "arcsin"), 2.0 * radius)

    def euclidean(self, degrees: Node) -> Node:
        squares = self._of(self.times(self._differences(degrees), KILOMETRES_PER_DEGREE), "square")
        return self._of(self._sum([self._importer.select(squares, (at,)) for at in range(2)]), "sqrt")

    def manhattan(self, degrees: Node) -> Node:
        lengths = self._of(self._differences(degrees), "absolute")
        return self.times(self._sum([self._importer.select(lengths, (at,)) for at in range(2)]), KILOMETRES_PER_DEGREE)

    def _differences(self, places: Node) -> Node:
        first, second = (self._importer.select(places, at) for at in ((0, 1), (2, 3)))
        minus = self.times(first, -1.0)
        return self._importer.note(Sum((second, minus), np.zeros(2)))

    def _of(self, x: Node, function: str) -> Node:
        return self._importer.note(UnaryFunction((x,), function))

    def _sum(self, columns: list[Node]) -> Node:
        return self._importer.note(Sum(tuple(columns), np.zeros(1)))
