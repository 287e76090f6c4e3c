"""Adapters of `sklearn.tree`, and what forests share with them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.contradictions import check_fit
from pretzel.oven.frontends.registry import adapter
from pretzel.oven.frontends.sklearn.compat.ensembles import allows_nan
from pretzel.oven.frontends.trees import Splits, Tree, join
from pretzel.oven.ir.columns import Select
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.graph import Array, Methods, Node, Output
from pretzel.oven.ir.link import ArgMax, Log
from pretzel.schema import Kind

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer


@adapter("sklearn.tree.DecisionTreeRegressor", "sklearn.tree.ExtraTreeRegressor")
def tree_regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    """``predict`` is the value of the leaf."""
    x, splits = read(estimator, [estimator], x, importer)
    values = values_of([estimator], splits)[:, :, 0]
    predict = Output(splits.ensemble(x, float32=True, values=values), ndim=1 if estimator.n_outputs_ == 1 else 2)
    return {"predict": predict, "apply": leaf_numbers(x, splits, ndim=1)}


@adapter("sklearn.tree.DecisionTreeClassifier", "sklearn.tree.ExtraTreeClassifier")
def tree_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Class frequencies of the leaf; labels by the largest."""
    x, splits = read(estimator, [estimator], x, importer)
    return {**classifier(estimator, [estimator], x, splits), "apply": leaf_numbers(x, splits, ndim=1)}


def read(estimator: Any, trees: list[Any], x: Node, importer: Importer) -> tuple[Node, Splits]:
    """The checked input, and the splits of all trees. Sparse rows may hold no NaN even where dense rows may."""
    x = importer.numeric(x)
    attribute = "tree_" if trees[0] is estimator else "estimators_"
    allow_nan = x.schema().kind is Kind.DENSE and allows_nan(trees[0])
    checked = importer.finite(importer.dense(x), estimator, allow_nan=allow_nan, float32=True)
    for tree in trees:
        check_fit(tree, checked.schema().width)
        if tree.n_outputs_ != estimator.n_outputs_:
            raise ValueError(f"n_outputs_ is {estimator.n_outputs_}, and that of a tree {tree.n_outputs_}")
    return checked, join([scikit_tree(tree.tree_, allow_nan=allow_nan) for tree in trees], attribute)


def values_of(trees: list[Any], splits: Splits) -> Array:
    """``tree_.value`` of all leaves: (n_leaves, n_outputs, most classes of an output)."""
    found = np.concatenate([tree.tree_.value[leaves] for tree, leaves in zip(trees, splits.leaf_nodes, strict=True)])
    if found.shape[1] != trees[0].n_outputs_:
        raise ValueError(f"n_outputs_ is {trees[0].n_outputs_}, and tree_ has values of {found.shape[1]} outputs")
    return found


def classifier(estimator: Any, trees: list[Any], x: Node, splits: Splits) -> Methods:
    """Mean probabilities of each output side by side; labels are where they are largest."""
    n_classes = [int(n) for n in np.atleast_1d(estimator.n_classes_)]
    single = estimator.n_outputs_ == 1
    values = values_of(trees, splits)
    labels = tuple(estimator.classes_) if not single else (estimator.classes_,)
    counts = [tuple(np.atleast_1d(tree.n_classes_)) for tree in trees]
    if {tuple(map(len, labels)), *counts} != {tuple(n_classes)} or (len(n_classes), max(n_classes)) != values.shape[1:]:
        raise ValueError(f"n_classes_ is {n_classes}, and classes_ or the trees have other numbers of classes")
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
    widths = None if single else tuple(n_classes)
    return {
        "predict": Output(winners[0] if single else Concat(tuple(winners)), ndim=1 if single else 2, labels=labels),
        "predict_proba": Output(proba, list_of=widths),
        "predict_log_proba": Output(Log((proba,)), list_of=widths),
    }


def leaf_numbers(x: Node, splits: Splits, *, ndim: int = 2) -> Output:
    """Number of the leaf in each tree, as the source counts nodes."""
    return Output(splits.per_tree(x, splits.leaf_nodes, float32=True, dtype="int64"), ndim=ndim)


def scikit_tree(tree: Any, *, allow_nan: bool) -> Tree:
    """The arrays of the ``tree_`` of an estimator; directions of NaN are dropped where it is rejected."""
    missing_left = tree.missing_go_to_left if allow_nan else np.zeros(tree.node_count, dtype=np.uint8)
    return Tree(tree.feature, tree.threshold, tree.children_left, tree.children_right, missing_left)
