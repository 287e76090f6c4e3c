"""Adapters of `sklearn.ensemble`: bagging, and isolation forests."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Child, Unsupported, adapter, children, composition
from pretzel.oven.frontends.sklearn._members import answers, as_array, float64_mean, is_always_float32, positions
from pretzel.oven.frontends.sklearn.compat import allows_nan_tag
from pretzel.oven.frontends.sklearn.compat.ensembles import isolation_depths
from pretzel.oven.frontends.sklearn.tree import scikit_tree
from pretzel.oven.frontends.trees import join
from pretzel.oven.ir._bisection import largest_where
from pretzel.oven.ir.columns import Place, SparseLeaf, is_sparse
from pretzel.oven.ir.features import DictFeatures, HashedFeatures
from pretzel.oven.ir.graph import Array, Methods, Node, Output, toposort
from pretzel.oven.ir.link import ArgMax, Log, Threshold
from pretzel.oven.ir.scale import MulAdd
from pretzel.oven.ir.unary_function import UnaryFunction
from pretzel.oven.ir.voting import LogMeanExp, Mean, MeanFloat32, Votes

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer


@composition("sklearn.ensemble.BaggingClassifier", "sklearn.ensemble.BaggingRegressor")
def members(ensemble: Any) -> tuple[Child, ...]:
    """Each member is given its columns of an array. Of fewer members than were fitted, the first are asked."""
    every = tuple(range(ensemble.n_features_in_))
    found = []
    asked = [*zip(ensemble.estimators_, ensemble.estimators_features_, strict=True)][: ensemble.n_estimators]
    for number, (member, features) in enumerate(asked):
        columns = tuple(int(column) for column in features)
        method = "predict_proba" if hasattr(ensemble, "classes_") and hasattr(member, "predict_proba") else "predict"
        found.append(Child(str(number), member, method, columns=None if columns == every else columns))
    return tuple(found)


@adapter("sklearn.ensemble.BaggingRegressor")
def bagging_regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The mean of what the members predict."""
    _check_number(estimator)
    found = answers(estimator, as_array(estimator, x, importer), importer, None if _is_wide(estimator) else 1)
    if any(output.labels is not None for output in found) or len({output.ndim for output in found}) > 1:
        raise Unsupported("a member of BaggingRegressor that predicts no numbers of one shape")
    return {"predict": Output(_mean(estimator, [output.node for output in found]), ndim=found[0].ndim)}


def _check_number(estimator: Any) -> None:
    if estimator.n_estimators > len(estimator.estimators_):
        raise Unsupported("n_estimators is larger than the number of members")


def _is_wide(estimator: Any) -> bool:
    """Whether the members predict several numbers for each row."""
    return any(getattr(member, "n_outputs_", 1) != 1 for member in estimator.estimators_)


def _mean(estimator: Any, nodes: list[Node]) -> Node:
    """The mean of what the members answer. Each job adds up its own; in float32, that gives other bits."""
    if len({node.schema().width for node in nodes}) > 1:
        raise Unsupported("members whose answers have different widths")
    jobs = min(_number_of_jobs(estimator), len(nodes))
    if jobs == 1 or not all(map(is_always_float32, nodes)):
        return Mean(tuple(nodes), np.empty(0))
    parts = [[nodes[i] for i in part] for part in np.array_split(np.arange(len(nodes)), jobs)]
    sums = tuple(MeanFloat32(tuple(part), np.empty(0), 1.0) for part in parts)
    return MeanFloat32(sums, np.empty(0), float(len(nodes)))


def _number_of_jobs(estimator: Any) -> int:
    from joblib import effective_n_jobs

    return int(effective_n_jobs(estimator.n_jobs))


