"""Adapters of `feature_engine.encoding`: each column is encoded by a table of its own."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.cells import cell_value
from pretzel.oven.frontends.feature_engine._codes import Codes, encoded, known_values
from pretzel.oven.frontends.feature_engine._table import Table
from pretzel.oven.frontends.forms import Relabelled
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.ir.encode import OneHot

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node

MODULE = "feature_engine.encoding"
UNSEEN = ("encode", "ignore", "raise")


@adapter(
    f"{MODULE}.count_frequency.CountFrequencyEncoder",
    f"{MODULE}.decision_tree.DecisionTreeEncoder",
    f"{MODULE}.mean_encoding.MeanEncoder",
    f"{MODULE}.ordinal.OrdinalEncoder",
    f"{MODULE}.woe.WoEEncoder",
)
def encoder(estimator: Any, x: Node, importer: Importer) -> Node:
    """A number for each category."""
    table = Table(estimator, x, importer)
    learnt = {name: estimator.encoder_dict_[name] for name in estimator.variables_}
    unseen = estimator.unseen
    if unseen not in UNSEEN or len(learnt) != len(estimator.encoder_dict_):
        raise Unsupported(f"unseen={unseen!r:.40}, or encoders of other columns")
    others = {"encode": getattr(estimator, "_unseen", None), "ignore": math.nan, "raise": None}[unseen]
    if unseen == "encode" and others is None:
        raise Unsupported("no code of unseen categories")
    other = None if others is None else _code(others)
    missing = None if _rejects_missing(estimator) else other
    for names, values in table.values(learnt):
        codes = [_codes(learnt[name], other, missing) for name in names]
        whole = all(isinstance(code, int) for name in names for code in learnt[name].values())
        dtype = "int64" if whole and other is None else "float64"  # what a fitted column of floats holds is float64
        table.put(names, encoded(values, codes, estimator, importer, dtype=dtype))
    return table.node()


@adapter(f"{MODULE}.one_hot.OneHotEncoder")
def one_hot_encoder(estimator: Any, x: Node, importer: Importer) -> Node:
    """Columns of ones and zeros behind all others; an unknown category has no one."""
    table = Table(estimator, x, importer)
    places: dict[Any, list[tuple[Node, int]]] = {}
    for names, values in table.values(estimator.variables_):
        known = [known_values(estimator.encoder_dict_[name]) for name in names]
        codes = [Codes({v: float(i) for i, v in enumerate(each)}, -1.0, None, None) for each in known]
        offsets = np.cumsum([0, *map(len, known)], dtype=np.int32)
        made = OneHot((encoded(values, codes, estimator, importer, dtype="float64"),), offsets, False, "int64")
        for name, first, last in zip(names, offsets, offsets[1:], strict=False):
            places[name] = [(made, at) for at in range(first, last)]
    if not all(places.values()):
        raise Unsupported("a column of which nothing is made")
    table.take_out(places)
    for name in estimator.variables_:
        for place in places[name]:
            table.add(*place)
    return table.node()


@adapter(f"{MODULE}.rare_label.RareLabelEncoder")
def rare_label_encoder(estimator: Any, x: Node, importer: Importer) -> Node:
    """One label for all categories that are not frequent."""
    table = Table(estimator, x, importer)
    label = cell_value(estimator.replace_with)
    if label is None or label != label:
        raise Unsupported("replace_with is a missing value")
    for names, values in table.values(estimator.variables_):
        known = tuple(tuple(known_values(estimator.encoder_dict_[name])) for name in names)
        width, rejects = len(names), _rejects_missing(estimator)
        table.put(names, Relabelled((values,), tuple(range(width)), known, known, (label,) * width, rejects))
    return table.node()


def _rejects_missing(estimator: Any) -> bool:
    """Whether missing values are rejected, as encoders without the parameter do."""
    found = getattr(estimator, "missing_values", "raise")
    if found not in ("ignore", "raise"):
        raise Unsupported(f"missing_values={found!r:.40}")
    return bool(found == "raise")


def _codes(learnt: dict[Any, Any], other: float | None, missing: float | None) -> Codes:
    """A code that is NaN stands for no code."""
    known = dict(zip(known_values(learnt), map(_code, learnt.values()), strict=True))
    return Codes({value: code for value, code in known.items() if code == code}, other, missing, missing)


def _code(value: Any) -> float:
    found = cell_value(value)
    if not isinstance(found, float):
        raise TypeError(f"a code is {value!r:.40}")
    return found
