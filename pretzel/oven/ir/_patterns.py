"""Regular expressions of tokens as tables, by which a kernel finds the matches of a text in two passes over it.

The first pass goes backwards: a deterministic automaton says for each position which characters of the pattern a match
of the rest can begin with. The second goes forwards and takes, at each position, the first alternative that can end
well, which is what Python finds by trying them. Both take time in proportion to the text, whatever the pattern is.
"""

from __future__ import annotations

import functools
import itertools
import re
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pretzel.oven.ir._characters import UNICODE, paged, runs_of
from pretzel.store.digest import frozen

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pretzel.oven.ir.graph import Array

CHARACTER_CLASS = r"\[\^?+\]?+(?:\\.|[^\]\\])*\]"
"""A class of characters; a bracket that closes stands for itself where it comes first."""

ESCAPE = r"\\(?:[wWdDsSnrtfva]|x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\W)"
ATOM = re.compile(rf"{CHARACTER_CLASS}|{ESCAPE}|[^\\\[(|)*+?^$]")
"""One character as a pattern writes it."""

ASSERTION = re.compile(r"\\[bBAZ]|\^|\$")
QUANTIFIER = re.compile(r"(?:[*+?]|\{(?=[\d,])(\d*)(?:(,)(\d*))?\})([?+]?)", re.ASCII)
FLAGS = re.compile(r"\(\?([aius]+)\)")
MOST_STEPS = 400
"""Characters and forks of a pattern whose repetitions are written out."""

MOST_COLUMNS, MOST_ENTRIES = 1 << 8, 1 << 16
"""Of a table, whose entries are uint16 and whose columns uint8."""

BEFORE, AT_BEGIN, AFTER_OTHER, AFTER_WORD, FIRST_STEP = range(5)
"""Columns: that of the three that follow which the next position has, then where a match may begin, then steps."""

NONE, END = 0, 1
"""What stands in place of a step: no match, and the end of one."""

OPENS, CLOSES = 1 << 8, 1 << 9
"""Beside a step: the token begins, or ends, here."""

AT_END, LAST_LINE, OTHER, WORD = range(4)
"""What follows a position: nothing, nothing but a line break, a character of no word, or one of a word."""


class Unknown(Exception):
    """The pattern has a part, which the message names, that no table is made of."""


class Item(NamedTuple):
    """A part of a pattern."""

    kind: str  # "character", "assertion", "sequence", "choice", "repeat" or "group"
    parts: tuple[Item, ...] = ()
    text: str = ""  # of a character or an assertion
    least: int = 0  # repetitions
    most: int | None = None
    lazy: bool = False

    def shortest(self) -> int:
        """Characters that it matches at least."""
        widths = [part.shortest() for part in self.parts]
        if self.kind == "choice":
            return min(widths)
        return self.least * widths[0] if self.kind == "repeat" else sum(widths) + (self.kind == "character")

    def walk(self) -> Iterator[Item]:
        """It and all its parts."""
        yield self
        for part in self.parts:
            yield from part.walk()


