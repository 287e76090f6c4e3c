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
        numbers objects, and integers of other dtypes than int64, in which some releases compare classes and make
        indicators; of numbers of classes objects.
    """
    if not isinstance(X, list | tuple):
        found = _listed(spec, X, form)
    elif form == "whole label" and type(X) is tuple and not all(map(_is_number, X)):
        raise UnreadForm(spec.estimator, "a tuple of integers that are not of 64 bits")
    else:
        found = list(X)
    if not found:
        raise UnreadForm(spec.estimator, "requests without labels")
    return found


def _listed(spec: InputSpec, X: Any, form: str) -> list[Any]:
    """The labels of an array, or of what one is made of."""
    array = np.asarray(X if hasattr(X, "__array__") else None)
    is_column = array.ndim == 2 and array.shape[1] == 1
    if (array.ndim != 1 and not is_column) or array.dtype.kind not in "OUSbiuf":
        raise UnreadForm(spec.estimator, f"labels in {described(X)}")
    rejected = {"whole label": "Oiu", "code": "O"}.get(form, "")
    if array.dtype.kind in rejected and array.dtype != np.int64:
        raise UnreadForm(spec.estimator, f"labels of dtype {array.dtype}")
    if is_column and array.size:
        array = _vector(array, warn=form in ("label", "code"))
    found: list[Any] = array.reshape(-1).tolist()
    return found


def _is_number(label: Any) -> bool:
    """Whether a label does not make an array of narrow, unsigned or long integers."""
    if type(label) is int:
        return -(2**63) <= label < 2**63
    return not isinstance(label, np.integer) or type(label) is np.int64


def _vector(array: Any, *, warn: bool) -> Any:
    """A column as a vector, with scikit-learn's warning where encoders give it."""
    if warn:
        exceptions = sys.modules.get("sklearn.exceptions")
        kind = UserWarning if exceptions is None else exceptions.DataConversionWarning
        said = "A column-vector y was passed when a 1d array was expected. Please change the shape of y to "
        warnings.warn(f"{said}(n_samples, ), for example using ravel().", kind, stacklevel=2)
    return array[:, 0]
