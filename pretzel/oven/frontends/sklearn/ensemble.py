"""Adapters of `sklearn.ensemble`: averaged trees and gradient boosting. Voting is in `compositions`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Child, Unsupported, adapter, children, composition, public_name
from pretzel.oven.frontends.sklearn._common import dense_only
from pretzel.oven.frontends.sklearn.compat.ensembles import (
    allows_nan,
    category_encoder,
    histogram_baseline,
    histogram_trees,
    initial_scores,
)
from pretzel.oven.frontends.sklearn.compat.linear_models import link_name
from pretzel.oven.frontends.sklearn.compat.preprocessing import one_hot_widths
from pretzel.oven.frontends.sklearn.tree import classifier, leaf_numbers, read, scikit_tree, values_of
from pretzel.oven.frontends.trees import Splits, Tree, join
from pretzel.oven.ir.graph import Array, Methods, Node, Output
from pretzel.oven.ir.indicators import Indicators
from pretzel.oven.ir.link import ArgMax, Exp, Log, Sigmoid, Softmax, Threshold
from pretzel.schema import Kind

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.tree_ensemble import TreeEnsemble


_CONSTANT = {
    "sklearn.dummy.DummyClassifier": ("prior", "most_frequent", "constant"),
    "sklearn.dummy.DummyRegressor": ("mean", "median", "quantile", "constant"),
}
"""First estimators whose prediction does not depend on the row, by strategy."""


@adapter("sklearn.ensemble.RandomForestRegressor", "sklearn.ensemble.ExtraTreesRegressor")
def forest_regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    trees = estimator.estimators_
    x, splits = read(estimator, trees, x, importer)
    values = values_of(trees, splits)[:, :, 0]
    node = splits.ensemble(x, float32=True, values=values, divisor=float(len(trees)))
    return {"predict": Output(node, ndim=1 if estimator.n_outputs_ == 1 else 2), "apply": leaf_numbers(x, splits)}


@adapter("sklearn.ensemble.RandomForestClassifier", "sklearn.ensemble.ExtraTreesClassifier")
def forest_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    trees = estimator.estimators_
    x, splits = read(estimator, trees, x, importer)
    return {**classifier(estimator, trees, x, splits), "apply": leaf_numbers(x, splits)}


@adapter("sklearn.ensemble.RandomTreesEmbedding")
def random_trees_embedding(estimator: Any, x: Node, importer: Importer) -> Methods:
    x, splits = read(estimator, estimator.estimators_, x, importer)
    positions, offset = [], 0
    for leaves, known in zip(splits.leaf_nodes, estimator.one_hot_encoder_.categories_, strict=True):
        if not np.array_equal(leaves, known):
            raise Unsupported("leaves that no training row reached")
        positions.append(offset + np.arange(len(leaves)))
        offset += len(leaves)
    if sum(one_hot_widths(estimator.one_hot_encoder_)) != offset:
        raise Unsupported("an encoder of other leaves")
    hot: Node = Indicators((splits.per_tree(x, positions, float32=True),), offset)
    if not estimator.one_hot_encoder_.sparse_output:
        hot = importer.dense(hot)
    return {"transform": Output(hot), "apply": leaf_numbers(x, splits)}


@adapter("sklearn.ensemble.GradientBoostingRegressor")
def gradient_boosting_regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    """``predict`` is the raw score, whatever the loss; it rejects NaN, which ``apply`` takes where the trees do."""
    trees = estimator.estimators_.ravel()
    allow_nan = importer.numeric(x).schema().kind is Kind.DENSE and allows_nan(trees[0])
    own, leaves = _stages(estimator, x, importer, allow_nan=allow_nan)
    x, splits = _stages(estimator, x, importer)
    return {
        "predict": Output(_raw(estimator, x, splits), ndim=1),
        "apply": Output(leaves.per_tree(own, leaves.leaf_nodes, float32=True)),
    }


@adapter("sklearn.ensemble.GradientBoostingClassifier")
def gradient_boosting_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Raw scores of the classes behind the link of the loss."""
    n_trees, n_outputs = estimator.n_trees_per_iteration_, estimator.estimators_.shape[1]
    if n_trees != n_outputs:
        raise ValueError(f"n_trees_per_iteration_ is {n_trees!r:.40} where estimators_ has {n_outputs} columns")
    x, splits = _stages(estimator, x, importer)
    raw = _raw(estimator, x, splits)
    if n_outputs == 1:
        # The exponential loss doubles the sum; adding doubled values gives the same bits.
        doubled = link_name(estimator) == "HalfLogitLink"
        proba: Node = Sigmoid((_raw(estimator, x, splits, factor=2.0) if doubled else raw,))
        predict: Node = Threshold((raw,), inclusive=True)
    else:
        proba, predict = Softmax((raw,)), ArgMax((raw,))
    return {
        "decision_function": Output(raw, ndim=1 if n_outputs == 1 else 2),
        "predict": Output(predict, ndim=1, labels=(estimator.classes_,)),
        "predict_proba": Output(proba),
        "predict_log_proba": Output(Log((proba,))),
    }


