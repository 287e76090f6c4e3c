"""Runs a graph with each node's NumPy reference: the oracle for rules and kernels."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.ir.columns import LEAVES, CellLeaf, NumericLeaf, Raw, TextLeaf
from pretzel.oven.ir.graph import Node, Value, toposort
from pretzel.oven.ir.opaque import Opaque

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping


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
    for node in toposort(outputs):
        if isinstance(node, Raw):
            source = _source(node, X, values)
            values[node] = take(source, node.columns, node.scalar) if node.selected else source
        elif isinstance(node, LEAVES):
            values[node] = read_leaf(node, _source(node, X, values))
        elif isinstance(node, Opaque):
            values[node] = getattr(node.estimator, node.method)(values[node.inputs[0]])
        else:
            values[node] = node.reference(*(values[child] for child in node.inputs))
    return values


def _source(node: Node, X: Any, values: Mapping[Node, Value]) -> Any:
    return values[node.inputs[0]] if node.inputs else X


def take(X: Any, columns: tuple[int, ...], scalar: bool = False) -> Any:
    """Columns of a table as scikit-learn's own indexing gives them; one of them as a vector when ``scalar``."""
    if hasattr(X, "iloc"):
        return X.iloc[:, columns[0]] if scalar else X.iloc[:, list(columns)]
    table = X if hasattr(X, "shape") else np.asarray(X, dtype=object)
    return table[:, columns[0]] if scalar else table[:, list(columns)]


def read_leaf(leaf: Node, X: Any) -> Value:
    """What a leaf reads from ``X``. A vector that is not documents, the result of an opaque method, is one column."""
    if isinstance(leaf, TextLeaf):
        documents = X if getattr(X, "ndim", 1) == 1 else take(X, (leaf.column,), scalar=True)
        return np.array([[normalize(str(d), leaf.lower, leaf.accents)] for d in documents], dtype=object).reshape(-1, 1)
    X = np.asarray(X, dtype=object) if isinstance(X, list) else X
    if getattr(X, "ndim", 2) == 1:
        X = np.asarray(X)[:, None]
    if isinstance(leaf, CellLeaf):
        table = take(X, leaf.columns)
        return np.asarray(table, dtype=object)
    from scipy import sparse

    if isinstance(leaf, NumericLeaf):
        table = take(X.tocsr() if sparse.issparse(X) else X, leaf.columns)
        return (table.toarray() if sparse.issparse(table) else np.asarray(table)).astype(np.float64)
    return sparse.csr_array(X)


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
