"""Plain data that is rarely read."""

from __future__ import annotations

import json
import zlib
from typing import Any


class Packed:
    """Plain data that is rarely read, kept as compressed JSON: unpacked, the report of a small model outweighs it."""

    __slots__ = ("__weakref__", "_packed")

    def __init__(self, data: dict[str, Any]) -> None:
        self._packed = zlib.compress(json.dumps(data).encode(), level=1)

    @classmethod
    def of(cls, content: bytes) -> Packed:
        """The packed data that has this content."""
        packed = cls.__new__(cls)
        packed._packed = content
        return packed

    @property
    def content(self) -> bytes:
        """The compressed data."""
        return self._packed

    def unpack(self) -> dict[str, Any]:
        """The data, as a new object."""
        data: dict[str, Any] = json.loads(zlib.decompress(self._packed))
        return data
