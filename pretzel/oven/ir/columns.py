"""Leaves of the graph: what is read from the caller's object, and selections of columns behind it."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.dates import OWN, UTC, WIDTH
from pretzel.oven.ir.graph import Array, Node, Value
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.ir.value_properties import ValueProperties, of_constants
from pretzel.schema import SAME, Follows, Kind, Positions, Schema, as_positions, cells, dense, fixed, sparse


def _keep_positions(node: Node) -> None:
    """Bring the columns of a node into their one form."""
    object.__setattr__(node, "columns", as_positions(node.__dict__["columns"]))


class Raw(Node):
    """Columns of the request before it is known how to read them; adapters turn it into a leaf.

    Without inputs it stands for the caller's object, otherwise for the value of the opaque step in ``inputs``; so do
    the leaves it becomes. ``columns`` are positions. Unless some were ``selected``, it is the whole object in the form
    in which it came, of any width where ``columns`` is empty. ``scalar`` marks a one-dimensional selection
    (``ColumnTransformer`` with a single name), the form that documents take.
    """

    columns: Positions
    scalar: bool = False
    selected: bool = False

    op: ClassVar[str] = "raw/1"
    needs_rows: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _keep_positions(self)

    def describe(self) -> str:
        return f"{len(self.columns)} columns"


class NumericLeaf(Node):
    """Columns read as float64; None and missing values become NaN."""

    columns: Positions

    op: ClassVar[str] = "numeric_leaf/1"
    needs_rows: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _keep_positions(self)

    def schema(self) -> Schema:
        return dense(len(self.columns), SAME)

    def reference(self, *inputs: Value) -> Value:
        return inputs[0]  # the interpreter hands each leaf what it reads

    def describe(self) -> str:
        return f"{len(self.columns)} columns"


class CellLeaf(Node):
    """Columns read as they are: texts, numbers, missing values."""

    columns: Positions

    op: ClassVar[str] = "cell_leaf/1"
    needs_rows: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _keep_positions(self)

    def schema(self) -> Schema:
        return cells(len(self.columns))

    def reference(self, *inputs: Value) -> Value:
        return inputs[0]

    def describe(self) -> str:
        return f"{len(self.columns)} columns"


class TextLeaf(Node):
    """One column of documents. ``lower`` and ``accents`` are what non-ASCII documents go through before the kernels.

    ASCII documents arrive untouched and are lower-cased natively; others pass through Python's own ``str.lower`` and
    `unicodedata` while they are read, because only Python knows its Unicode tables. With ``missing`` a step
    behind deals with what is no text.
    """

    column: int
    lower: bool = False
    accents: str | None = None  # None, "ascii", "unicode"
    encoding: str = "utf-8"  # of documents that are bytes
    decode_error: str = "strict"
    missing: bool = False

    op: ClassVar[str] = "text_leaf/1"
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return cells(1)

    def reference(self, *inputs: Value) -> Value:
        return inputs[0]

    def describe(self) -> str:
        steps = [name for name, on in (("lower", self.lower), (f"accents={self.accents}", self.accents)) if on]
        return ", ".join(steps)


class DateLeaf(Node):
    """One column of dates as three numbers, which `pretzel.dates` explains.

    Parameters
    ----------
    column : int
    zone : str
        Time zone in which they are read: see `pretzel.dates.parts_of`.
    unit : str
        What they are rounded down to.
    """

    column: int
    zone: str = OWN
    unit: str = ""

    op: ClassVar[str] = "date_leaf/1"
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return dense(WIDTH)

    def reference(self, *inputs: Value) -> Value:
        return inputs[0]

    def describe(self) -> str:
        zone = {OWN: "in their own time zones", UTC: "in UTC"}.get(self.zone, f"in {self.zone}")
        return f"{zone}, in {self.unit}" if self.unit else zone


class ItemLeaf(Node):
    """One item for each row, as the names and values of its features, or as a label; the request has no other columns.

    Parameters
    ----------
    form : str
        What an item is: see `pretzel._native.item_features`, and `pretzel.program.LABEL_FORMS` for labels.
    separator : str
        Between the name of a feature and a value that is a text.
    """

    form: str
    separator: str = "="

    op: ClassVar[str] = "item_leaf/1"
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return cells(1)

    def reference(self, *inputs: Value) -> Value:
        return inputs[0]

    def describe(self) -> str:
        return self.form


class RowLeaf(Node):
    """How many rows there are: none of their values is read, whatever they are."""

    op: ClassVar[str] = "row_leaf/1"
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return dense(0)

    def reference(self, *inputs: Value) -> Value:
        return inputs[0]


class SparseLeaf(Node):
    """The request as sparse rows (CSR or CSC in, or the non-zero entries of a dense row)."""

    width: int

    op: ClassVar[str] = "sparse_leaf/1"
    needs_rows: ClassVar[bool] = False

    @property
    def columns(self) -> range:
        """All columns."""
        return range(self.width)

    def schema(self) -> Schema:
        return sparse(self.width, dtype=SAME)

    def reference(self, *inputs: Value) -> Value:
        return inputs[0]


class LoopState(Node):
    """The state of the `Loop` of the same ``token``, as the rows of one round begin with it."""

    width: int
    token: int

    op: ClassVar[str] = "loop_state/1"
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return dense(self.width)

    def reference(self, *inputs: Value) -> Value:
        return inputs[0]  # the interpreter hands it the state

    def describe(self) -> str:
        return f"of loop {self.token}"


LEAVES = (NumericLeaf, CellLeaf, TextLeaf, DateLeaf, ItemLeaf, RowLeaf, SparseLeaf, LoopState)


def deciding_leaves(value: Node) -> set[Node]:
    """The leaves whose dtype decides about that of a value."""
    found: set[Node] = set()
    pending = [value]
    while pending:
        node = pending.pop()
        if isinstance(node, LEAVES):
            found.add(node)
        elif not isinstance(node, Raw | Opaque) and node.schema().dtype.follows is not Follows.NOTHING:
            pending += node.inputs
    return found


class Select(Node):
    """Columns of a dense value, in the given order."""

    columns: Positions

    op: ClassVar[str] = "select/1"
    kernel: ClassVar[str] = "select"
    needs_rows: ClassVar[bool] = False

    def __post_init__(self) -> None:
        _keep_positions(self)

    def schema(self) -> Schema:
        source = self.inputs[0].schema()
        assert source.kind is Kind.DENSE
        return dense(len(self.columns), source.dtype)

    def params(self) -> dict[str, Array]:
        return {"columns": np.array(self.columns, dtype=np.int32)}

    def reference(self, *inputs: Value) -> Value:
        return inputs[0][:, list(self.columns)]

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return inputs[0]

    def simplify(self) -> Node:
        return self.inputs[0] if self.columns == range(self.inputs[0].schema().width) else self

    def describe(self) -> str:
        return f"{len(self.columns)} columns"


class ToFloat64(Node):
    """Values as they are, which are float64 whatever the request has."""

    op: ClassVar[str] = "to_float64/1"
    kernel: ClassVar[str] = "select"
    columnwise: ClassVar[bool] = True
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return dense(self.inputs[0].schema().width)

    def params(self) -> dict[str, Array]:
        return {"columns": np.arange(self.inputs[0].schema().width, dtype=np.int32)}

    def reference(self, *inputs: Value) -> Value:
        return inputs[0]

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return inputs[0]

    def monotone(self) -> Array | None:
        return np.ones(self.inputs[0].schema().width, dtype=np.int8)

    def simplify(self) -> Node:
        return self.inputs[0]


class Place(Node):
    """Column ``j`` of the input is column ``columns[j]`` of the result; all others hold ``fill``."""

    columns: tuple[int, ...]
    width: int
    fill: float = 0.0

    op: ClassVar[str] = "place/1"
    kernel: ClassVar[str] = "place"
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return dense(self.width, self.inputs[0].schema().dtype.floating())

    def params(self) -> dict[str, Array]:
        return {"columns": np.array(self.columns, dtype=np.int32), "fill": np.array(self.fill)}

    def reference(self, *inputs: Value) -> Value:
        found = np.full((len(inputs[0]), self.width), self.fill)
        found[:, list(self.columns)] = inputs[0]
        return found

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return inputs[0].meet(of_constants(np.array([self.fill])))

    def describe(self) -> str:
        return f"{len(self.columns)} of {self.width} columns"


class Constant(Node):
    """The same values for each row of the input."""

    values: Array
    dtype: str = "float64"

    op: ClassVar[str] = "constant/1"
    kernel: ClassVar[str] = "constant"
    needs_rows: ClassVar[bool] = False

    def schema(self) -> Schema:
        return dense(len(self.values), fixed(self.dtype))

    def params(self) -> dict[str, Array]:
        return {"values": self.values}

    def reference(self, *inputs: Value) -> Value:
        return np.tile(self.values, (inputs[0].shape[0], 1))

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return of_constants(self.values)

    def describe(self) -> str:
        return f"{len(self.values)} columns"


def width_of(x: Node) -> int:
    """Columns of a node, read or not yet read."""
    return len(x.columns) if isinstance(x, Raw) else x.schema().width


def is_sparse(x: Node) -> bool:
    """Whether ``x`` is sparse rows; the request has no kind before it is read."""
    return not isinstance(x, Raw) and x.schema().kind is Kind.SPARSE
