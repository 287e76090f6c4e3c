"""Type of a value between two computations: kind, width, dtype and, for sparse rows, a bound of stored entries."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt


class Kind(enum.Enum):
    """The three shapes of data that kernels exchange; the row count is always the symbol ``n``."""

    DENSE = "dense"  # n x width float64
    SPARSE = "sparse"  # n sparse rows of (int32 index, float64 value)
    CELLS = "cells"  # n x width texts, numbers or missing values as the caller wrote them


class Follows(enum.Enum):
    """How the dtype of a value follows that of the request."""

    NOTHING = ""  # not at all
    FLOAT = "float"  # float32 stays float32, everything else becomes float64
    REQUEST = "same"  # it is the same


@dataclass(frozen=True, slots=True)
class DTypeRule:
    """dtype that scikit-learn gives a value, as a function of the dtype of the request.

    The request's dtype is the common dtype of the columns that a numeric leaf reads. Kernels compute in float64
    whatever the rule says, and the result of a method is converted at the end.

    Parameters
    ----------
    follows : Follows
    least : str
        Name of the dtype that the result is promoted with, empty for none.
    """

    follows: Follows
    least: str = ""

    def dtype_for(self, request: npt.DTypeLike) -> np.dtype[Any]:
        """dtype of the value where the request has this dtype."""
        found = [np.dtype(self.least)] if self.least else []
        request = np.dtype(request)
        if self.follows is Follows.FLOAT and request != np.float32:
            request = np.dtype(np.float64)
        return np.result_type(*found) if self.follows is Follows.NOTHING else np.result_type(request, *found)

    @property
    def keeps_float32(self) -> bool:
        """A request of float32 gives float32, and not every request does."""
        return self.follows is not Follows.NOTHING and self.dtype_for(np.float32) == np.float32

    def floating(self) -> DTypeRule:
        """dtype behind a step that computes in floating point."""
        if self.follows is Follows.NOTHING:
            return self if self.least == "float32" else fixed("float64")
        return FLOAT if self.keeps_float32 else fixed("float64")

    def promote(self, *others: DTypeRule) -> DTypeRule:
        """dtype of values of these dtypes side by side."""
        every = (self, *others)
        least = [rule.least for rule in every if rule.least]
        together = str(np.result_type(*least)) if least else ""
        follows = {rule.follows for rule in every} - {Follows.NOTHING}
        if not follows or together == "float64":
            return fixed(together)
        if Follows.FLOAT not in follows:
            return DTypeRule(Follows.REQUEST, together)
        # Whatever is promoted with float64 is float64, so that only float32 requests can tell.
        keeps = not together or np.result_type(np.float32, together) == np.float32
        return FLOAT if keeps else fixed("float64")

    def __str__(self) -> str:
        return "+".join(part for part in (self.follows.value, self.least) if part)


def fixed(dtype: str) -> DTypeRule:
    """This dtype, whatever the request has."""
    return DTypeRule(Follows.NOTHING, dtype)


FLOAT64 = fixed("float64")
FLOAT = DTypeRule(Follows.FLOAT)
SAME = DTypeRule(Follows.REQUEST)
OBJECT = fixed("object")


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
    dtype : DTypeRule
        dtype that scikit-learn gives the value.
    """

    kind: Kind
    width: int
    nnz: int | None = None
    dtype: DTypeRule = field(default=FLOAT64)

    def __str__(self) -> str:
        bound = "" if self.nnz is None else f", nnz<={self.nnz}"
        return f"{self.kind.value}[n, {self.width}{bound}] {self.dtype}"


def dense(width: int, dtype: DTypeRule = FLOAT64) -> Schema:
    """``n x width`` numbers."""
    return Schema(Kind.DENSE, width, dtype=dtype)


def sparse(width: int, nnz: int | None = None, dtype: DTypeRule = FLOAT64) -> Schema:
    """``n`` sparse rows over ``width`` columns."""
    return Schema(Kind.SPARSE, width, nnz, dtype)


def cells(width: int) -> Schema:
    """``n x width`` texts, numbers or missing values."""
    return Schema(Kind.CELLS, width, dtype=OBJECT)
