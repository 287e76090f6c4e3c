"""Adapters of `feature_engine.discretisation`: intervals that are closed on the right."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.feature_engine._table import Table
from pretzel.oven.frontends.forms import Relabelled
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import floats
from pretzel.oven.ir.bins import Bins
from pretzel.oven.ir.encode import REJECT_UNKNOWN, category_codes

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Array, Node

MODULE = "feature_engine.discretisation"


@adapter(
    f"{MODULE}.arbitrary.ArbitraryDiscretiser",
    f"{MODULE}.equal_frequency.EqualFrequencyDiscretiser",
    f"{MODULE}.equal_width.EqualWidthDiscretiser",
    f"{MODULE}.geometric_width.GeometricWidthDiscretiser",
)
def discretiser(estimator: Any, x: Node, importer: Importer) -> Node:
    """The number of an interval, or its boundaries as a text."""
    table = Table(estimator, x, importer)
    precision = estimator.precision if estimator.return_boundaries else None
    rejects = getattr(estimator, "errors", "raise") == "raise"
    _put_bins(table, estimator, importer, precision, rejects=rejects)
    return table.node()


@adapter(f"{MODULE}.decision_tree.DecisionTreeDiscretiser")
def tree_discretiser(estimator: Any, x: Node, importer: Importer) -> Node:
    """What a tree of one column predicts, or the interval between two of its thresholds."""
    table = Table(estimator, x, importer)
    if estimator.bin_output != "prediction":
        precision = estimator.precision if estimator.bin_output == "boundaries" else None
        _put_bins(table, estimator, importer, precision, rejects=True)
        return table.node()
    if estimator.precision is not None:
        raise Unsupported("predictions that are rounded")
    for names, numbers in table.numbers(estimator.variables_):
        checked = importer.finite(numbers, estimator)
        for at, name in enumerate(names):
            column = importer.select(checked, (at,))
            tree = estimator.binner_dict_[name]
            if estimator.regression:
                made = importer.answer(tree, "predict", column, name=f"{name}", width=1).node
            else:
                made = importer.select(importer.answer(tree, "predict_proba", column, name=f"{name}").node, (1,))
            table.put([name], made)
    return table.node()


def _put_bins(table: Table, estimator: Any, importer: Importer, precision: int | None, *, rejects: bool) -> None:
    """Replace columns by the numbers of intervals, or by their boundaries to so many digits."""
    for names, numbers in table.numbers(estimator.variables_):
        edges = [_edges(estimator.binner_dict_[name]) for name in names]
        counts = _counts(importer.finite(numbers, estimator), edges)
        importer.interpolated.add(counts)  # a value of the training data lies on the other side of its own edge
        codes = counts if _hold_all(edges) else _inside(counts, edges, rejects=rejects)
        if precision is None:
            table.put(names, codes)
            continue
        labels = tuple(tuple(_labels(each, precision)) for each in edges)
        if not _hold_all(edges):
            raise Unsupported("boundaries of intervals that do not hold every number")
        known = tuple(tuple(map(float, range(len(each)))) for each in labels)
        width = len(names)
        others = ("",) * width  # no number is outside of all intervals
        table.put(names, Relabelled((importer.note(codes),), tuple(range(width)), known, labels, others, False))


def _edges(found: Any) -> Array:
    edges = floats(np.asarray(found))
    if len(edges) < 2 or not (np.diff(edges) > 0).all():
        raise Unsupported("boundaries that do not ascend")
    return edges


def _hold_all(edges: list[Array]) -> bool:
    """Whether every number lies in an interval of its column."""
    return all(each[0] == -np.inf and each[-1] == np.inf for each in edges)


def _counts(numbers: Node, edges: list[Array]) -> Bins:
    """How many boundaries lie below a value, but for the outer ones where these are infinite.

    The first counts also where it is the value.
    """
    if _hold_all(edges):
        below = [np.nextafter(each[1:-1], np.inf) for each in edges]
    else:
        below = [np.concatenate([each[:1], np.nextafter(each[1:], np.inf)]) for each in edges]
    return Bins((numbers,), np.concatenate(below), np.cumsum([0, *map(len, below)], dtype=np.int32), "int64")


def _inside(counts: Node, edges: list[Array], *, rejects: bool) -> Node:
    """The number of the interval, NaN outside of all."""
    known = [[float(i) for i in range(1, len(each))] for each in edges]
    codes = [[value - 1.0 for value in each] for each in known]
    reject, dtype = (REJECT_UNKNOWN, "int64") if rejects else (0, "float64")
    return category_codes(counts, known, codes, [np.nan] * len(edges), reject=reject, dtype=dtype)


def _labels(edges: Array, precision: int) -> list[str]:
    """Intervals as texts, as pandas writes them."""
    import pandas as pd

    found = pd.cut(pd.Series([0.0]), edges.tolist(), precision=precision, include_lowest=True)
    return [str(each) for each in found.cat.categories]
