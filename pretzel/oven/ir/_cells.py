"""Cell constants (texts, numbers, None, NaN) in a form that nodes can hold and kernels can read.

Text is packed as Python keeps it: one, two or four bytes for each character, whichever is the least that fits. A text
has one such form only, so comparing bytes compares texts. `pretzel/_native/core/cells.h` reads what is written here.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pretzel.oven.ir.graph import Array

CellValue = str | float | None
"""A cell in normal form: every number a float, every missing value None or NaN."""

_NONE, _NAN, _NUMBER, _ASCII, _LATIN1, _UCS2, _UCS4 = range(7)
_CODECS = {_ASCII: "latin-1", _LATIN1: "latin-1", _UCS2: "utf-16-le", _UCS4: "utf-32-le"}
_UNIT = {_ASCII: 1, _LATIN1: 1, _UCS2: 2, _UCS4: 4}


class PackedCells(NamedTuple):
    """Constants as arrays: ``kinds`` uint8[n], ``numbers`` float64[n], ``offsets`` and ``sizes`` int64[n], ``text``
    uint8[]. Offsets are in bytes and multiples of four, sizes in characters."""

    kinds: Array
    numbers: Array
    offsets: Array
    sizes: Array
    text: Array


def is_nan(value: Any) -> bool:
    """Whether a cell is NaN. The missing values of pandas, NA and NaT, are others."""
    return isinstance(value, float | np.floating) and math.isnan(value)


def is_pandas_missing(value: Any, name: str) -> bool:
    """Whether a value is pandas' own missing value: `name` is "NAType" or "NaTType". pandas is not imported."""
    return type(value).__name__ == name and type(value).__module__.startswith("pandas")


def cell_key(value: Any) -> tuple[str, Any]:
    """What two cells have in common exactly when they are equal: 1 and True are, 1 and "1" are not."""
    if value is None:
        return "none", 0.0
    if isinstance(value, str):
        return "text", str.__str__(value)  # a member of an enum prints another text than it is
    if is_nan(value):
        return "nan", 0.0
    if isinstance(value, bool | np.bool_ | int | float | np.integer | np.floating):
        return "number", float(value)
    return "other", value


def pack(values: Iterable[CellValue]) -> PackedCells:
    """Arrays of constants in normal form."""
    kinds, numbers, offsets, sizes, text = [], [], [], [], bytearray()
    for value in values:
        kind, number, size = _NONE, 0.0, 0
        offsets.append(len(text))
        if isinstance(value, str):
            kind, size = _width_of(value), len(value)
            text += value.encode(_CODECS[kind], "surrogatepass" if _UNIT[kind] > 1 else "strict")
            text += bytes(-len(text) % 4)
        elif value is not None:
            kind, number = (_NAN, 0.0) if math.isnan(value) else (_NUMBER, value + 0.0)
        kinds.append(kind)
        numbers.append(number)
        sizes.append(size)
    return PackedCells(
        np.array(kinds, dtype=np.uint8),
        np.array(numbers, dtype=np.float64),
        np.array(offsets, dtype=np.int64),
        np.array(sizes, dtype=np.int64),
        np.frombuffer(bytes(text), dtype=np.uint8),
    )


def unpack(cells: Sequence[Array]) -> list[CellValue]:
    """The constants that `pack` was given."""
    kinds, numbers, offsets, sizes, text = cells
    data = text.tobytes()
    values: list[CellValue] = []
    for kind, number, offset, size in zip(kinds, numbers, offsets, sizes, strict=True):
        if kind in _CODECS:
            raw = data[int(offset) : int(offset + size * _UNIT[int(kind)])]
            values.append(raw.decode(_CODECS[int(kind)], "surrogatepass" if kind >= _UCS2 else "strict"))
        else:
            values.append({_NONE: None, _NAN: math.nan}.get(int(kind), float(number)))
    return values


def decoded(text: bytes, width: int) -> str:
    """A text of so many bytes for each character."""
    if len(text) % width:
        raise ValueError(f"a text of {len(text)} bytes, {width} for each character")
    codec = {1: "latin-1", 2: "utf-16-le", 4: "utf-32-le"}[width]
    return text.decode(codec, "surrogatepass" if width > 1 else "strict")


def _width_of(text: str) -> int:
    if text.isascii():
        return _ASCII
    highest = max(text)
    return _LATIN1 if highest <= "\xff" else _UCS2 if highest <= "\uffff" else _UCS4
