"""Which methods compute otherwise for a float32 request, and how; and the columns whose dtype matters at all.

scikit-learn computes in the dtype of the request, where a step keeps it. Sums, differences, products, quotients and
square roots of float32 are those of float64 rounded once, so the same kernels serve with rounding in between. Each
node knows its own form (`Node.in_float32`). A method whose graph stays the same has one program for all requests.
"""

from __future__ import annotations

from dataclasses import replace as replace_fields
from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.frontends.registry import has_trait
from pretzel.oven.ir.columns import LEAVES, NumericLeaf, Raw, SparseLeaf
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Node, replace, toposort, users
from pretzel.oven.ir.impute import MissingMask
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.ir.scale import ToFloat32
from pretzel.schema import SAME, Follows, Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pretzel.oven.ir.graph import Output

Columns = frozenset[tuple[int, int]]
"""Pairs of a source (0 for the request, else the token of an opaque step) and a column of it."""


def in_float32(methods: Mapping[str, Output], origins: dict[Node, str], request: str = "float32") -> dict[str, Output]:
    """The methods that compute otherwise where steps are given float32, in the form that they then have.

    Parameters
    ----------
    methods : mapping of str to Output
    origins : dict of Node to str
        New nodes inherit from those they replace.
    request : str
        dtype of the request. For float64, steps are given float32 only by others that return it always.
    """
    nodes = toposort(output.node for output in methods.values())
    wide = _behind_float64(nodes)
    rounding = {
        node for node in nodes if node.inputs and wide.isdisjoint(node.inputs) and _is_float32(node.inputs, request)
    }
    if not rounding:
        return {}
    new: dict[Node, Node] = {}
    for node in nodes:
        inputs = tuple(new[child] for child in node.inputs)
        same = all(a is b for a, b in zip(inputs, node.inputs, strict=True))
        changed = node if same else replace(node, inputs=inputs)
        if node in rounding and not isinstance(node, LEAVES):
            changed = changed.in_float32()
            for each in (changed, *changed.inputs):
                origins.setdefault(each, origins.get(node, ""))
        new[node] = changed
    found = {}
    for name, output in methods.items():
        node = new[output.node]
        if isinstance(node, ToFloat32):
            (node,) = node.inputs  # the result is converted anyway
        if node is not output.node:
            found[name] = replace_fields(output, node=node)
    return found


def typed_columns(output: Node) -> Columns:
    """The columns whose dtype decides about the dtype of a result, or about how it is computed."""
    readers = users([output])
    passed = passed_on(output)  # objects among them make objects of the whole result
    found: set[tuple[int, int]] = set()
    for leaf in readers:
        if isinstance(leaf, NumericLeaf | SparseLeaf) and (leaf in passed or _is_typed(leaf, output, readers)):
            found |= columns_of(leaf)
    return frozenset(found)


def rounded_columns(output: Node) -> Columns:
    """The columns that nothing reads but as float32: there, whole numbers are rounded once."""
    readers = users([output])
    leaves = [leaf for leaf in readers if isinstance(leaf, NumericLeaf)]
    rounded = {leaf for leaf in leaves if _is_rounded(leaf, output, readers)}
    others = [columns_of(leaf) for leaf in leaves if leaf not in rounded]
    return frozenset().union(*map(columns_of, rounded)).difference(*others)


def from_source(output: Node) -> tuple[str, ...]:
    """dtypes of requests that no program answers: float16 where steps compute in it, objects that are passed on."""
    beside = output.inputs if isinstance(output, Concat) else (output,)
    passes = any(not isinstance(node, Raw | Opaque) and node.schema().dtype == SAME for node in beside)
    return ("float16",) * _computes_in_float16(output) + ("object",) * passes


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
    pending = [output]
    while pending:
        node = pending.pop()
        if isinstance(node, NumericLeaf):
            found.add(node)
        elif not isinstance(node, (*LEAVES, Raw, Opaque)) and (
            node.passthrough or not node.needs_rows or node.schema().dtype == SAME
        ):
            pending += node.inputs
    return found


def columns_of(leaf: Node) -> Columns:
    """The numbers that a leaf reads."""
    source = leaf.inputs[0].token if leaf.inputs else 0  # type: ignore[attr-defined]
    if isinstance(leaf, SparseLeaf):
        return frozenset((source, column) for column in range(leaf.width))
    return frozenset((source, column) for column in leaf.columns) if isinstance(leaf, NumericLeaf) else frozenset()


def _is_typed(node: Node, output: Node, readers: Mapping[Node, list[Node]]) -> bool:
    return node is output or any(
        _is_typed(reader, output, readers) if reader.passthrough else _follows(reader) for reader in readers[node]
    )


def _is_rounded(node: Node, output: Node, readers: Mapping[Node, list[Node]]) -> bool:
    return node is not output and all(
        _is_rounded(reader, output, readers) if reader.passthrough else reader.rounds_inputs()
        for reader in readers[node]
    )


def _follows(node: Node) -> bool:
    return isinstance(node, Opaque | MissingMask) or node.schema().dtype.follows is not Follows.NOTHING


def _behind_float64(nodes: Iterable[Node]) -> set[Node]:
    """Values that are float64 whatever the request has, because they come from an opaque step that makes it."""
    found: set[Node] = set()
    for node in nodes:
        if isinstance(node, LEAVES):
            made = node.inputs[0] if node.inputs else None
            if isinstance(made, Opaque) and made.method == "transform" and has_trait(made.estimator, "makes_float64"):
                found.add(node)
        elif not isinstance(node, Raw | Opaque) and not found.isdisjoint(node.inputs) and _follows(node):
            found.add(node)
    return found


def _is_float32(inputs: tuple[Node, ...], request: str) -> bool:
    """Whether all inputs are float32 for a request of this dtype."""
    return all(
        not isinstance(node, Raw | Opaque)
        and node.schema().kind is not Kind.CELLS
        and node.schema().dtype.dtype_for(request) == np.float32
        for node in inputs
    )
