"""Places for the boxes of a drawing, layer by layer.

The layers are those of Sugiyama, Tagawa and Toda (1981), "Methods for visual understanding of hierarchical system
structures": a box lies one layer above the highest that reads it, so that branches meet where they are joined, and
boxes of a layer are ordered by the mean place of what they read.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pretzel.runtime.explain.drawing import Drawing

BOX = (220, 72)
_GAP, _DROP, _MARGIN = 24, 36, 8


def arranged(drawing: Drawing) -> tuple[list[tuple[float, float]], int, int]:
    """Upper left corners of all boxes, and the size of the whole."""
    count = len(drawing.nodes)
    above: list[list[int]] = [[] for _ in range(count)]
    height = [0] * count  # above the result
    for a, b in sorted(drawing.edges, key=lambda edge: -edge[1]):  # users before inputs
        above[b].append(a)
        height[a] = max(height[a], height[b] + 1)
    layers: dict[int, list[int]] = {}
    for number in range(count):
        layers.setdefault(max(height) - height[number], []).append(number)
    widest = max(map(len, layers.values()))
    places = [(0.0, 0.0)] * count
    for depth in sorted(layers):
        members = layers[depth]
        members.sort(key=lambda number: _mean([places[each][0] for each in above[number]]))
        start = _MARGIN + (widest - len(members)) * (BOX[0] + _GAP) / 2
        for at, number in enumerate(members):
            places[number] = start + at * (BOX[0] + _GAP), _MARGIN + depth * (BOX[1] + _DROP)
    width = 2 * _MARGIN + widest * (BOX[0] + _GAP) - _GAP
    return places, width, 2 * _MARGIN + len(layers) * (BOX[1] + _DROP) - _DROP


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
