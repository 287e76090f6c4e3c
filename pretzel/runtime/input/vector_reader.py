"""Vectors as tables of one column, for estimators that take either."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np


def as_column(X: Any) -> Any:
    """``X`` with one column where it is a vector: an array, a series, or a list of numbers."""
    if isinstance(X, list | tuple):
        first = X[0] if X else []
        return X if isinstance(first, list | tuple | Mapping) or np.ndim(first) else [[value] for value in X]
    shape = getattr(X, "shape", ())
    return np.asarray(X)[:, None] if len(shape) == 1 and hasattr(X, "__array__") else X
