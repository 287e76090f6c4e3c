"""How many rows a request has whose values no step reads."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import InputTypeError
from pretzel.runtime.input.messages import described

if TYPE_CHECKING:
    from pretzel.input_spec import InputSpec


def count_rows(spec: InputSpec, X: Any) -> int:
    """Rows of anything that has a length or a shape, as scikit-learn counts them.

    Raises
    ------
    InputTypeError
        It has neither, or is an estimator.
    """
    if not callable(getattr(X, "fit", None)):
        if not hasattr(X, "__len__") and not hasattr(X, "shape") and hasattr(X, "__array__"):
            X = np.asarray(X)
        shape = getattr(X, "shape", None)
        if shape is not None and len(shape) > 0 and isinstance(shape[0], Integral):
            return int(shape[0])
        if (shape is None or len(shape) > 0) and hasattr(X, "__len__"):
            return len(X)
    raise InputTypeError(f"{spec.estimator}: expected rows in anything that has a length, got {described(X)}")
