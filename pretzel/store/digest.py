"""Content digests of canonical bytes; never of a pickle, whose bytes depend on object identity and order."""

from __future__ import annotations

import re
import zlib
from hashlib import blake2b
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable

ALIGNMENT = 64
DIGEST = 16
TAIL = DIGEST + 4
"""Bytes behind the contents of a frozen array: the digest of the contents, once it is known, and its checksum."""


def is_digest(text: object) -> bool:
    """Whether a text of a file from outside is a digest in hexadecimal digits."""
    return type(text) is str and re.fullmatch(f"[0-9a-f]{{{2 * DIGEST}}}", text) is not None


def frozen(array: npt.ArrayLike, dtype: npt.DTypeLike | None = None) -> npt.NDArray[np.generic]:
    """Read-only, C-contiguous array with 64-byte aligned data, copied so that no other reference can change it.

    Its memory has room for a digest, so that the contents are hashed once, however often they are asked for.
    """
    source = np.asarray(array, dtype=dtype)
    raw = np.empty(source.nbytes + ALIGNMENT + TAIL, dtype=np.uint8)
    raw[-TAIL:] = 0
    start = -raw.ctypes.data % ALIGNMENT
    copy = raw[start : start + source.nbytes].view(source.dtype).reshape(source.shape)
    copy[...] = source
    copy.flags.writeable = False
    return copy


def is_frozen(array: npt.NDArray[Any]) -> bool:
    """Whether `frozen` made the array. Read-only alone is not enough: views of memory that others write are, too."""
    memory = array.base
    return (
        not array.flags.writeable
        and array.flags.c_contiguous
        and isinstance(memory, np.ndarray)
        and memory.base is None
        and memory.dtype == np.uint8
        and memory.nbytes == array.nbytes + ALIGNMENT + TAIL
    )


def digest_array(array: npt.NDArray[Any]) -> bytes:
    """Sixteen bytes that name dtype, shape and contents of an array; those of a frozen array are hashed once."""
    if not is_frozen(array):
        return _named(array, _hashed(array))
    tail = array.base[-TAIL:]  # type: ignore[index]
    contents = tail[:DIGEST].tobytes()
    if tail[DIGEST:].tobytes() != _checksum(contents):  # not there yet, or half written by another thread
        contents = _hashed(array)
        tail[:] = np.frombuffer(contents + _checksum(contents), dtype=np.uint8)
    return _named(array, contents)


def digest_of_memory(array: npt.NDArray[Any]) -> bytes:
    """`digest_array` of what is in memory now, whatever was hashed before: tells whether somebody changed it."""
    return _named(array, _hashed(array))


def _hashed(array: npt.NDArray[Any]) -> bytes:
    return blake2b(np.ascontiguousarray(array).data, digest_size=DIGEST).digest()


def _named(array: npt.NDArray[Any], contents: bytes) -> bytes:
    return blake2b(f"{array.dtype.str}{array.shape}".encode() + contents, digest_size=DIGEST).digest()


def _checksum(digest: bytes) -> bytes:
    return zlib.crc32(digest).to_bytes(4, "little")


def digest_parts(*parts: str | bytes | Iterable[bytes]) -> bytes:
    """Sixteen bytes that name a sequence of strings and digests, each length-prefixed."""
    h = blake2b(digest_size=DIGEST)
    for part in parts:
        items = [part.encode()] if isinstance(part, str) else [part] if isinstance(part, bytes) else list(part)
        for item in items:
            h.update(len(item).to_bytes(8, "little"))
            h.update(item)
    return h.digest()
