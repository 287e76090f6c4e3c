"""Adapters of `sklearn.svm`: the linear models among them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.registry import adapter
from pretzel.oven.frontends.sklearn.linear_model import plain_classifier, regressor

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Methods, Node


@adapter("sklearn.svm.LinearSVC")
def linear_svc(estimator: Any, x: Node, importer: Importer) -> Methods:
    return plain_classifier(estimator, x, importer)


@adapter("sklearn.svm.LinearSVR")
def linear_svr(estimator: Any, x: Node, importer: Importer) -> Methods:
    return regressor(estimator, x, importer)
