"""Tensors of Open Inference Protocol V2: as JSON, or as bytes behind the JSON (the binary tensor extension)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel._native import read_texts, write_texts
from pretzel.errors import InputShapeError, InputTypeError
from pretzel.runtime.answer_columns import as_array, is_by_target
from pretzel.serving.failures import BadRequest
from pretzel.serving.jsons import written_out

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import numpy.typing as npt

DATATYPES = {
    "bool": "BOOL",
    **{f"{sign.lower()}{bits}": f"{sign.upper()}{bits}" for sign in ("int", "uint") for bits in (8, 16, 32, 64)},
    **{f"float{bits}": f"FP{bits}" for bits in (16, 32, 64)},
}
"""Datatypes by the names of NumPy's dtypes; all others are BYTES."""
DTYPES = {name: np.dtype(dtype).newbyteorder("<") for dtype, name in DATATYPES.items()}
"""What lies in a tensor, by datatype; BYTES are texts."""
_ACCEPTED: dict[str, set[type]] = {"b": {bool}, "i": {int}, "u": {int}, "f": {float, int, type(None)}}

_MOST = 2**60  # values of eight bytes that NumPy lets an array without values seem to have


@dataclass(frozen=True, slots=True)
class Tensor:
    """One input or output: a numeric array, or a list of texts, in the order of rows.

    Parameters
    ----------
    name, datatype : str
    shape : tuple of int
    values : 1-D ndarray, or list of str or None
    """

    name: str
    datatype: str
    shape: tuple[int, ...]
    values: Any


def shown(name: Any) -> str:
    """A name as messages have it: within quotes, and cut where it is long."""
    text = repr(name)
    return text if len(text) <= 100 else f"{text[:100]}..."


def read(described: Any, tail: memoryview, model: str) -> tuple[list[Tensor], memoryview]:
    """The inputs of a request, and what is left of the bytes behind its JSON.

    Raises
    ------
    BadRequest, InputTypeError, InputShapeError
    """
    if not isinstance(described, list) or not described:
        raise BadRequest(f'{model}: expected "inputs": an array of tensors')
    found: list[Tensor] = []
    for each in described:
        tensor, tail = _tensor(each, tail, model)
        if any(tensor.name == other.name for other in found):
            raise BadRequest(f"{model}: there are two tensors {shown(tensor.name)}")
        found.append(tensor)
    return found, tail


def _tensor(each: Any, tail: memoryview, model: str) -> tuple[Tensor, memoryview]:
    if not isinstance(each, dict) or not isinstance(each.get("name"), str):
        raise BadRequest(f'{model}: a tensor is an object with "name", "shape", "datatype" and "data"')
    who = f"{model}: tensor {shown(each['name'])}"
    datatype: Any = each.get("datatype")
    shape: Any = each.get("shape")
    parameters = each.get("parameters") or {}
    count = count_of(datatype, shape, parameters, who)
    size = parameters.get("binary_data_size")
    if size is None:
        return Tensor(each["name"], datatype, tuple(shape), of_list(each.get("data"), datatype, shape, who)), tail
    if type(size) is not int or not 0 <= size <= len(tail):
        raise BadRequest(f"{who}: binary_data_size is {str(size)[:40]}, and {len(tail)} bytes are there")
    values = of_bytes(tail[:size], datatype, count, who)
    return Tensor(each["name"], datatype, tuple(shape), values), tail[size:]


def count_of(datatype: Any, shape: Any, parameters: Any, who: str) -> int:
    """The number of values in a tensor that is described so.

    Raises
    ------
    BadRequest, InputTypeError, InputShapeError
    """
    if datatype != "BYTES" and (not isinstance(datatype, str) or datatype not in DTYPES):
        raise InputTypeError(f"{who}: expected a datatype of {', '.join(DTYPES)}, BYTES, got {shown(datatype)}")
    if not isinstance(shape, list) or len(shape) > 8 or any(type(n) is not int or not 0 <= n < 2**63 for n in shape):
        raise InputShapeError(f"{who}: expected a shape of sizes, such as [2, 3], got {str(shape)[:100]}")
    if not isinstance(parameters, dict) or "shared_memory_region" in parameters:
        raise BadRequest(f'{who}: expected "parameters" without shared memory, which this server does not read')
    count = math.prod(shape)
    if not count and math.prod(size for size in shape if size) >= _MOST:
        raise InputShapeError(f"{who}: no array has the shape {shape}, though it has no values")
    return count


