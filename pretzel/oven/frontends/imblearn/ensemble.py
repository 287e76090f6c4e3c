"""Ensembles of imbalanced-learn, which answer as those of scikit-learn from which they are derived."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.registry import adapter
from pretzel.oven.frontends.sklearn import ensemble

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Methods, Node


@adapter("imblearn.ensemble.BalancedRandomForestClassifier")
def balanced_forest(estimator: Any, x: Node, importer: Importer) -> Methods:
    """A random forest whose trees were fitted on resampled rows."""
    return ensemble.forest_classifier(estimator, x, importer)
