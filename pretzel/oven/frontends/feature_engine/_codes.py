"""What encoders make of the values of a column, as nodes."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pretzel.oven.frontends.cells import cell_value
from pretzel.oven.frontends.forms import Relabelled
from pretzel.oven.frontends.registry import Unsupported
from pretzel.oven.ir._cells import CellValue, cell_key
from pretzel.oven.ir.encode import REJECT_NA, REJECT_NAN, REJECT_UNKNOWN, category_codes

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir.graph import Node


@dataclass(frozen=True, slots=True)
class Codes:
    """The code of each value of a column; None where the encoder rejects it.

    Parameters
    ----------
    known : dict
        Codes of values that are not missing.
    other : float or None
        The code of any other value.
    none, nan : float or None
        Codes of missing values.
    """

    known: dict[CellValue, float]
    other: float | None
    none: float | None
    nan: float | None


def known_values(values: Iterable[Any]) -> list[CellValue]:
    """Values of a column that an encoder knows.

    Raises
    ------
    Unsupported
        Some are missing, equal, or nothing that a cell can hold.
    """
    found = [cell_value(value) for value in values]
    if len({cell_key(value) for value in found}) < len(found):
        raise Unsupported("categories that are equal")
    if any(value is None or value != value for value in found):
        raise Unsupported("a category that is a missing value")
    return found


def encoded(values: Node, tables: Sequence[Codes], estimator: Any, importer: Importer, *, dtype: str) -> Node:
    """The codes of values, with the check for those that are rejected."""
    while isinstance(values, Relabelled):
        labelled = zip(tables, values.known, values.labels, values.others, strict=True)
        tables = [_behind(*each, rejects_missing=values.rejects_missing) for each in labelled]
        values = values.read
    strict = {(each.other is None, each.none is None, each.nan is None) for each in tables}
    if len(strict) > 1:
        raise Unsupported("columns that are rejected for several reasons")
    rejects_other, rejects_none, rejects_nan = strict.pop()
    if rejects_other and rejects_none and rejects_nan:
        return _coded(values, tables, REJECT_UNKNOWN | REJECT_NAN | REJECT_NA, dtype)
    if not rejects_other and not rejects_none and not rejects_nan:
        same = all(_equal(each.other, each.none) and _equal(each.other, each.nan) for each in tables)
        return _coded(values, tables, 0 if same else REJECT_NA, dtype)
    if rejects_other:
        raise Unsupported("missing values that are known, where others are rejected")
    if all(math.isfinite(code) for each in tables for code in (*each.known.values(), each.other or 0.0)):
        return importer.finite(importer.note(_coded(values, tables, REJECT_NA, dtype)), estimator)
    numbered = [_numbered(each) for each in tables]
    places = importer.finite(importer.note(_coded(values, numbered, REJECT_NA, "float64")), estimator)
    codes = [[*each.known.values(), _number(each.other), _number(each.none), _number(each.nan)] for each in tables]
    return category_codes(
        places, [[float(i) for i in range(len(each))] for each in codes], codes, [0.0] * len(codes), reject=0,
        dtype=dtype,
    )  # fmt: skip


def _behind(
    table: Codes,
    known: tuple[CellValue, ...],
    labels: tuple[CellValue, ...],
    other: CellValue,
    *,
    rejects_missing: bool,
) -> Codes:
    """Codes of values in place of which an encoder reads labels."""
    codes = {cell_key(value): code for value, code in table.known.items()}
    found = {value: codes.get(cell_key(label), table.other) for value, label in zip(known, labels, strict=True)}
    accepted = {value: code for value, code in found.items() if code is not None}
    others = codes.get(cell_key(other), table.other)
    if len(accepted) < len(found) and others is not None:
        raise Unsupported("a label that the encoder behind rejects")
    missing = (None, None) if rejects_missing else (others, table.nan)
    return Codes(accepted, others, *missing)


def _numbered(table: Codes) -> Codes:
    """The places of codes in place of them; that of values that are rejected is NaN."""
    count = len(table.known)
    none, nan = (math.nan if each is None else count + at for at, each in ((1, table.none), (2, table.nan)))
    return Codes(dict(zip(table.known, map(float, range(count)), strict=True)), float(count), none, nan)


def _coded(values: Node, tables: Sequence[Codes], reject: int, dtype: str) -> Node:
    """Codes, NaN for missing values that are rejected unless the node itself does."""
    categories: list[list[CellValue]] = []
    codes: list[list[float]] = []
    for table in tables:
        missing: list[CellValue] = [] if not reject or reject & REJECT_UNKNOWN else [None, math.nan]
        categories.append([*table.known, *missing])
        codes.append([*table.known.values(), *([_number(table.none), _number(table.nan)] if missing else [])])
    others = [_number(each.other) for each in tables]
    return category_codes(values, categories, codes, others, reject=reject, dtype=dtype)


def _number(code: float | None) -> float:
    return math.nan if code is None else code


def _equal(a: float | None, b: float | None) -> bool:
    return a == b or (a != a and b != b)
