"""What CatBoost's trees compare of categories: statistics of the target among rows that have the same ones."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.graph import Array, Node, Value
from pretzel.schema import Schema, dense, fixed

HASH, EXCEEDS, EXCEEDS_OR_NAN, EQUALS = range(4)
"""Elements of a key: the hash of a category, whether a column exceeds a number, or is NaN, whether it equals one."""

BORDERS, BUCKETS, MEAN, COUNTER, ELEMENT = range(5)
"""Statistics: share of the counts above a class, of a class, mean of a sum, share of all rows, or the last element."""

_FACTOR, _WORD = 0x4906BA494954CB65, (1 << 64) - 1


class CategoryStatistics(Node):
    """Statistics of combinations of categories, in float32: ``((good + p0) / (total + p1) + p2) * p3``.

    Parameters
    ----------
    element : ndarray of uint8, shape (n_elements,)
        Kind of each element of the keys, all tables together.
    column : ndarray of int32, shape (n_elements,)
        Column of the input that the element reads.
    number : ndarray of float64, shape (n_elements,)
        What it is compared with.
    first_element, first_key : ndarray of int32, shape (n_tables + 1,)
        Where the elements, and the keys, of each table begin.
    keys : ndarray of int64, shape (n_keys,)
        Ascending in each table.
    counts : ndarray of float64, shape (n_keys, n_counts)
        Rows of each class, or a sum and a count, or a count. A key that is not there has zeros.
    table, statistic, target, denominator : ndarray, shape (n_out,)
        Table of each column of the result, and how it is computed.
    prior : ndarray of float32, shape (n_out, 4)
    """

    element: Array
    column: Array
    number: Array
    first_element: Array
    first_key: Array
    keys: Array
    counts: Array
    table: Array
    statistic: Array
    target: Array
    denominator: Array
    prior: Array

    op: ClassVar[str] = "category_statistics/1"
    kernel: ClassVar[str] = "category_statistics"
    discrete: ClassVar[bool] = True

    def schema(self) -> Schema:
        return dense(len(self.table), fixed("float64"))

    def params(self) -> dict[str, Array]:
        names = ("element", "column", "number", "first_element", "first_key", "keys", "counts", "table", "statistic")
        return {name: getattr(self, name) for name in (*names, "target", "denominator", "prior")}

    def reference(self, *inputs: Value) -> Value:
        (x,) = inputs
        out = np.zeros((len(x), len(self.table)))
        for row, values in zip(out, x, strict=True):
            found = [self._found(table, values) for table in range(len(self.first_key) - 1)]
            row[:] = [self._value(j, *found[table]) for j, table in enumerate(self.table)]
        return out

    def _found(self, table: int, values: Array) -> tuple[Array | None, int]:
        """Counts of the row's key, and the last element of this."""
        key = last = 0
        for e in range(self.first_element[table], self.first_element[table + 1]):
            x, number = values[self.column[e]], self.number[e]
            last = _hash(x) if self.element[e] == HASH else int(_holds(self.element[e], x, number))
            key = _FACTOR * (key + _FACTOR * last) & _WORD
        keys = self.keys[self.first_key[table] : self.first_key[table + 1]]
        signed = key - (1 << 64) if key >> 63 else key
        at = int(np.searchsorted(keys, signed))
        is_there = at < len(keys) and keys[at] == signed
        return (self.counts[self.first_key[table] + at] if is_there else None), last

    def _value(self, j: int, counts: Array | None, last: int) -> float:
        statistic, target = self.statistic[j], self.target[j]
        if statistic == ELEMENT:
            return float(last != 0)
        row = np.zeros(max(self.counts.shape[1], 2)) if counts is None else np.append(counts, 0.0)
        good = row[target + 1 :].sum() if statistic == BORDERS else row[target] if statistic == BUCKETS else row[0]
        total = self.denominator[j] if statistic == COUNTER else row[1] if statistic == MEAN else row.sum()
        prior = self.prior[j]
        ratio = (np.float32(good) + prior[0]) / (np.float32(total) + prior[1])
        return float((ratio + prior[2]) * prior[3])

    def describe(self) -> str:
        return f"{len(self.table)} statistics of {len(self.keys)} combinations"


def _hash(x: float) -> int:
    return int(x) & _WORD if abs(x) < 9e18 else 0


def _holds(element: int, x: float, number: float) -> bool:
    if element == EQUALS:
        return x == number
    with np.errstate(over="ignore"):
        exceeds = bool(np.float32(x) > np.float32(number))
    return exceeds or (element == EXCEEDS_OR_NAN and bool(np.isnan(x)))
