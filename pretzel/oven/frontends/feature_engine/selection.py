"""Adapter of `feature_engine.selection`: columns that are left out."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.feature_engine._table import Table
from pretzel.oven.frontends.registry import adapter

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node

MODULES = {
    "drop_constant_features": "DropConstantFeatures",
    "drop_correlated_features": "DropCorrelatedFeatures",
    "drop_duplicate_features": "DropDuplicateFeatures",
    "drop_features": "DropFeatures",
    "drop_psi_features": "DropHighPSIFeatures",
    "information_value": "SelectByInformationValue",
    "mrmr": "MRMR",
    "probe_feature_selection": "ProbeFeatureSelection",
    "recursive_feature_addition": "RecursiveFeatureAddition",
    "recursive_feature_elimination": "RecursiveFeatureElimination",
    "shuffle_features": "SelectByShuffling",
    "single_feature_performance": "SelectBySingleFeaturePerformance",
    "smart_correlation_selection": "SmartCorrelatedSelection",
    "target_mean_selection": "SelectByTargetMeanPerformance",
}


@adapter(*(f"feature_engine.selection.{module}.{name}" for module, name in MODULES.items()))
def selector(estimator: Any, x: Node, importer: Importer) -> Node:
    """However columns were chosen, those to leave out are known."""
    table = Table(estimator, x, importer)
    table.drop(estimator, dict.fromkeys(estimator.features_to_drop_))
    return table.node()
