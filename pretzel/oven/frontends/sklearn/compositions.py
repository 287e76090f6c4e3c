"""Estimators made of estimators: pipelines, unions, columns, voting, searches, frozen estimators, thresholds.

A *description* (`composition`) lists the children of a composition. The adapter below it combines their results. The
input specification and the localization of wrong answers read the same description.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.forms import Beside, Columns, TwoForms, made_for_checks
from pretzel.oven.frontends.registry import Child, Unsupported, adapter, children, composition, inverse
from pretzel.oven.frontends.sklearn._members import answers, float64_mean
from pretzel.oven.frontends.sklearn.compat.compositions import columns_of_parts, positive_class, voting_weights
from pretzel.oven.ir.columns import Raw
from pretzel.oven.ir.encode import WholeCodes
from pretzel.oven.ir.graph import Array, Methods, Node, Output
from pretzel.oven.ir.link import ArgMax, Threshold
from pretzel.oven.ir.scale import MulAdd, ScaleSparse, SparseToFloat64
from pretzel.oven.ir.voting import Majority, Mean
from pretzel.schema import Kind, fixed

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer


# -- pipelines, unions, columns --------------------------------------------------------------------------------------


@composition("sklearn.pipeline.Pipeline")
def steps(pipeline: Any) -> tuple[Child, ...]:
    """Each step reads the one before; the last answers."""
    return in_a_row(pipeline.steps)


def in_a_row(steps: list[tuple[str, Any]]) -> tuple[Child, ...]:
    """The steps of a pipeline, without those that do nothing."""
    found = [(name, step) for name, step in steps if step is not None and step != "passthrough"]
    given = [None, *(name for name, _ in found)]
    asked = ["transform"] * (len(found) - 1) + [None]
    readers = [step for _, step in found[1:]] + [None]
    return tuple(
        Child(name, step, method, reads, reader=reader)
        for (name, step), method, reads, reader in zip(found, asked, given, readers, strict=False)
    )


@adapter("sklearn.pipeline.Pipeline")
def pipeline(estimator: Any, x: Node, importer: Importer) -> Methods:
    found = children(estimator)
    if not found:
        return {"transform": Output(x)}
    for child in found[:-1]:
        x = importer.part(child, x).node
    return importer.methods(found[-1].estimator, x, name=found[-1].name)


@inverse("sklearn.pipeline.Pipeline")
def steps_backwards(estimator: Any, x: Node, importer: Importer) -> Output:
    """The inverse of the last step, then of the one before."""
    output = Output(x)
    for child in reversed(children(estimator)):
        if output.labels is not None:
            raise Unsupported(f"{child.name} is given categories")
        output = importer.inverse(child.estimator, output.node, name=child.name)
    return output


@composition("sklearn.pipeline.FeatureUnion")
def united(union: Any) -> tuple[Child, ...]:
    """All parts are given the same."""
    return tuple(
        Child(name, None if step == "passthrough" else step, "transform")
        for name, step in union.transformer_list
        if step != "drop"
    )


@adapter("sklearn.pipeline.FeatureUnion")
def feature_union(estimator: Any, x: Node, importer: Importer) -> Methods:
    return side_by_side(_weighted_parts(estimator, x, importer), importer)


def _weighted_parts(estimator: Any, x: Node, importer: Importer) -> list[Output]:
    """The values of all parts, each times its weight where it has one."""
    weights = estimator.transformer_weights or {}
    parts = []
    for child in children(estimator):
        part = importer.part(child, x)
        weight = weights.get(child.name)
        parts.append(part if weight is None else Output(_times(part.node, weight, importer)))
    return parts


def _times(x: Node, weight: Any, importer: Importer) -> Node:
    node = importer.numeric(x)
    if not isinstance(weight, float) and node.schema().dtype.dtype_for(np.int8).kind != "f":
        raise Unsupported("a weight that is a whole number, of values that may be whole numbers")
    factors = np.full(node.schema().width, float(weight))
    wide = isinstance(weight, np.generic) and np.result_type(np.float32, weight) == np.float64
    if node.schema().kind is Kind.SPARSE:
        return importer.note(ScaleSparse((SparseToFloat64((node,)) if wide else node,), factors))
    return importer.note(MulAdd((node,), factors, np.zeros(len(factors)), wide=wide, casts=not wide))


@composition("sklearn.compose.ColumnTransformer")
def parts_of_columns(transformer: Any) -> tuple[Child, ...]:
    """Each part is given some columns, a single one that was named without a list as a vector."""
    found = []
    columns = columns_of_parts(transformer)
    for name, step, given in transformer.transformers_:
        if columns[name] and not (isinstance(step, str) and step == "drop"):
            made = transformer.output_indices_[name]
            found.append(
                Child(
                    name,
                    None if isinstance(step, str) else step,
                    "transform",
                    columns=columns[name],
                    scalar=isinstance(given, str | int | np.integer),
                    named=name != "remainder" and _are_names(given),
                    width=int(made.stop - made.start),
                )
            )
    return tuple(found)


def _are_names(columns: Any) -> bool:
    """Whether columns of a `ColumnTransformer` are given by name: one, several, or from one to another."""
    if isinstance(columns, slice):
        return isinstance(columns.start, str) or isinstance(columns.stop, str)
    return isinstance(columns, str) or any(isinstance(each, str) for each in np.atleast_1d(columns).tolist())


@adapter("sklearn.compose.ColumnTransformer")
def column_transformer(estimator: Any, x: Node, importer: Importer) -> Methods:
    found = children(estimator)
    if not found:
        raise Unsupported("ColumnTransformer that drops every column")
    if any(child.width == 0 for child in found):
        raise Unsupported("a part of a ColumnTransformer that drops every column")
    return side_by_side(_weighted_parts(estimator, x, importer), importer, keep_sparse=estimator.sparse_output_)


def side_by_side(parts: list[Output], importer: Importer, *, keep_sparse: bool = True) -> Methods:
    """``transform`` of a composition whose parts make columns; texts beside numbers are a value that no array holds."""
    nodes = [_one_value(part.node.native if isinstance(part.node, TwoForms) else part.node, importer) for part in parts]
    if any(isinstance(node, Raw) and not node.columns for node in nodes):
        raise Unsupported("the width of a part is not known")
    if all(not isinstance(node, Raw | Beside) and node.schema().kind is not Kind.CELLS for node in nodes):
        return {"transform": Output(importer.concat(nodes, keep_sparse=keep_sparse))}
    flat = [each for node in nodes for each in (node.inputs if isinstance(node, Beside) else (node,))]
    return {"transform": Output(Beside(tuple(flat), keep_sparse))}


def _one_value(x: Node, importer: Importer) -> Node:
    """Columns of a part as one value, where steps have made all of them."""
    if not isinstance(x, Columns) or any(isinstance(each, Raw) or each.schema().kind is Kind.CELLS for each in x.whole):
        if made_for_checks(x):
            raise Unsupported("columns that are left out, but checked, beside columns that no step has read")
        return x
    return importer.plain(x)


# -- searches, frozen estimators -------------------------------------------------------------------------------------


@composition(
    "sklearn.model_selection.GridSearchCV",
    "sklearn.model_selection.HalvingGridSearchCV",
    "sklearn.model_selection.HalvingRandomSearchCV",
    "sklearn.model_selection.RandomizedSearchCV",
)
def best(search: Any) -> tuple[Child, ...]:
    """The best estimator answers, where ``refit`` left one."""
    found = getattr(search, "best_estimator_", None)
    return () if found is None else (Child(type(found).__name__, found),)


@composition("sklearn.frozen.FrozenEstimator")
def frozen(estimator: Any) -> tuple[Child, ...]:
    """The frozen estimator answers."""
    return (Child(type(estimator.estimator).__name__, estimator.estimator),)


@adapter(
    "sklearn.frozen.FrozenEstimator",
    "sklearn.model_selection.GridSearchCV",
    "sklearn.model_selection.HalvingGridSearchCV",
    "sklearn.model_selection.HalvingRandomSearchCV",
    "sklearn.model_selection.RandomizedSearchCV",
)
def holder(estimator: Any, x: Node, importer: Importer) -> Methods:
    """The methods of the estimator inside."""
    if not children(estimator):
        raise Unsupported("refit=False leaves no best estimator")
    (held,) = children(estimator)
    return importer.methods(held.estimator, x, name=held.name)


@inverse(
    "sklearn.frozen.FrozenEstimator",
    "sklearn.model_selection.GridSearchCV",
    "sklearn.model_selection.HalvingGridSearchCV",
    "sklearn.model_selection.HalvingRandomSearchCV",
    "sklearn.model_selection.RandomizedSearchCV",
)
def inverse_of_held(estimator: Any, x: Node, importer: Importer) -> Output:
    """The inverse of the estimator inside."""
    (held,) = children(estimator)
    return importer.inverse(held.estimator, x, name=held.name)


# -- voting ----------------------------------------------------------------------------------------------------------


@composition("sklearn.ensemble.VotingClassifier", "sklearn.ensemble.VotingRegressor")
def members(ensemble: Any) -> tuple[Child, ...]:
    """All members that were not dropped are given the same."""
    names = [name for name, member in ensemble.estimators if not (isinstance(member, str) and member == "drop")]
    method = "predict_proba" if getattr(ensemble, "voting", "hard") == "soft" else "predict"
    return tuple(Child(name, member, method) for name, member in zip(names, ensemble.estimators_, strict=True))


def _weights(estimator: Any) -> Array:
    weights = voting_weights(estimator)
    return np.empty(0) if weights is None else np.asarray(weights, dtype=np.float64)


def _mean(estimator: Any, nodes: tuple[Node, ...]) -> Node:
    """What `numpy.average` makes of the answers; a list of Python's numbers makes float64 of float32."""
    given, weights = voting_weights(estimator), _weights(estimator)
    keeps = given is None or np.result_type(np.float32, given) == np.float32
    return Mean(nodes, weights) if keeps else float64_mean(nodes, weights)


