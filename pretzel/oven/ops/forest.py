"""Adapters of scikit-learn's single trees and averaged trees."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.graph import Array, Node, Output
from pretzel.oven.ops._trees import Splits, join, scikit_tree
from pretzel.oven.ops.columns import Select
from pretzel.oven.ops.concat import Concat
from pretzel.oven.ops.indicators import Indicators
from pretzel.oven.ops.link import ArgMax, Log
from pretzel.oven.registry import Unsupported, from_sklearn
from pretzel.schema import Kind

if TYPE_CHECKING:
    from pretzel.oven.importer import Importer

Methods = dict[str, Output]


@from_sklearn("sklearn.tree.DecisionTreeRegressor", "sklearn.tree.ExtraTreeRegressor")
def tree_regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    """``predict`` is the value of the leaf."""
    x, splits = _read(estimator, [estimator], x, importer)
    values = _values([estimator], splits)[:, :, 0]
    predict = Output(splits.ensemble(x, float32=True, values=values), ndim=1 if estimator.n_outputs_ == 1 else 2)
    return {"predict": predict, "apply": _apply(x, splits, ndim=1)}


@from_sklearn("sklearn.tree.DecisionTreeClassifier", "sklearn.tree.ExtraTreeClassifier")
def tree_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Class frequencies of the leaf; labels by the largest."""
    x, splits = _read(estimator, [estimator], x, importer)
    return {**_classifier(estimator, [estimator], x, splits), "apply": _apply(x, splits, ndim=1)}


@from_sklearn("sklearn.ensemble.RandomForestRegressor", "sklearn.ensemble.ExtraTreesRegressor")
def forest_regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    trees = estimator.estimators_
    x, splits = _read(estimator, trees, x, importer)
    values = _values(trees, splits)[:, :, 0]
    node = splits.ensemble(x, float32=True, values=values, divisor=float(len(trees)))
    return {"predict": Output(node, ndim=1 if estimator.n_outputs_ == 1 else 2), "apply": _apply(x, splits)}


@from_sklearn("sklearn.ensemble.RandomForestClassifier", "sklearn.ensemble.ExtraTreesClassifier")
def forest_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    trees = estimator.estimators_
    x, splits = _read(estimator, trees, x, importer)
    return {**_classifier(estimator, trees, x, splits), "apply": _apply(x, splits)}


@from_sklearn("sklearn.ensemble.RandomTreesEmbedding")
def random_trees_embedding(estimator: Any, x: Node, importer: Importer) -> Methods:
    x, splits = _read(estimator, estimator.estimators_, x, importer)
    positions, offset = [], 0
    for leaves, known in zip(splits.leaf_nodes, estimator.one_hot_encoder_.categories_, strict=True):
        if not np.array_equal(leaves, known):
            raise Unsupported("leaves that no training row reached")
        positions.append(offset + np.arange(len(leaves)))
        offset += len(leaves)
    hot: Node = Indicators((splits.per_tree(x, positions, float32=True),), offset)
    if not estimator.sparse_output:
        hot = importer.dense(hot)
    return {"transform": Output(hot), "apply": _apply(x, splits)}


def _read(estimator: Any, trees: list[Any], x: Node, importer: Importer) -> tuple[Node, Splits]:
    """The checked input, and the splits of all trees. Sparse rows may hold no NaN even where dense rows may."""
    x = importer.numeric(x)
    allow_nan = x.schema().kind is Kind.DENSE and trees[0]._support_missing_values(np.empty((0, 0)))
    checked = importer.finite(importer.dense(x), estimator, allow_nan=allow_nan, float32=True)
    return checked, join([scikit_tree(tree.tree_, allow_nan=allow_nan) for tree in trees])


def _values(trees: list[Any], splits: Splits) -> Array:
    """``tree_.value`` of all leaves: (n_leaves, n_outputs, most classes of an output)."""
    return np.concatenate([tree.tree_.value[leaves] for tree, leaves in zip(trees, splits.leaf_nodes, strict=True)])


def _classifier(estimator: Any, trees: list[Any], x: Node, splits: Splits) -> Methods:
    """Mean probabilities of each output side by side; labels are where they are largest."""
    n_classes = [int(n) for n in np.atleast_1d(estimator.n_classes_)]
    single = estimator.n_outputs_ == 1
    values = _values(trees, splits)
    proba = splits.ensemble(
        x,
        float32=True,
        values=np.concatenate([values[:, k, :n] for k, n in enumerate(n_classes)], axis=1),
        divisor=float(len(trees)),
    )
    blocks: list[Node] = [proba]
    if not single:
        ends = np.cumsum(n_classes).tolist()
        blocks = [Select((proba,), tuple(range(end - n, end))) for n, end in zip(n_classes, ends, strict=True)]
    winners: list[Node] = [ArgMax((block,)) for block in blocks]
    labels = tuple(estimator.classes_) if not single else (estimator.classes_,)
    widths = None if single else tuple(n_classes)
    return {
        "predict": Output(winners[0] if single else Concat(tuple(winners)), ndim=1 if single else 2, labels=labels),
        "predict_proba": Output(proba, list_of=widths),
        "predict_log_proba": Output(Log((proba,)), list_of=widths),
    }


def _apply(x: Node, splits: Splits, *, ndim: int = 2) -> Output:
    """Number of the leaf in each tree, as the source counts nodes."""
    return Output(splits.per_tree(x, splits.leaf_nodes, float32=True), ndim=ndim, dtype="int64")
