"""Adapter of `feature_engine.wrappers`: a transformer of scikit-learn for some of the columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.feature_engine._table import Table
from pretzel.oven.frontends.forms import Beside, Relabelled, TwoForms, places_of
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.ir.columns import Raw, is_sparse

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node

MAKERS = ("OneHotEncoder", "PolynomialFeatures")
"""Transformers whose columns stand behind the others."""


@adapter("feature_engine.wrappers.wrappers.SklearnTransformerWrapper")
def wrapper(estimator: Any, x: Node, importer: Importer) -> Node:
    """In the place of the columns, behind all others, or the others alone where columns are selected."""
    table = Table(estimator, x, importer)
    inside, names = estimator.transformer_, list(estimator.variables_)
    if hasattr(estimator, "features_to_drop_"):
        table.drop(estimator, dict.fromkeys(estimator.features_to_drop_))
        return table.node()
    made = importer.transform(inside, table.columns(names)).node
    made = made.native if isinstance(made, TwoForms) else made
    if isinstance(made, Raw | Beside | Relabelled) or is_sparse(made):
        raise Unsupported(f"{type(inside).__name__} has no native form that makes dense rows")
    places = places_of(made)
    if type(inside).__name__ in MAKERS:
        table.take_out(names)
        for node, at in places:
            table.add(node, at)
    elif len(places) != len(names):
        raise Unsupported(f"{len(places)} columns in place of {len(names)}")
    else:
        table.put(names, made)
    return table.node()
