"""Scores to answers: probabilities, their logarithms, class indices."""

from __future__ import annotations

import math
from typing import ClassVar

import numpy as np

from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Array, Node, Parity, Value, replace
from pretzel.oven.ir.scale import ToFloat32, round_to_float32
from pretzel.oven.ir.step_forms import Boundaries
from pretzel.oven.ir.value_properties import ValueProperties, whole
from pretzel.schema import Positions, Schema, dense, fixed

KEEP_ZEROS = 2
"""In place of a flag of the kernel `normalize_sum`: rows of zeros stay as they are."""


class _Elementwise(Node):
    """Base of the links that keep the width of their input."""

    parity: ClassVar[Parity] = Parity.TOLERANCE
    needs_rows: ClassVar[bool] = False  # as functions of NumPy; behind a predictor, that needs them

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return dense(source.width, source.dtype.floating())

    def in_float32(self) -> Node:
        return ToFloat32((self,))


class Sigmoid(Node):
    """One score to the probabilities of two classes: ``[1 - p, p]`` with ``p = 1 / (1 + exp(-score))``."""

    op: ClassVar[str] = "sigmoid/1"
    kernel: ClassVar[str] = "sigmoid"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        return dense(2, self.inputs[0].schema().dtype.floating())

    def in_float32(self) -> Node:
        p = ToFloat32((Expit(self.inputs),))
        return ToFloat32((Pair((p,)),))  # a p next to 1 leaves 0

    def pick_outputs(self, columns: Positions) -> Node | None:
        return Expit(self.inputs) if columns == (1,) else None

    def stack(self, others: tuple[Node, ...]) -> Node | None:
        return SigmoidPairs((_beside((self, *others)),))

    def reference(self, *inputs: Value) -> Value:
        p = _expit(inputs[0][:, 0])
        return np.stack([1.0 - p, p], axis=1)


class SigmoidPairs(Node):
    """`Sigmoid` of several scores side by side."""

    op: ClassVar[str] = "sigmoid_pairs/1"
    kernel: ClassVar[str] = "sigmoid_pairs"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return dense(2 * source.width, source.dtype.floating())

    def reference(self, *inputs: Value) -> Value:
        p = _expit(inputs[0])
        return np.stack([1.0 - p, p], axis=2).reshape(len(p), 2 * p.shape[1])


class Expit(_Elementwise):
    """``1 / (1 + exp(-x))`` of every value."""

    op: ClassVar[str] = "expit/1"
    kernel: ClassVar[str] = "expit"
    columnwise: ClassVar[bool] = True

    def reference(self, *inputs: Value) -> Value:
        return _expit(inputs[0])


class Softmax(_Elementwise):
    """``exp(x - max) / sum``, as ``sklearn.utils.extmath.softmax``."""

    op: ClassVar[str] = "softmax/1"
    kernel: ClassVar[str] = "softmax"

    def stack(self, others: tuple[Node, ...]) -> Node | None:
        every = (self, *others)
        if len({node.schema().width for node in every}) > 1:
            return None
        return SoftmaxOfBlocks((_beside(every),), len(every))

    def reference(self, *inputs: Value) -> Value:
        return _softmax(inputs[0])


class SoftmaxOfBlocks(_Elementwise):
    """`Softmax` of several rows of scores side by side, all of one width."""

    blocks: int

    op: ClassVar[str] = "softmax_of_blocks/1"
    kernel: ClassVar[str] = "softmax_of_blocks"

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        if not self.blocks or source.width % self.blocks or not source.width:
            raise ValueError(f"{source} is not {self.blocks} blocks")
        return dense(source.width, source.dtype.floating())

    def params(self) -> dict[str, Array]:
        return {"blocks": np.array(self.blocks, dtype=np.int32)}

    def reference(self, *inputs: Value) -> Value:
        return np.hstack([_softmax(block) for block in np.split(inputs[0], self.blocks, axis=1)])


class LogSoftmax(_Elementwise):
    """``x - log(sum(exp(x)))``, also where the softmax itself is too small for a number."""

    op: ClassVar[str] = "log_softmax/1"
    kernel: ClassVar[str] = "log_softmax"

    def reference(self, *inputs: Value) -> Value:
        return inputs[0] - _log_sum(inputs[0])


class LogSumExp(Node):
    """``log(sum(exp(x)))`` of a row: the logarithm of a sum of densities."""

    op: ClassVar[str] = "log_sum_exp/1"
    kernel: ClassVar[str] = "log_sum_exp"
    parity: ClassVar[Parity] = Parity.TOLERANCE

    def schema(self) -> Schema:
        return dense(1, self.inputs[0].schema().dtype.floating())

    def in_float32(self) -> Node:
        return ToFloat32((self,))

    def reference(self, *inputs: Value) -> Value:
        return _log_sum(inputs[0])


