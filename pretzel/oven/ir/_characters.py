"""Python's classes of characters, as tables of all code points."""

from __future__ import annotations

import functools
import re
from typing import TYPE_CHECKING

import numpy as np

from pretzel.store.digest import frozen

if TYPE_CHECKING:
    from pretzel.oven.ir.graph import Array

UNICODE = 0x110000
TOKEN, SPACE, FOREIGN, JOINER = 1, 2, 4, 8
"""Flags of a character: part of tokens; white space (``\\s``, ``str.split``); part of words (``\\w``) and of no token;
part of tokens and of no word. The last two count where tokens begin and end as words do."""


@functools.lru_cache(maxsize=64)
def character_classes(
    letters: tuple[int, ...] = (), whole_words: bool = False, lower: bool = False
) -> tuple[Array, Array]:
    """Flags of all characters: a page number for each 256 code points, uint16, and flags of each page, uint8.

    Parameters
    ----------
    letters : tuple of int, optional
        Code points of tokens, as the first of each run and the one behind its last. By default letters, digits and
        underscores (``\\w``) of this Python's Unicode tables.
    whole_words : bool
        Tokens begin and end at the borders of words (``\\b``).
    lower : bool
        The kernels lower ASCII capitals, which therefore belong to the class of their small letters.

    Raises
    ------
    ValueError
        ``letters`` are no ascending code points.
    """
    if len(letters) % 2 or list(letters) != sorted({*letters}) or not all(0 <= each <= UNICODE for each in letters):
        raise ValueError(f"letters are {letters!r:.80}, expected ascending code points")
    flags = np.zeros(UNICODE, dtype=np.uint8)
    is_word = np.zeros(UNICODE, dtype=bool)
    for first, behind in runs_of(r"\w"):
        is_word[first:behind] = True
    for first, behind in zip(letters[::2], letters[1::2], strict=True) if letters else runs_of(r"\w"):
        flags[first:behind] = TOKEN
    if whole_words:
        flags[is_word & (flags == 0)] = FOREIGN
        flags[~is_word & (flags == TOKEN)] |= JOINER
    for first, behind in runs_of(r"\s"):
        flags[first:behind] |= SPACE
    return paged(flags, lower)


def paged(flags: Array, lower: bool) -> tuple[Array, Array]:
    """A byte for each code point in the form of `character_classes`, whose ``lower`` counts here, too."""
    if lower:
        flags[ord("A") : ord("Z") + 1] = flags[ord("a") : ord("z") + 1]
    pages: dict[bytes, int] = {}
    index = [pages.setdefault(page.tobytes(), len(pages)) for page in flags.reshape(-1, 256)]
    return frozen(index, np.uint16), frozen(np.frombuffer(b"".join(pages), dtype=np.uint8))


@functools.lru_cache(maxsize=64)
def runs_of(character: str, flags: str = "") -> tuple[tuple[int, int], ...]:
    """Code points that a regular expression for one character matches: the first of each run, and the one behind it.

    Parameters
    ----------
    character : str
        The regular expression.
    flags : str
        Letters of the flags that hold for it.

    Raises
    ------
    re.error
        It is no regular expression.
    """
    everything = np.arange(UNICODE, dtype="<u4").tobytes().decode("utf-32-le", "surrogatepass")
    return tuple(run.span() for run in re.finditer(f"(?{flags}){character}+" if flags else f"{character}+", everything))
