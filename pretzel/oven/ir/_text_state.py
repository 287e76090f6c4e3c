"""Vocabularies from the states of the kernels ``ngrams`` and ``hashing`` (`pretzel/_native/text/vocabulary.h`)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.ir._states import Array, Fields, section

if TYPE_CHECKING:
    from collections.abc import Iterable

_WIDTHS = [*((f"{name}_bits", "i4") for name in ("child", "symbol", "key")), ("rest_shift", "i4")]
_TABLE_2 = np.dtype([("offset", "u8"), ("slots", "u8"), *_WIDTHS])
_TABLE = np.dtype([("offset", "u8"), ("slots", "u8"), ("factor", "u8"), *_WIDTHS])
_WORDS = np.dtype([("slots_at", "u8"), ("slots", "u8"), ("pool_at", "u8"), ("record_bits", "i4"), ("pad", "u4")])
_GRAMS = [("settings", "V16"), *((name, "u4") for name in ("terms", "root", "codes", "pad"))]
_NGRAMS_2 = np.dtype([*_GRAMS, ("edges", _TABLE_2, 2), ("words", _WORDS)])
_NGRAMS = np.dtype([*_GRAMS, ("edges", _TABLE, 2), ("words", _WORDS)])
_HASHING = np.dtype([("settings", "V16"), *((name, "u4") for name in ("columns", "signed", "stop", "pad")),
                     ("words", _WORDS)])  # fmt: skip
_STOP = 0xFFFFFFFE  # number of a stop word
_WINDOW, _DISTANCE_BITS = 8, 3
_FACTOR_2 = 0x9E3779B97F4A7C15
_MOST_TEXT = 100
"""Bytes of terms for each byte of a state."""


def ngrams_2(state: Array, fields: Fields) -> dict[str, Array]:
    """Terms and stop words of a state of version 2."""
    head = section(state, 0, _NGRAMS_2, 1)[0]
    return _ngrams(state, head, [edge for table in head["edges"] for edge in _edges(state, table, _FACTOR_2)], fields)


def ngrams_3(state: Array, fields: Fields) -> dict[str, Array]:
    """Terms and stop words of a state of version 3."""
    head = section(state, 0, _NGRAMS, 1)[0]
    edges = [edge for table in head["edges"] for edge in _edges(state, table, int(table["factor"]))]
    return _ngrams(state, head, edges, fields)


def _ngrams(state: Array, head: Any, edges: list[tuple[int, int, int]], fields: Fields) -> dict[str, Array]:
    """Terms and stop words. Terms that no document contains are empty."""
    stop_words: list[bytes] = []
    if fields["analyzer"] == "word":
        words = _words(state, head["words"])
        stop_words = sorted(word for number, word in words if number == _STOP)
        texts = {number: word for number, word in words if number != _STOP}
        found = _spelled(texts, [(parent, b" " + texts[symbol], child) for parent, symbol, child in edges], state.size)
    else:
        steps = ((parent, chr(symbol).encode("utf-8", "surrogatepass"), child) for parent, symbol, child in edges)
        found = _spelled({int(head["root"]): b""}, steps, state.size)
    width = int(head["terms"])
    if width > state.size:
        raise ValueError(f"{width} terms in {state.size} bytes")
    if fields.get("pattern"):  # whose tokens may hold spaces
        found = {number: text.replace(b"\xff", b" ") for number, text in found.items()}
        stop_words = sorted(word.replace(b"\xff", b" ") for word in stop_words)
    terms, term_offsets = _packed(found.get(number, b"") for number in range(width))
    stops, stop_offsets = _packed(stop_words)
    return {"terms": terms, "term_offsets": term_offsets, "stop_words": stops, "stop_offsets": stop_offsets}


def hashing_2(state: Array, fields: Fields) -> dict[str, Array]:
    """Stop words of a state of version 2."""
    head = section(state, 0, _HASHING, 1)[0]
    stops, stop_offsets = _packed(sorted(word for _, word in _words(state, head["words"])))
    return {"stop_words": stops, "stop_offsets": stop_offsets}


def _packed(texts: Iterable[bytes]) -> tuple[Array, Array]:
    """As `pretzel.oven.ir._text.pack`, of encoded texts."""
    found = list(texts)
    return (
        np.frombuffer(b"".join(found), dtype=np.uint8),
        np.cumsum([0, *map(len, found)], dtype=np.int64).astype(np.int32),
    )


def _spelled(texts: dict[int, bytes], edges: Iterable[tuple[int, bytes, int]], most: int) -> dict[int, bytes]:
    """The text of each node of a trie: that of its parent, and what the edge between them adds."""
    below: dict[int, list[tuple[bytes, int]]] = {}
    for parent, added, child in edges:
        below.setdefault(parent, []).append((added, child))
    found, remaining, size = dict(texts), list(texts), 0
    while remaining:
        node = remaining.pop()
        for added, child in below.pop(node, ()):
            found[child] = found[node] + added
            remaining.append(child)
            size += len(found[child])
            if size > _MOST_TEXT * most:
                raise ValueError("terms that are longer than their table allows")
    return found


def _words(state: Array, table: Any) -> list[tuple[int, bytes]]:
    """Number and text of each word."""
    slots = section(state, table["slots_at"], "u4", table["slots"])
    pool = section(state, table["pool_at"], "u1", state.size - int(table["pool_at"])).tobytes()
    records = 4 * (slots[slots != 0] & ((1 << int(table["record_bits"])) - 1)).astype(np.int64)
    found, size = [], 0
    for at in records.tolist():
        text = pool[at + 4 : pool.index(b" ", at + 4)]
        found.append((int.from_bytes(pool[at : at + 4], "little"), text))
        size += len(text)
        if size > _MOST_TEXT * state.size:
            raise ValueError("words that are longer than their pool")
    return found


def _edges(state: Array, table: Any, factor: int) -> list[tuple[int, int, int]]:
    """Parent, symbol and child of each edge: a slot and its place hold the whole key of an edge."""
    child_bits, symbol_bits, key_bits = (int(table[f"{name}_bits"]) for name in ("child", "symbol", "key"))
    n_slots, slot_bits = int(table["slots"]), int(table["slots"]).bit_length() - 1
    in_word = all(0 <= bits < 64 for bits in (child_bits + _DISTANCE_BITS, symbol_bits, key_bits))
    if not in_word or key_bits < max(2, slot_bits) or n_slots >= 1 << 31:
        raise ValueError("edges of unknown widths")
    slots = section(state, table["offset"], "u8", n_slots + _WINDOW - 1)
    place = np.flatnonzero(slots).astype(np.uint64)
    held = slots[slots != 0]
    child = (held & np.uint64((1 << child_bits) - 1)) - np.uint64(1)
    home = place - (held >> np.uint64(child_bits)) % np.uint64(_WINDOW)
    rest = held >> np.uint64(child_bits + _DISTANCE_BITS)
    # home and rest are the upper digits of mixed * n_slots: of all that could be mixed, one is a multiple of 2**n
    whole, left = divmod(1 << key_bits, n_slots)
    n = np.uint64(n_slots)
    mixed = home * np.uint64(whole) + (home * np.uint64(left) + (rest << np.uint64(slot_bits)) + n - np.uint64(1)) // n
    mask = np.uint64((1 << key_bits) - 1)
    folded = mixed * np.uint64(pow(factor, -1, 1 << 64)) & mask
    key = folded.copy()
    for shift in range(key_bits // 2, key_bits, key_bits // 2):
        key ^= folded >> np.uint64(shift)
    symbol = key & np.uint64((1 << symbol_bits) - 1)
    return list(zip((key >> np.uint64(symbol_bits)).tolist(), symbol.tolist(), child.tolist(), strict=True))
