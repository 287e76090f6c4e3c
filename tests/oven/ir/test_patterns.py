"""Tables of patterns against `re.findall`."""

from __future__ import annotations

import re
import warnings

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pretzel.oven.ir._patterns import (
    AT_BEGIN,
    BEFORE,
    CLOSES,
    END,
    NONE,
    OPENS,
    Unknown,
    pattern_table,
    token_characters,
)

ALPHABET = "aabbcABC1'-. ,_é\n\x1c中"
CHARACTERS = ["a", "b", "'", "-", " ", ".", "é", "_", "\n", r"\w", r"\d", r"\s", r"\W", r"\D", r"\S", r"\.", r"\x61",
              "[ab]", "[^a]", "[a-c1]", "[^,]", r"[\w']", r"[^\W\d]", r"[]\]-]", "{", "}"]  # fmt: skip
QUANTIFIERS = ["*", "+", "?", "{2}", "{1,3}", "{,2}", "{2,}", "*?", "+?", "??", "{1,3}?"]
BORDERS = [r"\b", r"\B", "^", "$", r"\A", r"\Z"]


def patterns() -> st.SearchStrategy[str]:
    """Regular expressions, of which some find empty texts or are none."""

    def larger(part: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        several = st.lists(part, min_size=1, max_size=3)
        return (
            several.map("".join)
            | several.map(lambda parts: f"(?:{'|'.join(parts)})")
            | st.builds("(?:{}){}".format, part, st.sampled_from(QUANTIFIERS))
            | st.builds("{}{}".format, st.sampled_from(CHARACTERS), st.sampled_from(QUANTIFIERS))
            | st.builds("{}{}{}".format, st.sampled_from(["", *BORDERS]), part, st.sampled_from(["", *BORDERS]))
        )

    whole = st.recursive(st.sampled_from(CHARACTERS), larger, max_leaves=8)
    grouped = st.builds("{}({}){}".format, whole, whole, whole) | st.builds("{}|{}".format, whole, whole)
    return st.builds("{}{}".format, st.sampled_from(["", "(?i)", "(?a)", "(?u)", "(?is)"]), whole | grouped)


def tokens(pattern: str, text: str) -> list[str]:
    """What a kernel does with the table of a pattern."""
    table = pattern_table(pattern)
    width = table.entries.shape[1]
    entries = table.entries.reshape(-1).tolist()
    rows = [0] * (len(text) + 1)
    for i, character in reversed([*enumerate(text)]):
        page = int(table.pages[ord(character) >> 8])
        rows[i] = entries[rows[i + 1] + int(table.columns[page << 8 | ord(character) & 255])]
        assert rows[i] % width == 0
    found: list[str] = []
    first = last = i = 0
    while i < len(text):
        step = entries[rows[i] + (AT_BEGIN if i == 0 else entries[rows[i - 1] + BEFORE])]
        if step == NONE:
            i += 1
            continue
        while True:
            first = i if step & OPENS else first
            last = i if step & CLOSES else last
            if step & 255 == END:
                break
            i += 1
            step = entries[rows[i] + (step & 255)]
        found.append(text[first:last])
    return found


@settings(max_examples=100, deadline=None)
@given(patterns(), st.lists(st.text(ALPHABET, max_size=14), min_size=5, max_size=5))
def test_tables_find_what_python_finds(pattern: str, texts: list[str]) -> None:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about nested sets
            compiled = re.compile(pattern)
        pattern_table(pattern)
    except (re.error, Unknown):
        return
    for text in texts:
        assert tokens(pattern, text) == compiled.findall(text)


@pytest.mark.parametrize(
    ("pattern", "text"),
    [
        ("a|ab", "ab abab"),
        ("(?:a|ab)(?:c|bcd)", "abcd"),
        ("(?:a+)b|a", "aaaa"),
        ("x*?y", "xxy"),
        (r"(\w+)@", "me@x you@y"),
        (r"(?P<name>a)b", "ab"),
        ("a$", "a\na\n"),
        ("{a}", "{a}"),
        ("a{,2}b", "aaab"),
        ("a{٣}", "aaa a{٣}"),
        (r"\Ba", "aaba"),
        ("(?i)k", "kK\u212a"),
    ],
)
def test_matches_as_python_finds_them(pattern: str, text: str) -> None:
    assert tokens(pattern, text) == re.findall(pattern, text)


@pytest.mark.parametrize(
    ("pattern", "reason"),
    [
        ("a*", "empty tokens"),
        ("a(b*)", "empty tokens"),
        ("(?=a)b", r"\(\?="),
        ("(?<!a)b", r"\(\?<"),
        (r"(a)\1", r"\\1"),
        ("(a)?b", "repeated"),
        ("(a)|b", "alternatives"),
        ("(a)(b)", "several"),
        ("(?:a*)+b", r"\+"),
        ("a++", r"\+\+"),
        ("(?x)a b", r"\(\?x"),
        ("(?m)^a", r"\(\?m"),
        ("a{500}", "400 characters"),
        (".{12}a(?:a|b){12}", "65536 entries"),
        ("[a", "unterminated"),
        ("[[a]", "nested set"),
    ],
)
def test_what_has_no_table(pattern: str, reason: str) -> None:
    with pytest.raises(Unknown, match=reason):
        pattern_table(pattern)


def test_characters_of_tokens() -> None:
    assert token_characters(r"a (b[c-e]) ") == ((98, 99), (99, 102))
    assert token_characters(r"a ") == ((97, 98), (32, 33))
