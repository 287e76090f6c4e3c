"""Categories to numbers: one code for each cell, and one-hot rows from codes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from pretzel.errors import InputValueError
from pretzel.oven.graph import Array, Methods, Node, Output, Value
from pretzel.oven.ops._cells import CellValue, PackedCells, cell_key, cell_value, is_nan, pack, unpack
from pretzel.oven.ops.columns import Raw, Select
from pretzel.oven.ops.concat import Concat
from pretzel.oven.registry import Unsupported, from_sklearn
from pretzel.schema import Kind, Schema, dense, sparse

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.oven.importer import Importer


REFUSE_UNKNOWN, REFUSE_NAN = 1, 2


class CategoryCodes(Node):
    """For each cell the number that belongs to its category; equality is Python's (``1 == 1.0 == True != "1"``).

    Parameters
    ----------
    starts : ndarray of int32, shape (width + 1,)
        Categories of column j are ``starts[j]:starts[j + 1]`` of the arrays below.
    kinds, numbers, offsets, sizes, text : ndarray
        `PackedCells` with every category.
    codes : ndarray of float64, shape (n_categories,)
        What each category becomes.
    unknown : ndarray of float64, shape (width,)
        What other cells become.
    refuse : ndarray of uint8, shape (width,)
        `REFUSE_UNKNOWN`: stop at other cells instead. `REFUSE_NAN`: stop at NaN, which is no category then.
    """

    starts: Array
    kinds: Array
    numbers: Array
    offsets: Array
    sizes: Array
    text: Array
    codes: Array
    unknown: Array
    refuse: Array

    kernel: ClassVar[str] = "category_codes"

    @property
    def categories(self) -> list[list[CellValue]]:
        """Categories of each column."""
        values = unpack((self.kinds, self.numbers, self.offsets, self.sizes, self.text))
        return [values[a:b] for a, b in zip(self.starts[:-1], self.starts[1:], strict=True)]

    def schema(self) -> Schema:
        whole = bool(np.isfinite(self.codes).all() and np.isfinite(self.unknown).all())
        return dense(len(self.unknown), integral=whole)

    def params(self) -> tuple[Array, ...]:
        constants = PackedCells(self.kinds, self.numbers, self.offsets, self.sizes, self.text)
        return self.starts, *constants, self.codes, self.unknown, self.refuse

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        out = np.empty(x.shape)
        for j, categories in enumerate(self.categories):
            codes = self.codes[self.starts[j] : self.starts[j + 1]]
            table = dict(zip(map(cell_key, categories), codes, strict=True))
            for i in range(len(x)):
                code = table.get(cell_key(x[i, j]))
                if code is None and (self.refuse[j] & REFUSE_UNKNOWN or (self.refuse[j] and is_nan(x[i, j]))):
                    raise InputValueError(f"row {i}, column {j}: {x[i, j]!r} is refused")
                out[i, j] = self.unknown[j] if code is None else code
        return out

    def describe(self) -> str:
        return f"{len(self.unknown)} columns, {len(self.codes)} categories"


def category_codes(
    x: Node,
    categories: Sequence[Sequence[CellValue]],
    codes: Sequence[Sequence[float]],
    unknown: Sequence[float],
    *,
    refuse: int,
) -> CategoryCodes:
    """A node from the categories of each column; of equal ones the last counts, as in a dict."""
    tables = [
        dict(zip(map(cell_key, column), zip(column, numbers, strict=True), strict=True))
        for column, numbers in zip(categories, codes, strict=True)
    ]
    entries = [entry for table in tables for entry in table.values()]
    return CategoryCodes(
        (x,),
        np.cumsum([0, *map(len, tables)], dtype=np.int32),
        *pack(value for value, _ in entries),
        np.array([code for _, code in entries], dtype=np.float64),
        np.array(unknown, dtype=np.float64),
        np.full(len(tables), refuse, dtype=np.uint8),
    )


class OneHot(Node):
    """A 1 in column ``offsets[j] + code`` for each code, nothing for negative ones.

    Parameters
    ----------
    offsets : ndarray of int32, shape (width + 1,)
    is_sparse : bool
        Sparse rows, else dense ones.
    """

    offsets: Array
    is_sparse: bool = True

    kernel: ClassVar[str] = "one_hot"

    def schema(self) -> Schema:
        width = int(self.offsets[-1])
        if self.is_sparse:
            return sparse(width, len(self.offsets) - 1)
        return dense(width, integral=True)

    def params(self) -> tuple[Array, ...]:
        return (self.offsets,)

    def reference(self, *inputs: Value) -> Value:
        from scipy import sparse as sp

        (codes,) = inputs
        out = np.zeros((len(codes), int(self.offsets[-1])))
        row, column = np.nonzero(codes >= 0)
        out[row, self.offsets[column] + codes[row, column].astype(np.int64)] = 1.0
        return sp.csr_array(out) if self.is_sparse else out

    def always_finite(self) -> bool:
        return True

    def describe(self) -> str:
        return f"{len(self.offsets) - 1} columns -> {int(self.offsets[-1])}"


@from_sklearn("sklearn.preprocessing.OneHotEncoder")
def one_hot_encoder(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Codes with dropped and infrequent categories resolved, then one-hot rows.

    ``handle_unknown="warn"`` encodes as scikit-learn does; the warning itself is not repeated for each request.
    """
    dtype = _result_dtype(estimator)
    categories = _categories(estimator)
    grouped = [_grouped(estimator, j, len(column)) for j, column in enumerate(categories)]
    rare = [_infrequent_code(estimator, j) for j in range(len(categories))]
    as_infrequent = estimator.handle_unknown in ("infrequent_if_exist", "warn")
    unknown = [code if as_infrequent and code is not None else -1 for code in rare]
    if estimator._drop_idx_after_grouping is not None:
        for j, drop in enumerate(estimator._drop_idx_after_grouping):
            if drop is not None:
                grouped[j] = [_without(drop, code) for code in grouped[j]]
                unknown[j] = _without(drop, unknown[j])
    source = _source(estimator, x, importer)
    refuse = REFUSE_UNKNOWN if estimator.handle_unknown == "error" else 0
    codes = importer.note(category_codes(source, categories, grouped, unknown, refuse=refuse))
    offsets = np.cumsum([0, *estimator._n_features_outs], dtype=np.int32)
    return {"transform": Output(OneHot((codes,), offsets, bool(estimator.sparse_output)), dtype=dtype)}


