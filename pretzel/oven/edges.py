"""Edges behind steps that are only equal to rounding, moved to the side that keeps the rows which lie on them.

Bins, trees and thresholds are discontinuous, and their edges are often values of the training data. Where the step in
front of them differs from scikit-learn's in its last bits, a row on an edge would fall on either side. So each edge
behind such a step moves by a few units of that tolerance, far less than what lies between two values.
"""

from __future__ import annotations

from dataclasses import replace as replace_fields
from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.ir.columns import LEAVES, Raw, Select
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Array, Node, Parity, replace, toposort
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.opaque import Opaque
from pretzel.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Output

SLACK, SLACK_FLOAT32 = 2.0**-38, 2.0**-22
"""How far an edge moves, as a part of the largest value in sight."""


def keep_edges(methods: Mapping[str, Output], origins: dict[Node, str], *, float32: bool = False) -> dict[str, Output]:
    """The methods with edges moved where rounding before them may differ; ``float32`` is how they compute."""
    nodes = toposort(output.node for output in methods.values())
    if not any(node.discrete for node in nodes):
        return dict(methods)
    new: dict[Node, Node] = {}
    slack: dict[Node, Array] = {}
    for node in nodes:
        inputs = tuple(new[child] for child in node.inputs)
        same = all(a is b for a, b in zip(inputs, node.inputs, strict=True))
        changed = node if same else replace(node, inputs=inputs)
        slack[node] = _slack(node, slack, float32)
        if node.discrete and slack[node.inputs[0]].any():
            changed = changed.move_edges(slack[node.inputs[0]], _offsets(node.inputs[0]))
            origins.setdefault(changed, origins.get(node, ""))
        new[node] = changed
    return {name: replace_fields(output, node=new[output.node]) for name, output in methods.items()}


def _slack(node: Node, slack: Mapping[Node, Array], float32: bool) -> Array:
    """How far each column may be from what scikit-learn computes, as a part of its largest value."""
    if isinstance(node, Raw | Opaque) or node.schema().kind is Kind.CELLS:
        return np.zeros(1)
    width = node.schema().width
    if isinstance(node, LEAVES) or node.discrete:
        return np.zeros(width)
    if node.parity is Parity.TOLERANCE:
        in_float32 = float32 and node.schema().dtype.is_float32 and not node.rounds_once
        return np.full(width, SLACK_FLOAT32 if in_float32 else SLACK)
    before = [slack[child] for child in node.inputs]
    if isinstance(node, Concat):
        return np.concatenate(before)
    if isinstance(node, Select):
        found: Array = before[0][list(node.columns)]
        return found
    if (node.columnwise or node.passthrough) and len(before[0]) == width:
        return before[0]
    return np.full(width, max((float(each.max(initial=0.0)) for each in before), default=0.0))


def _offsets(node: Node) -> Array | float:
    """What was added to each column last: digits that cancel are lost."""
    while node.passthrough:
        (node,) = node.inputs
    return np.abs(node.bias) if isinstance(node, Linear) else 0.0
