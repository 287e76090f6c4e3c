"""Tables as Arrow streams, in and out."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import InputTypeError
from pretzel.input_spec import InputKind
from pretzel.runtime.answer_columns import answer_columns, as_array
from pretzel.runtime.input.sent import as_sent, values_sent
from pretzel.runtime.named_columns import feature_names_out
from pretzel.serving.arrow_sizes import bytes_of
from pretzel.serving.failures import BadRequest, NotAcceptable, NotInstalled, TooLarge

if TYPE_CHECKING:
    from pretzel.input_spec import InputSpec
    from pretzel.runtime.model import Plan

SMALL = 64_000
"""Streams with fewer bytes are read on the event loop."""


async def read(body: bytes, plan: Plan, method: str, most: int) -> Any:
    """The table of a stream, as a method takes it: a table with columns, a matrix, or documents.

    Parameters
    ----------
    body : bytes
    plan : Plan
    method : str
    most : int
        Bytes that the table may have, which a stream may hold compressed.

    Raises
    ------
    BadRequest
        The body is no stream, or a damaged one.
    TooLarge
    InputTypeError
        The model takes something else.
    NotInstalled
    """
    if len(body) < SMALL:
        return _read(body, plan, method, most)
    return await asyncio.to_thread(_read, body, plan, method, most)


async def write(plan: Plan, method: str, answer: Any) -> bytes:
    """The answer for a table as a stream: a column, or one for each class or component.

    Raises
    ------
    NotAcceptable
        A column has values of several types.
    NotInstalled
    """
    return await asyncio.to_thread(_write, plan, method, answer)


def of_rows(answers: Any) -> Any:
    """Answers for single rows, as those for a table."""
    if not isinstance(answers, list):
        return answers
    first = answers[0] if answers else None
    if isinstance(first, list | tuple) and not any(isinstance(part, str | list | dict) for part in first):
        return [np.array(part) for part in zip(*answers, strict=True)]
    return as_array(answers)


def _pyarrow() -> Any:
    try:
        import pyarrow
        import pyarrow.ipc
    except ImportError:
        raise NotInstalled("this server reads and writes no Arrow streams: pyarrow is not installed there") from None
    return pyarrow


def _read(body: bytes, plan: Plan, method: str, most: int) -> Any:
    arrow = _pyarrow()
    try:
        size = bytes_of(arrow, body)
        if size > most:
            raise TooLarge(f"{plan.name}: the table has {size:,} bytes; this server takes {most:,}")
        table = arrow.ipc.open_stream(arrow.py_buffer(body)).read_all()
        table.validate(full=True)
    except (arrow.ArrowException, OSError, ValueError) as error:
        raise BadRequest(f"the body is no Arrow stream: {error}") from None
    spec = plan.requests_of(method)
    if spec.one_each:
        if table.num_columns != 1:
            what = "documents" if spec.kind is InputKind.TEXT else "items"
            raise InputTypeError(f"{plan.name}: expected one column of {what}, got {table.num_columns} columns")
        return values_sent(spec, table.column(0), table.column_names[0])
    if spec.names is None:
        columns = [
            _array(column, name, plan, spec) for name, column in zip(table.column_names, table.columns, strict=True)
        ]
        if len(columns) == 1 and columns[0].dtype == object:
            return columns[0].tolist()
        return np.column_stack(columns) if columns else np.empty((table.num_rows, 0))
    return as_sent(spec, table)


def _array(column: Any, name: str, plan: Plan, spec: InputSpec) -> Any:
    """A column as an array: of numbers, or of texts as objects for a model that takes anything."""
    if spec.kind is InputKind.ANY and str(column.type) in ("string", "large_string", "string_view"):
        return np.array(column.to_pylist(), dtype=object)
    try:
        found = column.to_numpy()
    except (NotImplementedError, ValueError, TypeError):  # those of pyarrow are kinds of these
        found = None
    if found is None or found.dtype.kind not in "fiub":
        expected = "columns of numbers or texts" if spec.kind is InputKind.ANY else f"{spec.width} columns of numbers"
        raise InputTypeError(f"{plan.name}: expected {expected}, got {str(column.type)[:100]} in column {name!r}")
    return found


def _written(arrow: Any, column: Any, name: str, plan: Plan) -> Any:
    """A column of an answer as an array of Arrow."""
    try:
        return arrow.array(column)
    except (arrow.ArrowException, TypeError, ValueError, OverflowError) as error:
        raise NotAcceptable(
            f"{plan.name}: Arrow has no type for column {name!r} of the answer ({error}): accept application/json"
        ) from None


def _write(plan: Plan, method: str, answer: Any) -> bytes:
    arrow = _pyarrow()
    names_out = None if plan.physical.names_out is None else [*feature_names_out(plan)]
    columns = answer_columns(method, answer, plan.physical.attributes.get("classes_"), names_out)
    arrays = [_written(arrow, column, name, plan) for name, column in columns.items()]
    table = arrow.Table.from_arrays(arrays, names=[*columns])
    sink = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(memoryview(sink.getvalue()))
