"""Runs a graph with each node's NumPy reference: the oracle for rules and kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel._native import item_features
from pretzel.dates import parts_of, parts_of_array
from pretzel.oven.ir.columns import LEAVES, CellLeaf, DateLeaf, ItemLeaf, LoopState, NumericLeaf, Raw, RowLeaf, TextLeaf
from pretzel.oven.ir.graph import Node, Value, toposort
from pretzel.oven.ir.opaque import Opaque
from pretzel.oven.ir.subplan import Loop
from pretzel.program import LABEL_FORMS

if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Mapping

    from pretzel.schema import Positions


def interpret(outputs: Iterable[Node], X: Any) -> dict[Node, Value]:
    """Values of every node that ``outputs`` need, for the rows of ``X``.

    Parameters
    ----------
    outputs : iterable of Node
    X : what the source estimator takes

    Returns
    -------
    dict of Node to value
        Dense values as float64 of shape (n, width), sparse ones as SciPy CSR, cells as object arrays.
    """
    values: dict[Node, Value] = {}
    nodes = toposort(outputs)
    loops = loops_of(nodes)
    for node in nodes:
        if isinstance(node, Raw):
            source = _source(node, X, values)
            values[node] = take(source, node.columns, node.scalar) if node.selected else source
        elif isinstance(node, LEAVES) and not isinstance(node, LoopState):
            values[node] = read_leaf(node, _source(node, X, values))
        elif isinstance(node, Opaque):
            values[node] = getattr(node.estimator, node.method)(values[node.inputs[0]])
        elif not loops[node]:
            values[node] = _evaluate(node, values, loops)
    return values


def compute(node: Node, values: Mapping[Node, Value]) -> Value:
    """The value of a node from values that are known: whatever else it needs is computed, too."""
    inside = dict(values)
    nodes = _needed(node, values)
    loops = loops_of(nodes, values)
    for each in nodes:
        if each not in inside and not isinstance(each, LEAVES) and not loops[each]:
            inside[each] = _evaluate(each, inside, loops)
    return inside[node]


def _needed(node: Node, known: Container[Node]) -> list[Node]:
    """A node and what it is computed from, inputs first, beginning at known values."""
    found: dict[Node, None] = {}
    stack = [(node, False)]
    while stack:
        each, is_ready = stack.pop()
        if is_ready or each in known or isinstance(each, LEAVES):
            found.setdefault(each)
        elif each not in found:
            stack.append((each, True))
            stack += [(child, False) for child in each.inputs]
    return list(found)


def loops_of(nodes: Iterable[Node], given: Container[Node] = ()) -> dict[Node, frozenset[int]]:
    """The loops on whose states each node depends; on none those that are given."""
    nothing: frozenset[int] = frozenset()
    found: dict[Node, frozenset[int]] = {}
    for node in nodes:
        if isinstance(node, LoopState):
            found[node] = nothing if node in given else frozenset((node.token,))
            continue
        is_read = node in given or isinstance(node, LEAVES)
        union = nothing.union(*(found.get(child, nothing) for child in node.inputs)) if not is_read else nothing
        found[node] = union - {node.token} if isinstance(node, Loop) and union else union
    return found


def _evaluate(
    node: Node,
    values: Mapping[Node, Value],
    loops: Mapping[Node, frozenset[int]],
    inside: frozenset[int] = frozenset(),
) -> Value:
    """The value of a node, given those that it needs; a loop computes its rounds for all rows."""
    if not isinstance(node, Loop):
        return node.reference(*(values[child] for child in node.inputs))
    first, following = node.inputs
    state = np.array(values[first])
    inside |= {node.token}
    repeated = [each for each in _needed(following, values) if each not in values and loops[each] <= inside]
    for _ in range(node.limit):
        running = state[:, 0] >= 0
        if not running.any():
            break
        known = dict(values)
        for each in repeated:
            own = isinstance(each, LoopState) and each.token == node.token
            known[each] = state if own else _evaluate(each, known, loops, inside)
        state = np.where(running[:, None], known[following], state)
    return state


def _source(node: Node, X: Any, values: Mapping[Node, Value]) -> Any:
    return values[node.inputs[0]] if node.inputs else X


def take(X: Any, columns: Positions, scalar: bool = False) -> Any:
    """Columns of a table as scikit-learn's own indexing gives them; one of them as a vector when ``scalar``."""
    if hasattr(X, "iloc"):
        return X.iloc[:, columns[0]] if scalar else X.iloc[:, list(columns)]
    table = X if hasattr(X, "shape") else np.asarray(X, dtype=object)
    return table[:, columns[0]] if scalar else table[:, list(columns)]


