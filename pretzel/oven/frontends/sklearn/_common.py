"""What several adapters share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.frontends.registry import Unsupported
from pretzel.oven.ir.columns import is_sparse

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Array, Node


def dense_only(x: Node, estimator: Any) -> None:
    """Raise `Unsupported` where ``x`` is sparse."""
    if is_sparse(x):
        raise Unsupported(f"{type(estimator).__name__} on sparse rows")


def floats(array: Any) -> Array:
    """``array`` as contiguous float64."""
    return np.ascontiguousarray(array, dtype=np.float64)
