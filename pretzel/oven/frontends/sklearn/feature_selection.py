"""Adapters of `sklearn.feature_selection`: columns that were chosen by ``fit``."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import TRANSFORM, Child, Unsupported, adapter, children, composition, inverse
from pretzel.oven.frontends.sklearn.compat import allows_nan_tag
from pretzel.oven.ir.columns import Constant, Select, is_sparse, width_of
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.feature_selection import select_sparse
from pretzel.oven.ir.graph import Output

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Methods, Node


MASKS = (
    "sklearn.feature_selection.GenericUnivariateSelect",
    "sklearn.feature_selection.SelectFdr",
    "sklearn.feature_selection.SelectFpr",
    "sklearn.feature_selection.SelectFromModel",
    "sklearn.feature_selection.SelectFwe",
    "sklearn.feature_selection.SelectKBest",
    "sklearn.feature_selection.SelectPercentile",
    "sklearn.feature_selection.SequentialFeatureSelector",
    "sklearn.feature_selection.VarianceThreshold",
)
ELIMINATIONS = "sklearn.feature_selection.RFE", "sklearn.feature_selection.RFECV"


@adapter(*MASKS)
def selector(estimator: Any, x: Node, importer: Importer) -> Node:
    """All columns are checked, those that are dropped too, unless the selector lets NaN pass: then none is."""
    support = np.asarray(estimator.get_support())
    if support.dtype != bool or support.shape != (width_of(x),):
        names = [name for name, value in vars(estimator).items() if np.shape(value) == support.shape]
        raise ValueError(f"{' and '.join(names) or 'the mask'} of shape {support.shape} for {width_of(x)} columns")
    columns = tuple(int(i) for i in np.flatnonzero(support))
    if not columns:
        raise Unsupported(f"{type(estimator).__name__} that drops every column")
    x = importer.numeric(x)
    if not allows_nan_tag(estimator):
        x = importer.finite(x, estimator)
    return select_sparse(x, columns) if is_sparse(x) else importer.select(x, columns)


@inverse(*MASKS, *ELIMINATIONS)
def of_selector(estimator: Any, x: Node, importer: Importer) -> Node:
    """Columns that were dropped are zeros of the dtype of the others."""
    support = np.asarray(estimator.get_support())
    checked = importer.finite(importer.dense(x), estimator)
    place = np.where(support, np.cumsum(support) - 1, support.sum())
    zeros = Constant((checked,), np.zeros(1), "bool")
    return Select((Concat((checked, zeros)),), tuple(place.tolist()))


@composition(*ELIMINATIONS)
def behind_selection(selector: Any) -> tuple[Child, ...]:
    """The estimator that was fitted on the selected columns."""
    found = getattr(selector, "estimator_", None)
    return () if found is None else (Child(type(found).__name__, found, "predict", TRANSFORM),)


@adapter(*ELIMINATIONS)
def recursive_elimination(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The selection, and what the estimator makes of it."""
    (child,) = children(estimator)
    selected = importer.require_rows(importer.note(selector(estimator, importer.plain(x), importer)))
    others = ("predict", "predict_proba", "predict_log_proba", "decision_function")
    found = importer.methods(child.estimator, selected, only=others, name=child.name)
    return {**found, "transform": Output(selected)}
