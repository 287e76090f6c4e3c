"""A schema as a table for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretzel.runtime.schemas.input_schema import Column, InputSchema, Output

_ITEMS = {
    "named": ": a dict of features",
    "dict": ": a dict of features",
    "pair": ": pairs of a name and a value",
    "string": ": a list of texts",
    "label set": ": a list of labels",
    "label": ": a label",
    "text label": ": a label that is a text",
    "whole label": ": a label that is a whole number",
    "code": ": the number of a class",
}
SHOWN = 5
"""Categories that are shown."""


def as_text(schema: InputSchema) -> str:
    """Columns that are alike and have no names are one line."""
    lines = [f"{schema.model}: {what_requests_are(schema)}"]
    lines += [f"  {line}" for line in _columns(schema) if schema.kind != "items"]
    lines += [f"  {output.method} -> {result_of(output)}" for output in schema.outputs.values()]
    if schema.inverse is not None:
        taken = what_requests_are(schema.inverse)
        lines += [f"  {name} of {taken} -> {result_of(each)}" for name, each in schema.inverse.outputs.items()]
    return "\n".join(lines)


def what_requests_are(schema: InputSchema) -> str:
    """The requests in a few words."""
    if schema.kind == "text":
        return "one document for each row"
    if schema.kind == "items":
        return f"one item for each row{_ITEMS.get(schema.form, '')}"
    if schema.kind == "any":
        return "whatever the first step takes"
    named = "in any order" if schema.any_order else "in this order"
    named += ", others are ignored" if schema.others_allowed else ""
    columns = f"{len(schema.columns):,} column{'s' * (len(schema.columns) != 1)}"
    return f"a table of {columns}{f', by name, {named}' if schema.named else ''}"


def describe(column: Column) -> str:
    """A column without its name."""
    found: list[str] = [column.kind]
    if column.categories is not None:
        shown = [repr(value) for value in column.categories[:SHOWN]]
        more = [f"{len(column.categories) - SHOWN} more"] if len(column.categories) > SHOWN else []
        others = "" if column.rejects_unknown else ", or another"
        found[0] += f" {', '.join([*shown, *more])}{others}"
    elif column.format:
        found[0] += f", as a text {column.format}"
    elif column.kind == "number":
        found[0] += f" {column.dtype}"
    found += [] if column.nullable is None else ["may be missing" if column.nullable else "never missing"]
    found += [] if column.required else ["not required" if column.is_read else "not read"]
    return "; ".join(found)


def _columns(schema: InputSchema) -> Iterator[str]:
    if schema.named:
        width = max(len(str(column.name)) for column in schema.columns)
        yield from (f"{column.name!s:<{width}}  {describe(column)}" for column in schema.columns)
        return
    start = 0
    for at, column in enumerate(schema.columns):
        after = schema.columns[at + 1] if at + 1 < len(schema.columns) else None
        if after is None or describe(after) != describe(column):
            yield f"column {at}  {describe(column)}" if start == at else f"columns {start} to {at}  {describe(column)}"
            start = at + 1


def result_of(output: Output) -> str:
    """dtype and shape of a result."""
    if output.shape is None:
        return "what the estimator makes"
    if output.parts is not None:
        return f"list of {', '.join(f'{dtype}[n, {width}]' for width, dtype in output.parts_and_dtypes)}"
    shape = ", ".join("n" if size is None else str(size) for size in output.shape)
    return f"{'sparse ' * output.sparse}{output.dtype}[{shape}]"
