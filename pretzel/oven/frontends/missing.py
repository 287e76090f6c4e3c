"""The missing value that a fitted estimator knows in each column of the request, and the columns of texts."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.input_spec import InputKind, InputSpec
from pretzel.oven.frontends.cells import cell_value
from pretzel.oven.frontends.forms import Beside, TwoForms
from pretzel.oven.frontends.registry import Unsupported, has_trait
from pretzel.oven.ir._cells import CellValue, is_nan, is_pandas_missing
from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.columns import CellLeaf, NumericLeaf, Raw, Select
from pretzel.oven.ir.concat import Concat, Densify
from pretzel.oven.ir.impute import ImputeCells

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Node


def note_missing(known: dict[int, CellValue], texts: set[int], estimator: Any, x: Node) -> None:
    """Add to ``known`` the missing value that ``estimator`` knows in each column of the request that it reads.

    To ``texts`` the columns are added in which it knows a text.

    The missing category of an encoder, which was in the data of its fit, counts more than a parameter.
    """
    if not hasattr(estimator, "__dict__"):
        return
    categories = _missing_of_categories(estimator)
    parameter = _missing_of_parameter(estimator) if has_trait(estimator, "names_missing_values") else []
    if not categories and not parameter:
        return
    columns = columns_of_request(x)
    for column, values in zip(columns, _values_of(estimator), strict=False):
        if column is not None and any(isinstance(value, str) for value in values):
            texts.add(column)
    for column, found in zip(columns, categories, strict=False):
        if column is not None and found:
            known[column] = found[0]
    for value in parameter:
        for column in columns:
            if column is not None:
                known.setdefault(column, value)


def with_missing(spec: InputSpec, known: dict[int, CellValue], texts: set[int]) -> InputSpec:
    """A specification of tables that says what None stands for in each column of a single row."""
    spec = replace(spec, texts=tuple(sorted(texts))) if spec.kind is InputKind.TABLE else spec
    found = {column: value for column, value in known.items() if value is not None and column < spec.width}
    if spec.kind is not InputKind.TABLE or not found:
        return spec
    return replace(spec, missing=tuple(map(found.get, range(spec.width))))


def columns_of_request(x: Node) -> list[int | None]:
    """The columns of the request whose values ``x`` holds, None for others.

    An imputer of objects for which None is not missing leaves it alone.
    """
    match x:
        case TwoForms():
            return columns_of_request(x.native)
        case Raw() | NumericLeaf() | CellLeaf():
            return [None] * len(x.columns) if x.inputs else [*x.columns]
        case Select():
            inner = columns_of_request(x.inputs[0])
            return [inner[column] for column in x.columns]
        case ImputeCells() if None not in x.missing:
            inner = columns_of_request(x.inputs[0])
            return [inner[column] for column in x.columns]
        case CheckFinite() | Densify():
            return columns_of_request(x.inputs[0])
        case Concat() | Beside():
            return [column for part in x.inputs for column in columns_of_request(part)]
    return [None] * x.schema().width


def _missing_of_categories(estimator: Any) -> list[list[CellValue]]:
    """For each column of an encoder its missing category, None or NaN; an empty list where there is none."""
    found = estimator.__dict__.get("categories_")
    if not isinstance(found, list):
        return []
    return [[None] if any(v is None for v in c) else [math.nan] if any(map(is_nan, c)) else [] for c in found]


def _values_of(estimator: Any) -> list[Any]:
    """For each column of an encoder its categories, of an imputer what it fills in."""
    categories = estimator.__dict__.get("categories_")
    if isinstance(categories, list):
        return categories
    statistics = estimator.__dict__.get("statistics_")
    return [[value] for value in statistics] if isinstance(statistics, np.ndarray) else []


def _missing_of_parameter(estimator: Any) -> list[CellValue]:
    """The parameter ``missing_values`` of an imputer or indicator; an empty list where there is none."""
    if "missing_values" not in estimator.__dict__:
        return []
    value = estimator.missing_values
    try:
        return [None if is_pandas_missing(value, "NAType") else cell_value(value)]
    except Unsupported:
        return []
