"""What the dtype of a request decides: which columns are rounded or passed on, and which dtypes no program answers.

A column of the request that is read as numbers is named by its position, because there may be millions. Others are by
their source (0 for the request, else the token of an opaque step), their position there, and whether they are cells.
"""

from __future__ import annotations

from itertools import repeat
from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.frontends.registry import has_trait
from pretzel.oven.ir.columns import LEAVES, CellLeaf, NumericLeaf, Raw, SparseLeaf
from pretzel.oven.ir.encode import CategoryCodes
from pretzel.oven.ir.graph import Node, toposort, users
from pretzel.oven.ir.impute import Impute, MissingMask
from pretzel.oven.ir.opaque import Opaque
from pretzel.schema import SAME, Follows, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

Column = int | tuple[int, int, bool]
Columns = frozenset[Column]
ALL = -1  # the position of all columns of sparse rows, which have one dtype and may be millions


def rounded_columns(output: Node) -> Columns:
    """The columns that nothing reads but as float32: there, whole numbers are rounded once."""
    readers = users([output])
    leaves = [leaf for leaf in readers if isinstance(leaf, NumericLeaf)]
    rounded = {leaf for leaf in leaves if _is_rounded(leaf, output, readers)}
    others = [columns_of(leaf) for leaf in leaves if leaf not in rounded]
    return frozenset().union(*map(columns_of, rounded)).difference(*others)


def from_source(output: Node) -> tuple[str, ...]:
    """dtypes of requests that no program answers: float16 where steps compute in it, objects that are passed on."""
    return ("float16",) * _computes_in_float16(output) + ("object",) * bool(passed_on(output))


def _computes_in_float16(output: Node) -> bool:
    """Whether a step rounds its results to float16, where the request is float16: no program does that."""
    return any(
        node.inputs
        and not isinstance(node, (*LEAVES, Raw, Opaque))
        and node.schema().kind is not Kind.CELLS
        and node.schema().dtype.dtype_for(np.float16) == np.float16
        and node.in_float32() is not node
        for node in toposort([output])
    )


def passed_on(output: Node) -> set[Node]:
    """The leaves of numbers whose values reach the result as they came, or by way of functions of NumPy alone."""
    found: set[Node] = set()
    seen, pending = {output}, [output]
    while pending:
        node = pending.pop()
        if isinstance(node, NumericLeaf):
            found.add(node)
        elif not isinstance(node, (*LEAVES, Raw, Opaque)) and (
            node.passthrough
            or not node.needs_rows
            or node.schema().dtype == SAME
            or (isinstance(node, Impute) and node.keeps)
        ):
            pending += {*node.inputs} - seen
            seen.update(node.inputs)
    return found


def encoded_columns(output: Node) -> Columns:
    """The columns whose values reach an encoder as they came, for which a text is no number that it knows."""
    encoders = [node for node in toposort([output]) if isinstance(node, CategoryCodes)]
    return frozenset().union(*(columns_of(leaf) for encoder in encoders for leaf in passed_on(encoder.inputs[0])))


def columns_of(leaf: Node) -> Columns:
    """The columns that a leaf reads; as cells they are others than as numbers, because their types decide alone."""
    known: Columns | None = leaf.__dict__.get("_columns")
    if known is None:
        known = leaf.__dict__["_columns"] = _columns_of(leaf)
    return known


def _columns_of(leaf: Node) -> Columns:
    made = leaf.inputs[0] if leaf.inputs else None
    source = made.token if isinstance(made, Opaque) else 0
    if isinstance(leaf, SparseLeaf):
        return frozenset({(source, ALL, False)})
    if isinstance(leaf, NumericLeaf) and not source:
        return frozenset(leaf.columns)
    if isinstance(leaf, CellLeaf | NumericLeaf):
        return frozenset(zip(repeat(source), leaf.columns, repeat(isinstance(leaf, CellLeaf))))
    return frozenset()


def is_always_float64(value: Node) -> bool:
    """Whether a value comes from an opaque step that makes float64 whatever it is given."""
    return isinstance(value, Opaque) and value.method == "transform" and has_trait(value.estimator, "makes_float64")


def _is_rounded(node: Node, output: Node, readers: Mapping[Node, list[Node]]) -> bool:
    return node is not output and all(
        _is_rounded(reader, output, readers) if reader.passthrough else reader.rounds_inputs()
        for reader in readers[node]
    )


def follows_request(node: Node) -> bool:
    """Whether the dtype of a value, or how it is computed, depends on the dtype of the request."""
    return isinstance(node, Opaque | MissingMask) or node.schema().dtype.follows is not Follows.NOTHING
