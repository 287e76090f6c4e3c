"""Requests of documents, of any container."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import InputShapeError, InputTypeError
from pretzel.runtime.input.column_reader import as_cells

if TYPE_CHECKING:
    from pretzel.input_spec import InputSpec


def document_list(spec: InputSpec, X: Any) -> Any:
    """Documents as a list, or a pyarrow array of them.

    Raises
    ------
    InputTypeError, InputShapeError
        They are one text, or a table.
    """
    if isinstance(X, str | bytes | bytearray):
        raise InputTypeError(f"{spec.estimator}: expected an iterable of documents, got one {type(X).__name__}")
    if isinstance(X, Mapping) or (getattr(X, "ndim", 1) != 1 and not isinstance(X, np.ndarray)):
        raise InputTypeError(f"{spec.estimator}: expected documents, got a {type(X).__name__}: pass its text column")
    if getattr(X, "ndim", 1) != 1:
        raise InputShapeError(f"{spec.estimator}: expected documents in one dimension, got shape {X.shape}")
    if isinstance(X, np.ndarray):
        return X.tolist() if type(X) is np.ndarray else list(X)  # a subclass decides what its items are
    if hasattr(X, "array") and hasattr(X, "index"):
        return _unpaired(as_cells(spec, 0, X.array))
    if not isinstance(X, Iterable):
        raise InputTypeError(f"{spec.estimator}: expected an iterable of documents, got {type(X).__name__}")
    return as_cells(spec, 0, X) if hasattr(X, "null_count") and hasattr(X, "type") else list(X)


def _unpaired(cells: Any) -> Any:
    """Cells as one object, also where what is missing in them is not None."""
    if not isinstance(cells, tuple):
        return cells
    return [cells[1] if value is None else value for value in cells[0].to_pylist()]
