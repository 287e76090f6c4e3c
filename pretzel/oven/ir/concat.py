"""Values side by side, and the change between dense and sparse rows."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Node, Value
from pretzel.oven.ir.value_properties import ZERO, ValueProperties
from pretzel.schema import Kind, Schema, dense, sparse


class Concat(Node):
    """Columns of all inputs side by side. Dense inputs are written in place by their producers where that is possible.

    The result is sparse as soon as one input is: ``Concat`` of mixed kinds is what ``scipy.sparse.hstack`` gives.
    """

    op: ClassVar[str] = "concat/1"
    kernel: ClassVar[str] = "concat"
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        parts = [node.schema() for node in self.inputs]
        width = sum(part.width for part in parts)
        dtype = parts[0].dtype.promote(*(part.dtype for part in parts[1:]))
        if all(part.kind is Kind.DENSE for part in parts):
            return dense(width, dtype)
        bounds = [part.width if part.kind is Kind.DENSE else part.nnz for part in parts]
        return sparse(width, None if None in bounds else sum(b for b in bounds if b is not None), dtype)

    def reference(self, *inputs: Value) -> Value:
        from scipy import sparse as sp

        if any(sp.issparse(x) for x in inputs):
            return sp.hstack([sp.csr_array(x) for x in inputs], format="csr")
        return np.hstack(inputs)

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return inputs[0].meet(*inputs[1:])

    def simplify(self) -> Node:
        return self.inputs[0] if len(self.inputs) == 1 else self

    def describe(self) -> str:
        return " + ".join(str(node.schema().width) for node in self.inputs)


class Densify(Node):
    """Sparse rows written out with their zeros."""

    op: ClassVar[str] = "densify/1"
    kernel: ClassVar[str] = "densify"
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return dense(source.width, source.dtype)

    def reference(self, *inputs: Value) -> Value:
        return inputs[0].toarray()

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return inputs[0].meet(ZERO)

    def mostly_zeros(self) -> bool:
        return True

    def as_sparse(self) -> Node | None:
        return self.inputs[0]


class DensifyMissing(Node):
    """Sparse rows written out with NaN for what they do not hold."""

    op: ClassVar[str] = "densify_missing/1"
    kernel: ClassVar[str] = "densify_missing"
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        return dense(source.width, source.dtype)

    def reference(self, *inputs: Value) -> Value:
        rows = inputs[0].tocoo()
        out = np.full(rows.shape, np.nan)
        out[rows.row, rows.col] = rows.data
        return out
