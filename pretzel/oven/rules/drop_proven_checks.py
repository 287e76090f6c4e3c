"""``CheckFinite(x)  ->  x`` where ``x`` cannot fail the check: other checks, constants and bounds of values prove it.

A check of a concatenation with parts of that kind becomes checks of its other parts. Exact: every row that was
rejected still is. Does not fire where arithmetic may overflow, because the source would reject that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import replace

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Node


def drop_proven_checks(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Leave out a check, or the part of it, that is certain to pass."""
    if type(node) is not CheckFinite:  # a `CheckRange` has limits by column and cannot be split like this
        return None
    (source,) = node.inputs
    if node.passes(source.properties()):
        return source
    if not isinstance(source, Concat):
        return None
    passes = [node.passes(part.properties()) for part in source.inputs]
    if not any(passes):
        return None
    parts = zip(source.inputs, passes, strict=True)
    return Concat(tuple(part if certain else replace(node, inputs=(part,)) for part, certain in parts))
