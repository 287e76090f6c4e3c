"""``CategoryCodes(Impute(x))  ->  CategoryCodes(x)``: missing cells get the code of their replacement.

Exact, because codes depend on equality alone. Does not fire where a constant has no code and its column
rejects unknown categories (missing cells alone would have to be rejected), or where the imputer drops columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pretzel.oven.ir._cells import CellValue, cell_key, is_nan
from pretzel.oven.ir.encode import REJECT_NA, REJECT_NAN, REJECT_UNKNOWN, CategoryCodes, category_codes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel.oven.ir.graph import Node


def impute_into_codes(node: Node, users: Mapping[Node, list[Node]]) -> Node | None:
    """Take the constants of an imputer into the table of codes."""
    if not isinstance(node, CategoryCodes):
        return None
    (source,) = node.inputs
    replacement = source.as_replacement()
    if replacement is None:
        return None
    reject = REJECT_NAN if replacement.rejects_nan else 0
    categories: list[list[CellValue]] = []
    codes: list[list[float]] = []
    for j, column in enumerate(node.categories):
        numbers = node.codes[node.starts[j] : node.starts[j + 1]].tolist()
        table = dict(zip(map(cell_key, column), zip(column, numbers, strict=True), strict=True))
        _, code = table.get(cell_key(replacement.fill[j]), (None, None))
        if code is None and node.reject[j] & REJECT_UNKNOWN:
            return None
        entries = [(value, number) for value, number in table.values() if not (reject and is_nan(value))]
        entries += [(value, node.unknown[j] if code is None else code) for value in replacement.missing]
        categories.append([value for value, _ in entries])
        codes.append([number for _, number in entries])
    reject |= int(np.bitwise_or.reduce(node.reject)) | (REJECT_NA if replacement.rejects_na else 0)
    return category_codes(source.inputs[0], categories, codes, node.unknown.tolist(), reject=reject, dtype=node.dtype)
