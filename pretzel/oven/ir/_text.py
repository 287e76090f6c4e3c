"""What the vectorizers share: settings of an analyzer and packed strings."""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.ir._characters import character_classes
from pretzel.oven.ir._patterns import pattern_table
from pretzel.oven.ir.columns import TextLeaf

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from pretzel.oven.ir.graph import Array


ANALYZERS = ("word", "char", "char_wb")  # their numbers in the kernels
MOST_BYTES = 2**31 - 1  # of packed strings, whose offsets are int32
NO_TABLE = np.empty((0, 0), dtype=np.uint16)


def pack(strings: Sequence[str]) -> tuple[Array, Array]:
    """UTF-8 bytes (lone surrogates included) one after the other, uint8, and where each starts, int32[n + 1].

    Raises
    ------
    OverflowError
        There are more than ``MOST_BYTES`` bytes.
    """
    return pack_bytes([text.encode("utf-8", "surrogatepass") for text in strings])


def pack_bytes(encoded: Sequence[bytes]) -> tuple[Array, Array]:
    """Bytes one after the other, uint8, and where each starts, int32[n + 1].

    Raises
    ------
    OverflowError
        There are more than ``MOST_BYTES`` bytes.
    """
    offsets = list(itertools.accumulate(map(len, encoded), initial=0))
    if offsets[-1] > MOST_BYTES:
        raise OverflowError(f"{offsets[-1]} bytes of vocabulary or stop words, more than {MOST_BYTES}")
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), np.array(offsets, dtype=np.int32)


def unpack(data: Array, offsets: Array) -> list[str]:
    """The strings that `pack` packed."""
    whole = data.tobytes()
    return [whole[a:b].decode("utf-8", "surrogatepass") for a, b in itertools.pairwise(offsets)]


def leaf_of(node: Any) -> TextLeaf:
    """The leaf that reads the documents of a node, between which a step may deal with missing ones."""
    (leaf,) = node.inputs
    while not isinstance(leaf, TextLeaf):
        (leaf,) = leaf.inputs
    return leaf


def text_params(node: Any) -> dict[str, Array]:
    """The parameters that all kernels of n-grams have."""
    leaf = leaf_of(node)
    if node.pattern:
        pages, flags, table = pattern_table(node.pattern, leaf.lower)
    else:
        pages, flags = character_classes(node.letters, node.whole_words, leaf.lower)
        table = NO_TABLE
    return {
        "stop_words": node.stop_words,
        "stop_offsets": node.stop_offsets,
        "class_pages": pages,
        "class_flags": flags,
        "pattern": table,
        "analyzer": np.array(ANALYZERS.index(node.analyzer), dtype=np.uint8),
        "min_n": np.array(node.min_n, dtype=np.int32),
        "max_n": np.array(node.max_n, dtype=np.int32),
        "lower": np.array(leaf.lower, dtype=np.uint8),
        "shortest": np.array(node.shortest, dtype=np.int32),
    }


def grams(node: Any, text: str) -> Iterable[str]:
    """The n-grams of a preprocessed document, shorter ones first; the oracle of the kernels."""
    leaf = leaf_of(node)
    if leaf.missing and leaf.lower and text.isascii():  # as it came
        text = text.lower()
    min_n, max_n = node.min_n, node.max_n
    if node.analyzer == "word":
        stop = frozenset(unpack(node.stop_words, node.stop_offsets))
        tokens = [token for token in re.findall(_pattern(node), text) if token not in stop]
        return (gram for n in range(min_n, max_n + 1) for gram in map(" ".join, _windows(tokens, n)))
    if node.analyzer == "char":
        text = re.sub(r"\s{2,}", " ", text)
        return (gram for n in range(min_n, max_n + 1) for gram in _windows(text, n))
    words = [f" {word} " for word in text.split()]
    short = [word for word in words if len(word) < min_n]
    return [*short, *(gram for n in range(min_n, max_n + 1) for word in words for gram in _windows(word, n))]


def _pattern(node: Any) -> str:
    """The regular expression of a token."""
    if node.pattern:
        return str(node.pattern)
    runs = zip(node.letters[::2], node.letters[1::2], strict=True)
    characters = "".join(f"\\U{first:08x}-\\U{behind - 1:08x}" for first, behind in runs)
    token = (f"[{characters}]" if characters else r"\w") + f"{{{max(node.shortest, 1)},}}"
    return rf"\b{token}\b" if node.whole_words else token


def _windows(sequence: Any, n: int) -> Iterator[Any]:
    return (sequence[i : i + n] for i in range(len(sequence) - n + 1))