@adapter("sklearn.ensemble.BaggingClassifier")
def bagging_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Mean probabilities, or shares of votes. Members know classes by their positions, and not all of them."""
    _check_number(estimator)
    x = as_array(estimator, x, importer)
    classes = np.asarray(estimator.classes_)
    proba = float64_mean(_probabilities(estimator, x, importer, len(classes)), np.empty(0))
    methods = {
        "predict": Output(ArgMax((proba,)), ndim=1, labels=(classes,)),
        "predict_proba": Output(proba),
        "predict_log_proba": Output(_log_proba(estimator, x, importer, proba)),
    }
    if hasattr(estimator, "decision_function"):
        scores = answers(estimator, x, importer, 1 if len(classes) == 2 else len(classes), "decision_function")
        if len({output.ndim for output in scores}) == 1:
            methods["decision_function"] = Output(_mean(estimator, [each.node for each in scores]), ndim=scores[0].ndim)
    return methods


def _probabilities(estimator: Any, x: Node, importer: Importer, n_classes: int) -> list[Node]:
    found = []
    for child, output in zip(children(estimator), answers(estimator, x, importer, None), strict=True):
        known = np.asarray(child.estimator.classes_)
        if child.method == "predict_proba":
            found.append(_placed(output.node, known, n_classes, 0.0))
        elif output.labels is None or output.ndim != 1:
            raise Unsupported("a member of BaggingClassifier that predicts no labels")
        else:
            (labels,) = output.labels
            found.append(one_vote(output.node, positions(labels, np.arange(n_classes)), n_classes))
    return found


def one_vote(vote: Node, table: Array, n_classes: int) -> Node:
    """1 for the class that is voted for, else 0."""
    return Votes((vote,), table, np.array([0, len(table)], dtype=np.int32), np.ones(1), np.zeros(1), n_classes)


def _placed(node: Node, known: Array, n_classes: int, fill: float) -> Node:
    """The numbers of the classes that a member knows at their positions among all."""
    if node.schema().width != len(known):
        raise Unsupported("a member whose answer has not one column for each class")
    if len(known) == n_classes:
        return node
    if known.dtype.kind not in "iu" or known.min() < 0 or known.max() >= n_classes:
        raise ValueError(f"classes_ of a member are {known!r:.40}, expected positions of {n_classes} classes")
    return Place((node,), tuple(int(each) for each in known), n_classes, fill)


def _log_proba(estimator: Any, x: Node, importer: Importer, proba: Node) -> Node:
    """The logarithm of the mean, which is that of the members' own logarithms, if these are of their probabilities."""
    if not hasattr(estimator.estimator_, "predict_log_proba"):
        return Log((proba,))
    found = [each.node for each in answers(estimator, x, importer, None, "predict_log_proba")]
    if all(isinstance(node, Log) and not is_always_float32(node) for node in found):
        return Log((proba,))
    known = [np.asarray(child.estimator.classes_) for child in children(estimator)]
    n_classes = len(estimator.classes_)
    return LogMeanExp(tuple(_placed(*each, n_classes, -np.inf) for each in zip(found, known, strict=True)))


# -- isolation forests -----------------------------------------------------------------------------------------------


def _is_made_sparse(node: Node) -> bool:
    """Whether a node reads sparse rows that an opaque step makes, or makes them of items."""
    return isinstance(node, DictFeatures | HashedFeatures) or (isinstance(node, SparseLeaf) and bool(node.inputs))


@adapter("sklearn.ensemble.IsolationForest")
def isolation_forest(estimator: Any, x: Node, importer: Importer) -> Methods:
    """``-2 ** -(depth / mean depth)``: the depths of the leaves are the values of the trees.

    ``predict`` compares the quotient itself with the last one at which NumPy's power is no outlier.
    """
    allow_nan = allows_nan_tag(estimator)
    if allow_nan and is_sparse(x) and any(map(_is_made_sparse, toposort([x]))) and not x.properties().no_nan:
        raise Unsupported("sparse rows that a step makes, which may hold NaN, for which it does not look there")
    x = importer.dense(x)
    if not allow_nan:
        x = importer.finite(x, estimator, float32=True)
    depths, normal = isolation_depths(estimator)
    trees = []
    for tree, features in zip(estimator.estimators_, estimator.estimators_features_, strict=True):
        found = scikit_tree(tree.tree_, allow_nan=True)
        if tree.n_features_in_ != estimator.n_features_in_:
            split = found.left >= 0
            found = replace(found, feature=np.where(split, np.asarray(features)[found.feature * split], -1))
        trees.append(found)
    splits = join(trees, "estimators_")
    values = np.concatenate([depth[leaves] for depth, leaves in zip(depths, splits.leaf_nodes, strict=True)])
    known = normal != 0.0  # else the quotient is 1
    exponent = splits.ensemble(
        x,
        float32=True,
        values=values[:, None] if known else np.zeros((len(values), 1)),
        base=np.zeros(1) if known else -np.ones(1),
        divisor=-normal if known else 1.0,
    )
    power = UnaryFunction((exponent,), "exp2")
    offset = float(estimator.offset_)
    last = largest_where(lambda x: ~(-(2 ** np.repeat(x, 8)) - offset < 0)[:1], 1)
    cut = -np.inf if last is None else float(last[0])
    return {
        "predict": Output(Threshold((exponent,), cut), ndim=1, labels=(np.array([1, -1]),)),
        "decision_function": Output(MulAdd((power,), -np.ones(1), np.full(1, -offset)), ndim=1),
        "score_samples": Output(UnaryFunction((power,), "negative"), ndim=1),
    }
