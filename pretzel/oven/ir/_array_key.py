"""Arrays as parts of the keys by which nodes are looked up."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Array

SAMPLE = 32
"""Elements of a long array by which nodes are looked up."""


class ArrayKey:
    """A frozen array as a part of a key: found by a few of its bytes, equal where all are.

    Most nodes of a compilation are rewritten soon. Arrays that only they hold are never hashed as a whole.
    """

    __slots__ = ("_array", "_hash")

    def __init__(self, array: Array) -> None:
        flat = array.reshape(-1)
        sample = flat if len(flat) <= SAMPLE else flat[:: len(flat) // SAMPLE]
        self._array = array
        self._hash = hash((array.dtype.str, array.shape, sample.tobytes()))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, ArrayKey):
            return NotImplemented
        a, b = self._array, other._array
        return a is b or (
            self._hash == other._hash and a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
        )
