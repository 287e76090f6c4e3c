"""Steps whose results have, in the source, rounding noise that the steps behind them do not leave small.

What a Fourier transform makes is rounded by the size of its row. A value that is zero, or small beside the others of
its row, then is noise for the most part. Behind a linear model noise stays as small as it was. It does not where each
column is divided by what its noise varies, nor beside edges between values that are noise.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.ir.columns import Raw, Select
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.count_sketch import CountSketch
from pretzel.oven.ir.graph import Array, Node, toposort
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.opaque import Opaque

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Output

MOST = 2.0**16
"""How much larger one factor of a column may be than another, so that noise stays below the tolerance."""

Factors = tuple[Array, Array]
"""For each column of a value, by how much noise was multiplied, or 0 without noise; and whether it may be all noise."""


def steps_with_noise(methods: Mapping[str, Output], origins: Mapping[Node, str]) -> set[str]:
    """The steps, by their origins, whose noise steps behind them do not leave small: the source has to compute them."""
    nodes = toposort(output.node for output in methods.values())
    found: set[str] = set()
    for source in nodes:
        if isinstance(source, CountSketch) and source in origins:
            columns = source.nonzero_columns()
            noisy: dict[Node, Factors] = {source: (np.ones(len(columns)), ~columns)}
            if not all(_stays_small(node, noisy) for node in nodes):
                found.add(origins[source])
    return found


def _stays_small(node: Node, noisy: dict[Node, Factors]) -> bool:
    """Whether a node that reads noise leaves it small; what it makes of single columns becomes known."""
    if not any(child in noisy for child in node.inputs):
        return True
    if isinstance(node, Concat):
        parts = [noisy.get(child) or (np.zeros(w), np.zeros(w, bool)) for child, w in _widths(node)]
        noisy[node] = np.concatenate([part[0] for part in parts]), np.concatenate([part[1] for part in parts])
        return True
    factors, only_noise = noisy[next(child for child in node.inputs if child in noisy)]
    if isinstance(node, Select):
        columns = list(node.columns)
        noisy[node] = factors[columns], only_noise[columns]
        return True
    if node.passthrough:
        noisy[node] = factors, only_noise
        return True
    if isinstance(node, Linear):
        return _is_even(factors[:, None] * np.abs(node.weights), only_noise)
    if (affine := node.as_affine()) is not None:
        noisy[node] = factors * np.abs(affine.factor), only_noise
        return _is_even(noisy[node][0][:, None], only_noise)
    known = node.discrete or node.columnwise or isinstance(node, Raw | Opaque)
    return not known and node.schema().width != len(factors)


def _widths(node: Node) -> list[tuple[Node, int]]:
    return [(child, child.schema().width) for child in node.inputs]


def _is_even(factors: Array, only_noise: Array) -> bool:
    """Whether no column is multiplied by much more than those that are not all noise, nor for one of the results."""
    used = factors[:, factors.any(axis=0)]
    rows = used[~only_noise].max(axis=1, initial=0.0)
    least = min(rows[rows > 0.0].min(initial=np.inf), used.max(axis=0, initial=0.0).min(initial=np.inf))
    return bool(used.max(initial=0.0) <= MOST * least)
