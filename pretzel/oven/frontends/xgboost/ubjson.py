"""Universal Binary JSON, as XGBoost writes it, to Python's objects; typed arrays become NumPy's.

The text is data from outside: whatever it says, no more memory is taken than some multiple of its length, and anything
that is not well-formed raises `ValueError`.
"""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

DEEPEST = 64
"""Levels of objects and arrays inside each other at most."""

_NUMBERS = {
    marker: (struct.Struct(code), np.dtype(code))
    for marker, code in {b"i": ">b", b"U": ">B", b"I": ">h", b"l": ">i", b"L": ">q", b"d": ">f", b"D": ">d"}.items()
}
_CONSTANTS = {b"Z": None, b"T": True, b"F": False}


def loads(data: bytes) -> Any:
    """The value that ``data`` holds."""
    reader = _Reader(data)
    value = reader.value(reader.marker(), 0)
    if reader.at != len(data):
        raise ValueError(f"{len(data) - reader.at} bytes follow the value")
    return value


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, size: int) -> bytes:
        """The next bytes."""
        if not 0 <= size <= len(self.data) - self.at:
            raise ValueError(f"{size} bytes are announced at byte {self.at} of {len(self.data)}")
        self.at += size
        return self.data[self.at - size : self.at]

    def marker(self) -> bytes:
        """The next type; no-ops are skipped."""
        while (found := self.take(1)) == b"N":
            pass
        return found

    def number(self, marker: bytes) -> Any:
        if marker not in _NUMBERS:
            raise ValueError(f"type {marker!r} at byte {self.at}, where a number is expected")
        form = _NUMBERS[marker][0]
        return form.unpack(self.take(form.size))[0]

    def length(self) -> int:
        found = self.number(self.marker())
        if not isinstance(found, int) or not 0 <= found <= len(self.data) - self.at:
            raise ValueError(f"a length of {found} at byte {self.at} of {len(self.data)}")
        return found

    def text(self) -> str:
        return self.take(self.length()).decode()

    def value(self, marker: bytes, depth: int) -> Any:
        """The value of this type."""
        if marker in _CONSTANTS:
            return _CONSTANTS[marker]
        if marker in (b"S", b"H"):
            return self.text()
        if marker == b"C":
            return self.take(1).decode()
        if marker not in (b"{", b"["):
            return self.number(marker)
        if depth == DEEPEST:
            raise ValueError(f"more than {DEEPEST} values inside each other")
        return self.members(depth + 1) if marker == b"{" else self.elements(depth + 1)

    def members(self, depth: int) -> dict[str, Any]:
        """An object: names and values until its end, or as many as it says."""
        count, kind = self.header()
        found: dict[str, Any] = {}
        while count != 0:
            if count is None and self.data[self.at : self.at + 1] == b"}":
                self.at += 1
                break
            name = self.text()
            found[name] = self.value(kind or self.marker(), depth)
            count = None if count is None else count - 1
        return found

    def elements(self, depth: int) -> Any:
        """An array."""
        count, kind = self.header()
        if kind is not None and count is not None:
            if kind not in _NUMBERS:
                raise ValueError(f"an array of type {kind!r} at byte {self.at}")
            dtype = _NUMBERS[kind][1]
            numbers = np.frombuffer(self.take(count * dtype.itemsize), dtype)
            return numbers.astype(dtype.newbyteorder("="))
        found: list[Any] = []
        while count is None or len(found) < count:
            marker = self.marker()
            if marker == b"]" and count is None:
                break
            found.append(self.value(marker, depth))
        return found

    def header(self) -> tuple[int | None, bytes | None]:
        """Number of elements and their type, where these are said."""
        kind = None
        if self.data[self.at : self.at + 1] == b"$":
            self.at += 1
            kind = self.take(1)
            if self.data[self.at : self.at + 1] != b"#":
                raise ValueError(f"a type without a number of elements at byte {self.at}")
            if kind in _CONSTANTS or kind in (b"N", b"]", b"}"):
                raise ValueError(f"elements of type {kind!r} at byte {self.at}")
        if self.data[self.at : self.at + 1] != b"#":
            return None, kind
        self.at += 1
        return self.length(), kind
