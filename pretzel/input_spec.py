"""What a compiled estimator accepts: a part of the physical plan, and of each opaque step in it."""

from __future__ import annotations

import enum
from dataclasses import dataclass

from pretzel.schema import Positions, as_positions

MOST_UNREAD = 1 << 20
"""Columns without names of which only some are required; of wider tables all are, so that a file pays for each."""


class InputKind(enum.Enum):
    """What a request is made of."""

    TABLE = "table"  # rows of columns: ndarray, DataFrame, sparse matrix, dicts, tuples
    TEXT = "text"  # one document for each row
    ITEMS = "items"  # one item for each row: a dict of features, pairs, tokens, or a label
    ANY = "any"  # whatever the first step takes: it gets the request as it came, or counts its rows


@dataclass(frozen=True, slots=True)
class Coding:
    """Columns of a category dtype of pandas that a booster was trained with, and their categories by code.

    Parameters
    ----------
    columns : tuple of int
        Their positions; empty where only the frame of a request tells.
    categories : tuple of tuple
        Of each of these columns, in their order.
    rejects : bool
        Other categories are rejected, else they are missing.
    """

    columns: tuple[int, ...]
    categories: tuple[tuple[str | float | None, ...], ...]
    rejects: bool = False


@dataclass(frozen=True, slots=True, weakref_slot=True)
class InputSpec:
    """What the source estimator accepts.

    Parameters
    ----------
    kind : InputKind
    width : int
        ``n_features_in_``; 1 for documents, 0 where it is not known.
    names : tuple of str or None
        ``feature_names_in_``, where the source was fitted on named columns.
    required : tuple of int, or range
        Positions of columns that must be present, as `pretzel.schema.as_positions` makes them.
    any_order : bool
        Named columns may come in another order and among others (``ColumnTransformer``).
    estimator : str
        Class name of the source, for messages.
    items : bool
        A row is one item of a list (a dict of features, a list of tokens) and not a row of a table.
    long_indices : bool
        Sparse rows may have indices of 64 bits.
    sparse_nan : bool or None
        NaN in sparse rows is treated as in dense ones. Trees reject it, whatever they do with it in dense rows. None:
        some of them do not look for it, and the source answers.
    nan_columns : tuple of int
        Columns of sparse rows in which NaN is so; in others it is treated as in dense rows. Empty: all columns.
    sparse_frames : bool
        A DataFrame of sparse columns is sparse rows.
    floats : bool or None
        The source makes floats of the request, also of dates and lists. None: some of the steps that receive it do.
    by_name : bool
        Columns are selected by name: the source rejects tables without names.
    unchecked : bool
        Columns reach a function or a result as they came: those of an array type of pandas are objects there.
    text_arrays : bool
        Arrays may hold NumPy's own texts or bytes.
    text_lists : bool
        Lists of rows may hold texts or bytes. Most numeric estimators parse them among objects only.
    missing : tuple of str, float or None
        What None stands for in each column of a single row: the missing value that the fitted column knows. Empty: no
        column knows one, and None is NaN among numbers. None for all columns: None is what it is among objects.
    texts : tuple of int
        Columns of texts, for all that is known of the fit: in a table of rows without a text they are objects, too.
    vectors : bool
        A vector is a table of one column.
    by_position : bool
        Columns of frames are taken in their order; only dicts need the names.
    rounds_arrays : bool
        Numbers in arrays and lists are rounded to float32, unless they are float32 or float64. Those in frames are not.
    coding : Coding or None
        Columns of a category dtype become codes. None: by the categories of the request, in a frame ``as_booster``.
    as_booster : bool
        Columns of a category dtype are codes, and no warning says that only one of fit and request has names.
    no_others : bool
        Named columns may come in another order, but not among others.
    labels : bool
        The items are labels, each of which is one value.
    """

    kind: InputKind
    width: int
    names: tuple[str, ...] | None = None
    required: Positions = range(0)
    any_order: bool = False
    estimator: str = ""
    items: bool = False
    long_indices: bool = True
    sparse_nan: bool | None = True
    sparse_frames: bool = True
    floats: bool | None = False
    by_name: bool = False
    unchecked: bool = False
    text_arrays: bool = True
    text_lists: bool = True
    missing: tuple[str | float | None, ...] = ()
    texts: tuple[int, ...] = ()
    vectors: bool = False
    by_position: bool = False
    rounds_arrays: bool = False
    coding: Coding | None = None
    as_booster: bool = False
    no_others: bool = False
    labels: bool = False
    nan_columns: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "required", as_positions(self.required))

    @property
    def one_each(self) -> bool:
        """Whether a row is one value, a document or an item, and no columns: so is a column of a table."""
        return self.kind is InputKind.TEXT or self.items


ANY_TABLE = InputSpec(InputKind.TABLE, 0)
"""A table of any width."""