class Parser:
    """Reads what of the syntax of `re` has a table; the pattern is one that `re` compiles."""

    def __init__(self, pattern: str) -> None:
        self.pattern = pattern
        flags = FLAGS.match(pattern)
        self.flags = "".join(sorted(set(flags[1]))) if flags else ""
        self.at = flags.end() if flags else 0
        self.group: Item | None = None

    def read(self) -> Item:
        """The whole pattern."""
        whole = self.choice(once=True)
        if self.at < len(self.pattern):
            raise Unknown(self.pattern[self.at :])
        if (self.group or whole).shortest() < 1:
            raise Unknown("empty tokens")
        return whole

    def choice(self, *, once: bool) -> Item:
        """Alternatives up to the end or a closing bracket; ``once``: a group in them is in every match, one time."""
        group, begin = self.group, self.at
        parts = [self.sequence(once=once)]
        while self.pattern[self.at : self.at + 1] == "|":
            self.at += 1
            parts.append(self.sequence(once=False))
        if len(parts) > 1 and self.group is not group:
            raise Unknown(f"a group in one of the alternatives {self.pattern[begin : self.at]}")
        return parts[0] if len(parts) == 1 else Item("choice", tuple(parts))

    def sequence(self, *, once: bool) -> Item:
        """Parts one after the other."""
        parts: list[Item] = []
        while self.at < len(self.pattern) and self.pattern[self.at] not in "|)":
            group = self.group
            part = self.quantified(self.part(once=once))
            if part.kind == "repeat" and self.group is not group:
                raise Unknown("a group that is repeated")
            parts.append(part)
        return Item("sequence", tuple(parts))

    def part(self, *, once: bool) -> Item:
        """A character, an assertion or a group."""
        if found := ASSERTION.match(self.pattern, self.at):
            self.at = found.end()
            return Item("assertion", text=found[0])
        if self.pattern[self.at] == "(":
            return self.bracket(once=once)
        if found := ATOM.match(self.pattern, self.at):
            self.at = found.end()
            return Item("character", text=found[0])
        raise Unknown(self.pattern[self.at : self.at + 2])

    def bracket(self, *, once: bool) -> Item:
        """A group that is captured or not."""
        opening = re.compile(r"\((\?:|\?P<\w+>|(?!\?))").match(self.pattern, self.at)
        if opening is None:
            raise Unknown(self.pattern[self.at : self.at + 3])
        self.at = opening.end()
        inner = self.choice(once=once)
        self.at += 1
        if opening[1] == "?:":
            return inner
        if self.group is not None or not once:
            raise Unknown("a group among alternatives, or several")
        self.group = Item("group", (inner,))
        return self.group

    def quantified(self, part: Item) -> Item:
        """A part, and how often it stands there."""
        found = QUANTIFIER.match(self.pattern, self.at)
        if found is None:
            return part
        if found[4] == "+" or part.shortest() < 1:
            raise Unknown(found[0])
        self.at = found.end()
        least, most = {"*": (0, None), "+": (1, None), "?": (0, 1)}.get(found[0][0], (int(found[1] or 0), None))
        if found[0][0] == "{":
            most = (int(found[3]) if found[3] else None) if found[2] else least
        return Item("repeat", (part,), least=least, most=most, lazy=found[4] == "?")


class Follow(NamedTuple):
    """One way from a step to the next."""

    assertions: frozenset[str]
    marks: int  # OPENS and CLOSES
    target: int | None  # a step that reads a character; None: the end of the match


class Steps:
    """Steps of a pattern, of which those that read a character are numbered."""

    def __init__(self, whole: Item, group: Item | None) -> None:
        self.group = group
        self.code: list[tuple[Any, ...]] = [("end",)]
        entry = self.emit(Item("group", (whole,)) if group is None else whole, 0)
        self.reads = [i for i, step in enumerate(self.code) if step[0] == "read"]
        self.texts: list[str] = [self.code[i][1] for i in self.reads]
        self.number = {at: i for i, at in enumerate(self.reads)}
        self.start = self.follows(entry)
        self.after = [self.follows(self.code[at][2]) for at in self.reads]

    def add(self, *step: Any) -> int:
        """The place of a step that is added."""
        if len(self.code) >= MOST_STEPS:
            raise Unknown(f"more than {MOST_STEPS} characters, repetitions written out")
        self.code.append(step)
        return len(self.code) - 1

    def emit(self, item: Item, then: int) -> int:
        """Where an item begins that goes on with ``then``."""
        if item.kind == "character":
            return self.add("read", item.text, then)
        if item.kind == "assertion":
            return self.add("assert", item.text, then)
        if item.kind == "choice":
            return self.add("fork", [self.emit(part, then) for part in item.parts])
        if item.kind == "group":
            return self.add("mark", OPENS, self.emit(item.parts[0], self.add("mark", CLOSES, then)))
        if item.kind == "sequence":
            return functools.reduce(lambda after, part: self.emit(part, after), reversed(item.parts), then)
        (body,) = item.parts
        if item.most is None:
            ways: list[int] = []
            entry = self.add("fork", ways)
            ways.extend(self.ways(self.emit(body, entry), then, item.lazy))
        else:
            entry = then
            for _ in range(item.most - item.least):
                entry = self.add("fork", self.ways(self.emit(body, entry), then, item.lazy))
        for _ in range(item.least):
            entry = self.emit(body, entry)
        return entry

    @staticmethod
    def ways(again: int, on: int, lazy: bool) -> list[int]:
        """Ways on at a fork, in the order of trying them."""
        return [on, again] if lazy else [again, on]

    def follows(self, entry: int) -> list[Follow]:
        """The ways from a step, those that Python tries first before others."""
        found: list[Follow] = []
        stack: list[tuple[int, frozenset[str], int]] = [(entry, frozenset(), 0)]
        seen: dict[int, list[frozenset[str]]] = {}
        while stack:
            at, assertions, marks = stack.pop()
            if any(earlier <= assertions for earlier in seen.setdefault(at, [])):
                continue  # an earlier way is open wherever this one is
            seen[at].append(assertions)
            kind, *rest = self.code[at]
            if kind == "read":
                found.append(Follow(assertions, marks, self.number[at]))
            elif kind == "end":
                found.append(Follow(assertions, marks, None))
            elif kind == "assert":
                stack.append((rest[1], assertions | {rest[0]}, marks))
            elif kind == "mark":
                stack.append((rest[1], assertions, marks | rest[0]))
            else:
                stack.extend((way, assertions, marks) for way in reversed(rest[0]))
        return found


