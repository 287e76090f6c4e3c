"""Adapters of `sklearn.semi_supervised`, and of other estimators that hand a checked request to the one they fitted."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Child, Unsupported, adapter, children, composition
from pretzel.oven.frontends.sklearn._common import floats
from pretzel.oven.frontends.sklearn._members import as_array
from pretzel.oven.frontends.sklearn._nearest import nearest
from pretzel.oven.frontends.sklearn._pairwise import compared
from pretzel.oven.ir.graph import Output
from pretzel.oven.ir.linear import Linear
from pretzel.oven.ir.link import ArgMax, NormalizeSum
from pretzel.oven.ir.neighbor_answers import NeighborMeans

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


@adapter("sklearn.semi_supervised.LabelPropagation", "sklearn.semi_supervised.LabelSpreading")
def label_propagation(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Distributions of the labels of the rows of the fit, of the nearest or weighted by a kernel."""
    distributions = floats(estimator.label_distributions_)
    if estimator.kernel == "knn":
        found = nearest(estimator.nn_fit, x, importer, estimator.n_neighbors)
        sums: Node = NeighborMeans((found,), distributions, False)
    elif estimator.kernel == "rbf":
        checked = importer.finite(importer.numeric(x), estimator)
        if estimator.X_.dtype != np.float64:
            raise Unsupported(f"rows of {estimator.X_.dtype} to compare with")
        kernels = compared(checked, estimator.X_, "rbf", estimator.gamma)
        sums = Linear((kernels,), distributions, np.zeros(distributions.shape[1]))
    else:
        raise Unsupported("a function for a kernel")
    proba = NormalizeSum((sums,), uniform=False)
    labels = (np.asarray(estimator.classes_),)
    return {"predict": Output(ArgMax((proba,)), ndim=1, labels=labels), "predict_proba": Output(proba)}
