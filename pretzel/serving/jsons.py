"""JSON by orjson where it is installed, else by the standard library; both read and write the same values.

NaN and infinities are no JSON: a body that has them, or a number beyond those of float64, is rejected, and they are
null in answers. Whole numbers beyond 64 bits are read as float64. Numbers of float32 and float16 are written as the
numbers of float64 that they are, alone and in arrays, and dates as ISO 8601 has them. What differs: how deep a body may
be nested, the words of messages, and the text of the same number (``1e-7``, ``1e-07``).
"""

from __future__ import annotations

import json
import math
from datetime import date, time
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.serving.failures import BadRequest, TooLarge

if TYPE_CHECKING:
    from collections.abc import Callable

CELLS = 10_000_000
"""Numbers of a sparse answer, written out, that an answer may have."""


def written_out(value: Any) -> Any:
    """A sparse answer as an array.

    Raises
    ------
    TooLarge
    """
    if math.prod(value.shape) > CELLS:
        raise TooLarge(f"the answer has {value.shape[0]:,} rows of {value.shape[1]:,} columns: send fewer rows")
    return value.toarray()


def plain(value: Any) -> Any:
    """What an answer is in JSON, where the encoder does not know its type."""
    if hasattr(value, "toarray"):
        return written_out(value)
    if hasattr(value, "to_numpy"):
        return value.to_numpy().tolist()
    if isinstance(value, np.ndarray | np.generic):
        return _widened(value).tolist()
    if isinstance(value, bytes):
        return value.decode("utf-8", "replace")
    if isinstance(value, date | time):
        return value.isoformat()
    return str(value)


def _widened(value: Any) -> Any:
    """Values of NumPy with a dtype that Python has: float64 for other floats, microseconds for dates."""
    if value.dtype.kind == "f" and value.dtype != np.float64:
        return value.astype(np.float64)
    return value.astype("M8[us]") if value.dtype.kind == "M" else value


def _no_json(body: bytes, error: Exception) -> BadRequest:
    hint = "; NaN and Infinity are none: send null" if b"NaN" in body or b"Infinity" in body else ""
    return BadRequest(f"the body is no JSON: {error}{hint}")


def _with_orjson() -> tuple[Callable[[bytes], Any], Callable[[Any], bytes]]:
    import orjson

    def known(value: Any) -> Any:
        if type(value) is np.ndarray and value.dtype.kind in "fiub" and value.ndim and value.size:
            array = np.ascontiguousarray(_widened(value))
            if array.dtype.isnative:
                return orjson.Fragment(orjson.dumps(array, option=orjson.OPT_SERIALIZE_NUMPY))
        return plain(value)

    def loads(body: bytes) -> Any:
        try:
            return orjson.loads(body)
        except orjson.JSONDecodeError as error:
            raise _no_json(body, error) from None

    def dumps(value: Any) -> bytes:
        try:
            written: bytes = orjson.dumps(value, known)
            return written
        except orjson.JSONEncodeError as error:
            if isinstance(error.__cause__, TooLarge):
                raise error.__cause__ from None
            return _dumps(value)  # integers beyond 64 bits, texts that are no UTF-8, many levels

    return loads, dumps


def _loads(body: bytes) -> Any:
    try:
        value = json.loads(
            body.decode("utf-8"), parse_constant=_no_constant, parse_float=_number, parse_int=_whole_number
        )
    except (ValueError, RecursionError) as error:
        raise _no_json(body, error) from None
    if b"\\u" in body or b"\\U" in body:
        try:
            json.dumps(value, ensure_ascii=False).encode("utf-8")
        except UnicodeEncodeError:
            raise BadRequest("the body is no JSON: half of a surrogate pair") from None
    return value


def _no_constant(name: str) -> float:
    raise ValueError(f"{name} is no JSON")


def _number(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"{text[:40]} is beyond the numbers of float64")
    return value


def _whole_number(text: str) -> float:
    if len(text) <= 20 and -(2**63) <= (value := int(text)) < 2**64:
        return value
    return _number(text)


def _dumps(value: Any) -> bytes:
    try:
        text = json.dumps(_finite(value), separators=(",", ":"), ensure_ascii=False)
    except RecursionError:
        raise BadRequest("the answer is nested too deeply for JSON") from None
    return text.encode("utf-8", "replace")


def _finite(value: Any) -> Any:
    """A value of types that JSON has, with null for NaN and infinities."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): _finite(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(each) for each in value]
    return value if value is None or isinstance(value, str | int) else _finite(plain(value))


def _codec() -> tuple[Callable[[bytes], Any], Callable[[Any], bytes]]:
    try:
        return _with_orjson()
    except ImportError:
        return _loads, _dumps


loads, dumps = _codec()
