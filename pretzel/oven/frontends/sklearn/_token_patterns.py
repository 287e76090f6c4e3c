"""Regular expressions of tokens: those that mean "runs of characters of one class", and those that have a table."""

from __future__ import annotations

import re
import warnings
from itertools import chain
from typing import NamedTuple

from pretzel.oven.ir._characters import runs_of
from pretzel.oven.ir._patterns import CHARACTER_CLASS, pattern_table, token_characters

CHARACTER = rf"\\[wWdDsS]|{CHARACTER_CLASS}"
"""A class of characters as a pattern writes it."""

PIECE = re.compile(rf"({CHARACTER})(\+|\*|\{{(\d+)(,?)\}})?", re.ASCII)
TOKEN = re.compile(rf"(?:\(\?u\))?(\\b)?((?:(?:{CHARACTER})(?:\+|\*|\{{\d+,?\}})?)+)(\\b)?", re.ASCII)
LONGEST = 1000
"""Characters up to which a pattern may ask for."""


class Tokens(NamedTuple):
    """Maximal runs of characters, or the matches of a pattern.

    Parameters
    ----------
    shortest : int
        Characters at least.
    letters : tuple of int
        Characters, as in `pretzel.oven.ir._characters.character_classes`.
    whole_words : bool
        Runs begin and end at the borders of words.
    pattern : str
        A regular expression that has a table, and is no class of characters.
    spaces : bool
        Its matches may hold spaces.
    """

    shortest: int
    letters: tuple[int, ...] = ()
    whole_words: bool = False
    pattern: str = ""
    spaces: bool = False


WORDS = Tokens(1)


def tokens_of(pattern: str) -> Tokens:
    """What a regular expression finds.

    Raises
    ------
    Unknown
        It has a part of which no table is made.
    """
    found = token_class(pattern)
    if found is None:
        pattern_table(pattern)
        characters = token_characters(pattern)
        spaces = any(first <= ord(" ") < behind for first, behind in characters)
        found = Tokens(1, pattern=pattern, spaces=spaces)
    return found


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
