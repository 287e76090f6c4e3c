"""Pipelines of feature_engine: those of scikit-learn, because steps that leave rows out do so in a request, too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.registry import Child, adapter, composition
from pretzel.oven.frontends.sklearn import compositions

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Methods, Node


@composition("feature_engine.pipeline.pipeline.Pipeline")
def steps(pipeline: Any) -> tuple[Child, ...]:
    """Each step reads the one before; the last answers."""
    return compositions.in_a_row(pipeline.steps)


@adapter("feature_engine.pipeline.pipeline.Pipeline")
def pipeline(estimator: Any, x: Node, importer: Importer) -> Methods:
    """As a pipeline of scikit-learn."""
    return compositions.pipeline(estimator, x, importer)
