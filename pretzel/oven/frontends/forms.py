"""Values with more than one form while an estimator is imported: none of these nodes is ever optimized or lowered."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.oven.ir.columns import LEAVES, CellLeaf, NumericLeaf, Raw, SparseLeaf, TextLeaf
from pretzel.oven.ir.graph import Node, toposort
from pretzel.oven.ir.opaque import Opaque
from pretzel.plan import PassedOn
from pretzel.schema import Kind


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
            found[-1] = Raw(part.inputs, last.columns + part.columns, selected=True)
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
    return tuple(PassedOn(at, part.columns, tuple(sorted(numbers & {*part.columns}))) for at, part in passed)


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
