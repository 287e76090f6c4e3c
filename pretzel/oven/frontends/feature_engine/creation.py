"""Adapters of `feature_engine.creation`: columns that are made of others, and stand behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.feature_engine._table import Table
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import INTEGERS
from pretzel.oven.ir.embedding_sum import EmbeddingSum
from pretzel.oven.ir.impute import Impute
from pretzel.oven.ir.linear import Sum
from pretzel.oven.ir.polynomial import product_of
from pretzel.oven.ir.scale import MulAdd, SubDiv
from pretzel.oven.ir.unary_function import UnaryFunction

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node


@adapter("feature_engine.creation.cyclical_features.CyclicalFeatures")
def cyclical_features(estimator: Any, x: Node, importer: Importer) -> Node:
    """Two columns for each variable, behind all others."""
    table = Table(estimator, x, importer)
    greatest = {name: float(estimator.max_values_[name]) for name in estimator.variables_}
    if any(value == 0.0 for value in greatest.values()):
        raise Unsupported("a column whose greatest value is zero")
    waves = {}
    for names, numbers in table.numbers(estimator.variables_):
        factors = np.array([2.0 * np.pi / greatest[name] for name in names])
        angles = importer.note(MulAdd((importer.finite(numbers, estimator),), factors, np.zeros(len(names))))
        made = [importer.note(UnaryFunction((angles,), function)) for function in ("sin", "cos")]
        waves.update({name: [(each, at) for each in made] for at, name in enumerate(names)})
    for name in estimator.variables_:
        for node, at in waves[name]:
            table.add(node, at)
    if estimator.drop_original:
        table.take_out(estimator.variables_)
    return table.node()


@adapter("feature_engine.creation.math_features.MathFeatures")
def math_features(estimator: Any, x: Node, importer: Importer) -> Node:
    """Sums, means and products of the variables of a row."""
    table = Table(estimator, x, importer)
    names = list(estimator.variables_)
    functions = estimator.func if isinstance(estimator.func, list) else [estimator.func]
    for each in functions:
        if each not in ("sum", "mean", "prod"):
            raise Unsupported(f"func={each!r:.40}")
    joined = "_".join(map(str, names))
    check_new(estimator, estimator.new_variables_names or [f"{each}_{joined}" for each in functions])
    numbers = table.together(names)
    _exclude_wrapping(numbers, importer, INTEGERS if "prod" in functions else ())  # sums are int64
    if estimator.missing_values == "raise":
        numbers = importer.finite(numbers, estimator)
    elif "mean" in functions:
        raise Unsupported("means of the values that are not missing")
    for each in functions:
        neutral = np.full(len(names), float(each == "prod"))
        present = numbers if estimator.missing_values == "raise" else importer.note(Impute((numbers,), neutral))
        if each == "prod":
            table.add(product_of(present), 0)
            continue
        total = _sum([importer.select(present, (at,)) for at in range(len(names))])
        if each == "mean":
            total = SubDiv((importer.note(total),), np.zeros(1), np.full(1, float(len(names))))
        table.add(total, 0)
    if estimator.drop_original:
        table.take_out(names)
    return table.node()


@adapter("feature_engine.creation.relative_features.RelativeFeatures")
def relative_features(estimator: Any, x: Node, importer: Importer) -> Node:
    """Sums, differences and products of each variable and each reference."""
    table = Table(estimator, x, importer)
    variables, references = list(estimator.variables), list(estimator.reference)
    for each in estimator.func:
        if each not in ("add", "sub", "mul"):
            raise Unsupported(f"func={each!r:.40}")
    new = [f"{name}_{each}_{other}" for each in estimator.func for other in references for name in variables]
    check_new(estimator, new)
    names = list(dict.fromkeys([*variables, *references]))
    numbers = table.together(names)
    _exclude_wrapping(numbers, importer, INTEGERS if "mul" in estimator.func else set(INTEGERS) - {"int64"})
    if estimator.missing_values == "raise":
        numbers = importer.finite(numbers, estimator)
    for each in estimator.func:
        for other in references:
            for name in variables:
                pair = [importer.select(numbers, (names.index(column),)) for column in (name, other)]
                if each == "sub":
                    pair[1] = importer.note(MulAdd((pair[1],), np.full(1, -1.0), np.zeros(1)))
                table.add(product_of(importer.concat(pair)) if each == "mul" else _sum(pair), 0)
    if estimator.drop_original:
        table.take_out(names)
    return table.node()


@adapter("feature_engine.creation.decision_tree_features.DecisionTreeFeatures")
def tree_features(estimator: Any, x: Node, importer: Importer) -> Node:
    """What trees predict: numbers, the probability of the second of two classes, or a class."""
    table = Table(estimator, x, importer)
    if estimator.precision is not None:
        raise Unsupported("predictions that are rounded")
    names = list(estimator.variables_)
    inputs = [[each] if isinstance(each, str) else list(each) for each in estimator.input_features_]
    check_new(estimator, [f"tree({each})" for each in estimator.input_features_])
    checked = importer.finite(table.together(names), estimator)
    for i, (columns, tree) in enumerate(zip(inputs, estimator.estimators_, strict=True)):
        read = importer.select(checked, tuple(names.index(each) for each in columns))
        if estimator.regression:
            table.add(importer.answer(tree, "predict", read, name=f"tree {i}", width=1).node, 0)
        elif len(tree.classes_) == 2:
            table.add(importer.answer(tree, "predict_proba", read, name=f"tree {i}").node, 1)
        else:
            table.add(_label(tree, read, f"tree {i}", importer), 0)
    if estimator.drop_original:
        table.take_out(names)
    return table.node()


def _label(tree: Any, x: Node, name: str, importer: Importer) -> Node:
    """The class that is predicted, a number."""
    answer = importer.answer(tree, "predict", x, name=name)
    (labels,) = answer.labels or (np.empty(0, dtype=object),)
    if labels.dtype.kind not in "iuf":
        raise Unsupported("labels that are no numbers")
    values = np.ascontiguousarray(labels[:, None], dtype=np.float64)
    return EmbeddingSum((answer.node,), values, np.array([0, len(values)], dtype=np.int32), np.zeros(1))


def _sum(columns: list[Node]) -> Node:
    return Sum(tuple(columns), np.zeros(1))


def _exclude_wrapping(numbers: Node, importer: Importer, integers: Iterable[str]) -> None:
    """Leave objects to the source, and integers of dtypes in which sums or products overflow, long before 2**63."""
    importer.exclude(numbers, ["bool", "object", *integers], "objects, or integers that may overflow", each=True)


def check_new(estimator: Any, names: Iterable[Any]) -> None:
    """Raise `Unsupported` where a new column replaces another."""
    every = [*estimator.feature_names_in_, *names]
    if len({*every}) < len(every):
        raise Unsupported("a new column that has the name of another")