class NormalizeSum(_Elementwise):
    """Probabilities of one-versus-rest classifiers divided by their sum; rows of zeros become uniform or NaN."""

    uniform: bool = True

    op: ClassVar[str] = "normalize_sum/2"
    kernel: ClassVar[str] = "normalize_sum"

    def params(self) -> dict[str, Array]:
        return {"uniform": np.array(int(self.uniform), dtype=np.uint8)}

    def reference(self, *inputs: Value) -> Value:
        total = inputs[0].sum(axis=1)
        with np.errstate(all="ignore"):
            x = inputs[0] / total[:, None]
        x[(total == 0.0) & self.uniform] = 1.0 / x.shape[1]
        return x

    def in_float32(self) -> Node:
        return NormalizeSumFloat32(self.inputs, int(self.uniform))


class NormalizeNonzeroSum(_Elementwise):
    """Probabilities of one-versus-rest classifiers divided by their sum; rows of zeros stay."""

    op: ClassVar[str] = "normalize_nonzero_sum/1"
    kernel: ClassVar[str] = "normalize_sum"

    def params(self) -> dict[str, Array]:
        return {"uniform": np.array(KEEP_ZEROS, dtype=np.uint8)}

    def reference(self, *inputs: Value) -> Value:
        total = inputs[0].sum(axis=1, keepdims=True)
        return np.divide(inputs[0], total, out=inputs[0].copy(), where=total != 0.0)

    def in_float32(self) -> Node:
        return NormalizeSumFloat32(self.inputs, KEEP_ZEROS)


class NormalizeSumFloat32(_Elementwise):
    """Values of float32 divided by their sum, which is added up in order; each result is rounded to float32.

    Parameters
    ----------
    zeros : int
        What becomes of a row of zeros: 0: NaN; 1: equal parts; 2: it stays.
    """

    zeros: int

    op: ClassVar[str] = "normalize_sum_float32/1"
    kernel: ClassVar[str] = "normalize_sum_float32"
    parity: ClassVar[Parity] = Parity.EXACT

    def params(self) -> dict[str, Array]:
        return {"uniform": np.array(self.zeros, dtype=np.uint8)}

    def in_float32(self) -> Node:
        return self

    def is_exact(self) -> bool:
        """NumPy adds up eight values or more of a single row in another order than those of several rows."""
        return self.schema().width < 8

    def reference(self, *inputs: Value) -> Value:
        total = np.zeros(len(inputs[0]))
        with np.errstate(all="ignore"):
            for column in inputs[0].T:
                total = round_to_float32(total + column)
            x = round_to_float32(inputs[0] / np.where((total == 0.0) & (self.zeros == KEEP_ZEROS), 1.0, total)[:, None])
        x[(total == 0.0) & (self.zeros == 1)] = np.float32(1.0 / x.shape[1])
        return x


class HuberProbability(_Elementwise):
    """``(clip(x, -1, 1) + 1) / 2`` of every score: probabilities of ``SGDClassifier(loss="modified_huber")``."""

    op: ClassVar[str] = "huber_probability/1"
    kernel: ClassVar[str] = "huber_probability"
    columnwise: ClassVar[bool] = True
    parity: ClassVar[Parity] = Parity.EXACT

    def reference(self, *inputs: Value) -> Value:
        return (np.clip(inputs[0], -1.0, 1.0) + 1.0) / 2.0

    def monotone(self) -> Array | None:
        return np.ones(self.inputs[0].schema().width, dtype=np.int8)


class Pair(Node):
    """The probability of the second of two classes to those of both: ``[1 - p, p]``."""

    op: ClassVar[str] = "pair/1"
    kernel: ClassVar[str] = "pair"

    def schema(self) -> Schema:
        return dense(2, self.inputs[0].schema().dtype.floating())

    def in_float32(self) -> Node:
        return ToFloat32((self,))

    def pick_outputs(self, columns: Positions) -> Node | None:
        return self.inputs[0] if columns == (1,) else None

    def reference(self, *inputs: Value) -> Value:
        return np.hstack([1.0 - inputs[0], inputs[0]])


class Exp(_Elementwise):
    """``exp`` of every value: the inverse of the log link."""

    op: ClassVar[str] = "exp/1"
    kernel: ClassVar[str] = "exp"
    columnwise: ClassVar[bool] = True

    def reference(self, *inputs: Value) -> Value:
        with np.errstate(over="ignore"):
            return np.exp(inputs[0])


