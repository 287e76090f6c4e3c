"""Regular expressions of tokens that mean "runs of characters of one class", which the kernels of n-grams find."""

from __future__ import annotations

import re
import warnings
from itertools import chain
from typing import NamedTuple

from pretzel.oven.ir._text import runs_of

CHARACTER = r"\\[wWdDsS]|\[\^?\]?(?:\\.|[^\]\\])*\]"
"""A class of characters as a pattern writes it."""

PIECE = re.compile(rf"({CHARACTER})(\+|\*|\{{(\d+)(,?)\}})?")
TOKEN = re.compile(rf"(?:\(\?u\))?(\\b)?((?:(?:{CHARACTER})(?:\+|\*|\{{\d+,?\}})?)+)(\\b)?")
LONGEST = 1000
"""Characters up to which a pattern may ask for."""


class Tokens(NamedTuple):
    """Maximal runs of characters.

    Parameters
    ----------
    shortest : int
        Characters at least.
    letters : tuple of int
        Characters, as in `pretzel.oven.ir._text.character_classes`.
    whole_words : bool
        Runs begin and end at the borders of words.
    """

    shortest: int
    letters: tuple[int, ...] = ()
    whole_words: bool = False


WORDS = Tokens(1)


def token_class(pattern: object) -> Tokens | None:
    """The class that a regular expression means, or None where it means something else.

    It may name one class of characters several times, at least once without an upper limit, and ask for the borders of
    words (``\\b``) on both sides.
    """
    whole = TOKEN.fullmatch(pattern) if isinstance(pattern, str) else None
    if whole is None or bool(whole[1]) != bool(whole[3]):
        return None
    pieces = [*PIECE.finditer(whole[2])]
    if len({piece[1] for piece in pieces}) != 1 or not any(_is_open(piece) for piece in pieces):
        return None
    shortest = sum(_least(piece) for piece in pieces)
    found = _characters(pieces[0][1])
    if not 1 <= shortest <= LONGEST or not found or any(first <= ord(" ") < behind for first, behind in found):
        return None
    if found == runs_of(r"\w"):  # whose runs are words
        return Tokens(shortest)
    return Tokens(shortest, tuple(chain.from_iterable(found)), bool(whole[1]))


def _is_open(piece: re.Match[str]) -> bool:
    return piece[2] in ("+", "*") or piece[4] == ","


def _least(piece: re.Match[str]) -> int:
    return 0 if piece[2] == "*" else int(piece[3] or 1)


def _characters(character: str) -> tuple[tuple[int, int], ...]:
    """Its code points; none where Python's own reading of it is in doubt."""
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            return runs_of(character)
        except (re.error, Warning):
            return ()
