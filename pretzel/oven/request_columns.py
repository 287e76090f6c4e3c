"""What each column of a request holds, for `Plan.input_schema`: read from the imported graph, which has every check."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.dates import WIDTH
from pretzel.errors import InputValueError
from pretzel.input_spec import InputKind
from pretzel.oven.frontends.missing import columns_of_request
from pretzel.oven.frontends.registry import is_composition
from pretzel.oven.frontends.sklearn.compat import tags_of
from pretzel.oven.ir._cells import cell_key
from pretzel.oven.ir.calendar import Calendar
from pretzel.oven.ir.check import CheckFinite
from pretzel.oven.ir.city_hash import CityHash
from pretzel.oven.ir.columns import LEAVES, CellLeaf, DateLeaf, ItemLeaf, NumericLeaf, Raw, Select, SparseLeaf, TextLeaf
from pretzel.oven.ir.concat import Concat, Densify
from pretzel.oven.ir.date_texts import DateTexts
from pretzel.oven.ir.encode import REJECT_UNKNOWN, CategoryCodes
from pretzel.oven.ir.graph import toposort
from pretzel.oven.ir.impute import Impute, ImputeCells, MissingMask
from pretzel.oven.ir.opaque import Opaque
from pretzel.packed import Packed
from pretzel.schema import Kind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import numpy.typing as npt

    from pretzel.input_spec import InputSpec
    from pretzel.oven.ir._cells import CellValue
    from pretzel.oven.ir.graph import Node

    Columns = npt.NDArray[np.int64]
    Passed = tuple[Columns, Columns]
    """Columns of a value, and the columns of the request whose missing values they have; a value may be very wide."""

MOST_CATEGORIES = 1000
"""Known values of a column up to which they are listed."""

_NONE = np.zeros(0, dtype=np.int64)
NOTHING = _NONE, _NONE
_ANY, _NUMBER, _CATEGORY, _TEXT, _DATE = range(5)  # of what several steps read, the greatest counts
_KINDS = ("any", "number", "category", "text", "date")
_DTYPES = ("object", "float64", "object", "str", "datetime64[us]")


def request_columns(spec: InputSpec, outputs: Iterable[Node]) -> Packed:
    """The columns of a request, those that are alike as one group: see `pretzel.packed.COLUMNS`.

    Parameters
    ----------
    spec : InputSpec
    outputs : iterable of Node
        Results of all methods, before any rule.
    """
    found = _Reader(spec)
    if spec.kind is not InputKind.ANY:
        found.read(toposort(outputs))
    return Packed(found.grouped())


class _Reader:
    """Walks the graph from the request on."""

    def __init__(self, spec: InputSpec) -> None:
        self._spec = spec
        width = spec.width or len(spec.names or ())
        self._kinds = np.zeros(width, dtype=np.int8)
        self._rejected = np.zeros(width, dtype=bool)  # a step stops at a missing value
        self._doubtful = np.zeros(width, dtype=bool)  # the tags of a step do not tell whether it does
        self._narrow = np.zeros(width, dtype=bool)  # a step stops at a value beyond float32
        self._categories: dict[int, tuple[list[CellValue], bool]] = {}
        self._formats: dict[int, str] = {}  # of columns of texts that are dates
        self._missing: dict[Node, Passed] = {}
        self._same: dict[Node, Passed] = {}
        if spec.kind is InputKind.ANY:
            self._doubtful[:] = True
        if spec.coding is not None and spec.coding.columns:  # without them only the frame of a request tells
            for column, categories in zip(spec.coding.columns, spec.coding.categories, strict=True):
                self._note_categories(column, categories, spec.coding.rejects)

    def read(self, nodes: Sequence[Node]) -> None:
        """Note what each node demands of the columns that reach it."""
        for node in nodes:
            self._missing[node] = self._passed_on(node)
            self._same[node] = self._carried(node)
            if isinstance(node, CheckFinite) and node.float32:
                self._narrow[self._same[node][1]] = True
            match node:
                case CheckFinite(allow_nan=False) | CityHash():
                    self._rejected[self._missing[node.inputs[0]][1]] = True
                case MissingMask(reject_new=True) if math.isnan(node.missing):
                    positions, columns = self._missing[node.inputs[0]]
                    self._rejected[columns[~np.isin(positions, node.columns)]] = True
                case ImputeCells(reject_nan=True):
                    self._reject_nan(self._missing[node.inputs[0]][1])
                case CategoryCodes():
                    self._read_categories(node)
                case SparseLeaf():
                    self._raise_kind(self._missing[node][1], _NUMBER)
                case CellLeaf():
                    self._raise_kind(self._missing[node][1], _CATEGORY)
                case TextLeaf():
                    self._raise_kind(self._missing[node][1], _TEXT)
                    self._rejected[self._missing[node][1]] |= not node.missing
                case DateLeaf():
                    self._raise_kind(self._missing[node][1], _DATE)
                case DateTexts():
                    column = _column_of_texts(node)
                    if column is not None:
                        self._formats[column] = node.format
                        self._raise_kind(np.array([column]), _DATE)
                case ItemLeaf():
                    self._rejected[:] = True
                case Opaque():
                    self._read_opaque(node)
            if not isinstance(node, Concat | Select | Opaque):
                for x in node.inputs:
                    self._raise_kind(self._same[x][1], _NUMBER)

    def grouped(self) -> dict[str, Any]:
        """Groups of columns that are alike, and how many columns in a row belong to which group."""
        groups: dict[tuple[Any, ...], int] = {}
        members = np.zeros(len(self._kinds), dtype=np.int64)
        keys = self._kinds * 8 + self._rejected * 4 + self._doubtful * 2 + self._narrow
        listed = {column: each for column, each in self._categories.items() if self._kinds[column] == _CATEGORY}
        keys[[*listed, *self._formats]] = -1
        for key in np.unique(keys[keys >= 0]).tolist():
            alike = np.flatnonzero(keys == key)
            kind, dtype = _KINDS[key // 8], _DTYPES[key // 8]
            dtype = "float32" if kind == "number" and key % 2 else dtype
            members[alike] = groups.setdefault((kind, dtype, self._nullable(alike[0]), False, None), len(groups))
        for column, (categories, rejects) in listed.items():
            known = tuple(filter(_is_json, categories)) if len(categories) <= MOST_CATEGORIES else None
            group = ("category", _dtype_of(categories), self._nullable(column), rejects, known)
            members[column] = groups.setdefault(group, len(groups))
        for column, form in self._formats.items():
            members[column] = groups.setdefault(("date", form, self._nullable(column), False, None), len(groups))
        names = ("kind", "dtype", "nullable", "rejects_unknown", "categories")
        starts = np.flatnonzero(np.diff(members, prepend=-1))
        counts = np.diff(starts, append=len(members))
        return {
            "groups": [dict(zip(names, group, strict=True)) for group in groups],
            "runs": np.stack([members[starts], counts], axis=1).tolist(),
        }

    def _nullable(self, column: int) -> bool | None:
        return False if self._rejected[column] else None if self._doubtful[column] else True

    def _passed_on(self, node: Node) -> Passed:
        """The columns of a value that have a missing value where a column of the request has one."""
        match node:
            case Raw() | NumericLeaf() | CellLeaf() if not node.inputs:
                return _all(np.array(node.columns, dtype=np.int64))
            case TextLeaf() if not node.inputs:
                return _all(np.array([node.column]))
            case DateLeaf() if not node.inputs:
                return np.arange(WIDTH), np.full(WIDTH, node.column)
            case DateTexts():
                column = _column_of_texts(node)
                return NOTHING if column is None else (np.arange(WIDTH), np.full(WIDTH, column))
            case Calendar() if self._missing[node.inputs[0]][0].size:
                width = len(node.features)
                return np.arange(width), np.full(width, self._missing[node.inputs[0]][1][0])
            case SparseLeaf() if not node.inputs:
                return _all(np.arange(node.width))
            case Raw() | Opaque():
                return NOTHING
            case Concat():
                return _side_by_side(node, self._missing)
            case Select():
                return _selected(node, self._missing)
            case CheckFinite() | Densify():
                return self._missing[node.inputs[0]]
        if isinstance(node, LEAVES) or not node.columnwise or node.schema().kind is Kind.CELLS:
            return NOTHING
        (x,) = node.inputs
        positions, columns = self._missing[x]
        if not positions.size:
            return NOTHING
        if isinstance(node, CategoryCodes) and x.schema().kind is Kind.CELLS:
            kept = np.array(
                [self._becomes_nan(node, *each) for each in zip(positions, columns, strict=True)], dtype=bool
            )
        else:
            kept = self._keeps_nan(node, x, positions)
        return positions[kept], columns[kept]

    def _carried(self, node: Node) -> Passed:
        """The columns of a dense value that hold those of the request as they are, missing values aside.

        They say nothing of the kind: the source passes texts on, too, until a step reads numbers.
        """
        match node:
            case NumericLeaf() if not node.inputs:
                return _all(np.array(node.columns, dtype=np.int64))
            case Concat():
                return _side_by_side(node, self._same)
            case Select():
                return _selected(node, self._same)
            case CheckFinite():
                return self._same[node.inputs[0]]
            case Impute() if math.isnan(node.missing):
                return self._same[node.inputs[0]]
        return NOTHING

    def _becomes_nan(self, node: CategoryCodes, at: int, column: int) -> bool:
        """Whether the code of what is missing in a column of cells is NaN."""
        first, last = node.starts[at : at + 2]
        codes = dict(zip(map(cell_key, node.categories[at]), node.codes[first:last], strict=True))
        value = self._spec.missing[column] if self._spec.missing else None
        return bool(np.isnan(codes.get(cell_key(value), 0.0 if node.reject[at] & REJECT_UNKNOWN else node.unknown[at])))

    @staticmethod
    def _keeps_nan(node: Node, x: Node, positions: Columns) -> npt.NDArray[np.bool_]:
        """At which of these positions NaN is NaN behind a column-wise step."""
        if x.schema().kind is not Kind.DENSE or node.schema().kind is not Kind.DENSE:
            return np.full(len(positions), x.schema().kind is Kind.SPARSE)
        try:
            with np.errstate(all="ignore"):
                found = node.reference(np.full((1, x.schema().width), np.nan))[0]
        except InputValueError:  # the step rejects it: labels of an opaque method are codes of its classes
            return np.zeros(len(positions), dtype=bool)
        kept: npt.NDArray[np.bool_] = np.isnan(found[positions])
        return kept

    def _read_categories(self, node: CategoryCodes) -> None:
        columns = columns_of_request(node.inputs[0])
        reject, reached = node.reject.tolist(), {*self._missing[node.inputs[0]][0].tolist()}
        for at, (column, categories) in enumerate(zip(columns, node.categories, strict=True)):
            if column is None:
                continue
            known = [value for value in categories if value is not None and value == value]
            self._note_categories(column, known, bool(reject[at] & 1))
            value = self._spec.missing[column] if self._spec.missing else None
            with_missing = len(known) < len(categories)
            if at in reached and not with_missing and node.rejects(value, reject[at]):
                self._rejected[column] = True

    def _read_opaque(self, node: Opaque) -> None:
        (x,) = node.inputs
        tags = _tags(node.estimator)
        if isinstance(x, Raw):
            columns = np.arange(len(self._kinds)) if not x.inputs and not x.selected else self._missing[x][1]
            read = columns
        else:
            columns, read = self._missing[x][1], self._same[x][1]
        self._raise_kind(read, _ANY if tags is None or tags[0] else _NUMBER)
        if tags is None or not tags[1]:
            (self._doubtful if tags is None else self._rejected)[columns] = True

    def _note_categories(self, column: int, categories: Sequence[CellValue], rejects: bool) -> None:
        known, rejected = self._categories.get(column, ([], False))
        self._categories[column] = list(dict.fromkeys([*known, *categories])), rejected or rejects
        self._kinds[column] = max(self._kinds[column], _CATEGORY)

    def _reject_nan(self, columns: Columns) -> None:
        for column in columns.tolist():
            value = self._spec.missing[column] if self._spec.missing else None
            self._rejected[column] |= value is not None and value != value

    def _raise_kind(self, columns: Columns, kind: int) -> None:
        self._kinds[columns] = np.maximum(self._kinds[columns], kind)


def _all(columns: Columns) -> Passed:
    """A value that has these columns of the request."""
    return np.arange(len(columns)), columns


def _side_by_side(node: Concat, passed: Mapping[Node, Passed]) -> Passed:
    """Columns that the parts of a value pass on."""
    starts = np.cumsum([0, *(each.schema().width for each in node.inputs)])
    parts = [passed[each] for each in node.inputs]
    positions = [part[0] + start for part, start in zip(parts, starts, strict=False)]
    return np.concatenate(positions), np.concatenate([part[1] for part in parts])


def _selected(node: Select, passed: Mapping[Node, Passed]) -> Passed:
    """Columns that are passed on among the selected ones."""
    known = dict(zip(*(each.tolist() for each in passed[node.inputs[0]]), strict=True))
    found = [(at, known[column]) for at, column in enumerate(node.columns) if column in known]
    return np.array([at for at, _ in found], dtype=np.int64), np.array([c for _, c in found], dtype=np.int64)


def _column_of_texts(node: DateTexts) -> int | None:
    """The column of the request that holds texts of dates, whatever in it is missing."""
    (x,) = node.inputs
    while isinstance(x, ImputeCells):
        (x,) = x.inputs
    return x.columns[0] if isinstance(x, CellLeaf) and not x.inputs else None


def _tags(estimator: Any) -> tuple[bool, bool] | None:
    """Whether rows of an estimator may hold texts, and NaN, by its tags.

    None where they do not tell: it looks at no values, or keeps the tags of its base class whatever it takes.
    """
    if not type(estimator).__module__.startswith("sklearn.") or is_composition(estimator):
        return None
    try:
        tags = tags_of(estimator)
    except AttributeError:  # of a parameter that is gone; then it is asked itself what it takes
        return None
    if isinstance(tags, dict):  # before scikit-learn 1.6
        texts = not {"string", "categorical"}.isdisjoint(tags["X_types"])
        return None if tags["no_validation"] else (texts, bool(tags["allow_nan"]))
    texts = tags.input_tags.string or tags.input_tags.categorical
    return None if tags.no_validation else (texts, tags.input_tags.allow_nan)


def _is_json(value: CellValue) -> bool:
    """Whether JSON can hold a category, which neither NaN nor infinity is."""
    return not isinstance(value, float) or math.isfinite(value)


def _dtype_of(categories: Sequence[CellValue]) -> str:
    if all(isinstance(value, str) for value in categories):
        return "str"
    if any(isinstance(value, str) for value in categories):
        return "object"
    return "int64" if all(float(value or 0).is_integer() for value in categories) else "float64"
