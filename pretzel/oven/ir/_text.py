"""What the vectorizers share: settings of an analyzer, packed strings, Python's character classes."""

from __future__ import annotations

import functools
import itertools
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from pretzel.oven.ir.columns import TextLeaf
from pretzel.store.digest import frozen

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

    from pretzel.oven.ir.graph import Array, Node


ANALYZERS = ("word", "char", "char_wb")  # their numbers in the kernels
MOST_BYTES = 2**31 - 1  # of packed strings, whose offsets are int32


def pack(strings: Sequence[str]) -> tuple[Array, Array]:
    """UTF-8 bytes (lone surrogates included) one after the other, uint8, and where each starts, int32[n + 1].

    Raises
    ------
    OverflowError
        There are more than ``MOST_BYTES`` bytes.
    """
    encoded = [text.encode("utf-8", "surrogatepass") for text in strings]
    offsets = list(itertools.accumulate(map(len, encoded), initial=0))
    if offsets[-1] > MOST_BYTES:
        raise OverflowError(f"{offsets[-1]} bytes of vocabulary or stop words, more than {MOST_BYTES}")
    return np.frombuffer(b"".join(encoded), dtype=np.uint8), np.array(offsets, dtype=np.int32)


def unpack(data: Array, offsets: Array) -> list[str]:
    """The strings that `pack` packed."""
    whole = data.tobytes()
    return [whole[a:b].decode("utf-8", "surrogatepass") for a, b in itertools.pairwise(offsets)]


def text_params(
    leaf: Node, stop_words: tuple[Array, Array], analyzer: str, min_n: int, max_n: int, shortest: int
) -> dict[str, Array]:
    """The parameters that all kernels of n-grams have."""
    assert isinstance(leaf, TextLeaf)
    pages, flags = character_classes()
    return {
        "stop_words": stop_words[0],
        "stop_offsets": stop_words[1],
        "class_pages": pages,
        "class_flags": flags,
        "analyzer": np.array(ANALYZERS.index(analyzer), dtype=np.uint8),
        "min_n": np.array(min_n, dtype=np.int32),
        "max_n": np.array(max_n, dtype=np.int32),
        "lower": np.array(leaf.lower, dtype=np.uint8),
        "shortest": np.array(shortest, dtype=np.int32),
    }


@functools.cache
def character_classes() -> tuple[Array, Array]:
    """This Python's Unicode tables: a page number for each 256 code points, uint16, and flags of each page, uint8.

    Flag 1: a letter, digit or underscore (``\\w``); flag 2: white space (``\\s``, ``str.split``).
    """
    everything = np.arange(0x110000, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
    flags = np.zeros(len(everything), dtype=np.uint8)
    for flag, pattern in ((1, r"\w+"), (2, r"\s+")):
        for run in re.finditer(pattern, everything):
            flags[run.start() : run.end()] |= flag
    pages: dict[bytes, int] = {}
    index = [pages.setdefault(page.tobytes(), len(pages)) for page in flags.reshape(-1, 256)]
    return frozen(index, np.uint16), frozen(np.frombuffer(b"".join(pages), dtype=np.uint8))


def grams(text: str, analyzer: str, min_n: int, max_n: int, shortest: int, stop: Collection[str]) -> Iterable[str]:
    """The n-grams of a preprocessed document, shorter ones first; the oracle of the kernels."""
    if analyzer == "word":
        tokens = [token for token in re.findall(r"\w+", text) if len(token) >= shortest and token not in stop]
        return (gram for n in range(min_n, max_n + 1) for gram in map(" ".join, _windows(tokens, n)))
    if analyzer == "char":
        text = re.sub(r"\s{2,}", " ", text)
        return (gram for n in range(min_n, max_n + 1) for gram in _windows(text, n))
    words = [f" {word} " for word in text.split()]
    short = [word for word in words if len(word) < min_n]
    return [*short, *(gram for n in range(min_n, max_n + 1) for word in words for gram in _windows(word, n))]


def _windows(sequence: Any, n: int) -> Iterator[Any]:
    return (sequence[i : i + n] for i in range(len(sequence) - n + 1))
