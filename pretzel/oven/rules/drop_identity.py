"""``Select(x, all columns)``, ``Concat(x)``, ``SubDiv(x, 0, 1)``  ->  ``x``: steps that change nothing.

A scaler that only shifts or only divides loses the other half. Exact: no bit changes, not even the sign of a zero,
which is why ``x * 1 + 0`` stays. Does not fire on a result, which keeps its own step, or where the type of a result
would change.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pretzel.oven.ir.graph import replace
from pretzel.oven.ir.opaque import Opaque

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Node


def drop_identity(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Leave out the parts of a step that change nothing, or the whole step."""
    simple = node.simplify()
    if simple is node:
        return None
    if simple in node.inputs and not (users.get(node) and _leaves_results_alone(node, simple, users)):
        return None
    return simple


def _leaves_results_alone(node: Node, new: Node, users: Mapping[Node, list[Node]]) -> bool:
    """Another node in place of ``node`` changes the type of no result: some reader on the way has a type of its own.

    The input of an opaque step is a result, too. A reader that waits to be rebuilt tells nothing,
    because something else below it has changed; the rule is asked again once it has been.
    """
    if node.schema() == new.schema():
        return True
    forms = {node: new}
    changed = [node]
    while changed:
        node = changed.pop()
        readers = users.get(node)
        if not readers:
            return False
        for reader in readers:
            if isinstance(reader, Opaque) or reader not in users:
                return False
            before = forms.get(reader, reader)
            after = replace(reader, inputs=tuple(forms.get(each, each) for each in reader.inputs))
            if before.schema() != after.schema():
                forms[reader] = after
                changed.append(reader)
    return True
