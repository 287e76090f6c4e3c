"""Where values live while a row tile passes: lifetimes to buffers, concatenations without copies."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.columns import LEAVES
from pretzel.oven.ir.concat import Concat
from pretzel.plan import Slot
from pretzel.schema import Kind

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Node


@dataclass
class Layout:
    """Slots of a program and the buffers they lie in.

    ``copies`` lists, for a dense concatenation, the inputs that could not be produced in place, with the slot they
    have to be copied to.
    """

    slots: list[Slot] = field(default_factory=list)
    slot_of: dict[Node, int] = field(default_factory=dict)
    buffers: list[int] = field(default_factory=list)
    copies: dict[Node, list[tuple[Node, int]]] = field(default_factory=dict)


@dataclass
class _Region:
    """A buffer to be: a dense value, with everything that is written into parts of it."""

    width: int
    first: int
    last: int


def is_dense_concat(node: Node) -> bool:
    """A concatenation that is only a layout, not a computation."""
    return isinstance(node, Concat) and node.schema().kind is Kind.DENSE


def plan_buffers(order: list[Node], leaves: list[Node], output: Node) -> Layout:
    """Give every value of a program a slot.

    Parameters
    ----------
    order : list of Node
        Computed nodes in the order in which they run.
    leaves : list of Node
    output : Node
        Its slot is the result's own memory where it is computed by a kernel.
    """
    layout = Layout()
    position = {node: i for i, node in enumerate(order)}
    for leaf in leaves:
        layout.slot_of[leaf] = _add(layout, Slot(leaf.schema().kind, leaf.schema().width))
    places, regions = _place(order, position, output, layout)
    assigned = _assign(regions, layout)
    for node in order:
        if isinstance(node, CheckFinite):
            layout.slot_of[node] = layout.slot_of[node.inputs[0]]
            continue
        schema = node.schema()
        if node in places:
            region, offset = places[node]
            slot = Slot(schema.kind, schema.width, assigned[id(region)], offset)
        else:
            slot = Slot(schema.kind, schema.width)
        layout.slot_of[node] = _add(layout, slot)
        for index, (child, _) in enumerate(layout.copies.get(node, [])):
            region, offset = places[node]
            offset += _offset(node, child, index, layout)
            part = _add(layout, Slot(Kind.DENSE, child.schema().width, assigned[id(region)], offset))
            layout.copies[node][index] = (child, part)
    return layout


def _add(layout: Layout, slot: Slot) -> int:
    layout.slots.append(slot)
    return len(layout.slots) - 1


def _offset(node: Node, child: Node, index: int, layout: Layout) -> int:
    return layout.copies[node][index][1]


def _place(
    order: list[Node], position: dict[Node, int], output: Node, layout: Layout
) -> tuple[dict[Node, tuple[_Region, int]], list[_Region]]:
    """Region and offset of every dense value; users come before producers, so that a concatenation places its parts."""
    places: dict[Node, tuple[_Region, int]] = {}
    regions: list[_Region] = []
    last_read = {node: position[node] for node in order}
    for node in order:
        for child in node.inputs:
            source = child
            while isinstance(source, CheckFinite):
                source = source.inputs[0]
            if source in last_read:
                last_read[source] = max(last_read[source], position[node])
    for node in reversed(order):
        if isinstance(node, CheckFinite) or node.schema().kind is not Kind.DENSE:
            continue
        if node is output and not is_dense_concat(node):
            continue
        if node not in places:
            region = _Region(node.schema().width, position[node], last_read[node])
            regions.append(region)
            places[node] = (region, 0)
        region, base = places[node]
        region.first = min(region.first, position[node])
        region.last = max(region.last, last_read[node])
        if is_dense_concat(node):
            offset = base
            for child in node.inputs:
                if _is_fresh(child, places, position, output):
                    places[child] = (region, offset)
                else:
                    layout.copies.setdefault(node, []).append((child, offset - base))
                offset += child.schema().width
    return places, regions


def _is_fresh(node: Node, places: dict[Node, tuple[_Region, int]], position: dict[Node, int], output: Node) -> bool:
    if isinstance(node, (CheckFinite, *LEAVES)):
        return False
    return node in position and node not in places and node is not output


def _assign(regions: list[_Region], layout: Layout) -> dict[int, int]:
    """Buffers by first fit over lifetimes: a buffer is used again once nobody reads it."""
    free_from: list[int] = []
    assigned: dict[int, int] = {}
    for region in sorted(regions, key=lambda r: (r.first, -r.width)):
        fits = [b for b, width in enumerate(layout.buffers) if width >= region.width and free_from[b] < region.first]
        if fits:
            buffer = min(fits, key=lambda b: layout.buffers[b])
            free_from[buffer] = region.last
        else:
            layout.buffers.append(region.width)
            free_from.append(region.last)
            buffer = len(layout.buffers) - 1
        assigned[id(region)] = buffer
    return assigned
