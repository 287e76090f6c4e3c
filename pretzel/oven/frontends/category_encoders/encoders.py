"""Adapters of encoders that map each column independently.

Such an encoder is a function of one value for each column, and knows few values. The adapter asks the encoder itself
for the codes of all known values, of missing ones and of unknown ones, so that no parameter is interpreted twice.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pretzel.oven.frontends.cells import cell_value
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.ir.columns import Raw, Select
from pretzel.oven.ir.embedding_sum import EmbeddingSum
from pretzel.oven.ir.encode import (
    NUMBERS_TO_NAN,
    REJECT_NA,
    REJECT_NAN,
    REJECT_NONE,
    REJECT_OBJECT,
    REJECT_UNKNOWN,
    category_codes,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from pretzel.oven.frontends.importer import Importer
    from pretzel.oven.ir._cells import CellValue
    from pretzel.oven.ir.graph import Array, Node

BOOLEANS = "booleans that are encoded otherwise than numbers"
UNKNOWN_TEXT, UNKNOWN_NUMBER = "\x01 no category \x01", -0.123456789
FLOATS = "CatBoostEncoder", "LeaveOneOutEncoder"
"""Encoders for which categories that were booleans are floats."""

PACKAGE = "category_encoders"
MODULES = {
    "backward_difference": "BackwardDifferenceEncoder",
    "basen": "BaseNEncoder",
    "binary": "BinaryEncoder",
    "cat_boost": "CatBoostEncoder",
    "count": "CountEncoder",
    "count_target": "CountTargetEncoder",
    "glmm": "GLMMEncoder",
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
    asked = _Asked(estimator, names, categories)
    if not len(asked.first.columns):
        raise Unsupported("an encoder that drops all columns")
    answers = {name: asked.about(name, categories.get(name), place) for name, place in places.items()}
    sources = _sources(asked.first, answers, default=next(iter(categories), None))
    made = {name: [column for column, source in sources.items() if source == name] for name in names}
    parts: list[Node] = []
    passed = [place for place, name in enumerate(names) if name not in categories]
    starts: dict[Any, int] = {}
    width = 0
    for name, values in categories.items():
        if columns := made[name]:
            found = answers[name].of(columns)
            dtype = _dtype(estimator, found)
            cells = importer.cells(importer.select(x, (places[name],)))
            if asked.tells_booleans(name, values, found):
                importer.exclude(cells, ["bool"], BOOLEANS, each=True)
            parts.append(_encoded(cells, values, found, dtype))
            starts[name] = width
            width += len(columns)
    if passed:
        parts.append(importer.dense(importer.select(x, tuple(passed))))
    order = [
        starts[source] + made[source].index(column) if source in categories else width + passed.index(places[source])
        for column, source in sources.items()
    ]
    return Select((importer.concat(parts),), tuple(order))


def _check_parameters(estimator: Any) -> None:
    """Raise `Unsupported` for what makes the answer depend on more than whether a value is known."""
    for name in ("composite_members_", "randomized", "hierarchy", "min_group_size"):
        if getattr(estimator, name, None):
            raise Unsupported(f"{type(estimator).__name__}({name}=...)")
    if callable(estimator.handle_unknown) or callable(estimator.handle_missing):
        raise Unsupported("a function for unknown or missing values")


class _Answers(NamedTuple):
    """What an encoder makes of values of one column: frames with a row for each value. None: it rejects the value."""

    known: Any
    nan: Any = None
    none: Any = None
    text: Any = None  # one that is unknown
    number: Any = None

    def of(self, columns: list[Any]) -> _Answers:
        """The same for some of the output columns."""
        return _Answers(*(None if each is None else each[columns] for each in self))


def _encoded(cells: Node, values: list[CellValue], found: _Answers, dtype: str) -> Node:
    table, nan, none, text, number = (None if each is None else each.to_numpy(dtype=np.float64) for each in found)
    rejects, unknown = _of_unknown(text, number, any(isinstance(value, str) for value in values))
    missing = [(value, row) for value, row in ((math.nan, nan), (None, none)) if row is not None]
    rejects |= REJECT_NA | (REJECT_NAN if nan is None else 0) | (REJECT_NONE if none is None else 0)
    values = [*values, *(value for value, _ in missing)]
    table = np.concatenate([table, *(row for _, row in missing)])
    if table.shape[1] == 1:
        others = [0.0 if unknown is None else float(unknown[0, 0])]
        return category_codes(cells, [values], [table[:, 0].tolist()], others, reject=rejects, dtype=dtype)
    if rejects & NUMBERS_TO_NAN:
        raise Unsupported("several output columns that are missing where a category is a number")
    if unknown is not None:
        table = np.concatenate([table, unknown])
    codes = category_codes(cells, [values], [range(len(values))], [float(len(values))], reject=rejects)
    offsets = np.array([0, len(table)], dtype=np.int32)
    return EmbeddingSum((codes,), np.ascontiguousarray(table), offsets, np.zeros(table.shape[1]), dtype)


def _of_unknown(text: Array | None, number: Array | None, texts: bool) -> tuple[int, Array | None]:
    """What to reject of unknown values, and what others become, by an unknown text and number.

    With ``texts``, some known value is one.
    """
    if text is None and number is None:
        return REJECT_UNKNOWN, None
    if text is not None and number is not None and np.array_equal(text, number, equal_nan=True):
        return 0, text
    if text is None and not texts:
        return REJECT_OBJECT, number
    if number is not None and np.isnan(number).all():
        return NUMBERS_TO_NAN | (REJECT_UNKNOWN if text is None else 0), text
    raise Unsupported("unknown numbers that are encoded otherwise than unknown texts")


def _dtype(estimator: Any, answers: _Answers) -> str:
    found = {np.dtype(np.result_type(*each.dtypes)).name for each in answers if each is not None}
    if len(found) > 1 and not estimator.return_df:
        raise Unsupported("an array whose dtype depends on its values")
    return "int64" if found == {"int64"} else "float64"


def _categories(estimator: Any, name: Any) -> list[CellValue]:
    """Values of a column that the encoder knows, but for missing ones."""
    for holder in (estimator, getattr(estimator, "ordinal_encoder", None)):
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


def _sources(first: Any, answers: Mapping[Any, _Answers], *, default: Any) -> dict[Any, Any]:
    """The column that each output column depends on; ``default`` for constant ones, which any table has."""
    import pandas as pd

    sources = dict.fromkeys(first.columns, None)
    for name, found in answers.items():
        everything = pd.concat([each for each in (first, *found) if each is not None])
        for column in sources:
            if everything[column].nunique(dropna=False) > 1:
                if sources[column] is not None:
                    raise Unsupported("an output column that depends on several columns")
                sources[column] = name
    return {column: default if source is None else source for column, source in sources.items()}


class _Asked:
    """An encoder that is asked what it makes of values of a column, the other columns being the same.

    Parameters
    ----------
    estimator : fitted encoder
    names : list
        Of the columns.
    categories : dict
        Known values of the columns that are encoded.
    """

    def __init__(self, estimator: Any, names: list[Any], categories: Mapping[Any, list[CellValue]]) -> None:
        import pandas as pd

        self._estimator = estimator
        base = {name: categories[name][0] if categories.get(name) else float(place) + 0.5
                for place, name in enumerate(names)}  # fmt: skip
        self._base = pd.DataFrame({name: [value] for name, value in base.items()})
        self.first = self._known(self._ask(self._base))

    def about(self, name: Any, values: list[CellValue] | None, place: int) -> _Answers:
        """What values of every kind become; of a column that is not encoded, two numbers tell which outputs it has."""
        if values is None:
            return _Answers(self._known(self._of(name, [place + 0.5, place + 1.5], None)))
        if not values:
            raise Unsupported("a column whose categories are all missing")
        return _Answers(
            self._known(self._of(name, values)),
            self._of(name, [math.nan]),
            self._none(name, values[0]),
            self._of(name, [UNKNOWN_TEXT]),
            self._of(name, [UNKNOWN_NUMBER]),
        )

    def tells_booleans(self, name: Any, values: list[CellValue], found: _Answers) -> bool:
        """Whether booleans in a request are encoded otherwise than the numbers that are equal to them.

        Raises
        ------
        Unsupported
            The categories themselves may have been booleans.
        """
        flags = [value == 1.0 for value in values if value in (0.0, 1.0)]
        if not flags:
            return False
        encoded = self._of(name, flags, bool)
        known = found.known[[value in (0.0, 1.0) for value in values]]
        if encoded is not None and np.array_equal(encoded[known.columns], known, equal_nan=True):
            return False
        if {*values} <= {0.0, 1.0} and not self._are_numbers(name):
            raise Unsupported(BOOLEANS)
        return True

    def _none(self, name: Any, known: CellValue) -> Any:
        """None beside a known value: a column of nothing else is one of missing numbers for some encoders."""
        found = self._of(name, [known, None])
        return None if found is None else found[1:]

    def _are_numbers(self, name: Any) -> bool:
        """Whether the encoder knows that the categories of a column were numbers, and no booleans."""
        kinds = "iu" if type(self._estimator).__name__ in FLOATS else "iuf"
        holders = (self._estimator, getattr(self._estimator, "ordinal_encoder", None))
        return any(index.dtype.kind in kinds for holder in holders for index in _mappings(holder, name))

    @staticmethod
    def _known(answer: Any) -> Any:
        if answer is None:
            raise Unsupported("an encoder that rejects its own categories")
        return answer

    def _of(self, name: Any, values: Sequence[Any], dtype: Any = object) -> Any:
        import pandas as pd

        rows = pd.concat([self._base] * len(values), ignore_index=True)
        rows[name] = pd.Series(values, dtype=dtype)
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
