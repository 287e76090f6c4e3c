"""Requests that are labels: one text or number for each row."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.runtime.input.messages import UnreadForm, described

if TYPE_CHECKING:
    from pretzel.input_spec import InputSpec


def label_list(spec: InputSpec, X: Any, form: str) -> list[Any]:
    """Labels of a list, or of anything that is an array of one dimension, or of one column.

    Parameters
    ----------
    spec : InputSpec
    X : object
    form : str
        One of `pretzel.program.LABEL_FORMS`.

    Raises
    ------
    UnreadForm
        The source makes something else of it, or rejects it: several columns, a text, dates, no labels at all; of whole
        numbers objects, and integers of fewer bits, of which some releases make indicators of these bits.
    """
    if isinstance(X, list | tuple):
        found = list(X)
    else:
        array = np.asarray(X if hasattr(X, "__array__") else None)
        if array.ndim == 2 and array.shape[1] == 1:
            array = _vector(array, warn=form in ("label", "code"))
        if array.ndim != 1 or array.dtype.kind not in "OUSbiuf":
            raise UnreadForm(spec.estimator, f"labels in {described(X)}")
        if form == "whole label" and array.dtype.kind in "Oi" and array.dtype != np.int64:
            raise UnreadForm(spec.estimator, f"labels of dtype {array.dtype}")
        found = array.tolist()
    if not found:
        raise UnreadForm(spec.estimator, "requests without labels")
    return found


def _vector(array: Any, *, warn: bool) -> Any:
    """A column as a vector, with scikit-learn's warning where encoders give it."""
    if warn:
        exceptions = sys.modules.get("sklearn.exceptions")
        kind = UserWarning if exceptions is None else exceptions.DataConversionWarning
        said = "A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
        warnings.warn(f"{said}(n_samples, ), for example using ravel().", kind, stacklevel=2)
    return array[:, 0]
