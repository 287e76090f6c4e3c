"""Adapters of `sklearn.svm`: the linear models among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.registry import adapter
from pretzel.oven.frontends.sklearn.linear_model import classifier, regressor, scores

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Methods, Node


@adapter("sklearn.svm.LinearSVC")
def linear_svc(estimator: Any, x: Node, importer: Importer) -> Methods:
    """LibLinear leaves out classes whose rows have no weight; what it makes are the scores of the first classes."""
    return classifier(estimator, scores(estimator, x, importer), leaves_out=True)


@adapter("sklearn.svm.LinearSVR")
def linear_svr(estimator: Any, x: Node, importer: Importer) -> Methods:
    return regressor(estimator, x, importer)
