"""Adapter of `ApplyToCols`: a transformer for some of the columns, or one of its own for each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.forms import (
    Beside,
    Dated,
    Relabelled,
    TwoForms,
    arranged,
    beside,
    made_for_checks,
    places_of,
)
from pretzel.oven.frontends.registry import Child, Unsupported, adapter, children, composition
from pretzel.oven.frontends.skrub.compat import applied_parts
from pretzel.oven.ir.columns import Raw, is_sparse

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node


@composition("skrub.ApplyToCols")
def parts(estimator: Any) -> tuple[Child, ...]:
    """The columns that are passed on and those of each step, in the order of the result."""
    found = applied_parts(estimator) or []
    position = {name: at for at, name in enumerate(estimator.feature_names_in_)} if found else {}
    return tuple(
        Child(
            "passthrough" if step is None else names[0] if len(names) == 1 else type(step).__name__.lower(),
            step,
            "transform",
            columns=tuple(position[name] for name in names),
            named=True,
            width=width,
        )
        for step, names, width in found
    )


@adapter("skrub.ApplyToCols")
def apply_to_cols(estimator: Any, x: Node, importer: Importer) -> Node:
    """The parts side by side; all of it runs as it is where the step has no native form."""
    found = children(estimator)
    if not found:
        raise Unsupported("columns that are not known in this release")
    made = []
    for child in found:
        node = importer.part(child, x).node
        node = node.native if isinstance(node, TwoForms) else node
        if child.estimator is not None and (isinstance(node, Raw | Dated | Relabelled) or is_sparse(node)):
            raise Unsupported(f"{type(child.estimator).__name__} has no native form here")
        made.append(node)
    return together(made, x)


def together(nodes: list[Node], x: Node) -> Node:
    """Columns of several values side by side, with what is checked in ``x`` alone."""
    if checked := made_for_checks(x):
        return arranged([place for node in nodes for place in places_of(node)], checked)
    parts = [part for node in nodes for part in (node.inputs if isinstance(node, Beside) else (node,))]
    return beside(parts, keep_sparse=False)
