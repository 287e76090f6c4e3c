"""Pipelines of imbalanced-learn: those of scikit-learn without the samplers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.registry import Child, adapter, composition
from pretzel.oven.frontends.sklearn import compositions

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Methods, Node


@composition("imblearn.pipeline.Pipeline")
def steps(pipeline: Any) -> tuple[Child, ...]:
    """Samplers change what is fitted on, and nothing that is asked about."""
    return compositions.in_a_row([(name, step) for name, step in pipeline.steps if not hasattr(step, "fit_resample")])


@adapter("imblearn.pipeline.Pipeline")
def pipeline(estimator: Any, x: Node, importer: Importer) -> Methods:
    """As a pipeline of scikit-learn."""
    return compositions.pipeline(estimator, x, importer)
