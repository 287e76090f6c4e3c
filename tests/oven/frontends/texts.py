"""Documents that are hard to split, and how a compiled vectorizer is compared with its source."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from hypothesis import strategies as st

import pretzel
from pretzel.oven.frontends.importer import Importer
from pretzel.oven.ir.interpret import interpret

if TYPE_CHECKING:
    from collections.abc import Sequence

    from hypothesis.strategies import SearchStrategy

PIECES = (
    *("the", "The", "cat", "a", "I", "don't", "_x_", "42", "x" * 20, "abcdefghi", "foo-bar"),
    *(" ", "  ", "\t", "\n\n", "\x1c", "\xa0", "\x85", "\u2003", "\u3000", "\x00", "-"),
    *("İ", "ΑΣ", "Σ", "é", "e\u0301", "ß", "ẞ", "naïve", "ﬁ", "²", "Ⅷ", "中文", "\u0345", "ǅ", "\u0660"),
    *("😀", "\U0001d400", "\U00010428", "\ud800", "\udc00", "\U0010ffff"),
)

HARD_DOCUMENTS = (
    "",
    " ",
    "a",
    "  a  b  ",
    "ab",
    "the cat sat on the cat",
    "one\ttwo\x1cthree\x0bfour",
    "the\x00cat the\x00cat",
    "a" * 300,
    "word " * 100,
    "İstanbul ISTANBUL \u0131stanbul",
    "ΟΔΥΣΣΕΥΣ Σ ΑΣ ΑΣΑ",
    "cafe\u0301 café CAFÉ",
    "Straße STRASSE ẞ",
    "日本語 の テキスト",
    "😀😀 smile😀 \U0001d400\U0001d401",
    "\ud800 lone \udc00surrogate\ud800\udc00",
)


def documents(*, surrogates: bool = True) -> SearchStrategy[list[str]]:
    """Lists of texts: pieces that are hard for analyzers between arbitrary characters."""
    pieces = [piece for piece in PIECES if surrogates or not any("\ud800" <= c < "\ue000" for c in piece)]
    characters = st.characters() if surrogates else st.characters(exclude_categories=["Cs"])
    part = st.one_of(st.sampled_from(pieces), characters)
    return st.lists(st.lists(part, max_size=12).map("".join), min_size=1, max_size=6)


def check_vectorizer(estimator: Any, texts: Sequence[str]) -> None:
    """Native rows and reference rows equal those of the estimator: same columns, values within the promise."""
    texts = list(texts)
    expected = estimator.transform(texts).tocsr()
    plan = pretzel.compile(estimator, strict=True)
    got = plan.transform(texts)
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    same_rows(got, expected)
    output = Importer(estimator).run().methods["transform"].node
    same_rows(interpret([output], texts)[output], expected)
    for i, text in enumerate(texts):
        alone = plan.transform([text])
        assert alone.indices.tobytes() == got[[i]].indices.tobytes()
        assert alone.data.tobytes() == got[[i]].data.tobytes()


def same_rows(got: Any, expected: Any) -> None:
    """Same stored entries, explicit zeros included."""
    got, expected = got.copy(), expected.copy()
    for matrix in (got, expected):
        matrix.sort_indices()
    np.testing.assert_array_equal(got.indptr, expected.indptr)
    np.testing.assert_array_equal(got.indices, expected.indices)
    np.testing.assert_allclose(got.data, expected.data, rtol=1e-12, atol=0)
