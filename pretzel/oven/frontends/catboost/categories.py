"""Categories in a CatBoost model: values that splits ask for, and statistics of combinations of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported
from pretzel.oven.ir.category_statistics import (
    BORDERS,
    BUCKETS,
    COUNTER,
    ELEMENT,
    EQUALS,
    EXCEEDS,
    EXCEEDS_OR_NAN,
    HASH,
    MEAN,
    CategoryStatistics,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pretzel.oven.ir.graph import Array, Node

_STATISTICS = {
    "Borders": BORDERS,
    "Buckets": BUCKETS,
    "BinarizedTargetMeanValue": MEAN,
    "FloatTargetMean": MEAN,
    "Counter": COUNTER,
}


@dataclass(frozen=True)
class Categories:
    """Columns of categories of a model.

    Features are numbered: first each statistic, then each pair of a column and a value that splits ask for.

    Parameters
    ----------
    positions : tuple of int
        Of the columns among all columns of the request.
    nan_exceeds : tuple of bool
        For each column of numbers, which stand before them, whether NaN exceeds all borders.
    statistics_of : tuple of dict
        The statistics as the file has them.
    tables : dict
        Their keys and counts, by identifier.
    first_border : tuple of int
        Number of the first border of each statistic among all borders of the model.
    asked : tuple of (int, int)
        Columns and hashes that splits ask for.
    """

    positions: tuple[int, ...]
    nan_exceeds: tuple[bool, ...]
    statistics_of: tuple[Mapping[str, Any], ...]
    tables: Mapping[str, Any]
    first_border: tuple[int, ...]
    asked: tuple[tuple[int, int], ...]

    @classmethod
    def read(cls, text: Mapping[str, Any]) -> Categories:
        """The categories of a model file."""
        features = text["features_info"]
        numbers = features.get("float_features") or []
        columns = features.get("categorical_features") or []
        statistics = features.get("ctrs") or []
        asked = tuple((i, int(value)) for i, each in enumerate(columns) for value in each.get("values") or ())
        sizes = [len(each["borders"]) for each in statistics]
        start = sum(len(each.get("borders") or ()) for each in numbers) + len(asked)
        return cls(
            tuple(int(each["flat_feature_index"]) for each in columns),
            tuple(each.get("nan_value_treatment") == "AsTrue" for each in numbers),
            tuple(statistics),
            text.get("ctr_data") or {},
            tuple((start + np.cumsum([0, *sizes])).tolist()),
            asked,
        )

    @property
    def n_numbers(self) -> int:
        """Columns of numbers."""
        return len(self.nan_exceeds)

    def is_of_target(self, number: int) -> bool:
        """Whether a feature counts values of the target, and not only rows."""
        return number < len(self.statistics_of) and self.statistics_of[number]["ctr_type"] != "Counter"

    def compared(self, split: Mapping[str, Any]) -> tuple[int, float]:
        """Number of the feature that a split compares, and its border."""
        kind = split["split_type"]
        if kind == "OneHotFeature":
            return len(self.statistics_of) + self.asked.index((split["cat_feature_index"], int(split["value"]))), 0.5
        if kind != "OnlineCtr":
            raise Unsupported(f"splits of the kind {kind}")
        number = int(np.searchsorted(self.first_border, split["split_index"], side="right")) - 1
        if not 0 <= number < len(self.statistics_of):
            raise ValueError(f"a split at border {split['split_index']}, which no statistic has")
        border = float(np.float32(split["border"]))
        if border not in np.array(self.statistics_of[number]["borders"], dtype=np.float32):
            raise ValueError(f"a split at {border}, which is no border of statistic {number}")
        return number, border

    def statistics(self, x: Node, features: Sequence[int]) -> CategoryStatistics:
        """The features of these numbers. ``x`` has the columns of numbers, then the hashes of the categories."""
        tables = _Tables(self)
        made = [tables.feature(each) for each in features]
        return tables.node(x, made)


class _Tables:
    """The tables of some features, each once."""

    def __init__(self, categories: Categories) -> None:
        self._categories = categories
        self._numbers: dict[str, int] = {}
        self._elements: list[list[tuple[int, int, float]]] = []
        self._rows: list[tuple[Array, Array]] = []

    def feature(self, number: int) -> tuple[int, int, int, float, tuple[float, ...]]:
        """Table, statistic, target, denominator and prior of a feature."""
        known = self._categories.statistics_of
        if number >= len(known):
            column, value = self._categories.asked[number - len(known)]
            element = EQUALS, self._categories.n_numbers + column, float(value)
            nothing = np.zeros(0, dtype=np.int64), np.zeros((0, 1))
            return self._table(f"{column} {value}", [element], nothing), ELEMENT, 0, 0.0, (0.0,) * 4
        text = known[number]
        if text["ctr_type"] not in _STATISTICS:
            raise Unsupported(f"statistics of the kind {text['ctr_type']}")
        found = self._categories.tables[text["identifier"]]
        rows = _rows(found["hash_map"], int(found["hash_stride"]))
        elements = [self._element(each) for each in text["elements"]]
        prior = (text["prior_numerator"], text["prior_denomerator"], text["shift"], text["scale"])
        return (
            self._table(text["identifier"], elements, rows),
            _STATISTICS[text["ctr_type"]],
            int(text["target_border_idx"]),
            float(found["counter_denominator"]),
            tuple(map(float, prior)),
        )

    def _element(self, text: Mapping[str, Any]) -> tuple[int, int, float]:
        kind = text["combination_element"]
        if kind == "float_feature":
            column = int(text["float_feature_index"])
            if not 0 <= column < self._categories.n_numbers:
                raise ValueError(f"a statistic of column {column}")
            exceeds = EXCEEDS_OR_NAN if self._categories.nan_exceeds[column] else EXCEEDS
            return exceeds, column, float(text["border"])
        column = int(text["cat_feature_index"])
        if not 0 <= column < len(self._categories.positions):
            raise ValueError(f"a statistic of the categories {column}")
        if kind == "cat_feature_value":
            return HASH, self._categories.n_numbers + column, 0.0
        if kind != "cat_feature_exact_value":
            raise Unsupported(f"statistics of the element {kind}")
        return EQUALS, self._categories.n_numbers + column, float(text["value"])

    def _table(self, name: str, elements: list[tuple[int, int, float]], rows: tuple[Array, Array]) -> int:
        if name not in self._numbers:
            self._numbers[name] = len(self._numbers)
            self._elements.append(elements)
            self._rows.append(rows)
        return self._numbers[name]

    def node(self, x: Node, made: Sequence[tuple[int, int, int, float, tuple[float, ...]]]) -> CategoryStatistics:
        """The features, in their order."""
        elements = [element for each in self._elements for element in each]
        keys, counts = zip(*self._rows, strict=True)
        n_counts = max(each.shape[1] for each in counts)
        wide = [np.pad(each, ((0, 0), (0, n_counts - each.shape[1]))) for each in counts]
        table, statistic, target, denominator, prior = zip(*made, strict=True)
        return CategoryStatistics(
            (x,),
            np.array([kind for kind, _, _ in elements], dtype=np.uint8),
            np.array([column for _, column, _ in elements], dtype=np.int32),
            np.array([number for _, _, number in elements], dtype=np.float64),
            np.cumsum([0, *map(len, self._elements)], dtype=np.int32),
            np.cumsum([0, *map(len, keys)], dtype=np.int32),
            np.concatenate(keys),
            np.concatenate(wide),
            np.array(table, dtype=np.int32),
            np.array(statistic, dtype=np.uint8),
            np.array(target, dtype=np.int32),
            np.array(denominator, dtype=np.float64),
            np.array(prior, dtype=np.float32).reshape(-1, 4),
        )


def _rows(flat: Sequence[Any], stride: int) -> tuple[Array, Array]:
    """Keys in ascending order, and their counts."""
    if stride < 2 or len(flat) % stride:
        raise ValueError(f"a table of {len(flat)} numbers, {stride} for each key")
    keys = np.array([int(each) for each in flat[::stride]], dtype=np.uint64).view(np.int64)
    counts = np.array([flat[i::stride] for i in range(1, stride)], dtype=np.float64).T
    order = np.argsort(keys, kind="stable")
    return keys[order], np.ascontiguousarray(counts[order])
