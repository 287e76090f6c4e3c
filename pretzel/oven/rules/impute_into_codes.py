"""``CategoryCodes(Impute(x))  ->  CategoryCodes(x)``: missing cells get the code of what would have replaced them.

Exact, because codes depend on equality alone. Does not fire where a constant has no code of its own and its column
refuses unknown categories (missing cells alone would have to be refused), where NaN is refused, or where the imputer
drops columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pretzel.oven.ops._cells import CellValue, cell_key
from pretzel.oven.ops.encode import CategoryCodes, category_codes
from pretzel.oven.ops.impute import Impute, ImputeCells

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.graph import Node


def impute_into_codes(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Take the constants of an imputer into the table of codes."""
    if not isinstance(node, CategoryCodes):
        return None
    (source,) = node.inputs
    if isinstance(source, Impute):
        missing: tuple[CellValue, ...] = (source.missing,)
        fill: list[CellValue] = [float(value) for value in source.fill]
    elif isinstance(source, ImputeCells) and not source.refuse_nan and _keeps_all(source):
        missing, fill = source.missing, source.fill
    else:
        return None
    categories: list[list[CellValue]] = []
    codes: list[list[float]] = []
    for j, column in enumerate(node.categories):
        table = dict(zip(map(cell_key, column), node.codes[node.starts[j] : node.starts[j + 1]], strict=True))
        code = table.get(cell_key(fill[j]))
        if code is None and node.refuse[j]:
            return None
        categories.append([*column, *missing])
        codes.append([*map(float, table.values()), *[float(node.unknown[j] if code is None else code)] * len(missing)])
    unknown = [float(value) for value in node.unknown]
    return category_codes(source.inputs[0], categories, codes, unknown, refuse=bool(node.refuse.any()))


def _keeps_all(source: ImputeCells) -> bool:
    return source.columns == tuple(range(source.inputs[0].schema().width))