def holds(assertion: str, before: int, behind: int) -> bool:
    """Whether an assertion holds between what is before a position (a column) and what follows."""
    if assertion in ("^", r"\A"):
        return before == AT_BEGIN
    if assertion in ("$", r"\Z"):
        return behind == AT_END or (assertion == "$" and behind == LAST_LINE)
    return ((before == AFTER_WORD) != (behind == WORD)) == (assertion == r"\b")


class Characters:
    """All characters by what the characters of a pattern say of them."""

    def __init__(self, texts: Sequence[str], flags: str, assertions: set[str]) -> None:
        names = [*dict.fromkeys(texts)]
        runs = [runs_of(name, flags) for name in names]
        runs.append(runs_of(r"\w", flags) if assertions & {r"\b", r"\B"} else ())
        runs.append(runs_of(r"\n") if "$" in assertions else ())
        self.begins = sorted({0, UNICODE, *itertools.chain.from_iterable(itertools.chain.from_iterable(runs))})
        firsts = np.array(self.begins[:-1])
        members = np.zeros((len(runs), len(firsts)), dtype=bool)
        for i, each in enumerate(runs):
            for first, behind in each:
                members[i, np.searchsorted(firsts, first) : np.searchsorted(firsts, behind)] = True
        self.kinds, self.kind_of = np.unique(members, axis=1, return_inverse=True)
        self.index = {name: i for i, name in enumerate(names)}

    def pages(self, first: int, lower: bool) -> tuple[Array, Array]:
        """As `character_classes`: the column of each character, of which the columns begin at ``first``."""
        columns = np.repeat(self.kind_of.reshape(-1) + first, np.diff(self.begins)).astype(np.uint8)
        return paged(columns, lower)


class Table(NamedTuple):
    """What a kernel finds the tokens of a pattern by."""

    pages: Array
    columns: Array
    entries: Array  # a row for what can follow a position; an entry is the offset of a row, or a step with its marks


