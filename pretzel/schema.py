"""What a value between two computations looks like: kind, width and, for sparse ones, how full a row can be."""

from __future__ import annotations

import enum
from dataclasses import dataclass


class Kind(enum.Enum):
    """The three shapes of data that kernels exchange; the row count is always the symbol ``n``."""

    DENSE = "dense"  # n x width float64
    SPARSE = "sparse"  # n sparse rows of (int32 index, float64 value)
    CELLS = "cells"  # n x width texts, numbers or missing values as the caller wrote them


@dataclass(frozen=True, slots=True)
class Schema:
    """Type of one edge of the graph.

    Parameters
    ----------
    kind : Kind
        Layout of a row.
    width : int
        Columns per row.
    nnz : int or None
        Upper bound of stored entries per sparse row, ``None`` when it depends on the data.
    integral : bool
        Values are whole numbers (class indices, leaf numbers, category codes) stored exactly in float64.
    keeps_float32 : bool
        scikit-learn returns float32 here when the caller's array is float32.
    """

    kind: Kind
    width: int
    nnz: int | None = None
    integral: bool = False
    keeps_float32: bool = False

    def __str__(self) -> str:
        bound = "" if self.nnz is None else f", nnz<={self.nnz}"
        return f"{self.kind.value}[n, {self.width}{bound}]"


def dense(width: int, *, integral: bool = False, keeps_float32: bool = False) -> Schema:
    """``n x width`` float64."""
    return Schema(Kind.DENSE, width, integral=integral, keeps_float32=keeps_float32)


def sparse(width: int, nnz: int | None = None) -> Schema:
    """``n`` sparse rows over ``width`` columns."""
    return Schema(Kind.SPARSE, width, nnz=nnz)


def cells(width: int) -> Schema:
    """``n x width`` texts, numbers or missing values."""
    return Schema(Kind.CELLS, width)
