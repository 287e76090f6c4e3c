"""Any table or list of documents to per-leaf columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from pretzel.errors import InputShapeError
from pretzel.plan import InputKind, InputSpec, Leaf, LeafKind


def read(spec: InputSpec, leaves: tuple[Leaf, ...], X: Any) -> tuple[int, list[Any], bool]:
    """Take a request apart.

    Returns
    -------
    rows : int
    columns : list
        For each leaf: a C-contiguous float64 matrix, a list of 1-D arrays, a CSR matrix, or (cells) a list with a
        list, ndarray or pyarrow array for each column.
    is_float32 : bool
        All numbers came as float32.
    """
    if spec.kind is InputKind.TEXT:
        documents = list(X)
        return len(documents), [[documents] for _ in leaves], False
    table = X if hasattr(X, "iloc") else np.asarray(X)
    if table.ndim != 2 or table.shape[1] != spec.width:
        raise InputShapeError(f"{spec.estimator}: expected a table of {spec.width} columns, got shape {table.shape}")

    def column(i: int) -> Any:
        return table.iloc[:, i].to_numpy() if hasattr(table, "iloc") else table[:, i]

    found: list[Any] = []
    for leaf in leaves:
        parts = [column(i) for i in leaf.columns]
        if leaf.kind in (LeafKind.NUMERIC, LeafKind.SPARSE):
            found.append([p.astype(np.float64) if p.dtype == object else p for p in parts])
        else:
            found.append([p.tolist() for p in parts])
    return len(table), found, False