@adapter("sklearn.ensemble.VotingRegressor")
def voting_regressor(estimator: Any, x: Node, importer: Importer) -> Methods:
    """``transform`` shows what is averaged."""
    found = answers(estimator, x, importer, width=1)
    if any(output.ndim != 1 or output.labels is not None for output in found):
        raise Unsupported("a member of VotingRegressor that predicts no vector of numbers")
    nodes = tuple(output.node for output in found)
    mean = _mean(estimator, nodes)
    return {"predict": Output(mean, ndim=1), "transform": Output(importer.concat(list(nodes)))}


@adapter("sklearn.ensemble.VotingClassifier")
def voting_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Members predict positions in ``classes_``, whatever their own labels are called."""
    if estimator.voting not in ("hard", "soft"):
        raise Unsupported(f"voting={estimator.voting!r}")
    classes = np.asarray(estimator.le_.classes_)
    found = answers(estimator, x, importer, width=len(classes))
    return (_hard if estimator.voting == "hard" else _soft)(estimator, found, importer, classes)


def _hard(estimator: Any, found: list[Output], importer: Importer, classes: Array) -> Methods:
    positions = np.arange(len(classes))
    for output in found:
        labels = output.labels or ()
        if len(labels) != 1 or labels[0].dtype.kind not in "iu" or not np.array_equal(labels[0], positions):
            raise Unsupported("a member of VotingClassifier that does not know all classes")
    nodes = tuple(output.node for output in found)
    weights = _weights(estimator)
    if (weights < 0.0).any():
        raise Unsupported("negative weights: scikit-learn's counts end with the largest class that has a vote")
    winner = Majority(nodes, len(classes), weights if weights.size else np.ones(len(nodes)))
    votes = importer.concat(list(nodes))
    if votes.schema().dtype != fixed("int64"):  # a step behind computes in this dtype
        votes = importer.note(WholeCodes((votes,), np.full(len(nodes), len(classes), dtype=np.int32)))
    return {
        "predict": Output(winner, ndim=1, labels=(classes,)),
        "transform": Output(votes, labels=(positions,) * len(nodes)),
    }


def _soft(estimator: Any, found: list[Output], importer: Importer, classes: Array) -> Methods:
    nodes = tuple(output.node for output in found)
    if any(node.schema().width != len(classes) for node in nodes):
        raise Unsupported("a member of VotingClassifier that does not know all classes")
    mean = _mean(estimator, nodes)
    methods = {"predict": Output(ArgMax((mean,)), ndim=1, labels=(classes,)), "predict_proba": Output(mean)}
    if estimator.flatten_transform:
        methods["transform"] = Output(importer.concat(list(nodes)))
    return methods


# -- thresholds ------------------------------------------------------------------------------------------------------


@composition(
    "sklearn.model_selection.FixedThresholdClassifier",
    "sklearn.model_selection.TunedThresholdClassifierCV",
)
def behind_threshold(estimator: Any) -> tuple[Child, ...]:
    """The classifier whose scores are compared with the threshold."""
    found = getattr(estimator, "estimator_", estimator.estimator)
    return (Child(type(found).__name__, found),)


@adapter(
    "sklearn.model_selection.FixedThresholdClassifier",
    "sklearn.model_selection.TunedThresholdClassifierCV",
)
def threshold_classifier(estimator: Any, x: Node, importer: Importer) -> Methods:
    """``predict`` compares a score with the threshold; all other methods are those of the classifier."""
    (child,) = children(estimator)
    classes = np.asarray(estimator.classes_)
    if len(classes) != 2:
        raise Unsupported(f"a threshold between {len(classes)} classes")
    asked = "predict_proba" if estimator.response_method == "auto" else estimator.response_method
    if estimator.response_method == "auto" and not hasattr(child.estimator, asked):
        asked = "decision_function"
    proba = asked == "predict_proba"
    score = importer.answer(child.estimator, asked, x, name=child.name, width=2 if proba else 1)
    others = ("predict_proba", "predict_log_proba", "decision_function")
    found = importer.methods(child.estimator, x, only=others, name=child.name)
    positive = positive_class(estimator)
    if positive is None:
        return found
    first = positive == 0
    cut = estimator.best_threshold_ if hasattr(estimator, "best_threshold_") else estimator.threshold
    if isinstance(cut, str):
        cut = 0.5 if proba else 0.0
    node = importer.dense(score.node)
    if proba:
        node = importer.select(node, (0 if first else 1,))
    elif first:
        node = MulAdd((node,), np.array([-1.0]), np.array([0.0]))
    above = Threshold(
        (node,), float(cut), inclusive=True, casts=not isinstance(cut, np.generic), of_probabilities=proba
    )
    labels = classes[::-1].copy() if first else classes
    return {**found, "predict": Output(above, ndim=1, labels=(labels,))}
