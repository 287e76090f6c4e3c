"""Ensembles of imbalanced-learn, which answer as those of scikit-learn from which they are derived.

Their members were fitted on resampled rows; those of bagging are pipelines that begin with the sampler.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.registry import Child, adapter, composition
from pretzel.oven.frontends.sklearn import ensemble, ensemble_bagging, ensemble_boosting

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Methods, Node


@adapter("imblearn.ensemble.BalancedRandomForestClassifier")
def balanced_forest(estimator: Any, x: Node, importer: Importer) -> Methods:
    """A random forest."""
    return ensemble.forest_classifier(estimator, x, importer)


@composition("imblearn.ensemble.BalancedBaggingClassifier", "imblearn.ensemble.EasyEnsembleClassifier")
def bagged(estimator: Any) -> tuple[Child, ...]:
    """Each member is given its columns."""
    return ensemble_bagging.members(estimator)


@adapter("imblearn.ensemble.BalancedBaggingClassifier", "imblearn.ensemble.EasyEnsembleClassifier")
def balanced_bagging(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Bagging."""
    return ensemble_bagging.bagging_classifier(estimator, x, importer)


@composition("imblearn.ensemble.RUSBoostClassifier")
def boosted(estimator: Any) -> tuple[Child, ...]:
    """All members are given the same."""
    return ensemble_boosting.members(estimator)


@adapter("imblearn.ensemble.RUSBoostClassifier")
def balanced_boosting(estimator: Any, x: Node, importer: Importer) -> Methods:
    """AdaBoost."""
    return ensemble_boosting.ada_boost_classifier(estimator, x, importer)
