"""``CheckFinite(x)  ->  x`` where ``x`` cannot fail the check: what other checks, constants and one-hot rows prove.

A check of a concatenation with parts of that kind becomes checks of its other parts. Exact: every row that was refused
still is. Does not fire where arithmetic may overflow, because the source would refuse that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import replace
from pretzel.oven.rules._facts import facts_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Node


def drop_proven_checks(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Leave out a check, or the part of it, that is certain to pass."""
    if type(node) is not CheckFinite:  # a range is another question
        return None
    (source,) = node.inputs
    if _passes(node, source):
        return source
    if isinstance(source, Concat) and any(_passes(node, part) for part in source.inputs):
        parts = tuple(part if _passes(node, part) else replace(node, inputs=(part,)) for part in source.inputs)
        return Concat(parts)
    return None


def _passes(check: CheckFinite, source: Node) -> bool:
    facts = facts_of(source)
    return facts.no_inf and (check.allow_nan or facts.no_nan) and (facts.small or not check.float32)
