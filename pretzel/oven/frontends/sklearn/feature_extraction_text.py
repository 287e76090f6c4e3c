"""Adapters of `sklearn.feature_extraction.text`: vectorizers and tf-idf."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from pretzel.oven.frontends.contradictions import check_fit
from pretzel.oven.frontends.registry import Unsupported, adapter
from pretzel.oven.frontends.sklearn._common import floats, names_of
from pretzel.oven.frontends.sklearn._token_patterns import WORDS, Tokens, tokens_of
from pretzel.oven.frontends.sklearn.compat.preprocessing import tfidf_of, vocabulary
from pretzel.oven.ir._characters import UNICODE
from pretzel.oven.ir._patterns import Unknown
from pretzel.oven.ir._text import ANALYZERS, pack
from pretzel.oven.ir.columns import Raw
from pretzel.oven.ir.graph import Methods, Node, Output, replace
from pretzel.oven.ir.hashing import HashedNgrams
from pretzel.oven.ir.idf import NO_IDF, NORMS, Tfidf, weighted
from pretzel.oven.ir.ngrams import Ngrams
from pretzel.schema import Kind, fixed
from pretzel.steps.analyzer import SURROGATE, analyzer_step, escaped

if TYPE_CHECKING:
    from pretzel.oven.frontends.importer import Importer

ESCAPED = (0, ord(" "), ord(" ") + 1, UNICODE)
"""Characters of an n-gram that an `Analyzer` has escaped: all but the space."""

HASHED = (0, ord(SURROGATE), ord(SURROGATE) + 1, UNICODE)
"""Characters of an n-gram that is hashed."""


@adapter("sklearn.feature_extraction.text.CountVectorizer")
def count_vectorizer(estimator: Any, x: Node, importer: Importer) -> Methods:
    """Counts of the n-grams of the vocabulary."""
    dtype = np.dtype(estimator.dtype).name
    if dtype not in ("int64", "int32", "float64", "float32"):
        raise Unsupported(f"dtype={dtype}: counts may be beyond its numbers")
    node: Node = replace(counts(estimator, x, importer), dtype=dtype)
    if estimator.binary:
        node = Tfidf((node,), NO_IDF, None, sublinear=False, binary=True, dtype=dtype)
    return {"transform": Output(node)}


@adapter("sklearn.feature_extraction.text.TfidfVectorizer")
def tfidf_vectorizer(estimator: Any, x: Node, importer: Importer) -> Node:
    """Counts, then idf and norm."""
    dtype = np.dtype(estimator.dtype)
    if dtype not in (np.float64, np.float32, np.int64):
        raise Unsupported(f"dtype={dtype.name}: scikit-learn computes in that precision")
    found: Node = counts(estimator, x, importer)
    if dtype == np.float32:
        found = replace(found, dtype="float32")
    return _tfidf(tfidf_of(estimator), found, importer, binary=bool(estimator.binary))


@adapter("sklearn.feature_extraction.text.TfidfTransformer")
def tfidf_transformer(estimator: Any, x: Node, importer: Importer) -> Node:
    if isinstance(x, Raw) or x.schema().kind is not Kind.SPARSE:
        raise Unsupported("counts that are not the sparse rows of a vectorizer")
    if x.schema().dtype.is_float32 and x.schema().dtype != fixed("float32"):
        raise Unsupported("counts that are float32 in some requests")
    return _tfidf(estimator, importer.finite(x, estimator), importer)


@adapter("sklearn.feature_extraction.text.HashingVectorizer")
def hashing_vectorizer(estimator: Any, x: Node, importer: Importer) -> Node:
    """Hashed n-grams, then the norm."""
    dtype = np.dtype(estimator.dtype).name
    if dtype not in ("float64", "float32"):
        raise Unsupported(f"dtype={dtype}: scikit-learn computes in that precision")
    if estimator.norm not in NORMS:
        raise Unsupported(f"norm={estimator.norm!r}")
    try:
        settings = analysis(estimator, hashed=True)
    except Unsupported as reason:
        settings = Analysis("word", 1, 1, 1, HASHED, False, "", (), False, None)
        text = _grams(analyzer_step(estimator, str(reason), hashed=True), estimator, x, importer)
    else:
        text = importer.text(x, estimator, lower=settings.lower, accents=settings.accents)
    hashed = HashedNgrams(
        (text,),
        settings.analyzer,
        settings.min_n,
        settings.max_n,
        settings.shortest,
        *pack(settings.stop_words),
        int(estimator.n_features),
        bool(estimator.alternate_sign),
        settings.letters,
        settings.whole_words,
        dtype,
        settings.pattern,
    )
    if estimator.norm is None and not estimator.binary:
        return hashed
    return weighted(hashed, NO_IDF, estimator.norm, sublinear=False, binary=bool(estimator.binary))


def _tokens(vectorizer: Any) -> Tokens:
    """How the analyzer "word" splits a text."""
    if vectorizer.tokenizer not in (None, str.split):
        raise Unsupported("tokenizer is a callable: it runs in Python")
    pattern = vectorizer.token_pattern if vectorizer.tokenizer is None else r"\S+"
    if not isinstance(pattern, str):
        raise Unsupported(f"token_pattern={pattern!r} runs in Python")
    try:
        return tokens_of(pattern)
    except Unknown as reason:
        raise Unsupported(f"token_pattern={pattern!r} runs in Python: {reason}") from reason


def _tfidf(transformer: Any, source: Node, importer: Importer, *, binary: bool = False) -> Node:
    """What a fitted TfidfTransformer makes of counts."""
    if transformer.norm not in NORMS:
        raise Unsupported(f"norm={transformer.norm!r}")
    idf = np.asarray(getattr(transformer, "idf_", NO_IDF))  # scikit-learn looks at the attribute, not at use_idf
    floats(idf)
    if len(idf) and idf.dtype != (np.float32 if source.schema().dtype == fixed("float32") else np.float64):
        raise Unsupported(f"idf_ is {idf.dtype.name}: scikit-learn computes in that precision")
    idf = idf.astype(np.float64)
    check_fit(transformer, source.schema().width)
    if len(idf) not in (0, source.schema().width) or np.isnan(idf).any():
        raise ValueError("idf_ and the vocabulary differ in length, or idf_ holds NaN")
    if np.isinf(idf).any():
        raise Unsupported("a term that no document of the fit has, whose weight is infinite")
    sublinear = bool(transformer.sublinear_tf)
    if sublinear and transformer.norm is not None and not binary and source.properties().low <= 0.0:
        # Features that are no counts may have no logarithm, which the source finds before it divides by the norm.
        source = importer.finite(weighted(source, idf, None, sublinear, binary), transformer)
        idf, sublinear = NO_IDF, False
    return importer.require_rows(weighted(source, idf, transformer.norm, sublinear, binary))


def counts(vectorizer: Any, x: Node, importer: Importer) -> Node:
    """The counts of a fitted CountVectorizer or TfidfVectorizer, before ``binary`` and idf."""
    try:
        settings = analysis(vectorizer)
    except Unsupported as reason:
        return _counts_of_grams(vectorizer, x, importer, str(reason))
    text = importer.text(x, vectorizer, lower=settings.lower, accents=settings.accents)
    return Ngrams(
        (text,),
        settings.analyzer,
        settings.min_n,
        settings.max_n,
        settings.shortest,
        *pack(terms_of(vectorizer)),
        *pack(settings.stop_words),
        letters=settings.letters,
        whole_words=settings.whole_words,
        pattern=settings.pattern,
    )


def _counts_of_grams(vectorizer: Any, x: Node, importer: Importer, reason: str) -> Node:
    """Counts of the n-grams that the vectorizer's own analyzer finds: only that runs in Python."""
    step = analyzer_step(vectorizer, reason)
    grams, none = _grams(step, vectorizer, x, importer), pack([])
    return Ngrams(
        (grams,), "word", 1, 1, 1, *pack([escaped(each) for each in terms_of(vectorizer)]), *none, letters=ESCAPED
    )


