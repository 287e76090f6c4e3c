"""The output of a fitted transformer by its attributes: the number of columns and their names."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.demands import MOST_COLUMNS
from pretzel.oven.frontends.registry import children, has_trait, public_name
from pretzel.oven.ir.columns import Raw
from pretzel.oven.ir.opaque import Opaque
from pretzel.schema import Kind

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Node


def output_width(estimator: Any) -> int:
    """Columns that an opaque transformer returns, or 0 when only running it would tell."""
    try:
        return len(_generated(estimator))
    except Exception:  # any third-party transformer may raise anything here
        return label_columns(estimator)


def label_columns(estimator: Any) -> int:
    """Columns that a `LabelBinarizer` makes, which has no names for them; 0 of all others."""
    if public_name(type(estimator)) != "sklearn.preprocessing.LabelBinarizer":
        return 0
    count = len(estimator.classes_)
    return count if count > 2 else 1


def feature_names_out(estimator: Any) -> list[str] | None:
    """What ``get_feature_names_out`` returns, where that are texts."""
    try:
        names = _generated(estimator)
        found: list[str] = names.tolist() if names.dtype == object else []
    except Exception:  # an estimator without it, and whatever a third-party transformer raises
        return None
    return found if found and all(type(name) is str for name in found) else None


def names_out(estimator: Any, node: Node) -> tuple[str, ...] | None:
    """Names of the columns of ``transform``; none where a step makes sparse rows, because these are no frame."""
    if isinstance(node, Raw | Opaque) or not has_trait(estimator, "follows_configuration"):
        return None
    if node.schema().kind is Kind.SPARSE or has_trait(estimator, "fails_at_frames"):
        return ()
    while last := [child for child in children(estimator) if child.method is None]:
        estimator = last[-1].estimator  # its names are those of the frame
    try:
        names = tuple(map(str, _generated(estimator)))
    except Exception:  # a function without names, for example
        return None
    return names if len(names) == node.schema().width else None


def _generated(estimator: Any) -> Any:
    """What ``get_feature_names_out`` returns.

    Raises
    ------
    ValueError
        The number of names that scikit-learn would generate is no width but a broken attribute.
    """
    count = getattr(estimator, "_n_features_out", 0)
    if isinstance(count, Integral) and int(count) > MOST_COLUMNS:
        raise ValueError(f"{count:,} names")
    return estimator.get_feature_names_out()
