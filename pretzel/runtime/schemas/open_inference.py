"""Metadata of a model as the Open Inference Protocol has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pretzel.runtime.schemas.input_schema import Column, InputSchema, Output

TENSOR = "X"
"""Name of the one tensor of columns without names, and of documents."""

_DATATYPES = {"f2": "FP16", "f4": "FP32", "f8": "FP64", "b1": "BOOL"} | {
    f"{kind}{size}": f"{'U' * (kind == 'u')}INT{8 * size}" for kind in "iu" for size in (1, 2, 4, 8)
}


def metadata(schema: InputSchema) -> dict[str, Any]:
    """See `InputSchema.to_open_inference`."""
    return {
        "name": schema.model,
        "versions": [],
        "platform": "pretzel",
        "inputs": list(_inputs(schema)),
        "outputs": [tensor for output in schema.outputs.values() for tensor in _outputs(output)],
    }


def datatype_of(dtype: str | None) -> str:
    """Name of a datatype; ``BYTES`` for texts and for what may be anything."""
    found = np.dtype(object if dtype is None else dtype)
    return _DATATYPES.get(found.str[1:], "BYTES")


def _inputs(schema: InputSchema) -> Iterator[dict[str, Any]]:
    if schema.named:
        for column in (each for each in schema.columns if each.is_read):
            yield {"name": column.name, "datatype": _datatype_of_column(column), "shape": [-1]}
        return
    datatypes = {_datatype_of_column(column) for column in schema.columns if column.is_read}
    if datatypes == {"FP64", "INT64"}:
        datatypes = {"FP64"}
    one = datatypes.pop() if len(datatypes) == 1 else "BYTES"
    is_table = schema.kind == "table"
    yield {"name": TENSOR, "datatype": one, "shape": [-1, len(schema.columns)] if is_table else [-1]}


def _datatype_of_column(column: Column) -> str:
    """Whole numbers that may be missing are floats, because a tensor of integers has no place for null or NaN."""
    may_be_missing = column.dtype == "int64" and column.nullable is not False
    return datatype_of("float64" if may_be_missing else column.dtype)


def _outputs(output: Output) -> Iterator[dict[str, Any]]:
    """The tensors of one method: several where it answers with a list of arrays."""
    if output.parts is not None:
        for number, (width, dtype) in enumerate(output.parts_and_dtypes):
            yield {"name": f"{output.method}_{number}", "datatype": datatype_of(dtype), "shape": [-1, width]}
        return
    shape = [-1 if size is None else size for size in output.shape or (None, None)]
    yield {"name": output.method, "datatype": datatype_of(output.dtype), "shape": shape}
