"""``Concat(step(a), step(b), ...)``  ->  one step: linear models over one value, trees, and whatever is columnwise.

``Mean(step(a), step(b), ...)`` becomes the mean of the blocks of such a step. So members of an ensemble that differ in
their parameters only run as one kernel over stacked parameters. Exact: each column is computed as before, a sum over
its columns in the same order. Fires for neighbours that no other node reads.
"""

from __future__ import annotations

from dataclasses import fields
from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.ir.columns import ToFloat64
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import replace
from pretzel.oven.ir.tree_ensemble import TreeEnsemble
from pretzel.oven.ir.voting import Mean, MeanOfBlocks
from pretzel.oven.rules._trees import stack_trees

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Node


def stack_members(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Run alike neighbours together."""
    if isinstance(node, Mean):
        return _stacked_mean(node, users)
    if not isinstance(node, Concat):
        return None
    runs: list[list[Node]] = []
    for part in node.inputs:
        is_ours = bool(part.inputs) and set(users.get(part, ())) == {node}
        if runs and is_ours and type(runs[-1][0]) is type(part):
            runs[-1].append(part)
        else:
            runs.append([part])
    parts: list[Node] = []
    for run in runs:
        first, *others = run
        together = _stacked(first, others) if others and set(users.get(first, ())) == {node} else None
        parts += run if together is None else [together]
    if len(parts) == len(node.inputs):
        return None
    return parts[0] if len(parts) == 1 else Concat(tuple(parts))


def _stacked_mean(node: Mean, users: Mapping[Node, list[Node]]) -> Node | None:
    first, *others = node.inputs
    alike = all(type(each) is type(first) and set(users.get(each, ())) == {node} for each in node.inputs)
    together = _stacked(first, others) if alike and others and first.inputs else None
    if together is None:
        return None
    mean = MeanOfBlocks((together,), len(node.inputs), node.weights)
    return mean if mean.schema() == node.schema() else ToFloat64((mean,))


def _stacked(first: Node, others: list[Node]) -> Node | None:
    together = stack_trees([first, *others]) if isinstance(first, TreeEnsemble) else first.stack(tuple(others))
    if together is not None or not first.columnwise or first.passthrough:
        return together
    every = [first, *others]
    mine, *rest = ([getattr(each, f.name) for f in fields(each) if f.name != "inputs"] for each in every)
    if any(isinstance(value, np.ndarray) for value in mine) or any(values != mine for values in rest):
        return None
    return replace(first, inputs=(Concat(tuple(each.inputs[0] for each in every)),))
