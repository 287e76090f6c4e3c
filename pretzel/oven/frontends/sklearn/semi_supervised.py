"""Adapters of `sklearn.semi_supervised`, and of other estimators that hand a checked request to the one they fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.registry import Child, adapter, children, composition
from pretzel.oven.frontends.sklearn._members import as_array

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Methods, Node


@composition("sklearn.linear_model.RANSACRegressor", "sklearn.semi_supervised.SelfTrainingClassifier")
def fitted_inside(estimator: Any) -> tuple[Child, ...]:
    """The estimator that was fitted on the chosen rows."""
    found = getattr(estimator, "estimator_", getattr(estimator, "base_estimator_", None))  # before 1.6
    return () if found is None else (Child(type(found).__name__, found, "predict"),)


@adapter("sklearn.linear_model.RANSACRegressor", "sklearn.semi_supervised.SelfTrainingClassifier")
def checked_holder(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The methods of the estimator inside, of an array."""
    (child,) = children(estimator)
    others = ("predict", "predict_proba", "predict_log_proba", "decision_function")
    asked = tuple(method for method in others if hasattr(estimator, method))
    return importer.methods(child.estimator, as_array(estimator, x, importer), only=asked, name=child.name)
