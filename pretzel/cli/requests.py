"""From a table in a file to what a model is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from pretzel.cli.tables import MISSING, Columns
from pretzel.input_spec import InputKind
from pretzel.runtime.input.table_columns import columns_read

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pretzel.input_spec import InputSpec
    from pretzel.runtime.model import Plan

column_option = click.option(
    "--column",
    "columns",
    multiple=True,
    metavar="NAME",
    help="A column of DATA that the model reads, where that is not known: of documents, or of a model that was fitted "
    "without names; repeatable.",
)


def columns_for(
    plan: Plan, available: list[str], chosen: Sequence[str], kept: Sequence[str] = (), method: str = ""
) -> Columns:
    """Which columns of a table a model reads.

    Parameters
    ----------
    plan : Plan
    available : list of str
        Columns of the table.
    chosen, kept : sequence of str
        What the caller asks for: columns that the model reads, and columns that it does not.
    method : str
        Which method reads them, where it may be the inverse.

    Raises
    ------
    UsageError
        A column is not there, or it is not known which one holds the documents.
    """
    for name in (*chosen, *kept):
        if name not in available:
            raise click.UsageError(f"there is no column {name!r}, only {', '.join(map(repr, available))}")
    spec = plan.requests_of(method)
    read = columns_read(spec, available, chosen, kept)
    if spec.one_each and len(read) != 1:
        what = "documents" if spec.kind is InputKind.TEXT else "items"
        if kept and not read:
            raise click.UsageError(f"columns of --keep are not read: which one holds the {what}? give --column, too")
        raise click.UsageError(f"which column holds the {what}? give --column, one of {', '.join(read)}")
    if spec.one_each:
        return Columns(read, {*read}, values=dict.fromkeys(read, MISSING))
    names = dict(enumerate(read if spec.names is None else spec.names))
    texts, numbers, values = {names[i] for i in spec.texts if i in names}, set(), {}
    for column in plan.input_schema.of(method).columns:
        if column.position not in names:
            continue
        if column.kind == "text":  # it is what it is, also "NA" and nothing
            texts.add(names[column.position])
            values[names[column.position]] = MISSING
        elif column.kind == "category" and column.dtype in ("int64", "float64"):
            numbers.add(names[column.position])
        elif known := MISSING.intersection(column.categories or ()):
            values[names[column.position]] = known
    values = {name: values[name] for name in values if name in read}
    return Columns(read, texts.intersection(read), numbers.intersection(read), values)


def hint_of(spec: InputSpec, read: Columns, chosen: Sequence[str]) -> str:
    """What to do where a table has other columns than a model that was fitted without names reads."""
    if chosen or spec.names is not None or spec.kind is not InputKind.TABLE or spec.width in (0, len(read.names)):
        return ""
    return f"; say which {spec.width} of the {len(read.names)} columns the model reads, each with --column NAME"


def as_request(spec: InputSpec, frame: Any) -> Any:
    """A frame of the columns that a model reads, as it takes them."""
    if spec.one_each:
        return frame[frame.columns[0]].tolist()
    return frame.to_numpy() if spec.names is None else frame


def as_rows(spec: InputSpec, frame: Any) -> list[Any]:
    """The rows of a frame, as single rows that a model takes."""
    if spec.one_each:
        return list(as_request(spec, frame))
    return frame.to_dict("records") if spec.names is not None else list(frame.itertuples(index=False, name=None))
