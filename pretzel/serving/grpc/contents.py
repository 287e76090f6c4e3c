"""Tensors in messages: raw bytes, or values in the field of their datatype."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.errors import InputShapeError, InputTypeError
from pretzel.serving.failures import BadRequest
from pretzel.serving.tensors import DTYPES, Tensor, count_of, decoded, encoded, of_bytes, shown, to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

FIELDS = {
    "BOOL": "bool_contents",
    **dict.fromkeys(("INT8", "INT16", "INT32"), "int_contents"),
    "INT64": "int64_contents",
    **dict.fromkeys(("UINT8", "UINT16", "UINT32"), "uint_contents"),
    "UINT64": "uint64_contents",
    "FP32": "fp32_contents",
    "FP64": "fp64_contents",
    "BYTES": "bytes_contents",
}
"""Fields of ``InferTensorContents`` by datatype; FP16 has none."""


def parameters_of(found: Mapping[str, Any]) -> dict[str, Any]:
    """Parameters as Python has them."""
    chosen = {name: each.WhichOneof("parameter_choice") for name, each in found.items()}
    return {name: None if choice is None else getattr(found[name], choice) for name, choice in chosen.items()}


def read(request: Any, model: str) -> list[Tensor]:
    """The inputs of a ``ModelInferRequest``.

    Raises
    ------
    BadRequest, InputTypeError, InputShapeError
    """
    raw = request.raw_input_contents
    if not request.inputs:
        raise BadRequest(f"{model}: expected inputs: tensors")
    if raw and len(raw) != len(request.inputs):
        raise BadRequest(f"{model}: there are {len(request.inputs)} inputs and {len(raw)} raw_input_contents")
    found: dict[str, Tensor] = {}
    for i, each in enumerate(request.inputs):
        who = f"{model}: tensor {shown(each.name)}"
        if each.name in found:
            raise BadRequest(f"{model}: there are two tensors {shown(each.name)}")
        shape = list(each.shape)
        count = count_of(each.datatype, shape, parameters_of(each.parameters), who)
        if not raw:
            values = _of_contents(each.contents, each.datatype, count, who)
        elif each.HasField("contents") and each.contents.ListFields():
            raise BadRequest(f"{who} has contents beside raw_input_contents")
        else:
            values = of_bytes(memoryview(raw[i]), each.datatype, count, who)
        found[each.name] = Tensor(each.name, each.datatype, tuple(shape), values)
    return [*found.values()]


def _of_contents(contents: Any, datatype: str, count: int, who: str) -> Any:
    """The values of a tensor from the field of its datatype."""
    name = FIELDS.get(datatype)
    if name is None:
        raise InputTypeError(f"{who}: {datatype} comes in raw_input_contents only")
    others = [field.name for field, _ in contents.ListFields() if field.name != name]
    if others:
        raise InputTypeError(f"{who}: expected {datatype} in {name}, got {', '.join(others)}")
    values = getattr(contents, name)
    if len(values) != count:
        raise InputShapeError(f"{who}: its shape has {count} values, and its contents {len(values)}")
    if datatype == "BYTES":
        return decoded(values, who)
    dtype = DTYPES[datatype]
    try:
        return np.array(list(values), dtype)
    except OverflowError:
        raise InputTypeError(f"{who}: a value is out of the range of {datatype}") from None


def write(answer: Any, outputs: Iterable[Tensor], *, raw: bool) -> None:
    """Write the outputs of a ``ModelInferResponse``."""
    outputs = [*outputs]
    raw = raw or any(each.datatype not in FIELDS for each in outputs)
    for each in outputs:
        output = answer.outputs.add(name=each.name, datatype=each.datatype, shape=each.shape)
        if raw:
            answer.raw_output_contents.append(to_bytes(each))
        elif each.datatype == "BYTES":
            output.contents.bytes_contents.extend(encoded(each.values))
        else:
            getattr(output.contents, FIELDS[each.datatype]).extend(each.values.tolist())
