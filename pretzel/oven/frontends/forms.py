"""Values with more than one form while an estimator is imported: none of these nodes is ever optimized or lowered."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

import numpy as np

from pretzel.oven.frontends.registry import Unsupported
from pretzel.oven.ir.columns import LEAVES, CellLeaf, NumericLeaf, Raw, Select, SparseLeaf, TextLeaf
from pretzel.oven.ir.graph import Node, toposort
from pretzel.oven.ir.impute import ImputeCells
from pretzel.oven.ir.opaque import Opaque
from pretzel.plan import PassedOn
from pretzel.schema import Kind, Schema, cells

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable

    from pretzel.oven.ir._cells import CellValue


class TwoForms(Node):
    """A value as native steps compute it, and as the source's own steps make it.

    Native readers take the first form, opaque readers the second: a DataFrame where ``set_output`` asks for one, text
    that a `ColumnTransformer` passes on, the sparse rows of a request.

    Parameters
    ----------
    token : int
        Keeps two such values apart.
    first_for : {"none", "arrays", "numbers"}
        Callers that get the first form: none, those who send arrays, those whose values are numbers.
    """

    token: int
    first_for: str

    op: ClassVar[str] = "two_forms/1"

    @property
    def native(self) -> Node:
        """The form that native steps read."""
        return self.inputs[0]

    @property
    def source(self) -> Node:
        """The form that opaque steps read."""
        found: Node = self.__dict__["_source"]
        return found


class Beside(Node):
    """Values side by side of which some are not known to be numbers: columns that no step has read, text."""

    keep_sparse: bool = True

    op: ClassVar[str] = "beside/1"

    @property
    def widths(self) -> list[int]:
        """Columns of each part."""
        return [len(part.columns) if isinstance(part, Raw) else part.schema().width for part in self.inputs]


class Columns(Beside):
    """Columns side by side in runs, which are columns of fewer values, because many steps change some columns only.

    Parameters
    ----------
    whole : tuple of Node
        These values, and others that are made only because they may be rejected.
    order : tuple of int
        The place of each column among theirs.
    """

    whole: tuple[Node, ...] = ()
    order: tuple[int, ...] = ()

    op: ClassVar[str] = "columns/1"


class Relabelled(Node):
    """Cells in place of other cells or numbers, for encoders, which read the latter and encode the former.

    Parameters
    ----------
    columns : tuple of int
        Columns of the input.
    known, labels : tuple of tuple of str or float
        For each column the values that are known, and what stands in place of each.
    others : tuple of str or float
        What stands in place of all other values but NaN in each column.
    rejects_missing : bool
        Missing values are rejected. Else NaN stays NaN.
    """

    columns: tuple[int, ...]
    known: tuple[tuple[CellValue, ...], ...]
    labels: tuple[tuple[CellValue, ...], ...]
    others: tuple[CellValue, ...]
    rejects_missing: bool

    op: ClassVar[str] = "relabelled/1"

    def schema(self) -> Schema:
        return cells(len(self.columns))

    def select(self, columns: list[int]) -> Relabelled:
        """Some of the columns."""
        given, known, labels = self.columns, self.known, self.labels
        return Relabelled(
            self.inputs,
            tuple(given[i] for i in columns),
            tuple(known[i] for i in columns),
            tuple(labels[i] for i in columns),
            tuple(self.others[i] for i in columns),
            self.rejects_missing,
        )

    @property
    def read(self) -> Node:
        """What is read, column by column."""
        return _columns_of(self.inputs[0], [*self.columns])


class Dated(Node):
    """Dates in place of a column, for encoders of dates, which read the input: what `pretzel.dates` explains.

    Parameters
    ----------
    library : str
        As whose dates they are encoded.
    """

    library: str

    op: ClassVar[str] = "dated/1"

    def schema(self) -> Schema:
        return cells(1)


Place = tuple[Node, int]
"""A column of a value."""


def places_of(x: Node) -> list[Place]:
    """The columns of ``x``, each as a column of the value that has made it; none where their number is not known."""
    if isinstance(x, TwoForms):
        return places_of(x.native)
    if isinstance(x, Columns):
        places = [place for part in x.whole for place in places_of(part)]
        return [places[at] for at in x.order]
    if isinstance(x, Beside):
        return [place for part in x.inputs for place in places_of(part)]
    if isinstance(x, Raw):
        return [(Raw(x.inputs, (column,), selected=True), 0) for column in x.columns]
    return [(x, at) for at in range(x.schema().width)]


def made_for_checks(x: Node) -> list[Node]:
    """Values beside the columns of ``x`` that are made only because they may be rejected."""
    native = x.native if isinstance(x, TwoForms) else x
    if not isinstance(native, Columns):
        return []
    ends = np.cumsum([len(places_of(each)) for each in native.whole])
    read = {int(np.searchsorted(ends, at, side="right")) for at in native.order}
    return [each for i, each in enumerate(native.whole) if i not in read]


def arranged(places: list[Place], checked: Iterable[Node] = ()) -> Node:
    """These columns side by side, as few values that are as wide as possible.

    Parameters
    ----------
    places : list of tuple
    checked : iterable of Node
        Values that are made, too, because they may be rejected.
    """
    beside = tuple(checked)
    runs: list[tuple[Node, list[int]]] = []
    used: dict[Hashable, tuple[Node, list[int]]] = {}
    for node, at in places:
        key, column = _source(node), node.columns[at] if isinstance(node, Raw) else at
        if not runs or _source(runs[-1][0]) != key:
            runs.append((node, []))
        runs[-1][1].append(column)
        used.setdefault(key, (node, []))[1].append(column)
    parts = [_columns_of(node, columns) for node, columns in runs]
    if len(parts) == 1 and not beside:
        return parts[0]
    whole: list[Node] = []
    found: dict[tuple[Hashable, int], int] = {}
    for source, (node, columns) in used.items():
        kept = sorted({*columns})
        whole.append(_columns_of(node, kept))
        found.update({(source, each): len(found) + i for i, each in enumerate(kept)})
    order = tuple(found[_source(node), each] for node, columns in runs for each in columns)
    return Columns(tuple(parts), True, (*whole, *beside), order)


def _source(node: Node) -> Hashable:
    """What two columns have in common that are columns of one value."""
    return node.inputs if isinstance(node, Raw) else node


def _columns_of(node: Node, columns: list[int]) -> Node:
    if isinstance(node, Raw):
        return Raw(node.inputs, tuple(columns), selected=True)
    if columns == list(range(node.schema().width)):
        return node
    if isinstance(node, ImputeCells | Relabelled):
        return node.select(columns)
    if isinstance(node, CellLeaf):
        return CellLeaf(node.inputs, tuple(node.columns[i] for i in columns))
    if node.schema().kind is Kind.CELLS:
        raise Unsupported("some of the values that a step returns as they are")
    return Select((node,), tuple(columns))


def two_forms(native: Node, source: Node, token: int, first_for: str = "none") -> TwoForms:
    """A value in both forms."""
    made = TwoForms((native,), token, first_for)
    object.__setattr__(made, "_source", source)
    return made


def source_form(x: Node) -> Node:
    """``x`` as opaque steps read it."""
    return x.source if isinstance(x, TwoForms) else x


def beside(parts: list[Node], *, keep_sparse: bool = True) -> Node:
    """``parts`` side by side; neighbours that are columns of one object become one."""
    found: list[Node] = []
    for part in parts:
        last = found[-1] if found else None
        if isinstance(part, Raw) and isinstance(last, Raw) and part.inputs == last.inputs:
            found[-1] = Raw(part.inputs, (*last.columns, *part.columns), selected=True)
        else:
            found.append(part)
    return found[0] if len(found) == 1 else Beside(tuple(found), keep_sparse)


def passed_on(x: TwoForms) -> tuple[PassedOn, ...]:
    """The columns of ``x`` that are columns of the request; none where other columns depend on what they hold.

    The source puts all parts side by side. So does who has the columns of the request, and the others as numbers, which
    have to be float64 in the source, too: beside texts each part keeps its own type.
    """
    if (
        not isinstance(x.native, Beside)
        or x.first_for != "numbers"
        or not isinstance(x.source, Raw)
        or x.source.selected
    ):
        return ()
    ends = np.cumsum([0, *x.native.widths]).tolist()
    passed = [(at, part) for at, part in zip(ends, x.native.inputs, strict=False) if isinstance(part, Raw)]
    computed = [part for part in x.native.inputs if not isinstance(part, Raw)]
    below = toposort(computed)
    if any(part.inputs or part.scalar for _, part in passed) or not all(map(_is_float64, computed)):
        return ()
    if any(isinstance(node, Opaque | Raw | SparseLeaf) for node in below):
        return ()
    if x.native.keep_sparse and any(part.schema().kind is Kind.SPARSE for part in computed):
        return ()
    texts = {column for node in below if isinstance(node, CellLeaf) for column in node.columns}
    texts |= {node.column for node in below if isinstance(node, TextLeaf)}
    if any(not texts.isdisjoint(part.columns) for _, part in passed):
        return ()
    numbers = {column for node in below if isinstance(node, NumericLeaf) for column in node.columns}
    return tuple(PassedOn(at, tuple(part.columns), tuple(sorted(numbers & {*part.columns}))) for at, part in passed)


def _is_float64(node: Node) -> bool:
    """Whether the values of a step are float64 in the source for all numbers but those of a narrower float."""
    dtype = node.schema().dtype
    return node.schema().kind is not Kind.CELLS and all(
        dtype.dtype_for(each) == np.float64 for each in (np.bool_, np.int8, np.int64, np.uint64, np.float64)
    )


def reads_request(output: Node) -> bool:
    """Whether a native step reads the request itself."""
    return any(isinstance(node, LEAVES) and not node.inputs for node in toposort([output]))


def reads_unknown_form(output: Node) -> bool:
    """Whether a native step reads numbers or cells in the value of an opaque transformer."""
    leaves = [node for node in toposort([output]) if isinstance(node, NumericLeaf | CellLeaf) and node.inputs]
    return any(isinstance(made := leaf.inputs[0], Opaque) and made.method == "transform" for leaf in leaves)


def is_sparse_input(x: Node) -> bool:
    """Whether an opaque step is given the request, or sparse rows that a native step makes."""
    return not x.inputs if isinstance(x, Raw) else x.schema().kind is Kind.SPARSE
