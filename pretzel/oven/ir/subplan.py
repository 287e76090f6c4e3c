"""Rows that part ways, and rows that take a path again: what a program runs as sub-plans.

The graph stays flat: what a branch chooses among, and what a loop repeats, are inputs like any others, so that rules,
dtypes and references see them as they see everything else. Only lowering makes sub-plans of them
(`pretzel.oven.subplans`), of those nodes that nothing else reads.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Value
from pretzel.schema import Schema, dense

if TYPE_CHECKING:
    from pretzel.oven.ir.value_properties import ValueProperties


class Branch(Node):
    """For each row one of several values, which is all that is computed for it.

    ``inputs`` are a column of codes, and the value for code 0, 1, ...; a row with another code is an error. They are
    dense and have one width.
    """

    op: ClassVar[str] = "branch/1"
    kernel: ClassVar[str] = "branch"
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        codes, *values = (node.schema() for node in self.inputs)
        (width,) = {value.width for value in values}
        assert codes == dense(1, codes.dtype)
        assert all(value == dense(width, value.dtype) for value in values)
        return dense(width, values[0].dtype.promote(*(value.dtype for value in values[1:])))

    def reference(self, *inputs: Value) -> Value:
        codes, *values = inputs
        return np.stack(values)[codes[:, 0].astype(np.int64), np.arange(len(codes))]

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return inputs[1].meet(*inputs[2:])

    def describe(self) -> str:
        return f"{len(self.inputs) - 1} ways"


class Loop(Node):
    """A state that each row changes until the first column of it is negative, at most ``limit`` times.

    ``inputs`` are the state at the beginning and the next one, which is computed from the `LoopState` of the same
    ``token`` and from other values. Both are dense and have one width.
    """

    token: int
    limit: int

    op: ClassVar[str] = "loop/1"
    kernel: ClassVar[str] = "loop"
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        first, following = (node.schema() for node in self.inputs)
        assert first == dense(following.width, first.dtype)
        return dense(first.width, first.dtype.promote(following.dtype))

    def params(self) -> dict[str, Array]:
        return {"limit": np.array(self.limit, dtype=np.int32)}

    def describe(self) -> str:
        return f"at most {self.limit} times"