@composition("sklearn.ensemble.HistGradientBoostingClassifier", "sklearn.ensemble.HistGradientBoostingRegressor")
def preprocessor(boosting: Any) -> tuple[Child, ...]:
    """The encoder of categories, where there is one, receives the table; it finds columns by name."""
    encoder = category_encoder(boosting)
    return () if encoder is None else (Child("preprocessor", encoder, "transform"),)


@adapter("sklearn.ensemble.HistGradientBoostingRegressor")
def hist_gradient_boosting_regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    raw: Node = _histogram_sum(estimator, x, importer)
    link = link_name(estimator)
    if link not in ("IdentityLink", "LogLink"):
        raise Unsupported(f"loss with a {link}")
    return {"predict": Output(raw if link == "IdentityLink" else Exp((raw,)), ndim=1)}


@adapter("sklearn.ensemble.HistGradientBoostingClassifier")
def hist_gradient_boosting_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    raw = _histogram_sum(estimator, x, importer)
    link = link_name(estimator)
    if link not in ("LogitLink", "MultinomialLogit"):
        raise Unsupported(f"loss with a {link}")
    binary = estimator.n_trees_per_iteration_ == 1
    predict: Node = Threshold((raw,)) if binary else ArgMax((raw,))
    return {
        "decision_function": Output(raw, ndim=1 if binary else 2),
        "predict": Output(predict, ndim=1, labels=(estimator.classes_,)),
        "predict_proba": Output(Sigmoid((raw,)) if binary else Softmax((raw,))),
    }


def _stages(estimator: Any, x: Node, importer: Importer, *, allow_nan: bool = False) -> tuple[Node, Splits]:
    """The checked input, and the splits of all trees: stage after stage, one tree per output."""
    x = importer.finite(importer.dense(x), estimator, allow_nan=allow_nan, float32=True)
    trees = [scikit_tree(tree.tree_, allow_nan=allow_nan) for tree in estimator.estimators_.ravel()]
    return x, join(trees, "estimators_")


def _raw(estimator: Any, x: Node, splits: Splits, factor: float = 1.0) -> TreeEnsemble:
    """The initial prediction plus each tree's values times the learning rate."""
    trees = estimator.estimators_.ravel()
    values = [tree.tree_.value[leaves, 0, 0] for tree, leaves in zip(trees, splits.leaf_nodes, strict=True)]
    n_stages, n_outputs = estimator.estimators_.shape
    return splits.ensemble(
        x,
        float32=True,
        values=factor * (estimator.learning_rate * np.concatenate(values)[:, None]),
        columns=np.tile(np.arange(n_outputs), n_stages),
        base=factor * _initial(estimator),
    )


def _initial(estimator: Any) -> Array:
    """What the sums start from: the same for every row, or `Unsupported`."""
    first = estimator.init_
    if not isinstance(first, str):
        name = public_name(type(first))
        if getattr(first, "strategy", None) not in _CONSTANT.get(name, ()):
            raise Unsupported(f"init={name}, whose prediction depends on the row")
    return initial_scores(estimator)


def _histogram_sum(estimator: Any, x: Node, importer: Importer) -> TreeEnsemble:
    """The baseline plus all trees. NaN and infinity pass, as the source asks for no check."""
    encoder = category_encoder(estimator)
    if encoder is None:
        dense_only(importer.numeric(x), estimator)
    x = importer.dense(x) if encoder is None else _encoded(encoder, x, importer)
    iterations = histogram_trees(estimator)
    trees = [tree for iteration in iterations for tree in iteration]
    sets = np.concatenate([tree.raw_left_cat_bitsets for tree in trees]).astype(np.uint32).reshape(-1, 8)
    categories, positions = np.unique(sets, axis=0, return_inverse=True)
    parts, used = [], 0
    for tree in trees:
        count = len(tree.raw_left_cat_bitsets)
        parts.append(_histogram_tree(tree.nodes, positions.ravel()[used : used + count]))
        used += count
    splits = join(parts, "_predictors")
    values = [tree.nodes["value"][leaves] for tree, leaves in zip(trees, splits.leaf_nodes, strict=True)]
    n_outputs = estimator.n_trees_per_iteration_
    return splits.ensemble(
        x,
        float32=False,
        values=np.concatenate(values)[:, None],
        columns=np.tile(np.arange(n_outputs), len(iterations)),
        base=histogram_baseline(estimator),
        categories=categories,
    )


def _histogram_tree(nodes: Array, sets: Array) -> Tree:
    categorical = (nodes["is_categorical"] != 0) & (nodes["is_leaf"] == 0)
    category_set = np.full(len(nodes), -1)
    category_set[categorical] = sets[nodes["bitset_idx"][categorical]]
    return Tree(
        feature=nodes["feature_idx"],
        threshold=np.where(categorical, 0.0, nodes["num_threshold"]),
        left=np.where(nodes["is_leaf"] != 0, -1, nodes["left"].astype(np.int64)),
        right=nodes["right"].astype(np.int64),
        missing_left=nodes["missing_go_to_left"],
        category_set=category_set,
    )


def _encoded(encoder: Any, x: Node, importer: Importer) -> Node:
    """Codes of the categorical columns, then the numeric columns: what the estimator's own preprocessor makes."""
    parts = []
    for child in children(encoder):
        part = importer.part(child, x).node if child.name == "encoder" else importer.select(x, child.columns or ())
        parts.append(importer.dense(part))
    return importer.concat(parts, keep_sparse=False)
