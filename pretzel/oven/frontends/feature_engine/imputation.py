"""Adapters of `feature_engine.imputation`, but for steps that leave rows out or draw at random."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.cells import cell_value
from pretzel.oven.frontends.feature_engine._table import Table
from pretzel.oven.frontends.forms import Relabelled
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import floats
from pretzel.oven.ir._cells import CellValue, pack
from pretzel.oven.ir.encode import REJECT_NA, category_codes
from pretzel.oven.ir.impute import Impute, ImputeCells, MissingMask
from pretzel.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node

MODULE = "feature_engine.imputation"
MISSING: tuple[CellValue, ...] = (None, math.nan)


@adapter(
    f"{MODULE}.arbitrary_number.ArbitraryNumberImputer",
    f"{MODULE}.end_tail.EndTailImputer",
    f"{MODULE}.mean_median.MeanMedianImputer",
)
def imputer_of_numbers(estimator: Any, x: Node, importer: Importer) -> Node:
    """A number for each column."""
    table = Table(estimator, x, importer)
    _impute_numbers(table, estimator.imputer_dict_)
    return table.node()


@adapter(f"{MODULE}.categorical.CategoricalImputer")
def imputer_of_categories(estimator: Any, x: Node, importer: Importer) -> Node:
    """A text or a number for each column. The most frequent value of a column of any type tells what that is."""
    table = Table(estimator, x, importer)
    fill = {name: cell_value(value) for name, value in estimator.imputer_dict_.items()}
    any_type = estimator.ignore_format and estimator.imputation_method == "frequent"
    numbers = {name: value for name, value in fill.items() if any_type and isinstance(value, float)}
    _impute_numbers(table, numbers)
    for names, values in table.values([name for name in fill if name not in numbers]):
        table.put(names, imputed(values, [fill[name] for name in names]))
    return table.node()


@adapter(f"{MODULE}.missing_indicator.AddMissingIndicator")
def missing_indicator(estimator: Any, x: Node, importer: Importer) -> Node:
    """Indicators behind all columns, in the order of the parameter."""
    table = Table(estimator, x, importer)
    places = {}
    for names, values in table.values(estimator.variables_):
        if values.schema().kind is Kind.DENSE:
            mask: Node = MissingMask((values,), tuple(range(len(names))))
        else:
            missing = imputed(values, [math.nan] * len(names))
            known, codes = [(math.nan,)] * len(names), [[1.0]] * len(names)
            mask = category_codes(missing, known, codes, [0.0] * len(names), reject=REJECT_NA, dtype="int8")
        places.update({name: (mask, i) for i, name in enumerate(names)})
    for name in estimator.variables_:
        table.add(*places[name])
    return table.node()


def imputed(values: Node, fill: Sequence[CellValue]) -> Node:
    """Cells, or numbers of a step, with these values in place of missing ones."""
    if isinstance(values, Relabelled):
        raise Unsupported("missing values among labels")
    if values.schema().kind is Kind.DENSE:
        if any(isinstance(value, str) for value in fill):
            raise Unsupported("texts among the numbers of a step")
        return Impute((values,), floats(np.array(fill)))
    return ImputeCells((values,), tuple(range(len(fill))), MISSING, *pack(fill), na=True)


def _impute_numbers(table: Table, fill: dict[Any, Any]) -> None:
    for names, numbers in table.numbers(list(fill)):
        table.put(names, Impute((numbers,), floats(np.array([fill[name] for name in names]))))
