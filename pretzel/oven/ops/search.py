"""Searches over parameters and frozen estimators: they answer as the estimator that they hold."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.oven.registry import Unsupported, from_sklearn

if TYPE_CHECKING:
    from pretzel.oven.graph import Methods, Node
    from pretzel.oven.importer import Importer


@from_sklearn(
    "sklearn.model_selection.GridSearchCV",
    "sklearn.model_selection.HalvingGridSearchCV",
    "sklearn.model_selection.HalvingRandomSearchCV",
    "sklearn.model_selection.RandomizedSearchCV",
)
def search(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The methods of ``best_estimator_``."""
    if not hasattr(estimator, "best_estimator_"):
        raise Unsupported("refit=False leaves no best estimator")
    return importer.methods(estimator.best_estimator_, x)


@from_sklearn("sklearn.frozen.FrozenEstimator")
def frozen_estimator(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The methods of ``estimator``."""
    return importer.methods(estimator.estimator, x)