def of_list(data: Any, datatype: str, shape: Sequence[int], who: str) -> Any:
    """The values of a tensor from a list, which is flat, or nested as its shape says.

    Raises
    ------
    BadRequest, InputTypeError, InputShapeError
    """
    if not isinstance(data, list):
        raise BadRequest(f'{who}: expected "data", an array, or the parameter binary_data_size')
    depth = 1
    while data and type(data[0]) is list:
        if any(type(part) is not list for part in data):
            raise InputShapeError(f"{who}: the arrays in its data are not nested alike")
        # Other sizes of as many values would be other rows.
        if depth >= len(shape) or len(data) != math.prod(shape[:depth]) or {*map(len, data)} != {shape[depth]}:
            raise InputShapeError(f"{who}: its data is flat, or nested as its shape {list(shape)} says")
        data = list(chain.from_iterable(data))
        depth += 1
    if data and 1 < depth < len(shape):
        raise InputShapeError(f"{who}: its data is flat, or nested as its shape {list(shape)} says")
    count = math.prod(shape)
    if len(data) != count:
        raise InputShapeError(f"{who}: its shape has {count} values, and its data {len(data)}")
    types = set(map(type, data))
    if datatype == "BYTES":
        if not types <= {str, type(None)}:
            raise _wrong(who, "texts", types - {str, type(None)})
        return data
    dtype = DTYPES[datatype]
    if not types <= _ACCEPTED[dtype.kind]:
        raise _wrong(who, datatype, types - _ACCEPTED[dtype.kind])
    try:
        return np.array(data, dtype)
    except OverflowError:
        raise InputTypeError(f"{who}: a value is out of the range of {datatype}") from None


def _wrong(who: str, expected: str, types: set[type]) -> InputTypeError:
    names = {"NoneType": "null", "dict": "object", "list": "array", "str": "text"}
    got = sorted(names.get(each.__name__, each.__name__) for each in types)
    return InputTypeError(f"{who}: expected {expected}, got {', '.join(got)}")


def of_bytes(data: memoryview, datatype: str, count: int, who: str) -> Any:
    """The values of a tensor from its bytes.

    Raises
    ------
    InputTypeError, InputShapeError
    """
    if datatype != "BYTES":
        dtype = DTYPES[datatype]
        if len(data) != count * dtype.itemsize:
            raise InputShapeError(
                f"{who}: its shape has {count} values of {dtype.itemsize} bytes, and {len(data)} bytes are there"
            )
        if dtype.kind == "b":
            octets = np.frombuffer(data, np.uint8)
            if octets.size and octets.max() > 1:
                raise InputTypeError(f"{who}: expected BOOL, got a byte that is neither 0 nor 1")
        return np.frombuffer(data, dtype).astype(dtype.newbyteorder("="), copy=False)
    return texts_of(data, count, who)


def texts_of(data: memoryview, count: int, who: str) -> list[str]:
    """The texts of a binary tensor: each is its length in four bytes, then UTF-8."""
    if count > len(data):
        raise InputShapeError(f"{who}: its shape has {count} texts, and {len(data)} bytes are there")
    try:
        return read_texts(data, count)
    except IndexError as error:
        raise InputShapeError(f"{who}: its shape has {count} texts: {error}") from None
    except UnicodeDecodeError as error:
        raise _no_utf_8(who, error) from None


def decoded(values: Iterable[bytes], who: str) -> list[str]:
    """The texts of a tensor whose values are bytes.

    Raises
    ------
    InputTypeError
    """
    try:
        return [str(value, "utf-8") for value in values]
    except UnicodeDecodeError as error:
        raise _no_utf_8(who, error) from None


def _no_utf_8(who: str, error: UnicodeDecodeError) -> InputTypeError:
    return InputTypeError(f"{who}: a text is no UTF-8: {error.reason}")


def encoded(texts: list[str]) -> list[bytes]:
    """Texts as `decoded` reads them."""
    return [text.encode("utf-8", "replace") for text in texts]


def bytes_of(texts: list[str]) -> bytes:
    """Texts as `texts_of` reads them."""
    try:
        return write_texts(texts)
    except UnicodeEncodeError:
        return write_texts([text.decode() for text in encoded(texts)])


def to_bytes(tensor: Tensor) -> bytes:
    """The values of a tensor as `of_bytes` reads them."""
    if tensor.datatype == "BYTES":
        return bytes_of(tensor.values)
    data: bytes = tensor.values.tobytes()
    return data


def of_answer(name: str, answer: Any) -> list[Tensor]:
    """An answer as tensors.

    A list of arrays, which is the answer of a method for several targets, makes a tensor for each of its parts.
    """
    if is_by_target(answer):
        return [each for i, part in enumerate(answer) for each in of_answer(f"{name}_{i}", part)]
    if hasattr(answer, "toarray"):
        answer = written_out(answer)
    values: npt.NDArray[Any] = as_array(answer)
    if values.dtype.byteorder == ">":
        values = values.astype(values.dtype.newbyteorder("<"))
    datatype = DATATYPES.get(values.dtype.name, "BYTES")
    flat: Any = values.ravel()
    if datatype == "BYTES":
        flat = flat.tolist()
        flat = flat if values.dtype.kind == "U" else [each if type(each) is str else str(each) for each in flat]
    return [Tensor(name, datatype, values.shape, flat)]


def written(tensor: Tensor, *, binary: bool) -> tuple[dict[str, Any], bytes]:
    """What describes a tensor in JSON, and the bytes behind the JSON."""
    described = {"name": tensor.name, "datatype": tensor.datatype, "shape": list(tensor.shape)}
    if not binary:
        return {**described, "data": tensor.values}, b""
    data = to_bytes(tensor)
    return {**described, "parameters": {"binary_data_size": len(data)}}, data
