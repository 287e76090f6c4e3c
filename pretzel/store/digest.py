"""Content digests of canonical bytes; never of a pickle, whose bytes depend on object identity and order."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from collections.abc import Iterable

ALIGNMENT = 64


def frozen(array: npt.ArrayLike, dtype: npt.DTypeLike | None = None) -> npt.NDArray[np.generic]:
    """Read-only, C-contiguous array with 64-byte aligned data, copied so that nobody else can change it."""
    source = np.asarray(array, dtype=dtype)
    raw = np.empty(source.nbytes + ALIGNMENT, dtype=np.uint8)
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
        and memory.nbytes == array.nbytes + ALIGNMENT
    )


def digest_array(array: npt.NDArray[np.generic]) -> bytes:
    """Sixteen bytes that name dtype, shape and contents of a C-contiguous array."""
    h = hashlib.blake2b(f"{array.dtype.str}{array.shape}".encode(), digest_size=16)
    h.update(np.ascontiguousarray(array).data)
    return h.digest()


def digest_parts(*parts: str | bytes | Iterable[bytes]) -> bytes:
    """Sixteen bytes that name a sequence of strings and digests, each length-prefixed."""
    h = hashlib.blake2b(digest_size=16)
    for part in parts:
        items = [part.encode()] if isinstance(part, str) else [part] if isinstance(part, bytes) else list(part)
        for item in items:
            h.update(len(item).to_bytes(8, "little"))
            h.update(item)
    return h.digest()
