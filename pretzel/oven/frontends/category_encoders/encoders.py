"""Adapters of encoders that map each column by itself.

Such an encoder is a function of one value for each column, of which few values are known. So the adapter asks the
encoder itself for all of them, and for a missing and an unknown one: whatever its parameters, it encodes as it does.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.cells import cell_value
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.ir.columns import Raw, Select
from pretzel.oven.ir.embedding_sum import EmbeddingSum
from pretzel.oven.ir.encode import REJECT_NA, REJECT_NAN, REJECT_UNKNOWN, category_codes

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir._cells import CellValue
    from pretzel.oven.ir.graph import Array, Node

UNKNOWN = "\x01 no category \x01"
PACKAGE = "category_encoders"
MODULES = {
    "backward_difference": "BackwardDifferenceEncoder",
    "basen": "BaseNEncoder",
    "binary": "BinaryEncoder",
    "cat_boost": "CatBoostEncoder",
    "count": "CountEncoder",
    "gray": "GrayEncoder",
    "helmert": "HelmertEncoder",
    "james_stein": "JamesSteinEncoder",
    "leave_one_out": "LeaveOneOutEncoder",
    "m_estimate": "MEstimateEncoder",
    "one_hot": "OneHotEncoder",
    "ordinal": "OrdinalEncoder",
    "polynomial": "PolynomialEncoder",
    "quantile_encoder": "QuantileEncoder",
    "rankhot": "RankHotEncoder",
    "sum_coding": "SumEncoder",
    "target_encoder": "TargetEncoder",
    "woe": "WOEEncoder",
}


@adapter(*(f"{PACKAGE}.{module}.{name}" for module, name in MODULES.items()))
def encoder(estimator: Any, x: Node, importer: Importer) -> Node:
    """Columns that are encoded by tables, the others as they are, in the order in which the encoder returns them."""
    if not isinstance(x, Raw):
        raise Unsupported("categories that are not columns of the request")
    _check_parameters(estimator)
    names = list(estimator.feature_names_in_)
    places = {name: place for place, name in enumerate(names)}
    categories = {name: _categories(estimator, name) for name in estimator.cols}
    tried = _Tried(estimator, categories)
    parts: list[Node] = []
    order: list[int] = []
    passed = [place for place, name in enumerate(names) if name not in categories]
    numbers = importer.dense(importer.select(x, tuple(passed))) if passed else None
    starts: dict[Any, int] = {}
    width = 0
    for name, values in categories.items():
        columns = tried.made_of(name)
        if columns:
            parts.append(_encoded(importer.cells(importer.select(x, (places[name],))), values, tried, name))
            starts[name] = width
            width += len(columns)
    if numbers is not None:
        parts.append(numbers)
    for column in tried.columns:
        source = tried.source_of(column)
        if source in categories:
            order.append(starts[source] + tried.made_of(source).index(column))
        else:
            order.append(width + passed.index(places[source]))
    return Select((importer.concat(parts),), tuple(order))


def _check_parameters(estimator: Any) -> None:
    """Raise `Unsupported` for what makes the answer depend on more than whether a value is known."""
    for name in ("composite_members_", "randomized", "hierarchy", "min_group_size"):
        if getattr(estimator, name, None):
            raise Unsupported(f"{type(estimator).__name__}({name}=...)")
    if callable(estimator.handle_unknown) or callable(estimator.handle_missing):
        raise Unsupported("a function for unknown or missing values")


def _encoded(cells: Node, values: list[CellValue], tried: _Tried, name: Any) -> Node:
    table, missing, unknown = tried.tables[name]
    rejects = REJECT_NAN if missing is None else 0
    if unknown is None:
        rejects |= REJECT_UNKNOWN
    if missing is not None:
        values = [*values, math.nan, None]
        table = np.concatenate([table, missing[None], missing[None]])
        rejects |= REJECT_NA
    if table.shape[1] == 1:
        others = [0.0 if unknown is None else float(unknown[0])]
        return category_codes(cells, [values], [table[:, 0].tolist()], others, reject=rejects, dtype=tried.dtypes[name])
    if unknown is not None:
        table = np.concatenate([table, unknown[None]])
    codes = category_codes(cells, [values], [range(len(values))], [float(len(values))], reject=rejects)
    offsets = np.array([0, len(table)], dtype=np.int32)
    return EmbeddingSum((codes,), np.ascontiguousarray(table), offsets, np.zeros(table.shape[1]), tried.dtypes[name])


def _categories(estimator: Any, name: Any) -> list[CellValue]:
    """Values of a column that the encoder knows, but for missing ones."""
    for holder in (estimator, getattr(estimator, "ordinal_encoder", None), getattr(estimator, "base_n_encoder", None)):
        for found in _mappings(holder, name):
            values = [cell_value(each) for each in found if each is not None and each == each]
            if len({*values}) != len(values):
                raise Unsupported("categories that are equal")
            return values
    raise Unsupported(f"no categories of column {name!r:.40}")


def _mappings(holder: Any, name: Any) -> Iterator[Any]:
    """Indexes of the tables of a column that are by category, and not by the number of one."""
    mapping = getattr(holder, "mapping", None)
    if isinstance(mapping, list) and type(holder).__name__ == "OrdinalEncoder":
        yield from (each["mapping"].index for each in mapping if each["col"] == name)
    elif isinstance(mapping, dict) and getattr(holder, "ordinal_encoder", None) is None and name in mapping:
        yield mapping[name].index


class _Tried:
    """What an encoder makes of every value of a column, the other columns being the same."""

    def __init__(self, estimator: Any, categories: dict[Any, list[CellValue]]) -> None:
        import pandas as pd

        self._estimator = estimator
        self._names = list(estimator.feature_names_in_)
        base = {name: categories[name][0] if categories.get(name) else float(place) + 0.5
                for place, name in enumerate(self._names)}  # fmt: skip
        self._base = pd.DataFrame({name: [value] for name, value in base.items()})
        first = self._ask(self._base)
        if first is None:
            raise Unsupported("an encoder that rejects its own categories")
        self.columns = list(first.columns)
        self._sources = dict.fromkeys(self.columns, None)
        self.tables: dict[Any, tuple[Array, Array | None, Array | None]] = {}
        self.dtypes: dict[Any, str] = {}
        answers: dict[Any, list[Any]] = {}
        for place, name in enumerate(self._names):
            known = categories.get(name)
            asked: list[Any] = [place + 0.5, place + 1.5] if known is None else known
            found = [self._ask_of(name, asked), *(self._ask_of(name, [each]) for each in (np.nan, UNKNOWN) if known)]
            if found[0] is None:
                raise Unsupported("an encoder that rejects its own categories")
            answers[name] = found
            everything = pd.concat([each for each in (first, *found) if each is not None])
            for column in self.columns:
                values = everything[column]
                if values.nunique(dropna=False) > 1:
                    if self._sources[column] is not None:
                        raise Unsupported("an output column that depends on several columns")
                    self._sources[column] = name
        for column, source in self._sources.items():
            if source is None:  # constant: any table has it
                self._sources[column] = next(iter(categories), None)
        for name in categories:
            if columns := self.made_of(name):
                self.dtypes[name] = self._dtype([each[columns] for each in answers[name] if each is not None])
                table, missing, unknown = (
                    None if each is None else each[columns].to_numpy(dtype=np.float64) for each in answers[name]
                )
                assert table is not None
                self.tables[name] = (
                    table, None if missing is None else missing[0], None if unknown is None else unknown[0]
                )  # fmt: skip

    def _dtype(self, answers: list[Any]) -> str:
        found = {np.dtype(np.result_type(*each.dtypes)).name for each in answers}
        if len(found) > 1 and not self._estimator.return_df:
            raise Unsupported("an array whose dtype depends on its values")
        return "int64" if found == {"int64"} else "float64"

    def source_of(self, column: Any) -> Any:
        """The column that an output column depends on."""
        return self._sources[column]

    def made_of(self, name: Any) -> list[Any]:
        """The output columns that depend on a column."""
        return [column for column in self.columns if self._sources[column] == name]

    def _ask_of(self, name: Any, values: list[Any]) -> Any:
        import pandas as pd

        rows = pd.concat([self._base] * len(values), ignore_index=True)
        rows[name] = pd.Series(values, dtype=object if name in self._estimator.cols else None)
        return self._ask(rows)

    def _ask(self, rows: Any) -> Any:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                return self._estimator.transform(rows, override_return_df=True)
            except ValueError:  # a value that it rejects
                return None
            except Exception as error:  # whatever a library of another release raises
                raise Unsupported(f"it cannot be asked: {type(error).__name__}") from error