@functools.lru_cache(maxsize=64)
def read_pattern(pattern: str) -> tuple[Steps, str]:
    """The steps of a pattern and its flags.

    Raises
    ------
    Unknown
        It has no table.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        try:
            re.compile(pattern)
            parser = Parser(pattern)
            whole = parser.read()
            for text in {item.text for item in whole.walk() if item.kind == "character"}:
                runs_of(text, parser.flags)
            return Steps(whole, parser.group), parser.flags
        except (re.error, Warning, RecursionError, OverflowError) as error:
            raise Unknown(str(error)) from error


def token_characters(pattern: str) -> tuple[tuple[int, int], ...]:
    """Runs of the characters that a token of a pattern may hold."""
    parser = Parser(pattern)
    whole = parser.read()
    texts = [item.text for item in (parser.group or whole).walk() if item.kind == "character"]
    return tuple(itertools.chain.from_iterable(runs_of(text, parser.flags) for text in dict.fromkeys(texts)))


@functools.lru_cache(maxsize=64)
def pattern_table(pattern: str, lower: bool = False) -> Table:
    """The table of a regular expression; ``lower`` as in `character_classes`.

    Raises
    ------
    Unknown
        It has none, or one that is too large.
    """
    steps, flags = read_pattern(pattern)
    every = [*itertools.chain(steps.start, *steps.after)]
    characters = Characters(steps.texts, flags, {name for way in every for name in way.assertions})
    builder = _Builder(steps, characters)
    entries = builder.build()
    pages, columns = characters.pages(builder.first_kind, lower)
    return Table(pages, columns, frozen(entries, np.uint16))


class _Builder:
    """Builds the rows of a table, each for a set of steps that can be next and what follows the position."""

    def __init__(self, steps: Steps, characters: Characters) -> None:
        kinds = characters.kinds
        self.start = steps.start
        self.after = steps.after
        self.matches = kinds[[characters.index[text] for text in steps.texts]]  # by step and kind of character
        self.is_word, self.is_line = kinds[-2:]
        # A step has a column for each of what the next one may be behind: characters of words, and others.
        befores = [AFTER_WORD if word else AFTER_OTHER for word in self.is_word.tolist()]
        sides = sorted({(step, befores[kind]) for step, kind in np.argwhere(self.matches).tolist()})
        self.column = {side: FIRST_STEP + i for i, side in enumerate(sides)}
        self.first_kind = FIRST_STEP + len(sides)
        self.befores = befores
        self.width = self.first_kind + len(befores)
        if self.width > MOST_COLUMNS:
            raise Unknown(f"more than {MOST_COLUMNS} kinds and places of characters")
        self.open_ways = functools.lru_cache(maxsize=None)(self._open_ways)

    def _open_ways(self, step: int | None, before: int, behind: int) -> list[Follow]:
        ways = self.start if step is None else self.after[step]
        return [way for way in ways if all(holds(name, before, behind) for name in way.assertions)]

    def build(self) -> Array:
        """The rows, of which the first is that of the end of a text."""
        keys = [(AT_END, frozenset[int]())]
        numbers = {keys[0]: 0}
        rows: list[list[int]] = []
        for behind, live in keys:  # the loop appends the keys that it meets
            row = [AFTER_WORD if behind == WORD else AFTER_OTHER]
            for before in (AT_BEGIN, AFTER_OTHER, AFTER_WORD):
                row.append(self.first_way(None, before, behind, live))
            row.extend(self.first_way(step, before, behind, live) for step, before in self.column)
            for kind, before in enumerate(self.befores):
                key = self.row_before(kind, before, behind, live)
                number = numbers.setdefault(key, len(keys))
                if number == len(keys):
                    keys.append(key)
                if (number + 1) * self.width > MOST_ENTRIES:
                    raise Unknown(f"a table of more than {MOST_ENTRIES} entries")
                row.append(number * self.width)
            rows.append(row)
        return np.array(rows)

    def first_way(self, step: int | None, before: int, behind: int, live: frozenset[int]) -> int:
        """The entry of the first way that ends in a match."""
        for way in self.open_ways(step, before, behind):
            if way.target is None:
                return END | way.marks
            if way.target in live:
                return self.column[way.target, AFTER_WORD if behind == WORD else AFTER_OTHER] | way.marks
        return NONE

    def row_before(self, kind: int, before: int, behind: int, live: frozenset[int]) -> tuple[int, frozenset[int]]:
        """What is known one character further to the front."""
        found = frozenset(
            step
            for step in np.flatnonzero(self.matches[:, kind]).tolist()
            if any(way.target is None or way.target in live for way in self.open_ways(step, before, behind))
        )
        if before == AFTER_WORD:
            return WORD, found
        return LAST_LINE if self.is_line[kind] and behind == AT_END else OTHER, found
