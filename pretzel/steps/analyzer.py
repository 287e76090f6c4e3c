"""The analyzer of a text vectorizer as a step of its own, for what only Python can do: functions, and odd patterns.

The step makes one text of the n-grams of a document, which a kernel takes apart. Files of plans name its class.
"""

from __future__ import annotations

import copy
from functools import cached_property
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from sklearn.preprocessing import FunctionTransformer

ESCAPES = str.maketrans({"\x01": "\x01\x01", " ": "\x01\x02"})
SURROGATE = "\udfff"
"""What no n-gram holds that is hashed, because a lone surrogate has no UTF-8 form."""

HASHES_TO_0 = "ajrfjpbr"
"""A text whose MurmurHash3 is 0, as that of the empty text is."""


def escaped(gram: str) -> str:
    """An n-gram without spaces, and not empty; different ones stay different."""
    if gram and " " not in gram and "\x01" not in gram:
        return gram
    return gram.translate(ESCAPES) or "\x01\x03"


def analyzer_step(vectorizer: Any, reason: str, *, hashed: bool = False) -> FunctionTransformer:
    """The transformer of documents to texts of n-grams; ``reason`` says why it runs in Python."""
    from sklearn.preprocessing import FunctionTransformer

    settings = copy.copy(vectorizer)
    for name in [name for name in vars(settings) if name.endswith("_") or name.startswith("_")]:
        delattr(settings, name)
    return FunctionTransformer(Analyzer(settings, reason, hashed))


class Analyzer:
    """Texts of the n-grams of documents.

    Parameters
    ----------
    vectorizer : CountVectorizer, TfidfVectorizer or HashingVectorizer
        Its settings; it need not be fitted.
    reason : str
        Why it runs in Python.
    hashed : bool
        The n-grams keep their characters, and a surrogate stands between them. Otherwise they are escaped, and a space
        stands between them.
    """

    def __init__(self, vectorizer: Any, reason: str, hashed: bool) -> None:
        self.vectorizer = vectorizer
        self.reason = reason
        self.hashed = hashed

    @cached_property
    def analyze(self) -> Callable[[Any], Iterable[Any]]:
        """N-grams of one document."""
        found: Callable[[Any], Iterable[Any]] = self.vectorizer.build_analyzer()
        return found

    def __call__(self, documents: Any) -> list[str]:
        if isinstance(documents, str):
            raise ValueError("Iterable over raw text documents expected, string object received.")
        if self.hashed:
            return [self._to_hash(self.analyze(each)) for each in documents]
        return [" ".join([escaped(gram) for gram in self.analyze(each) if isinstance(gram, str)]) for each in documents]

    @staticmethod
    def _to_hash(grams: Iterable[Any]) -> str:
        """The n-grams of one document, of which a FeatureHasher takes texts and bytes alone.

        Raises
        ------
        ValueError, TypeError
            As a FeatureHasher does.
        """
        if isinstance(grams, str):
            raise ValueError("the analyzer makes a text of a document, expected its n-grams")
        found = [str(gram, "utf-8") if isinstance(gram, bytes) else gram for gram in grams]
        if not all(isinstance(gram, str) for gram in found):
            raise TypeError("feature names must be strings")
        for gram in found:
            gram.encode()  # fails at lone surrogates
        return SURROGATE.join([gram or HASHES_TO_0 for gram in found])

    def __getstate__(self) -> dict[str, Any]:
        return {name: value for name, value in vars(self).items() if name != "analyze"}
