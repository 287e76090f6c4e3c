"""JSON Schema of rows and of answers."""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pretzel.runtime.schemas.input_schema import Column, InputSchema, Output

EXAMPLE = datetime.datetime(2024, 2, 29, 23, 59, 58, tzinfo=datetime.UTC)
"""A date, where one is shown."""

FLOAT32_LIMIT = float.fromhex("0x1.fffffefffffffp+127")
"""The greatest number that is not infinite as float32."""

_NUMBER = ["number", "boolean"]
_TYPES = {"float64": _NUMBER, "int64": _NUMBER, "str": ["string"], "datetime64[us]": ["string"]}
_ANSWERS = {"f": "number", "i": "integer", "u": "integer", "b": "boolean", "U": "string", "S": "string"}


def row_schema(schema: InputSchema) -> dict[str, Any]:
    """One row: an object of named columns, an array of others, a document or an item."""
    if schema.kind == "any" and not schema.columns:
        return {}
    if schema.kind == "text":
        return {"type": "string"}
    if schema.kind == "items":
        return _item_schema(schema.form)
    if schema.named:
        return {
            "type": "object",
            "properties": {str(column.name): value_schema(column) for column in schema.columns},
            "required": [column.name for column in schema.columns if column.required],
            "additionalProperties": schema.others_allowed,
        }
    width = len(schema.columns)
    values = [value_schema(column) for column in schema.columns]
    alike = {"items": values[0]} if all(value == values[0] for value in values) else {"prefixItems": values}
    return {"type": "array", **alike, "minItems": width, "maxItems": width}


def _item_schema(form: str) -> dict[str, Any]:
    """One item: an object of features by their names, an array of pairs, or of texts, or a label."""
    value: dict[str, Any] = {"type": ["string", *_NUMBER]}
    texts = {"type": "array", "items": {"type": "string"}}
    if form == "named":
        value = {"type": [*value["type"], "null", "array"], "items": {"type": "string"}}
    if form in ("named", "dict"):
        return {"type": "object", "additionalProperties": value}
    if form == "pair":
        pair = {"type": "array", "prefixItems": [{"type": "string"}, value], "minItems": 2, "maxItems": 2}
        return {"type": "array", "items": pair}
    if form == "label set":
        return {"type": "array", "items": {"type": [*value["type"], "null"]}}
    types = {"label": ["string", *_NUMBER], "text label": "string", "whole label": ["number", "boolean"]}
    scalar = {**types, "code": "integer"}
    return texts if form == "string" else {"type": scalar[form]} if form in scalar else {}


def value_schema(column: Column) -> dict[str, Any]:
    """A value of a column, which may be null unless a step stops at missing values."""
    if column.rejects_unknown and column.categories:
        return {"enum": [*column.categories, *equal_booleans(column), *([] if column.nullable is False else [None])]}
    if column.kind == "any":
        return {}
    types = [*_TYPES.get(column.dtype, ["string", *_NUMBER]), *([] if column.nullable is False else ["null"])]
    found: dict[str, Any] = {"type": types[0] if len(types) == 1 else types}
    if column.format:
        found |= in_format(column.format)
    elif column.kind == "date":
        found["format"] = "date-time"
    if column.float32:
        found |= within_float32()
    if column.categories:
        found["examples"] = [*column.categories]
    return found


def in_format(form: str) -> dict[str, Any]:
    """What describes texts that are dates in a format; JSON Schema names that of a day alone."""
    named = {"format": "date"} if form == "%Y-%m-%d" else {}
    return {"description": f"a date in the format {form}", **named, "examples": [EXAMPLE.strftime(form)]}


def within_float32() -> dict[str, Any]:
    """What bounds the numbers that a step reads as float32."""
    return {"minimum": -FLOAT32_LIMIT, "maximum": FLOAT32_LIMIT}


def equal_booleans(column: Column) -> list[bool]:
    """The booleans that are equal to a category of a column, which JSON and pydantic tell from it."""
    return [value for value in (False, True) if value in (column.categories or ())]


def answer_schema(output: Output) -> dict[str, Any]:
    """The answer to one row: a number, a label, or an array of these."""
    if output.shape is None or output.dtype is None:
        return {}
    values = _values(output.dtype)
    if output.labels is not None and len(output.labels) == 1:
        values = {"enum": output.labels[0].tolist()}
    if len(output.shape) == 1:
        return values
    if output.parts is not None:
        arrays = [_array(_values(dtype), width) for width, dtype in output.parts_and_dtypes]
        return {"type": "array", "prefixItems": arrays, "items": False, "minItems": len(arrays)}
    return _array(values, output.shape[1])


def _values(dtype: str | None) -> dict[str, Any]:
    kind = "" if dtype is None else _kind_of(dtype)
    return {"type": _ANSWERS[kind]} if kind in _ANSWERS else {}


def _array(values: dict[str, Any], width: int | None) -> dict[str, Any]:
    return {"type": "array", "items": values, "minItems": width, "maxItems": width}


def _kind_of(dtype: str) -> str:
    import numpy as np

    return np.dtype(dtype).kind
