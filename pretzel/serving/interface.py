"""What a model takes and answers, for descriptions: columns, tensors, JSON Schema."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.input_spec import InputKind

if TYPE_CHECKING:
    from pretzel.input_spec import InputSpec
    from pretzel.runtime.model import Plan

DATATYPES = {
    "bool": "BOOL",
    **{f"{sign.lower()}{bits}": f"{sign.upper()}{bits}" for sign in ("int", "uint") for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"FP{bits}" for bits in (16, 32, 64)},
}
"""Datatypes of Open Inference by the names of NumPy's dtypes; all others are BYTES."""
_JSON_TYPES = {"f": "number", "i": "integer", "u": "integer", "b": "boolean"}


@dataclass(frozen=True, slots=True)
class Tensor:
    """An input or output; a width of None: one value for each row, -1: not known."""

    name: str
    datatype: str
    width: int | None

    def described(self) -> dict[str, Any]:
        """As metadata of Open Inference have it."""
        shape = [-1] if self.width is None else [-1, self.width]
        return {"name": self.name, "datatype": self.datatype, "shape": shape}


def inputs(spec: InputSpec) -> list[Tensor]:
    """One tensor for each column, or one for all of them, or one of documents."""
    if spec.names is not None:
        return [Tensor(name, "BYTES" if i in spec.texts else "FP64", None) for i, name in enumerate(spec.names)]
    if spec.kind is InputKind.TABLE:
        return [Tensor("input", "BYTES" if spec.texts else "FP64", spec.width or -1)]
    return [Tensor("input", "BYTES", None)]


def outputs(plan: Plan) -> list[Tensor]:
    """One tensor for each method; of a method that answers with a list, one for each part."""
    found = []
    for name, method in plan.physical.methods.items():
        if method.labels is not None:
            dtype = (
                method.labels[0].dtype if len({str(each.dtype) for each in method.labels}) == 1 else np.dtype(object)
            )
        else:
            dtype = method.dtype.dtype_for("float64")
        datatype = DATATYPES.get(dtype.name, "BYTES")
        if method.list_of is not None:
            found += [Tensor(f"{name}_{i}", datatype, width) for i, width in enumerate(method.list_of)]
        else:
            found.append(Tensor(name, datatype, None if method.ndim == 1 else -1))
    return found


def output_methods(plan: Plan) -> dict[str, str]:
    """The method of each output; that of a list also by its own name, which asks for all of its parts."""
    found = {name: name for name in plan.methods}
    for name, method in plan.physical.methods.items():
        found.update({f"{name}_{i}": name for i in range(len(method.list_of or ()))})
    return found


def row_schema(spec: InputSpec) -> dict[str, Any]:
    """JSON Schema of one row."""
    value: dict[str, Any] = {"type": ["number", "string", "boolean", "null"]}
    if spec.names is not None:
        columns = {
            name: {"type": ["string", "null"]} if i in spec.texts else {"type": ["number", "null"]}
            for i, name in enumerate(spec.names)
        }
        required = [spec.names[i] for i in spec.required]
        return {"type": "object", "properties": columns, "required": required}
    if spec.kind is InputKind.TEXT:
        return {"type": "string"}
    if spec.kind is InputKind.ANY:
        return {}
    width = {"minItems": spec.width, "maxItems": spec.width} if spec.width else {}
    return {"type": "array", "items": value if spec.texts else {"type": ["number", "null"]}, **width}


def answer_schema(plan: Plan, method: str) -> dict[str, Any]:
    """JSON Schema of the answer to one row."""
    described = plan.physical.methods[method]
    if described.labels is not None:
        kinds = sorted({_JSON_TYPES.get(each.dtype.kind, "string") for each in described.labels})
        item: dict[str, Any] = {"type": kinds[0]} if len(kinds) == 1 else {}
    else:
        item = {"type": ["number", "null"]}
    if described.list_of is not None:
        return {"type": "array"}
    return item if described.ndim == 1 else {"type": "array", "items": item}
