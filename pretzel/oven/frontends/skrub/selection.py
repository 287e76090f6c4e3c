"""Adapters of `SelectCols` and `DropCols`: columns that are passed on by name, which costs nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.forms import TwoForms
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.ir.columns import Raw
from pretzel.oven.ir.opaque import Opaque

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node


@adapter("skrub.DropCols", "skrub.SelectCols")
def selection(estimator: Any, x: Node, importer: Importer) -> Node:
    """Columns by name, in the order of the selection, whatever others there are."""
    names = list(estimator.get_feature_names_out())
    if not names or len({*names}) < len(names):
        raise Unsupported("no column, or one that is selected twice")
    known = names_of(x, importer)
    if known is None:
        raise Unsupported("columns whose names it is not told")
    if missing := [name for name in names if known.count(name) != 1]:
        raise Unsupported(f"no column or several of the name {missing[0]!r:.40}")
    native = x.native if isinstance(x, TwoForms) else x
    return importer.select(native, tuple(map(known.index, names)))


def names_of(x: Node, importer: Importer) -> Sequence[str] | None:
    """Names of the columns of a frame; None where they are not known."""
    source = x.source if isinstance(x, TwoForms) else x
    if not isinstance(source, Raw):
        return None
    made = source.inputs[0] if source.inputs else None
    names = importer.asked.names if made is None else _names_made(made)
    if names is None or (made is not None and not source.selected):
        return names
    return [names[i] for i in source.columns] if max(source.columns, default=-1) < len(names) else None


def _names_made(step: Node) -> Sequence[str] | None:
    """Names of the columns that a step makes: what the step behind asks of an opaque one, or what the step says."""
    if not isinstance(step, Opaque) or step.names is not None:
        return getattr(step, "names", None)
    try:
        return [str(name) for name in step.estimator.get_feature_names_out()]
    except Exception:  # a step that has no names, or raises anything
        return None
