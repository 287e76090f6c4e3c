"""Hashes by which CatBoost names categories."""

from __future__ import annotations

from typing import ClassVar

import numpy as np

from pretzel.errors import InputValueError
from pretzel.oven.ir.graph import Node, Value
from pretzel.oven.ir.value_properties import ValueProperties, whole
from pretzel.schema import Schema, dense, fixed

_WORD = (1 << 64) - 1
_PRIMES = 0xC3A5C85C97CB3127, 0xB492B66FBE98F273, 0x9AE16A3B2F90404F, 0xC949D7C7509E6557
_MULTIPLIER = 0x9DDFEA08EB382D69


class CityHash(Node):
    """The low 32 bits, as a signed number, of `city_hash` of each cell's text; whole numbers are their decimal digits.

    Other numbers and missing values are rejected.
    """

    op: ClassVar[str] = "city_hash/1"
    kernel: ClassVar[str] = "city_hash"

    def schema(self) -> Schema:
        return dense(self.inputs[0].schema().width, fixed("float64"))

    def reference(self, *inputs: Value) -> Value:
        out = np.empty(np.shape(inputs[0]))
        for at, cell in np.ndenumerate(inputs[0]):
            if not isinstance(cell, str) and (cell is None or not float(cell).is_integer()):
                raise InputValueError(f"a category is a text or a whole number, got {cell!r}")
            text = cell if isinstance(cell, str) else str(int(cell))
            low = city_hash(text.encode()) & 0xFFFFFFFF
            out[at] = low - (1 << 32) if low >> 31 else low
        return out

    def value_properties(self, *inputs: ValueProperties) -> ValueProperties:
        return whole(-(2**31), 2**31 - 1)


def city_hash(text: bytes) -> int:
    """CityHash64 of Pike and Alakuijala (2011) in its version 1.0.2."""
    n, (p0, p1, p2, p3) = len(text), _PRIMES
    if n <= 16:
        return _to_16(text)
    if n <= 32:
        a, b = _at(text, 0) * p1, _at(text, 8)
        c, d = _at(text, n - 8) * p2, _at(text, n - 16) * p0
        return _pair(_rotate(a - b, 43) + _rotate(c, 30) + d, a + _rotate(b ^ p3, 20) - c + n)
    if n <= 64:
        v = _half(_at(text, 0) + (n + _at(text, n - 16)) * p0, text, 8, _at(text, 24))
        w = _half(_at(text, 16) + _at(text, n - 32), text, n - 24, _at(text, n - 8))
        r = _mix((v[0] + w[1]) * p2 + (w[0] + v[1]) * p0)
        return _mix(r * p0 + v[1]) * p2 & _WORD
    y, z = _at(text, n - 16) ^ p1, _at(text, n - 56) ^ p0
    v, w = _32_bytes(text, n - 64, n, y), _32_bytes(text, n - 32, n * p1, p0)
    z += _mix(v[1]) * p1
    x, y = _rotate(z + _at(text, 0), 39) * p1, _rotate(y, 33) * p1
    for i in range(0, (n - 1) // 64 * 64, 64):
        x = _rotate(x + y + v[0] + _at(text, i + 16), 37) * p1 & _WORD
        y = _rotate(y + v[1] + _at(text, i + 48), 42) * p1 & _WORD
        x, y = x ^ w[1], y ^ v[0]
        z = _rotate(z & _WORD ^ w[0], 33)
        v = _32_bytes(text, i, v[1] * p1, x + w[0])
        w = _32_bytes(text, i + 32, z + w[1], y)
        x, z = z, x
    return _pair(_pair(v[0], w[0]) + _mix(y) * p1 + z, _pair(v[1], w[1]) + x)


def _at(text: bytes, i: int, size: int = 8) -> int:
    return int.from_bytes(text[i : i + size], "little")


def _rotate(x: int, by: int) -> int:
    x, by = x & _WORD, by % 64
    return (x >> by | x << (64 - by)) & _WORD


def _mix(x: int) -> int:
    x &= _WORD
    return x ^ x >> 47


def _pair(low: int, high: int) -> int:
    a = _mix(((low ^ high) & _WORD) * _MULTIPLIER)
    return _mix((high & _WORD ^ a) * _MULTIPLIER) * _MULTIPLIER & _WORD


def _to_16(text: bytes) -> int:
    n, (_, _, p2, p3) = len(text), _PRIMES
    if n > 8:
        a, b = _at(text, 0), _at(text, n - 8)
        return _pair(a, _rotate(b + n, n)) ^ b
    if n >= 4:
        return _pair(n + (_at(text, 0, 4) << 3), _at(text, n - 4, 4))
    if n == 0:
        return p2
    y, z = text[0] + (text[n >> 1] << 8), n + (text[-1] << 2)
    return _mix(y * p2 ^ z * p3) * p2 & _WORD


def _half(a: int, text: bytes, i: int, z: int) -> tuple[int, int]:
    b, c = _rotate(a + z, 52), _rotate(a, 37)
    a += _at(text, i)
    c += _rotate(a, 7)
    a += _at(text, i + 8)
    return (a + z) & _WORD, (b + _rotate(a, 31) + c) & _WORD


def _32_bytes(text: bytes, i: int, a: int, b: int) -> tuple[int, int]:
    w, x, y, z = (_at(text, i + 8 * k) for k in range(4))
    a += w
    b = _rotate(b + a + z, 21)
    c = a
    a += x + y
    b += _rotate(a, 44)
    return (a + z) & _WORD, (b + c) & _WORD
