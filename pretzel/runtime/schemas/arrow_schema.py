"""Arrow schema of a table of requests."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pyarrow as pa

    from pretzel.runtime.schemas.input_schema import Column, InputSchema


def table_schema(schema: InputSchema, types: Mapping[str, pa.DataType]) -> pa.Schema:
    """See `InputSchema.to_arrow`."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field(name, types[name] if name in types else _type_of(name, column), column.nullable is not False)
            for column in schema.columns
            for name in [column.name or f"x{column.position}"]
            if column.is_read or column.name is None or name in types
        ]
    )


def _type_of(name: str, column: Column) -> pa.DataType:
    import pyarrow as pa

    if column.dtype == "object":
        raise ValueError(
            f"column {name!r} may hold anything: name its Arrow type, types={{{name!r}: pyarrow.string()}}"
        )
    types = {"float64": pa.float64(), "int64": pa.int64(), "str": pa.string(), "datetime64[us]": pa.timestamp("us")}
    return types[column.dtype]
