"""Which columns of a table a model reads."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from pretzel.input_spec import InputSpec


def columns_read(
    spec: InputSpec, available: Sequence[str], chosen: Sequence[str] = (), kept: Collection[str] = ()
) -> list[str]:
    """Columns of a table that a model reads, in the order of its request.

    Parameters
    ----------
    spec : InputSpec
    available : sequence of str
        Columns of the table.
    chosen : sequence of str
        Columns that the caller says the model reads; empty: those of the fit.
    kept : collection of str
        Columns that the model does not read, unless the fit names them.

    Returns
    -------
    list of str
        For a model of documents or items all columns that may hold them. Where a column is lacking that the model
        needs, all that are there, because the model names what it lacks beside what it does not know.
    """
    if chosen:
        return list(chosen)
    others = [name for name in available if name not in kept]
    if spec.one_each or spec.names is None:
        return others
    there = set(available)
    if any(spec.names[i] not in there for i in spec.required):
        return others
    return [name for name in spec.names if name in there]
