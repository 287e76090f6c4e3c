"""Which methods compute otherwise for a float32 request, and how.

scikit-learn computes in the dtype of the request, where a step keeps it. Sums, differences, products, quotients and
square roots of float32 are those of float64 rounded once, so the same kernels serve with rounding in between. Each
node knows its own form (`Node.in_float32`). A method whose graph stays the same has one program for all requests.
"""

from __future__ import annotations

from dataclasses import replace as replace_fields
from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.dtypes import follows_request, is_always_float64
from pretzel.oven.ir.columns import LEAVES, Raw
from pretzel.oven.ir.graph import Node, replace, toposort
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.ir.scale import ToFloat32
from pretzel.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from pretzel.oven.ir.graph import Output


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
    rounding = rounded_nodes(nodes, request)
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


def inexact_before_float64(methods: Mapping[str, Output], origins: Mapping[Node, str]) -> set[str]:
    """The steps, by their origins, whose float32 may differ from the source's in its last bits, before float64.

    They are given float32 whatever the request has. A result of float32 may differ in its last bits, because NumPy's
    own functions do; a result of float64 that was computed from it would differ as much.
    """
    nodes = toposort(output.node for output in methods.values())
    rounding = rounded_nodes(nodes, "float64")
    if not rounding:
        return set()
    inexact: dict[Node, frozenset[Node]] = {}
    for node in nodes:
        found = frozenset[Node]().union(*(inexact[child] for child in node.inputs))
        if isinstance(node, Raw | Opaque) or node.discrete:
            found = frozenset()
        elif node in rounding and not isinstance(node, LEAVES) and not _is_exact_in_float32(node):
            found |= {node}
        inexact[node] = found
    ends = [output.node for output in methods.values() if output.labels is None]
    wide = [node for node in ends if not isinstance(node, Raw | Opaque) and not _is_float32((node,), "float64")]
    return {origins[node] for end in wide for node in inexact[end] if node in origins}


def _is_exact_in_float32(node: Node) -> bool:
    """Whether the bits of a node that is given float32 are those of its source."""
    if not _is_float32((node,), "float64") or node.rounds_once:
        return True
    return all(each.is_exact() for each in toposort([node.in_float32()], known=node.inputs))


def rounded_nodes(nodes: Iterable[Node], request: str = "float32") -> set[Node]:
    """The nodes that compute in float32 for a request of this dtype, because all their inputs are float32."""
    nodes = [*nodes]
    wide = _behind_float64(nodes)
    return {
        node for node in nodes if node.inputs and wide.isdisjoint(node.inputs) and _is_float32(node.inputs, request)
    }


def _behind_float64(nodes: Iterable[Node]) -> set[Node]:
    """Values that are float64 whatever the request has, because they come from an opaque step that makes it."""
    found: set[Node] = set()
    for node in nodes:
        if isinstance(node, LEAVES):
            if any(map(is_always_float64, node.inputs)):
                found.add(node)
        elif not isinstance(node, Raw | Opaque) and not found.isdisjoint(node.inputs) and follows_request(node):
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
