"""Adapters of `sklearn.preprocessing`: encoders of categories."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.cells import cell_value
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import floats
from pretzel.oven.ir.columns import Raw, Select
from pretzel.oven.ir.concat import Concat
from pretzel.oven.ir.encode import REJECT_UNKNOWN, OneHot, category_codes
from pretzel.oven.ir.graph import Methods, Node, Output
from pretzel.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir._cells import CellValue
from pretzel.oven.frontends.sklearn.compat import preprocessing as compat


@adapter("sklearn.preprocessing.OneHotEncoder")
def one_hot_encoder(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Codes with dropped and infrequent categories resolved, then one-hot rows.

    ``handle_unknown="warn"`` encodes as scikit-learn does; the warning itself is not repeated for each request.
    """
    dtype = _result_dtype(estimator)
    categories = _categories(estimator)
    grouped = [_grouped(estimator, j, len(column)) for j, column in enumerate(categories)]
    rare = [compat.infrequent_code(estimator, j) for j in range(len(categories))]
    as_infrequent = compat.unknown_is_infrequent(estimator)
    unknown = [code if as_infrequent and code is not None else -1 for code in rare]
    for j, drop in enumerate(compat.dropped_codes(estimator)):
        if drop is not None:
            grouped[j] = [_without(drop, code) for code in grouped[j]]
            unknown[j] = _without(drop, unknown[j])
    source = _source(estimator, x, importer)
    reject = REJECT_UNKNOWN if estimator.handle_unknown == "error" else 0
    codes = importer.note(category_codes(source, categories, grouped, unknown, reject=reject))
    widths = compat.one_hot_widths(estimator)
    if len(widths) != len(grouped) or any(
        max([*g, u], default=-1) + 1 != w for g, u, w in zip(grouped, unknown, widths, strict=True)
    ):
        raise ValueError(f"categories_ have the codes {grouped}, and their columns the widths {widths}")
    offsets = np.cumsum([0, *widths], dtype=np.int32)
    return {"transform": Output(OneHot((codes,), offsets, bool(estimator.sparse_output), dtype))}


@adapter("sklearn.preprocessing.OrdinalEncoder")
def ordinal_encoder(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Codes are the result."""
    dtype = _result_dtype(estimator)
    categories = _categories(estimator)
    if estimator.handle_unknown not in ("error", "use_encoded_value"):
        raise ValueError(f"handle_unknown is {estimator.handle_unknown!r:.40}")
    codes: list[Sequence[float]] = []
    for j, column in enumerate(categories):
        missing = compat.missing_category(estimator, j)
        numbers: list[float] = list(_grouped(estimator, j, len(column), missing))
        if missing is not None:
            numbers[missing] = float(estimator.encoded_missing_value)
        codes.append(numbers)
    reject = REJECT_UNKNOWN if estimator.handle_unknown == "error" else 0
    if not reject and estimator.unknown_value is None:
        raise Unsupported("no value for unknown categories")
    unknown = math.nan if reject else float(estimator.unknown_value)
    source = _source(estimator, x, importer)
    others = [0.0 if reject else unknown] * len(codes)
    node = category_codes(source, categories, codes, others, reject=reject, dtype=dtype)
    return {"transform": Output(node)}


@adapter("sklearn.preprocessing.TargetEncoder")
def target_encoder(estimator: Any, x: Node, importer: Importer) -> Node:
    """Each category's mean target; one column for each class where there are more than two."""
    categories = _categories(estimator)
    means = np.atleast_1d(floats(estimator.target_mean_))
    n_means = len(means) if estimator.target_type_ == "multiclass" else 1
    source = _source(estimator, x, importer)
    parts = []
    for k in range(n_means):
        codes = [estimator.encodings_[j * n_means + k].tolist() for j in range(len(categories))]
        parts.append(category_codes(source, categories, codes, [float(means[k])] * len(categories), reject=0))
    if n_means == 1:
        return parts[0]
    order = tuple(k * len(categories) + j for j in range(len(categories)) for k in range(n_means))
    return Select((Concat(tuple(parts)),), order)


def _categories(estimator: Any) -> list[list[CellValue]]:
    if any(column.dtype.kind not in "OUifub" for column in estimator.categories_):
        raise Unsupported("categories that are neither texts nor numbers")
    found = [[cell_value(value) for value in column] for column in estimator.categories_]
    for column, cells in zip(estimator.categories_, found, strict=True):
        if len(set(cells)) != len(cells) or (
            column.dtype.kind in "ifub" and not np.array_equal(np.sort(column), column, equal_nan=True)
        ):
            raise ValueError("categories_ of a column are not unique, or numbers among them do not ascend")
    return found


def _source(estimator: Any, x: Node, importer: Importer) -> Node:
    """What the encoder reads: cells of the request, also where all categories are numbers, because texts are unknown
    categories then; numbers of native steps."""
    if isinstance(x, Raw):
        return importer.cells(x)
    if x.schema().kind is Kind.CELLS:
        return x
    if any(isinstance(value, str) for column in estimator.categories_ for value in column):
        raise Unsupported("texts among the values of native steps")
    return importer.finite(importer.dense(x), estimator, allow_nan=True)


def _result_dtype(estimator: Any) -> str:
    return str(np.dtype(estimator.dtype).name)


def _grouped(estimator: Any, j: int, n: int, missing: int | None = None) -> list[int]:
    """Code of each category of column ``j``, infrequent ones as one; a missing one keeps its own."""
    codes = compat.infrequent_codes(estimator, j)
    if codes is None:
        return list(range(n))
    if missing is not None:
        codes.insert(missing, missing)
    return codes


def _without(drop: int, code: int) -> int:
    """``code`` after category ``drop`` has been taken out."""
    return -1 if code == drop else code - 1 if code > drop else code