@from_sklearn("sklearn.preprocessing.OrdinalEncoder")
def ordinal_encoder(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Codes are the result."""
    dtype = _result_dtype(estimator)
    categories = _categories(estimator)
    codes: list[Sequence[float]] = []
    for j, column in enumerate(categories):
        missing = estimator._missing_indices.get(j)
        numbers: list[float] = list(_grouped(estimator, j, len(column), missing))
        if missing is not None:
            numbers[missing] = float(estimator.encoded_missing_value)
        codes.append(numbers)
    refuse = REFUSE_UNKNOWN if estimator.handle_unknown == "error" else 0
    unknown = math.nan if refuse else float(estimator.unknown_value)
    source = _source(estimator, x, importer)
    node = category_codes(source, categories, codes, [0.0 if refuse else unknown] * len(codes), refuse=refuse)
    return {"transform": Output(node, dtype=dtype)}


@from_sklearn("sklearn.preprocessing.TargetEncoder")
def target_encoder(estimator: Any, x: Node, importer: Importer) -> Node:
    """Each category's mean target; one column for each class where there are more than two."""
    categories = _categories(estimator)
    means = np.atleast_1d(np.asarray(estimator.target_mean_, dtype=np.float64))
    n_means = len(means) if estimator.target_type_ == "multiclass" else 1
    source = _source(estimator, x, importer)
    parts = []
    for k in range(n_means):
        codes = [estimator.encodings_[j * n_means + k].tolist() for j in range(len(categories))]
        parts.append(category_codes(source, categories, codes, [float(means[k])] * len(categories), refuse=0))
    if n_means == 1:
        return parts[0]
    order = tuple(k * len(categories) + j for j in range(len(categories)) for k in range(n_means))
    return Select((Concat(tuple(parts)),), order)


def _categories(estimator: Any) -> list[list[CellValue]]:
    if any(column.dtype.kind not in "OUifub" for column in estimator.categories_):
        raise Unsupported("categories that are neither texts nor numbers")
    return [[cell_value(value) for value in column] for column in estimator.categories_]


def _source(estimator: Any, x: Node, importer: Importer) -> Node:
    """What the encoder reads: numbers where all categories are numbers, else cells."""
    numeric = all(column.dtype.kind in "ifub" for column in estimator.categories_)
    if not isinstance(x, Raw) and x.schema().kind is Kind.CELLS:
        return x
    if numeric or not isinstance(x, Raw):
        return importer.finite(importer.dense(x), estimator, allow_nan=True)
    return importer.cells(x)


def _result_dtype(estimator: Any) -> str:
    dtype = np.dtype(estimator.dtype)
    if dtype.kind == "f" and dtype != np.float64:
        raise Unsupported(f"{type(estimator).__name__}(dtype={dtype.name})")
    return str(dtype.name)


def _grouped(estimator: Any, j: int, n: int, missing: int | None = None) -> list[int]:
    """Code of each category of column ``j``, infrequent ones as one; a missing one keeps its own."""
    mapping = estimator._default_to_infrequent_mappings[j] if estimator._infrequent_enabled else None
    if mapping is None:
        return list(range(n))
    codes = [int(code) for code in mapping]
    if missing is not None:
        codes.insert(missing, missing)
    return codes


def _infrequent_code(estimator: Any, j: int) -> int | None:
    """Code of the infrequent group of column ``j``, where there is one."""
    if not estimator._infrequent_enabled or estimator._infrequent_indices[j] is None:
        return None
    return int(estimator._default_to_infrequent_mappings[j][estimator._infrequent_indices[j][0]])


def _without(drop: int, code: int) -> int:
    """``code`` after category ``drop`` has been taken out."""
    return -1 if code == drop else code - 1 if code > drop else code
