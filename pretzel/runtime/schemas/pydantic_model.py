"""A pydantic model of one row."""

from __future__ import annotations

import datetime
import keyword
from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pretzel.runtime.schemas.json_schema import FLOAT32_LIMIT, equal_booleans, in_format, within_float32

if TYPE_CHECKING:
    from pydantic import BaseModel

    from pretzel.runtime.schemas.input_schema import Column, InputSchema


def row_model(schema: InputSchema) -> type[BaseModel]:
    """See `InputSchema.to_pydantic`."""
    from pydantic import BaseModel, ConfigDict, Field, RootModel, create_model

    name = "".join(part[0].upper() + part[1:] for part in _words(schema.model)) + "Row"
    if not schema.named:
        columns = schema.columns
        root: Any = _type_of(columns[0]) if schema.kind == "text" else Any
        if schema.kind == "items":
            root = _item_type(schema.form)
        if schema.kind == "table" and len({replace(column, position=0) for column in columns}) == 1:
            values: Any = list.__class_getitem__(_type_of(columns[0]))
            root = Annotated[values, Field(min_length=len(columns), max_length=len(columns))]
        elif schema.kind == "table":
            root = tuple.__class_getitem__(tuple(map(_type_of, columns)))
        model: type[BaseModel] = create_model(name, __base__=RootModel[root])
        return model
    fields: dict[str, Any] = {}
    for column in schema.columns:
        default = ... if column.required else None
        kind = _type_of(column) if column.required else _type_of(column) | None
        fields[_field(str(column.name), column.position, BaseModel)] = kind, Field(default, alias=column.name)
    extra: Literal["allow", "forbid"] = "allow" if schema.others_allowed else "forbid"
    config = ConfigDict(extra=extra, protected_namespaces=(), ser_json_inf_nan="constants")
    row: type[BaseModel] = create_model(name, __config__=config, **fields)
    return row


def _item_type(form: str) -> Any:
    """Type of an item."""
    from pydantic import StrictBool

    value: Any = StrictBool | float | str
    types: dict[str, Any] = {
        "named": dict.__class_getitem__((str, value | list.__class_getitem__(str) | None)),
        "dict": dict.__class_getitem__((str, value)),
        "pair": list.__class_getitem__(tuple.__class_getitem__((str, value))),
        "string": list.__class_getitem__(str),
        "label set": list.__class_getitem__(value | None),
        "label": value,
        "text label": str,
        "whole label": StrictBool | float,
        "code": int,
    }
    return types.get(form, Any)


def _type_of(column: Column) -> Any:
    """Type of a value; pydantic compares categories by equality, so that 1.0 is the category 1."""
    from pydantic import Field, StrictBool

    if column.kind == "any":
        return Any
    number = _number(column) | StrictBool
    text: Any = Annotated[str, Field(json_schema_extra=in_format(column.format))] if column.format else str
    dates = datetime.datetime | datetime.date
    found: Any = {"str": text, "datetime64[us]": dates, "object": str | number}.get(column.dtype, number)
    if column.rejects_unknown and column.categories:
        found = _category(column)
    return found if column.nullable is False else found | None


def _category(column: Column) -> Any:
    """Type of a known category; booleans come first, because pydantic also finds the category 1 for True."""
    from pydantic import BeforeValidator, Field

    found: Any = Literal.__getitem__(column.categories)
    booleans = tuple(equal_booleans(column))
    if not booleans:
        return found
    boolean: Any = Annotated[Literal.__getitem__(booleans), BeforeValidator(_checked_boolean)]
    either: Any = boolean | found
    return Annotated[either, Field(union_mode="left_to_right")]


def _checked_boolean(value: Any) -> bool:
    """The value, unless it is a number that is equal to a boolean."""
    if not isinstance(value, bool):
        raise ValueError("the value is no boolean")
    return value


def _number(column: Column) -> Any:
    """Type of a number; NaN is a missing value, and where none may be missing, no step takes infinity either."""
    from pydantic import AfterValidator, AllowInfNan, Field

    finite = column.kind == "number" and column.nullable is False
    found: Any = Annotated[float, AllowInfNan(False)] if finite else float
    if column.float32:
        found = Annotated[found, AfterValidator(_checked_float32), Field(json_schema_extra=within_float32())]
    return found


def _checked_float32(value: float) -> float:
    """The value, unless it is infinite as float32."""
    if abs(value) > FLOAT32_LIMIT:
        raise ValueError("the number is too large for float32")
    return value


def _words(name: str) -> list[str]:
    return "".join(letter if letter.isalnum() else " " for letter in name).split()


def _field(name: str, position: int, base: type) -> str:
    """Name of the attribute of a column: its own, if a class may have it."""
    own = name.isidentifier() and not keyword.iskeyword(name) and not name.startswith("_") and not hasattr(base, name)
    return name if own else f"column_{position}"
