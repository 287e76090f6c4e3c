"""Edges behind steps that are only equal to rounding, moved to the side that keeps the rows which lie on them.

Bins, trees and thresholds are discontinuous, and their edges are often values of the training data. Where the step in
front of them differs from scikit-learn's in its last bits, a row on an edge would fall on either side. So each edge
behind such a step moves by a few units of that tolerance, far less than what lies between two values.

That is of no use where a row lies next to an edge that was interpolated, or where float32 puts it on either side: the
steps before such bins have to be exact, or the estimator's own (`steps_to_call`). So do those before distances that
count equal columns, of which every stored value is an edge, and before encoders, whose categories are numbers of these
steps.
"""

from __future__ import annotations

from dataclasses import replace as replace_fields
from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.ir.bins import Bins
from pretzel.oven.ir.columns import LEAVES, Raw, Select
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.encode import CategoryCodes
from pretzel.oven.ir.graph import Array, Node, replace, toposort
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.neighbors import COUNTED, Neighbors
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.ir.radius_neighbors import RadiusNeighbors
from pretzel.oven.same_bits import has_same_bits
from pretzel.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from collections.abc import Set as AbstractSet

    from pretzel.oven.ir.graph import Output

SLACK, SLACK_FLOAT32 = 2.0**-38, 2.0**-22
"""How far an edge moves, as a part of the largest value in sight."""


def keep_edges(methods: Mapping[str, Output], origins: dict[Node, str], *, float32: bool = False) -> dict[str, Output]:
    """The methods with edges moved where rounding before them may differ; ``float32`` is how they compute."""
    nodes = toposort(output.node for output in methods.values())
    if not any(node.discrete for node in nodes):
        return dict(methods)
    new: dict[Node, Node] = {}
    slack = _slacks(nodes, float32)
    for node in nodes:
        inputs = tuple(new[child] for child in node.inputs)
        same = all(a is b for a, b in zip(inputs, node.inputs, strict=True))
        changed = node if same else replace(node, inputs=inputs)
        if node.discrete and slack[node.inputs[0]].any():
            changed = changed.move_edges(slack[node.inputs[0]], _offsets(node.inputs[0]))
            origins.setdefault(changed, origins.get(node, ""))
        new[node] = changed
    return {name: replace_fields(output, node=new[output.node]) for name, output in methods.items()}


def steps_to_call(
    methods: Mapping[str, Output],
    origins: Mapping[Node, str],
    interpolated: AbstractSet[Node] = frozenset(),
    *,
    float32: bool = False,
) -> set[str]:
    """The steps, by their origins, whose rounding decides in which bin a row is, or whether values are equal.

    Parameters
    ----------
    methods : mapping of str to Output
    origins : mapping of Node to str
    interpolated : set of Node
        Bins whose edges were interpolated between values of the training data. In float32, all bins count, because a
        row of the training data is rounded to either side of its edge; so do those behind projections, because
        ``fit_transform`` of decompositions gives other bits than ``transform``.
    float32 : bool
        How the methods compute.
    """
    nodes = toposort(output.node for output in methods.values())
    counting = {node for node in nodes if _asks_for_equal(node)}
    edged = [node for node in nodes if isinstance(node, Bins) or node in counting]
    if not edged:
        return set()
    slack = _slacks(nodes, float32)
    found: set[str] = set()
    for node in edged:
        behind = toposort(node.inputs) if slack[node.inputs[0]].any() else []
        native = [step for step in behind if not isinstance(step, Raw | Opaque)]
        steps = [step for step in native if slack[step].any() and _slack_of(step, float32)]
        is_close = float32 or node in counting or node in interpolated
        if is_close or any(isinstance(step, Linear) for step in steps):
            # What an encoder itself makes of codes, on the way back, is whole.
            own = origins.get(node) if isinstance(node, CategoryCodes) else None
            found.update(origins[step] for step in steps if step in origins and origins[step] != own)
    return found


def _asks_for_equal(node: Node) -> bool:
    """Whether a row counts as one that was fitted only where its values are equal to the bit."""
    if isinstance(node, Neighbors | RadiusNeighbors):
        return node.metric in COUNTED
    return isinstance(node, CategoryCodes)


def _slacks(nodes: Iterable[Node], float32: bool) -> dict[Node, Array]:
    """How far each column of each value may be from what scikit-learn computes, as a part of its largest value."""
    slack: dict[Node, Array] = {}
    for node in nodes:
        slack[node] = _slack(node, slack, float32)
    return slack


def _slack(node: Node, slack: Mapping[Node, Array], float32: bool) -> Array:
    before = [slack[child] for child in node.inputs]
    most = max((float(each.max(initial=0.0)) for each in before), default=0.0)
    if isinstance(node, Raw | Opaque):  # what Python makes of a value differs as far as the value does
        return np.full(1, most)
    if node.schema().kind is Kind.CELLS:
        return np.zeros(1)
    width = node.schema().width
    if isinstance(node, LEAVES):
        return np.full(width, most)
    if node.discrete:
        return np.zeros(width)
    if own := _slack_of(node, float32):
        return np.full(width, max(own, most))
    if isinstance(node, Concat):
        return np.concatenate(before)
    if isinstance(node, Select):
        found: Array = before[0][list(node.columns)]
        return found
    if (node.columnwise or node.passthrough) and len(before[0]) == width:
        return before[0]
    return np.full(width, most)


def _slack_of(node: Node, float32: bool) -> float:
    """How far a node may be from what scikit-learn computes of the same input."""
    in_float32 = float32 and node.schema().dtype.is_float32 and not node.rounds_once
    if node.is_exact() or (not in_float32 and has_same_bits(node)):
        return 0.0
    return SLACK_FLOAT32 if in_float32 else SLACK


def _offsets(node: Node) -> Array | float:
    """What was added to each column last: digits that cancel are lost."""
    while node.passthrough:
        (node,) = node.inputs
    return np.abs(node.bias) if isinstance(node, Linear) else 0.0
