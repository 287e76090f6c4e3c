"""What is computed: methods, and the type of a value between two computations (kind, width, dtype, stored entries)."""

from __future__ import annotations

import enum
import inspect
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable

    import numpy.typing as npt


METHODS = (
    "predict",
    "predict_proba",
    "predict_log_proba",
    "predict_joint_log_proba",
    "decision_function",
    "transform",
    "score_samples",
    "apply",
    "raw_score",
    "output_margin",
    "pred_leaf",
    "return_std",
)
"""Methods of an estimator that are compiled, where it has them and they take nothing but ``X``."""

CALL_OPTIONS = ("raw_score", "output_margin", "pred_leaf", "return_std")
"""Methods that are options of ``predict`` in the source: ``predict(X, raw_score=True)``."""

PAIRS = ("return_std",)
"""Options with which ``predict`` returns a pair of vectors; the method of that name has them side by side."""

FOUND = ("kneighbors",)
"""Methods that return a pair of matrices: distances of the rows that were found, and their numbers."""

EXTRAS = ("apply", "predict_joint_log_proba", "score_samples", *CALL_OPTIONS, *FOUND, "radius_neighbors")
"""Methods that few callers want: opaque steps of these alone keep no plan from being strict, or saved."""


INVERSE = "inverse_transform"
"""The method whose requests are what ``transform`` returns. It is compiled, too, where a part of it is native."""


def method_of(model: Any, name: str) -> Any:
    """What answers for one of `METHODS`, which may be an option of another one."""
    if name not in CALL_OPTIONS or callable(getattr(model, name, None)):
        return getattr(model, name)
    predict = partial(model.predict, **{name: True})
    return (lambda X: np.stack(predict(X), axis=1)) if name in PAIRS else predict


def takes_option(model: Any, name: str) -> bool:
    """Whether one of `CALL_OPTIONS` is an option of the ``predict`` of an estimator."""
    return name in CALL_OPTIONS and name in inspect.signature(getattr(model, "predict", takes_option)).parameters


RARE_METHODS = ("mahalanobis", *FOUND, "radius_neighbors")
"""Methods of estimators that have none of `METHODS`: covariances, neighbours. Others have native ones of `FOUND`."""


Positions = tuple[int, ...] | range
"""Positions of columns. The first n are a `range`, because they may be millions; all others are a tuple."""


def as_positions(positions: Positions) -> Positions:
    """Positions in their one form, in which equal ones compare and hash as equal."""
    first = range(len(positions))
    if not positions or (positions[-1] == first[-1] and (positions == first or tuple(first) == positions)):
        return first
    return tuple(positions)


class Kind(enum.Enum):
    """The three shapes of data that kernels exchange; the row count is always the symbol ``n``."""

    DENSE = "dense"  # n x width float64
    SPARSE = "sparse"  # n sparse rows of (int32 index, float64 value)
    CELLS = "cells"  # n x width texts, numbers or missing values as the caller wrote them


class Follows(enum.Enum):
    """How the dtype of a value follows that of the request."""

    NOTHING = ""  # not at all
    REQUEST = "same"  # it is the same
    FLOAT = "float"  # float16 and float32 stay, everything else becomes float64
    FLOAT32 = "single"  # float32 stays, everything else becomes float64


@dataclass(frozen=True, slots=True)
class DTypeRule:
    """dtype that scikit-learn gives a value, as a function of the dtype of the request.

    The request's dtype is the common dtype of the columns whose dtype matters (``plan.MethodPlan.typed``). Kernels
    compute in float64; where scikit-learn rounds to float32 in between, another program does, too (`oven.float32`).
    The result of a method is converted at the end.

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
        dtype = np.dtype(request)
        if self.follows is Follows.NOTHING:
            return np.dtype(self.least)
        if dtype.kind == "O" and self.least:
            dtype = np.dtype(np.float64)  # which objects become before they are computed with
        kept = _KEPT.get(self.follows)
        if kept is not None and dtype.name not in kept:
            dtype = np.dtype(np.float64)
        return np.result_type(dtype, self.least) if self.least else dtype

    @property
    def is_float32(self) -> bool:
        """A request of float32 gives float32."""
        return self.dtype_for(np.float32) == np.float32

    def floating(self, kept: Follows = Follows.FLOAT) -> DTypeRule:
        """dtype behind a step that computes in floating point and keeps float32, and with ``FLOAT`` float16."""
        if self.least == "float32":
            return self  # float32 or float64 whatever the request has
        if self.follows is Follows.NOTHING:
            return FLOAT64
        return _promoted((self.follows, kept), self.least) if self.is_float32 else FLOAT64

    def promote(self, *others: DTypeRule) -> DTypeRule:
        """dtype of values of these dtypes side by side."""
        every = (self, *others)
        least = [rule.least for rule in every if rule.least]
        together = str(np.result_type(*least)) if least else ""
        return _promoted((rule.follows for rule in every), together)

    def __str__(self) -> str:
        return "+".join(part for part in (self.follows.value, self.least) if part)


_ORDER = tuple(Follows)  # each gives a wider dtype than those before it
_KEPT = {Follows.FLOAT: ("float16", "float32"), Follows.FLOAT32: ("float32",)}


def _promoted(follows: Iterable[Follows], least: str) -> DTypeRule:
    """The rule of values that follow the request in these ways, next to one of dtype ``least``."""
    widest = max(follows, key=_ORDER.index)
    kept = _KEPT.get(widest, ("int8", "float32"))
    if widest is Follows.NOTHING or all(np.result_type(dtype, least or dtype) == np.float64 for dtype in kept):
        return fixed(least) if widest is Follows.NOTHING else fixed("float64")
    return DTypeRule(widest, least)


def rule_of(text: str) -> DTypeRule:
    """The rule that prints as ``text``."""
    parts = text.split("+")
    follows = next((each for each in Follows if each.value == parts[0]), Follows.NOTHING)
    return DTypeRule(follows, "+".join(parts[follows is not Follows.NOTHING :]))


def fixed(dtype: str) -> DTypeRule:
    """This dtype, whatever the request has."""
    return DTypeRule(Follows.NOTHING, dtype)


FLOAT64 = fixed("float64")
FLOAT = DTypeRule(Follows.FLOAT)
FLOAT32 = DTypeRule(Follows.FLOAT32)
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