class SignedSquare(_Elementwise):
    """``x * |x|`` of every value: the inverse of a square root that keeps the sign."""

    op: ClassVar[str] = "signed_square/1"
    kernel: ClassVar[str] = "signed_square"
    columnwise: ClassVar[bool] = True
    parity: ClassVar[Parity] = Parity.EXACT

    def reference(self, *inputs: Value) -> Value:
        with np.errstate(over="ignore"):
            return np.abs(inputs[0]) * inputs[0]


class Log(_Elementwise):
    """``log`` of every value, minus infinity for zero: ``predict_log_proba``."""

    op: ClassVar[str] = "log/1"
    kernel: ClassVar[str] = "log"
    columnwise: ClassVar[bool] = True

    def reference(self, *inputs: Value) -> Value:
        with np.errstate(divide="ignore"):
            return np.log(inputs[0])


class ArgMax(Node):
    """Index of the largest value of a row, the first of equals."""

    op: ClassVar[str] = "arg_max/1"
    kernel: ClassVar[str] = "argmax"
    discrete: ClassVar[bool] = True

    def schema(self) -> Schema:
        return dense(1, fixed("int64"))

    def reference(self, *inputs: Value) -> Value:
        return np.argmax(inputs[0], axis=1)[:, None].astype(np.float64)

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return whole(0, max(self.inputs[0].schema().width - 1, 0))


class ArgMin(Node):
    """Index of the smallest value of a row, the first of equals."""

    op: ClassVar[str] = "arg_min/1"
    kernel: ClassVar[str] = "argmin"
    discrete: ClassVar[bool] = True

    def schema(self) -> Schema:
        return dense(1, fixed("int64"))

    def reference(self, *inputs: Value) -> Value:
        return np.argmin(inputs[0], axis=1)[:, None].astype(np.float64)

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return whole(0, max(self.inputs[0].schema().width - 1, 0))


class Threshold(Node):
    """1 where a value is greater than ``cut`` (or equal, when ``inclusive``), else 0.

    ``casts`` says that NumPy rounds ``cut``, too, where the values are float32: it is a Python float.
    ``of_probabilities`` says that values lie from 0 to 1, and close together next to 1.
    """

    cut: float = 0.0
    inclusive: bool = False
    casts: bool = False
    of_probabilities: bool = False

    op: ClassVar[str] = "threshold/1"
    kernel: ClassVar[str] = "threshold"
    discrete: ClassVar[bool] = True
    columnwise: ClassVar[bool] = True

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return dense(source.width, source.dtype)

    def in_float32(self) -> Node:
        return replace(self, cut=float(np.float32(self.cut)), casts=False) if self.casts else self

    def boundaries(self) -> Boundaries | None:
        width = self.schema().width
        return Boundaries(np.arange(width), np.full(width, self.cut), closed_left=not self.inclusive)

    def move_edges(self, slack: Array, offsets: Array | float) -> Node:
        size, rest = abs(self.cut), max(1.0 - self.cut, 0.0)
        if self.of_probabilities and size and rest:  # behind a score that is rounded by a part of its size
            size = min(size * max(1.0, abs(math.log(size / rest))), rest * 2.0**18)  # many lie that close to 1
        elif size:
            size = 0.0 if self.of_probabilities else max(size, float(np.max(offsets)))
        side = -1.0 if self.inclusive else 1.0
        return replace(self, cut=self.cut + side * float(slack.max()) * size)

    def params(self) -> dict[str, Array]:
        return {"cut": np.array(self.cut), "inclusive": np.array(self.inclusive, dtype=np.uint8)}

    def reference(self, *inputs: Value) -> Value:
        above = inputs[0] >= self.cut if self.inclusive else inputs[0] > self.cut
        return above.astype(np.float64)

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return whole(0, 1)

    def describe(self) -> str:
        return f"{'>=' if self.inclusive else '>'} {self.cut:g}"


def _beside(nodes: tuple[Node, ...]) -> Node:
    """The inputs of several nodes side by side."""
    return Concat(tuple(node.inputs[0] for node in nodes))


def _softmax(x: Value) -> Value:
    x = np.exp(x - x.max(axis=1, keepdims=True))
    return x / x.sum(axis=1, keepdims=True)


def _log_sum(x: Value) -> Value:
    top = x.max(axis=1, keepdims=True)
    top = np.where(np.isfinite(top), top, 0.0)
    with np.errstate(divide="ignore", over="ignore"):
        return top + np.log(np.exp(x - top).sum(axis=1, keepdims=True))


def _expit(x: Value) -> Value:
    with np.errstate(over="ignore"):
        return 1.0 / (1.0 + np.exp(-x))
