"""``CategoryCodes(Impute(x))  ->  CategoryCodes(x)``: missing cells get the code of what would have replaced them.

Exact, because codes depend on equality alone. Does not fire where a constant has no code of its own and its column
refuses unknown categories (missing cells alone would have to be refused), or where the imputer drops columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.ir._cells import CellValue, cell_key, is_nan
from pretzel.oven.ir.encode import REFUSE_NAN, REFUSE_UNKNOWN, CategoryCodes, category_codes
from pretzel.oven.ir.impute import Impute, ImputeCells

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Node


def impute_into_codes(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Take the constants of an imputer into the table of codes."""
    if not isinstance(node, CategoryCodes):
        return None
    (source,) = node.inputs
    if isinstance(source, Impute):
        missing: tuple[CellValue, ...] = (source.missing,)
        fill: list[CellValue] = [float(value) for value in source.fill]
    elif isinstance(source, ImputeCells) and _keeps_all(source):
        missing, fill = source.missing, source.fill
    else:
        return None
    refuse = REFUSE_NAN if isinstance(source, ImputeCells) and source.refuse_nan else 0
    categories: list[list[CellValue]] = []
    codes: list[list[float]] = []
    for j, column in enumerate(node.categories):
        numbers = node.codes[node.starts[j] : node.starts[j + 1]].tolist()
        table = dict(zip(map(cell_key, column), zip(column, numbers, strict=True), strict=True))
        _, code = table.get(cell_key(fill[j]), (None, None))
        if code is None and node.refuse[j] & REFUSE_UNKNOWN:
            return None
        entries = [(value, number) for value, number in table.values() if not (refuse and is_nan(value))]
        entries += [(value, node.unknown[j] if code is None else code) for value in missing]
        categories.append([value for value, _ in entries])
        codes.append([number for _, number in entries])
    refuse |= int(np.bitwise_or.reduce(node.refuse))
    return category_codes(source.inputs[0], categories, codes, node.unknown.tolist(), refuse=refuse)


def _keeps_all(source: ImputeCells) -> bool:
    return source.columns == tuple(range(source.inputs[0].schema().width))
