"""Dictionary encoding of parameters: distinct numbers once, and a short code for each element."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pretzel.store.digest import frozen

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Array

LEAST = 1024
"""Bytes that an encoding must save, and a quarter of all, or an array stays as it is."""

PLAIN = np.empty(0, dtype=np.uint16)
"""The codes of an array that is not encoded."""

LARGEST = 1 << 28
"""Bytes that an array may have once it is decoded, or a hundred times what it is encoded in."""

_MOST = 1 << 16
_MIX = np.uint64(0x9E3779B97F4A7C15)


def encoded(array: Array) -> tuple[Array, Array]:
    """The distinct rows of an array of float64, bit by bit, and which of them each row is; or the array and `PLAIN`.

    Parameters
    ----------
    array : ndarray of float64
        Of one dimension or two.
    """
    if array.nbytes <= LEAST:
        return array, PLAIN
    rows = np.ascontiguousarray(array).reshape(len(array), -1)
    _, first, numbers = np.unique(_keys(rows.view(np.uint64)), return_index=True, return_inverse=True)
    size = len(first) * rows.shape[1] * rows.itemsize + len(rows) * PLAIN.itemsize
    if len(first) > _MOST or array.nbytes - size < max(LEAST, array.nbytes // 4):
        return array, PLAIN
    values, codes = frozen(array[first]), frozen(numbers.reshape(-1), np.uint16)
    same = np.array_equal(values[codes].view(np.uint64), array.view(np.uint64))
    return (values, codes) if same else (array, PLAIN)


def decoded(values: Array, codes: Array) -> Array:
    """The array of an encoding, which is data from outside.

    Raises
    ------
    ValueError
        It would be much larger than what it is made of.
    """
    size = len(codes) * values[:1].nbytes
    if size > max(LARGEST, 100 * (values.nbytes + codes.nbytes)):
        raise ValueError(f"an array of {size:,} bytes, encoded in {values.nbytes + codes.nbytes:,}")
    return values[codes]


def is_encoding(values: Array, codes: Array, array: Array) -> bool:
    """Whether these are the values and codes of an array, bit by bit."""
    return (
        codes.dtype == PLAIN.dtype
        and values.dtype == array.dtype
        and (*codes.shape, *values.shape[1:]) == array.shape
        and values[codes].tobytes() == array.tobytes()
    )


def _keys(rows: Array) -> Array:
    """One number for each row, which rows that differ hardly ever share."""
    keys = rows[:, 0].copy()
    for column in rows.T[1:]:
        keys = (keys ^ keys >> np.uint64(29)) * _MIX + column
    return keys
