"""What a fitted transformer says of its output: the number of columns and their names."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.registry import children, has_trait
from pretzel.oven.ir.columns import Raw
from pretzel.oven.ir.opaque import Opaque
from pretzel.schema import Kind

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Node


def output_width(estimator: Any) -> int:
    """Columns that an opaque transformer returns, or 0 when only running it would tell."""
    try:
        return len(estimator.get_feature_names_out())
    except Exception:  # any third-party transformer may raise anything here
        return 0


def feature_names_out(estimator: Any) -> list[str] | None:
    """What ``get_feature_names_out`` returns, where that are texts."""
    try:
        names = estimator.get_feature_names_out()
        found: list[str] = names.tolist() if names.dtype == object else []
    except Exception:  # an estimator without it, and whatever a third-party transformer raises
        return None
    return found if found and all(type(name) is str for name in found) else None


def names_out(estimator: Any, node: Node) -> tuple[str, ...] | None:
    """Names of the columns of ``transform``; none where a step makes sparse rows, of which no frame is made."""
    if isinstance(node, Raw | Opaque) or not has_trait(estimator, "follows_configuration"):
        return None
    if node.schema().kind is Kind.SPARSE or has_trait(estimator, "fails_at_frames"):
        return ()
    while last := [child for child in children(estimator) if child.method is None]:
        estimator = last[-1].estimator  # its names are those of the frame
    try:
        names = tuple(map(str, estimator.get_feature_names_out()))
    except Exception:  # a function without names, for example
        return None
    return names if len(names) == node.schema().width else None
