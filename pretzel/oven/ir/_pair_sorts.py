"""The sorts of `pretzel/_native/core/sort_pairs.h`: of pairs of numbers by the first, as scikit-learn sorts them."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Array

SORTS = ("quick", "intro")
"""Names in the order of the kernel's: those of releases before 1.9, and since."""

INSERTION = 15


def sort_pairs(keys: Array, values: Array, sort: str) -> None:
    """Sort by the keys, in place."""
    if sort == "quick":
        _quick_sort(keys, values)
    else:
        _intro_sort(keys, values, 2 * (len(keys).bit_length() - 1))


def _swap(keys: Array, values: Array, a: int, b: int) -> None:
    for each in (keys, values):
        each[a], each[b] = each[b], each[a]


def _pivot(keys: Array, values: Array) -> float:
    """Put the least of three keys first, the largest in the middle and the other one last."""
    middle, last = len(keys) // 2, len(keys) - 1
    if keys[0] > keys[last]:
        _swap(keys, values, 0, last)
    if keys[last] > keys[middle]:
        _swap(keys, values, last, middle)
        if keys[0] > keys[last]:
            _swap(keys, values, 0, last)
    return float(keys[last])


def _quick_sort(keys: Array, values: Array) -> None:
    while len(keys) > 3:
        pivot, last, at = _pivot(keys, values), len(keys) - 1, 0
        for i in range(last):
            if keys[i] < pivot:
                _swap(keys, values, i, at)
                at += 1
        _swap(keys, values, at, last)
        _quick_sort(keys[:at], values[:at])
        keys, values = keys[at + 1 :], values[at + 1 :]
    _insertion_sort(keys, values)  # of three, both leave equal ones in their order


def _intro_sort(keys: Array, values: Array, depth: int) -> None:
    while len(keys) > INSERTION:
        if depth <= 0:
            _heap_sort(keys, values)
            return
        pivot, depth = _pivot(keys, values), depth - 1
        i, j = 1, len(keys) - 2
        while True:
            while i <= j and keys[i] < pivot:
                i += 1
            while i <= j and keys[j] > pivot:
                j -= 1
            if i >= j:
                break
            _swap(keys, values, i, j)
            i, j = i + 1, j - 1
        _swap(keys, values, i, len(keys) - 1)
        _intro_sort(keys[:i], values[:i], depth)
        keys, values = keys[i + 1 :], values[i + 1 :]
    _insertion_sort(keys, values)


def _insertion_sort(keys: Array, values: Array) -> None:
    order = keys.argsort(kind="stable")
    keys[:], values[:] = keys[order], values[order]


def _heap_sort(keys: Array, values: Array) -> None:
    for at in range((len(keys) - 2) // 2, -1, -1):
        _sift_down(keys, values, at)
    for end in range(len(keys) - 1, 0, -1):
        _swap(keys, values, 0, end)
        _sift_down(keys[:end], values[:end], 0)


def _sift_down(keys: Array, values: Array, at: int) -> None:
    while True:
        largest = at
        for child in (2 * at + 1, 2 * at + 2):
            if child < len(keys) and keys[largest] < keys[child]:
                largest = child
        if largest == at:
            return
        _swap(keys, values, at, largest)
        at = largest