def _grams(step: Any, vectorizer: Any, x: Node, importer: Importer) -> Node:
    """The texts that an analyzer makes of documents, each of which holds the n-grams of one."""
    return importer.text(importer.transform(step, x, name="analyzer").node, vectorizer, lower=False, accents=None)


def terms_of(vectorizer: Any) -> list[str]:
    """Vocabulary in the order of its columns, given or fitted."""
    return names_of(vocabulary(vectorizer))


class Analysis(NamedTuple):
    """How a document becomes n-grams; the fields of a vectorizer's node."""

    analyzer: str
    min_n: int
    max_n: int
    shortest: int  # characters of a token
    letters: tuple[int, ...]  # as in `character_classes`
    whole_words: bool
    pattern: str
    stop_words: tuple[str, ...]  # sorted
    lower: bool
    accents: str | None


def analysis(vectorizer: Any, *, hashed: bool = False) -> Analysis:
    """Settings of a text vectorizer, which hashes n-grams or not; raises Unsupported for what has no native form."""
    if vectorizer.preprocessor is not None:
        raise Unsupported("preprocessor is a callable: it runs in Python")
    if callable(vectorizer.analyzer):
        raise Unsupported("analyzer is a callable: it runs in Python")
    if vectorizer.analyzer not in ANALYZERS:
        raise Unsupported(f"analyzer={vectorizer.analyzer!r} is not one of scikit-learn's")
    if vectorizer.input != "content":
        raise Unsupported(f"input={vectorizer.input!r}: documents are read from files")
    if vectorizer.strip_accents not in (None, "ascii", "unicode"):
        raise Unsupported("strip_accents is a callable: it runs in Python")
    min_n, max_n = vectorizer.ngram_range
    if not 1 <= min_n <= max_n <= 1000:
        raise Unsupported(f"ngram_range={vectorizer.ngram_range!r}")
    tokens, stop_words = WORDS, tuple[str, ...]()
    if vectorizer.analyzer == "word":
        tokens = _tokens(vectorizer)
        stop_words = tuple(sorted(word for word in vectorizer.get_stop_words() or () if isinstance(word, str)))
        # Words and terms are looked up by what stands between spaces.
        if tokens.spaces and (any(" " in word for word in stop_words) if hashed else max_n > 1):
            raise Unsupported(f"token_pattern={tokens.pattern!r} finds tokens that hold spaces")
    return Analysis(
        vectorizer.analyzer,
        int(min_n),
        int(max_n),
        tokens.shortest,
        tokens.letters,
        tokens.whole_words,
        tokens.pattern,
        stop_words,
        bool(vectorizer.lowercase),
        vectorizer.strip_accents or None,
    )
