"""Sums over decision trees: the one computation behind trees, forests, boosting and leaf numbers."""

from __future__ import annotations

from dataclasses import replace as replace_fields
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pretzel.oven.ir._tree_state import trees_1, trees_2
from pretzel.oven.ir.graph import Array, Node, Value, replace
from pretzel.oven.ir.step_forms import Boundaries
from pretzel.oven.ir.value_properties import FLOAT32_MAX, UNKNOWN, ValueProperties, at_most
from pretzel.schema import Positions, Schema, dense, fixed

if TYPE_CHECKING:
    from pretzel.oven.ir._states import States


OUTSIDE = ("missing", "left", "right")
"""Values of `TreeEnsemble.outside`, in the order of the kernel's enumeration."""


class TreeEnsemble(Node):
    """``(base + the values of the leaf reached in each tree) / divisor``, trees added in their order.

    Only splits are nodes: a child or root >= 0 is the position of a node, < 0 the complement (``~``) of a leaf's
    number. A row goes left where ``x <= threshold``, or where its number, cut to a whole one, is in the split's set.

    Parameters
    ----------
    feature : ndarray of int32, shape (n_nodes,)
        Column that each node reads.
    threshold : ndarray of float64, shape (n_nodes,)
        Largest value that goes left; not read where the split is categorical.
    children : ndarray of int32, shape (n_nodes, 2)
        Left and right.
    missing_left : ndarray of uint8, shape (n_nodes,)
        Whether NaN goes left.
    category_set : ndarray of int32, shape (n_nodes,)
        Row of `categories`, or -1 for a numeric split.
    categories : ndarray of uint32, shape (n_sets, n_words)
        Bit ``c % 32`` of word ``c // 32``: category ``c`` goes left.
    roots : ndarray of int32, shape (n_trees,)
        Where each tree starts.
    float32 : bool
        Values are rounded to float32 before they are compared, as scikit-learn's trees read their input.
    values : ndarray of float64, shape (n_leaves, width)
        What each leaf adds.
    columns : ndarray of int32, shape (n_trees,)
        First column of the output that each tree adds to.
    base : ndarray of float64, shape (n_outputs,)
        What the sums start from.
    divisor : float
        Divides the sums.
    integral : bool
        The outputs are whole numbers: leaf numbers or class indices.
    dtype : str
        What the source returns.
    outside : {"missing", "left", "right"}
        Where numbers go in a categorical split that no bit stands for: where NaN goes, or to one side. Numbers below 0
        are such numbers; with ``"right"`` they are cut to whole numbers first, so that only those up to -1 are.
    """

    feature: Array
    threshold: Array
    children: Array
    missing_left: Array
    category_set: Array
    categories: Array
    roots: Array
    float32: bool
    values: Array
    columns: Array
    base: Array
    divisor: float = 1.0
    integral: bool = False
    dtype: str = "float64"
    outside: str = "missing"

    op: ClassVar[str] = "tree_ensemble/1"
    kernel: ClassVar[str] = "tree_ensemble"
    discrete: ClassVar[bool] = True
    states: ClassVar[States] = {1: trees_1, 2: trees_2}

    def schema(self) -> Schema:
        return dense(len(self.base), fixed(self.dtype))

    def params(self) -> dict[str, Array]:
        return {
            "feature": self.feature,
            "threshold": self.threshold,
            "children": self.children,
            "missing_left": self.missing_left,
            "category_set": self.category_set,
            "categories": self.categories,
            "outside": np.array(OUTSIDE.index(self.outside), dtype=np.uint8),
            "roots": self.roots,
            "float32": np.array(self.float32, dtype=np.uint8),
            "values": self.values,
            "columns": self.columns,
            "base": self.base,
            "divisor": np.array(self.divisor, dtype=np.float64),
        }

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        if self.float32:
            with np.errstate(over="ignore"):
                x = x.astype(np.float32).astype(np.float64)
        out = np.tile(self.base, (len(x), 1))
        width = self.values.shape[1]
        for root, column in zip(self.roots, self.columns, strict=True):
            out[:, column : column + width] += self.values[self._leaves(x, root)]
        summed: Value = (out / out.dtype.type(self.divisor)).astype(np.float64)
        return summed

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        if not self.base.size or not self.divisor >= 1.0:
            return UNKNOWN
        with np.errstate(over="ignore"):
            largest = float(np.abs(self.base).max() + len(self.roots) * np.abs(self.values).max(initial=0.0))
        return replace_fields(at_most(largest), integral=self.integral)

    def rounds_inputs(self) -> bool:
        return self.float32

    def boundaries(self) -> Boundaries | None:
        return Boundaries(self.feature, self.threshold, closed_left=True)

    def move_edges(self, slack: Array, offsets: Array | float) -> Node:
        if self.float32:
            return self  # rounding to float32 takes what differs away
        size = np.broadcast_to(offsets, slack.shape).astype(np.float64)
        compared = np.where(np.isfinite(self.threshold), np.abs(self.threshold), 0.0)
        np.maximum.at(size, self.feature, compared)
        return replace(self, threshold=self.threshold + (slack * size)[self.feature])

    def pick_outputs(self, columns: Positions) -> Node | None:
        if self.values.shape[1] != len(self.base) or len(columns) >= len(self.base):
            return None
        picked = list(columns)
        return replace(self, values=np.ascontiguousarray(self.values[:, picked]), base=self.base[picked])

    def _leaves(self, x: Array, root: int) -> Array:
        """Number of the leaf that each row reaches from ``root``."""
        at = np.full(len(x), root, dtype=np.int64)
        moving = np.flatnonzero(at >= 0)
        while moving.size:
            node = at[moving]
            value = x[moving, self.feature[node]]
            left = np.where(np.isnan(value), self.missing_left[node] != 0, value <= self.threshold[node])
            categorical = self.category_set[node] >= 0
            if categorical.any():
                left[categorical] = self._in_set(node[categorical], value[categorical])
            at[moving] = self.children[node, np.where(left, 0, 1)]
            moving = moving[at[moving] >= 0]
        return ~at

    def _in_set(self, node: Array, value: Array) -> Array:
        low = value > -1 if self.outside == "right" else value >= 0
        known = low & (value < 32 * self.categories.shape[1])
        category = np.where(known, value, 0).astype(np.uint32)
        word = self.categories[self.category_set[node], category >> 5]
        missing = self.missing_left[node] != 0
        outside = np.where(np.isnan(value), missing, missing if self.outside == "missing" else self.outside == "left")
        found: Array = np.where(known, (word >> (category & 31)) & 1, outside) != 0
        return found

    def describe(self) -> str:
        compared = "float32" if self.float32 else "float64"
        return f"{len(self.roots)} trees, {len(self.values)} leaves, compares {compared}"


class TreeEnsembleFloat32(TreeEnsemble):
    """`TreeEnsemble` with ``values`` and ``base`` of float32, whose sums are rounded to float32 tree by tree."""

    op: ClassVar[str] = "tree_ensemble_float32/1"
    kernel: ClassVar[str] = "tree_ensemble_float32"

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        found = super().value_properties(*inputs)
        bound = found.high * (1.0 + 2.0**-22 * (len(self.roots) + 1))  # each sum may be rounded away from zero
        return replace_fields(found, low=-bound, high=bound) if bound <= FLOAT32_MAX else UNKNOWN