def read_leaf(leaf: Node, X: Any) -> Value:
    """What a leaf reads from ``X``. A vector that is not documents, the result of an opaque method, is one column."""
    if isinstance(leaf, TextLeaf):
        documents = X if getattr(X, "ndim", 1) == 1 else take(X, (leaf.column,), scalar=True)
        if leaf.missing:
            return np.array([[_unless_ascii(d, leaf)] for d in documents], dtype=object).reshape(-1, 1)
        return np.array([[normalize(str(d), leaf.lower, leaf.accents)] for d in documents], dtype=object).reshape(-1, 1)
    if isinstance(leaf, ItemLeaf):
        items = list(X)
        found = np.empty((len(items), 1), dtype=object)
        for row, item in enumerate(items):
            is_label = leaf.form in LABEL_FORMS
            found[row, 0] = item if is_label else item_features(leaf.form, leaf.separator, item)
        return found
    if isinstance(leaf, RowLeaf):
        return np.empty((X.shape[0] if hasattr(X, "shape") else len(X), 0))
    X = np.asarray(X, dtype=object) if isinstance(X, list) else X
    if isinstance(leaf, DateLeaf):
        return _dates(take(X, (leaf.column,), scalar=True), leaf)
    if getattr(X, "ndim", 2) == 1:
        X = np.asarray(X)[:, None]
    if isinstance(leaf, CellLeaf):
        table = take(X, leaf.columns)
        return np.asarray(table, dtype=object)
    from scipy import sparse

    if isinstance(leaf, NumericLeaf):
        table = take(X.tocsr() if sparse.issparse(X) else X, leaf.columns)
        cells = table.toarray() if sparse.issparse(table) else np.asarray(table)
        if cells.dtype == object and hasattr(table, "isna"):  # columns of pandas' nullable dtypes beside others
            cells = np.where(table.isna(), np.nan, cells)
        return cells.astype(np.float64)
    return sparse.csr_array(X)


def _dates(column: Any, leaf: DateLeaf) -> Value:
    """The numbers of the dates of a column."""
    array = column.to_arrow() if hasattr(column, "to_arrow") else getattr(column, "array", column)
    found = parts_of_array(array, leaf.zone, leaf.unit)
    if found is None:
        return np.array([parts_of(value, leaf.zone, leaf.unit) for value in column], dtype=np.float64).reshape(-1, 3)
    return np.stack(found, axis=1)


def _unless_ascii(document: Any, leaf: TextLeaf) -> Any:
    """A document as a step reads it that deals with missing ones; texts of ASCII are normalised behind it."""
    is_read = not isinstance(document, str) or document.isascii()
    return document if is_read else normalize(document, leaf.lower, leaf.accents)


def normalize(document: str, lower: bool, accents: str | None) -> str:
    """Lower-case, then strip accents, as scikit-learn's text vectorizers do before they split a document."""
    import unicodedata

    if lower:
        document = document.lower()
    if accents == "ascii":
        return unicodedata.normalize("NFKD", document).encode("ASCII", "ignore").decode("ASCII")
    if accents == "unicode" and not document.isascii():
        decomposed = unicodedata.normalize("NFKD", document)
        return "".join(c for c in decomposed if not unicodedata.combining(c))
    return document
