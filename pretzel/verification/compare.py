"""Cell-wise comparison of values: same bits, rtol 1e-9 / atol 1e-12, or what float32 leaves."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from pretzel.verification.report import Difference

RTOL = 1e-9
ATOL = 1e-12
LAST_BITS = 2.0**-48
"""Error of a sum in float64, relative to its terms: its order alone changes a few last bits of these."""
FLOAT32 = 1e-5
"""Relative error of answers in float32, whose last bits depend on the order of sums and on the C library."""

Floats = npt.NDArray[np.float64]


def compare(
    expected: Any, got: Any, *, exact: bool, scale: Floats | None = None, rtol: float = FLOAT32
) -> Difference | None:
    """The difference between two values of a graph, or of two answers; None when they agree.

    Parameters
    ----------
    expected, got : ndarray, SciPy sparse matrix, or list of ndarray
    exact : bool
        Same bits, but NaN equals NaN and -0 equals 0; otherwise ``|got - expected| <= 1e-12 + 1e-9 |expected|``.
    scale : ndarray of shape (rows,), optional
        The largest value that a row of an answer was computed from. Then the bound is ``rtol (|expected| + scale)``,
        because sums lose what is small beside their terms; with an ``rtol`` below 1e-9, that or the one above.
    rtol : float, default=1e-5
        That of answers in float32.
    """
    from scipy import sparse

    if isinstance(expected, list | tuple):
        return _compare_lists(expected, got, exact, scale, rtol)
    if sparse.issparse(expected) or sparse.issparse(got):
        if not (sparse.issparse(expected) and sparse.issparse(got)):
            return Difference(-1, -1, type(expected).__name__, type(got).__name__)
        if expected.shape != got.shape:
            return Difference(-1, -1, expected.shape, got.shape)
        rows, columns, a, b = _aligned(expected, got)
        return _first(a, b, rows, columns, exact, scale, rtol)
    a, b = np.asarray(expected), np.asarray(got)
    if a.shape != b.shape:
        return Difference(-1, -1, a.shape, b.shape)
    rows, columns = (index.ravel() for index in _positions(a.shape))
    if a.dtype.kind in "fiub" and b.dtype.kind in "fiub":
        return _first(a.ravel().astype(np.float64), b.ravel().astype(np.float64), rows, columns, exact, scale, rtol)
    wrong = np.flatnonzero(~_same_objects(a.ravel(), b.ravel()))
    if not wrong.size:
        return None
    at = wrong[0]
    return Difference(int(rows[at]), int(columns[at]), a.ravel()[at], b.ravel()[at], None, int(wrong.size))


def _compare_lists(expected: Any, got: Any, exact: bool, scale: Floats | None, rtol: float) -> Difference | None:
    if not isinstance(got, list | tuple) or len(expected) != len(got):
        return Difference(-1, -1, f"a list of {len(expected)}", type(got).__name__)
    found = (compare(a, b, exact=exact, scale=scale, rtol=rtol) for a, b in zip(expected, got, strict=True))
    return next((difference for difference in found if difference is not None), None)


def _positions(shape: tuple[int, ...]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """Row and column of every cell; a vector is one column."""
    rows, columns = np.indices((shape[0], int(np.prod(shape[1:], dtype=int))))
    return rows, columns


def _aligned(a: Any, b: Any) -> tuple[Any, Any, Floats, Floats]:
    """Cells that either sparse matrix stores, in row order, with both values; what is not stored is 0."""
    width = max(a.shape[1], 1)
    keys, values = [], []
    for matrix in (a, b):
        coo = matrix.tocsr().tocoo()
        key = coo.row.astype(np.int64) * width + coo.col
        unique, inverse = np.unique(key, return_inverse=True)
        total = np.zeros(len(unique))
        np.add.at(total, inverse, coo.data.astype(np.float64))
        keys.append(unique)
        values.append(total)
    union = np.union1d(keys[0], keys[1])
    sides = []
    for key, value in zip(keys, values, strict=True):
        side = np.zeros(len(union))
        side[np.searchsorted(union, key)] = value
        sides.append(side)
    return union // width, union % width, sides[0], sides[1]


def _first(
    a: Floats, b: Floats, rows: Any, columns: Any, exact: bool, scale: Floats | None, rtol: float
) -> Difference | None:
    with np.errstate(invalid="ignore", over="ignore"):
        same = (a == b) | (np.isnan(a) & np.isnan(b))
        distance = np.where(same, 0.0, np.abs(b - a))
        if not exact:
            bound = ATOL + RTOL * np.abs(a)
            if scale is not None:
                lost = rtol * (np.abs(a) + scale[rows])
                bound = lost if rtol >= RTOL else np.maximum(bound, lost)
            same |= (distance <= bound) & np.isfinite(a) & np.isfinite(b)
    wrong = np.flatnonzero(~same)
    if not wrong.size:
        return None
    at = wrong[0]
    return Difference(
        int(rows[at]),
        int(columns[at]),
        float(a[at]),
        float(b[at]),
        ulps_between(float(a[at]), float(b[at])),
        int(wrong.size),
        float(np.nanmax(distance[wrong], initial=0.0)),
    )


def ulps_between(a: float, b: float) -> int | None:
    """How many doubles lie from one to the other; None where one of them is NaN."""
    if np.isnan(a) or np.isnan(b):
        return None
    return abs(_ordinal(a) - _ordinal(b))


def _ordinal(x: float) -> int:
    """Position of a double among all doubles; both zeros are 0."""
    bits = int(np.float64(x).view(np.int64))
    return bits if bits >= 0 else -(bits & 0x7FFFFFFFFFFFFFFF)


def _same_objects(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[np.bool_]:
    """Equality of labels and cells; NaN equals NaN."""
    return np.array([_is_same(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)], dtype=bool)


def _is_same(x: Any, y: Any) -> bool:
    if isinstance(x, np.ndarray) and isinstance(y, np.ndarray):  # of neighbours, of which each row has others
        return compare(x, y, exact=False) is None
    return bool(x == y or (x != x and y != y))


def magnitude(expected: Any, got: Any) -> tuple[float, float]:
    """Largest absolute and relative difference of two answers of equal shape; (0, 0) for labels."""
    if isinstance(expected, list | tuple):
        found = [magnitude(a, b) for a, b in zip(expected, got, strict=True)]
        return max((f[0] for f in found), default=0.0), max((f[1] for f in found), default=0.0)
    from scipy import sparse

    if sparse.issparse(expected):
        a, b = _aligned(expected, got)[2:]
    else:
        a, b = np.asarray(expected), np.asarray(got)
        if a.dtype.kind not in "fiub" or b.dtype.kind not in "fiub":
            return 0.0, 0.0
        a, b = a.astype(np.float64), b.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
        distance = np.where(a == b, 0.0, np.abs(a - b))
        relative = np.where(distance == 0.0, 0.0, distance / np.abs(a))
    finite = np.isfinite(distance) & np.isfinite(relative)
    return float(np.max(distance, where=finite, initial=0.0)), float(np.max(relative, where=finite, initial=0.0))
