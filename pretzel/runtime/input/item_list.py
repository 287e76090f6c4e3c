"""Requests that are lists of items: dicts of features, pairs or tokens. What is in an item is read natively."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from pretzel.errors import InputTypeError
from pretzel.program import LABEL_FORMS
from pretzel.runtime.input.label_list import label_list
from pretzel.runtime.input.messages import UnreadForm

if TYPE_CHECKING:
    from pretzel.input_spec import InputSpec
    from pretzel.program import Leaf


def item_list(spec: InputSpec, X: Any, leaves: tuple[Leaf, ...]) -> list[Any]:
    """Items as a list; a DictVectorizer takes one dict for a list of one.

    Raises
    ------
    InputTypeError
        The request is no iterable, or one text.
    UnreadForm
        Rows of labels can be iterated over once only, and the source may be asked about them.
    """
    labels = next((leaf.form for leaf in leaves if leaf.form in LABEL_FORMS), "")
    if labels:
        return label_list(spec, X, labels)
    if isinstance(X, Mapping):
        if all(leaf.form == "named" for leaf in leaves if leaf.form):
            return [X]
        raise InputTypeError(f"{spec.estimator}: expected a list of items, got one dict")
    if isinstance(X, str | bytes | bytearray) or not isinstance(X, Iterable):
        raise InputTypeError(f"{spec.estimator}: expected a list of items, got {type(X).__name__}")
    if isinstance(X, Iterator) and any(leaf.form == "label set" for leaf in leaves):
        raise UnreadForm(spec.estimator, "iterators")
    return list(X)
