"""The analyzer of a text vectorizer as a step of its own, for what only Python can do: functions, and odd patterns.

The step makes one text of the n-grams of a document, which the kernel of n-grams takes apart at the spaces.
"""

from __future__ import annotations

import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

from pretzel.oven.ir._text import UNICODE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sklearn.preprocessing import FunctionTransformer

GRAMS = (0, ord(" "), ord(" ") + 1, UNICODE)
"""Characters of an encoded n-gram: all but the space."""

ESCAPES = str.maketrans({"\x01": "\x01\x01", " ": "\x01\x02"})


def encoded(gram: str) -> str:
    """An n-gram without spaces, and not empty; different ones stay different."""
    if gram and " " not in gram and "\x01" not in gram:
        return gram
    return gram.translate(ESCAPES) or "\x01\x03"


def analyzer_step(vectorizer: Any, reason: str) -> FunctionTransformer:
    """The transformer of documents to texts of n-grams; ``reason`` says why it runs in Python."""
    from sklearn.preprocessing import FunctionTransformer

    settings = copy.copy(vectorizer)
    for name in [name for name in vars(settings) if name.endswith("_") or name.startswith("_")]:
        delattr(settings, name)
    return FunctionTransformer(Analyzer(settings, reason))


class Analyzer:
    """Texts of the n-grams of documents.

    Parameters
    ----------
    vectorizer : CountVectorizer or TfidfVectorizer
        Its settings; it need not be fitted.
    reason : str
        Why it runs in Python.
    """

    def __init__(self, vectorizer: Any, reason: str) -> None:
        self.vectorizer = vectorizer
        self.reason = reason

    @cached_property
    def analyze(self) -> Callable[[Any], Iterable[Any]]:
        """N-grams of one document."""
        found: Callable[[Any], Iterable[Any]] = self.vectorizer.build_analyzer()
        return found

    def __call__(self, documents: Any) -> list[str]:
        if isinstance(documents, str):
            raise ValueError("Iterable over raw text documents expected, string object received.")
        return [" ".join([encoded(gram) for gram in self.analyze(each) if isinstance(gram, str)]) for each in documents]

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "analyze"}
