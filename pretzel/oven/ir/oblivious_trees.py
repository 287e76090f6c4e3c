"""Sums over trees whose nodes of one depth share one split, as CatBoost grows them."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Value
from pretzel.oven.ir.value_properties import UNKNOWN, ValueProperties, at_most
from pretzel.schema import Schema, dense, fixed

MOST_BORDERS = 255
"""Borders of one feature at most; a column with more is several features."""


class ObliviousTrees(Node):
    """The sum of the values of the leaf reached in each tree, from zero, trees added in their order.

    A leaf's number has one bit for each split of the tree, the first split bit 0: whether the column, rounded to
    float32, exceeds the border.

    Parameters
    ----------
    feature : ndarray of int32, shape (n_features,)
        Column that each feature reads.
    nan_exceeds : ndarray of uint8, shape (n_features,)
        Whether NaN exceeds all borders; else it exceeds none.
    first_border : ndarray of int32, shape (n_features + 1,)
        Where the borders of each feature begin.
    borders : ndarray of float32, shape (n_borders,)
        Ascending within a feature, at most `MOST_BORDERS` of each.
    split_feature : ndarray of int32, shape (n_splits,)
    split_code : ndarray of uint8, shape (n_splits,)
        Number of the border among those of the feature.
    depths : ndarray of uint8, shape (n_trees,)
        Splits of each tree, 0 to 16.
    values : ndarray of float64, shape (n_leaves, width)
        What each leaf adds; a tree has ``1 << depth`` leaves.
    """

    feature: Array
    nan_exceeds: Array
    first_border: Array
    borders: Array
    split_feature: Array
    split_code: Array
    depths: Array
    values: Array

    op: ClassVar[str] = "oblivious_trees/1"
    kernel: ClassVar[str] = "oblivious_trees"
    discrete: ClassVar[bool] = True

    def schema(self) -> Schema:
        return dense(self.values.shape[1], fixed("float64"))

    def params(self) -> dict[str, Array]:
        return {
            "feature": self.feature,
            "nan_exceeds": self.nan_exceeds,
            "first_border": self.first_border,
            "borders": self.borders,
            "split_feature": self.split_feature,
            "split_code": self.split_code,
            "depths": self.depths,
            "values": self.values,
        }

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        with np.errstate(over="ignore"):
            x = x.astype(np.float32)
        out = np.zeros((len(x), self.values.shape[1]))
        split = leaf = 0
        for depth in map(int, self.depths):
            number = np.zeros(len(x), dtype=np.int64)
            for bit in range(depth):
                number |= self._exceeds(x, split + bit).astype(np.int64) << bit
            out += self.values[leaf + number]
            split, leaf = split + depth, leaf + (1 << depth)
        return out

    def _exceeds(self, x: Array, split: int) -> Array:
        feature = self.split_feature[split]
        value = x[:, self.feature[feature]]
        border = self.borders[self.first_border[feature] + self.split_code[split]]
        exceeds: Array = np.where(np.isnan(value), self.nan_exceeds[feature] != 0, value > border)
        return exceeds

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        with np.errstate(over="ignore"):
            largest = float(len(self.depths) * np.abs(self.values).max(initial=0.0))
        return at_most(largest) if np.isfinite(largest) else UNKNOWN

    def rounds_inputs(self) -> bool:
        return True

    def describe(self) -> str:
        return f"{len(self.depths)} trees, {len(self.values)} leaves, {len(self.borders)} borders"
