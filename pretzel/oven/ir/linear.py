"""Linear computations: ``x @ weights + bias``, and sums of such parts."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.check import reject
from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.oven.ir.value_properties import FLOAT64_MAX, UNKNOWN, ValueProperties, at_most
from pretzel.schema import Schema, dense, fixed, rule_of


class Linear(Node):
    """``x @ weights + bias`` for dense or sparse ``x``.

    Parameters
    ----------
    weights : float64 array of shape (width, n_out)
    bias : float64 array of shape (n_out,)
    result : str
        `DTypeRule` of the result, as it prints: what scikit-learn's product has for a request of each dtype.
    """

    weights: Array
    bias: Array
    result: str = "float64"

    op: ClassVar[str] = "linear/1"
    kernel: ClassVar[str] = "linear"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        if self.inputs[0].schema().width != self.weights.shape[0]:
            raise ValueError(f"{self.inputs[0].schema()} meets weights of shape {self.weights.shape}")
        return dense(self.weights.shape[1], rule_of(self.result))

    def params(self) -> dict[str, Array]:
        return {"weights": self.weights, "bias": self.bias}

    def reference(self, *inputs: Value) -> Value:
        return np.asarray(inputs[0] @ self.weights) + self.bias

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return _products(inputs[0], self.weights, self.bias)

    def stack(self, others: tuple[Node, ...]) -> Node | None:
        every = [node for node in (self, *others) if isinstance(node, Linear)]
        if any(node.inputs != self.inputs or node.result != self.result for node in every):
            return None
        heads = {type(node) is LinearHeads or node.weights.shape[1] == 1 for node in every}
        if len(heads) > 1:
            return None
        kind = LinearHeads if heads == {True} else Linear
        weights = np.concatenate([node.weights for node in every], axis=1)
        return kind(self.inputs, weights, np.concatenate([node.bias for node in every]), self.result)

    def describe(self) -> str:
        return f"{self.weights.shape[0]} -> {self.weights.shape[1]}"


class LinearHeads(Linear):
    """`Linear` models of one output each over one value, side by side: each output is summed as if it were alone.

    A sum of one output runs in lanes over the columns, those of several run column by column.
    """

    op: ClassVar[str] = "linear_heads/1"
    kernel: ClassVar[str] = "linear_heads"


class LinearInOrder(Linear):
    """`Linear` in which also a single output is summed product by product, in the order of the entries of a row.

    So SciPy multiplies sparse rows; `Linear` has lanes for one output.
    """

    op: ClassVar[str] = "linear_in_order/1"
    kernel: ClassVar[str] = "linear_in_order"

    def stack(self, others: tuple[Node, ...]) -> Node | None:
        every = [node for node in (self, *others) if isinstance(node, LinearInOrder)]
        if any(node.inputs != self.inputs or node.result != self.result for node in every):
            return None
        weights = np.concatenate([node.weights for node in every], axis=1)
        return LinearInOrder(self.inputs, weights, np.concatenate([node.bias for node in every]), self.result)


class CheckedLinear(Node):
    """``Linear(CheckFinite(x))``: only a row whose first output is not finite needs to be looked at.

    Parameters
    ----------
    weights, bias, result
        As in `Linear`.
    estimator : str
        Named in the error.
    allow_nan : bool
        NaN passes, infinity does not.
    """

    weights: Array
    bias: Array
    estimator: str
    allow_nan: bool
    result: str = "float64"

    op: ClassVar[str] = "checked_linear/1"
    kernel: ClassVar[str] = "checked_linear"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        return dense(self.weights.shape[1], rule_of(self.result))

    def params(self) -> dict[str, Array]:
        return {"weights": self.weights, "bias": self.bias, "allow_nan": np.array(self.allow_nan, dtype=np.uint8)}

    def reference(self, *inputs: Value) -> Value:
        reject(inputs[0], self.estimator, allow_nan=self.allow_nan)
        return np.asarray(inputs[0] @ self.weights) + self.bias

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        (x,) = inputs
        checked = ValueProperties(max(x.low, -FLOAT64_MAX), min(x.high, FLOAT64_MAX), x.no_nan or not self.allow_nan)
        return _products(checked, self.weights, self.bias)

    def describe(self) -> str:
        allowed = ", NaN allowed" if self.allow_nan else ""
        return f"{self.estimator}{allowed}, {self.weights.shape[0]} -> {self.weights.shape[1]}"


class LinearFloat32(Node):
    """``bias``, then ``x[j] * weights[j]`` column by column, each product and sum rounded to float32; NaN adds nothing.

    ``x`` is dense or sparse.

    Parameters
    ----------
    weights : float32 array of shape (width, n_out)
    bias : float32 array of shape (n_out,)
    """

    weights: Array
    bias: Array

    op: ClassVar[str] = "linear_float32/1"
    kernel: ClassVar[str] = "linear_float32"

    def schema(self) -> Schema:
        return dense(self.weights.shape[1], fixed("float32"))

    def params(self) -> dict[str, Array]:
        return {"weights": self.weights, "bias": self.bias}

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        x = x if isinstance(x, np.ndarray) else x.toarray()
        out = np.tile(self.bias, (len(x), 1))
        with np.errstate(all="ignore"):
            for column, weights in zip(x.astype(np.float32).T, self.weights, strict=True):
                present = ~np.isnan(column)
                out[present] += column[present, None] * weights
        return out.astype(np.float64)

    def describe(self) -> str:
        return f"{self.weights.shape[0]} -> {self.weights.shape[1]}"


class Sum(Node):
    """Dense values of one width added up in order, then ``bias``."""

    bias: Array
    result: str = "float64"

    op: ClassVar[str] = "sum/1"
    kernel: ClassVar[str] = "sum"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        widths = {node.schema().width for node in self.inputs}
        if widths != {self.bias.shape[0]}:
            raise ValueError(f"a sum of values of widths {sorted(widths)} and a bias of {self.bias.shape[0]}")
        return dense(self.bias.shape[0], rule_of(self.result))

    def params(self) -> dict[str, Array]:
        return {"bias": self.bias}

    def reference(self, *inputs: Value) -> Value:
        total = inputs[0]
        for part in inputs[1:]:
            total = total + part
        return total + self.bias

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        if not all(each.finite for each in inputs) or not self.bias.size:
            return UNKNOWN
        return at_most(sum(each.magnitude for each in inputs) + float(np.abs(self.bias).max()))

    def describe(self) -> str:
        return f"{len(self.inputs)} parts"


def _products(x: ValueProperties, weights: Array, bias: Array) -> ValueProperties:
    """Properties of ``x @ weights + bias``; unknown where a partial sum may overflow."""
    if not x.finite or not bias.size:
        return UNKNOWN
    with np.errstate(over="ignore", invalid="ignore"):
        return at_most(float((np.abs(weights).sum(axis=0) * x.magnitude + np.abs(bias)).max()))
