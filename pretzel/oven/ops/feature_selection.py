"""Feature selectors: columns chosen when they were fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.oven.ops.scale import dense_only
from pretzel.oven.registry import Unsupported, from_sklearn

if TYPE_CHECKING:
    from pretzel.oven.graph import Node
    from pretzel.oven.importer import Importer


@from_sklearn(
    "sklearn.feature_selection.GenericUnivariateSelect",
    "sklearn.feature_selection.SelectFdr",
    "sklearn.feature_selection.SelectFpr",
    "sklearn.feature_selection.SelectFromModel",
    "sklearn.feature_selection.SelectFwe",
    "sklearn.feature_selection.SelectKBest",
    "sklearn.feature_selection.SelectPercentile",
    "sklearn.feature_selection.SequentialFeatureSelector",
    "sklearn.feature_selection.VarianceThreshold",
)
def selector(estimator: Any, x: Node, importer: Importer) -> Node:
    """All columns are checked, those that are dropped too, unless the selector lets NaN pass: then none is."""
    from sklearn.utils import get_tags

    dense_only(x, estimator)
    columns = tuple(int(i) for i in estimator.get_support(indices=True))
    if not columns:
        raise Unsupported(f"{type(estimator).__name__} that drops every column")
    x = importer.dense(x)
    if not get_tags(estimator).input_tags.allow_nan:
        x = importer.finite(x, estimator)
    return importer.select(x, columns)
