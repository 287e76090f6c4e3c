"""Counts what is hashed."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

from pretzel.store import digest

if TYPE_CHECKING:
    import pytest


def count_hashed_bytes(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Sizes of everything that is given to the hash function from now on."""
    sizes: list[int] = []

    class Counting:
        """`hashlib.blake2b`, counted."""

        def __init__(self, data: Any = b"", *, digest_size: int) -> None:
            self._hash = hashlib.blake2b(digest_size=digest_size)
            self.update(data)

        def update(self, data: Any) -> None:
            sizes.append(memoryview(data).nbytes)
            self._hash.update(data)

        def digest(self) -> bytes:
            return self._hash.digest()

    monkeypatch.setattr(digest, "blake2b", Counting)
    return sizes
