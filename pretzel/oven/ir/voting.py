"""Ensembles: means and medians of what their members answer, votes, and the winners of pairs."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Parity, Value
from pretzel.oven.ir.scale import round_to_float32
from pretzel.oven.ir.value_properties import UNKNOWN, ValueProperties, at_most, whole
from pretzel.schema import Schema, dense, fixed


class Mean(Node):
    """Mean of dense values of one width, weighted where ``weights`` has one number for each; it may be empty."""

    weights: Array

    op: ClassVar[str] = "mean/1"
    kernel: ClassVar[str] = "mean"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        (width,) = {node.schema().width for node in self.inputs}
        first, *others = (node.schema().dtype for node in self.inputs)
        return dense(width, first.promote(*others).floating())

    def params(self) -> dict[str, Array]:
        return {"weights": self.weights}

    def reference(self, *inputs: Value) -> Value:
        return np.average(np.stack(inputs), axis=0, weights=self.weights if self.weights.size else None)

    def in_float32(self) -> Node:
        weights = self.weights.astype(np.float32)
        total = float(weights.sum()) if weights.size else float(len(self.inputs))
        return MeanFloat32(self.inputs, weights.astype(np.float64), total)

    def describe(self) -> str:
        return f"{len(self.inputs)} {'weighted ' if self.weights.size else ''}values"


class MeanInFloat64(Mean):
    """`Mean` of values that are added up in float64, whatever they are themselves."""

    op: ClassVar[str] = "mean_in_float64/1"
    kernel: ClassVar[str] = "mean"

    def schema(self) -> Schema:
        (width,) = {node.schema().width for node in self.inputs}
        return dense(width)

    def in_float32(self) -> Node:
        return self


class MeanFloat32(Node):
    """Values of float32 times their weights, added up in order and divided, each result rounded to float32.

    Parameters
    ----------
    weights : ndarray of float64, shape (len(inputs),)
        Or empty.
    divisor : float
    """

    weights: Array
    divisor: float

    op: ClassVar[str] = "mean_float32/1"
    kernel: ClassVar[str] = "mean_float32"

    def schema(self) -> Schema:
        (width,) = {node.schema().width for node in self.inputs}
        first, *others = (node.schema().dtype for node in self.inputs)
        return dense(width, first.promote(*others).floating())

    def params(self) -> dict[str, Array]:
        return {"weights": self.weights, "divisor": np.array(self.divisor)}

    def reference(self, *inputs: Value) -> Value:
        total = np.zeros(inputs[0].shape)
        weights = self.weights if self.weights.size else np.ones(len(inputs))
        with np.errstate(all="ignore"):
            for value, weight in zip(inputs, weights, strict=True):
                total = round_to_float32(total + round_to_float32(value * weight))
            return round_to_float32(total / self.divisor)

    def describe(self) -> str:
        return f"{len(self.inputs)} {'weighted ' if self.weights.size else ''}values"


class MeanOfBlocks(Node):
    """`Mean` of values that lie side by side in one."""

    blocks: int
    weights: Array

    op: ClassVar[str] = "mean_of_blocks/1"
    kernel: ClassVar[str] = "mean_of_blocks"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        if not self.blocks or source.width % self.blocks:
            raise ValueError(f"{source} is not {self.blocks} blocks")
        return dense(source.width // self.blocks, source.dtype.floating())

    def params(self) -> dict[str, Array]:
        return {"weights": self.weights, "blocks": np.array(self.blocks, dtype=np.int32)}

    def reference(self, *inputs: Value) -> Value:
        blocks = np.stack(np.split(inputs[0], self.blocks, axis=1))
        return np.average(blocks, axis=0, weights=self.weights if self.weights.size else None)

    def describe(self) -> str:
        return f"{self.blocks} {'weighted ' if self.weights.size else ''}blocks"


class Majority(Node):
    """The class index with the largest sum of weights among the votes of all inputs, the smallest of equals.

    Parameters
    ----------
    classes : int
        Votes are 0 .. ``classes - 1``.
    weights : float64 array of shape (len(inputs),)
    """

    classes: int
    weights: Array

    op: ClassVar[str] = "majority/1"
    kernel: ClassVar[str] = "majority"
    discrete: ClassVar[bool] = True

    def schema(self) -> Schema:
        return dense(1, fixed("int64"))

    def params(self) -> dict[str, Array]:
        return {"classes": np.array(self.classes, dtype=np.int32), "weights": self.weights}

    def reference(self, *inputs: Value) -> Value:
        counts = np.zeros((inputs[0].shape[0], self.classes))
        for votes, weight in zip(inputs, self.weights, strict=True):
            counts[np.arange(len(counts)), votes[:, 0].astype(int)] += weight
        return np.argmax(counts, axis=1)[:, None].astype(np.float64)

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return whole(0, max(self.classes - 1, 0))

    def describe(self) -> str:
        return f"{len(self.inputs)} votes, {self.classes} classes"


class Votes(Node):
    """Weights of the votes for each class, added up in the order of the votes: column ``i`` of the input is vote ``i``.

    Parameters
    ----------
    table : ndarray of int32
        Class of each value that a vote may have, all votes one behind the other; -1 is a vote for none.
    offsets : ndarray of int32, shape (width + 1,)
        Where the classes of each vote stand in ``table``.
    weights : ndarray of float64, shape (width,)
        What a vote adds to its class.
    others : ndarray of float64, shape (width,)
        What it adds to all other classes.
    classes : int
    divisor : float
        Divides the sums.
    """

    table: Array
    offsets: Array
    weights: Array
    others: Array
    classes: int
    divisor: float = 1.0

    op: ClassVar[str] = "votes/1"
    kernel: ClassVar[str] = "votes"

    def schema(self) -> Schema:
        return dense(self.classes)

    def params(self) -> dict[str, Array]:
        return {
            "table": self.table,
            "offsets": self.offsets,
            "weights": self.weights,
            "others": self.others,
            "divisor": np.array(self.divisor),
        }

    def reference(self, *inputs: Value) -> Value:
        (votes,) = inputs
        sums = np.zeros((len(votes), self.classes))
        for vote, (weight, other) in enumerate(zip(self.weights, self.others, strict=True)):
            voted = self.table[self.offsets[vote] + votes[:, vote].astype(np.int64)]
            sums += np.where(voted[:, None] == np.arange(self.classes), weight, other)
        return sums / self.divisor

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        if not self.weights.size or not abs(self.divisor) >= 1.0:
            return UNKNOWN
        return at_most(float(np.maximum(np.abs(self.weights), np.abs(self.others)).sum()))

    def describe(self) -> str:
        return f"{len(self.weights)} votes, {self.classes} classes"


class WeightedMedian(Node):
    """The smallest value of a row at which at least half of the weight is reached, equal values in their order."""

    weights: Array

    op: ClassVar[str] = "weighted_median/1"
    kernel: ClassVar[str] = "weighted_median"

    def schema(self) -> Schema:
        return dense(1, self.inputs[0].schema().dtype)

    def params(self) -> dict[str, Array]:
        return {"weights": self.weights}

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        order = np.argsort(x, axis=1, kind="stable")
        reached = np.cumsum(self.weights[order], axis=1)
        found = (reached >= 0.5 * reached[:, -1:]).argmax(axis=1)
        rows = np.arange(len(x))
        return x[rows, order[rows, found]][:, None]

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return inputs[0]

    def describe(self) -> str:
        return f"{len(self.weights)} values"


class LogMeanExp(Node):
    """``log(mean(exp(x)))`` of values of one width: logarithms of mean probabilities."""

    op: ClassVar[str] = "log_mean_exp/1"
    kernel: ClassVar[str] = "log_mean_exp"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        (width,) = {node.schema().width for node in self.inputs}
        return dense(width)

    def reference(self, *inputs: Value) -> Value:
        found = np.full(inputs[0].shape, -np.inf)
        for each in inputs:
            found = np.logaddexp(found, each)
        return found - np.log(len(inputs))

    def describe(self) -> str:
        return f"{len(self.inputs)} values"


class PairWinners(Node):
    """Votes of the classifiers of all pairs of classes, and a part of a vote for their confidence.

    The first input holds what each classifier says: 0 for the first class of its pair, 1 for the second, and anything
    else for none. The second holds its confidence in the second class. Pairs stand in the order (0, 1), (0, 2), ...,
    (1, 2), ...
    """

    classes: int

    op: ClassVar[str] = "pair_winners/1"
    kernel: ClassVar[str] = "pair_winners"

    def schema(self) -> Schema:
        return dense(self.classes)

    def reference(self, *inputs: Value) -> Value:
        said, confidences = inputs
        votes, sums = np.zeros((2, len(said), self.classes))
        first, second = np.triu_indices(self.classes, 1)
        for pair, (i, j) in enumerate(zip(first, second, strict=True)):
            sums[:, i] -= confidences[:, pair]
            sums[:, j] += confidences[:, pair]
            votes[said[:, pair] == 0, i] += 1
            votes[said[:, pair] == 1, j] += 1
        with np.errstate(invalid="ignore"):
            return votes + sums / (3 * (np.abs(sums) + 1))

    def describe(self) -> str:
        return f"{self.classes} classes"
