"""n-gram counts against CountVectorizer."""

from __future__ import annotations

import re
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.base import clone
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfTransformer, TfidfVectorizer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.naive_bayes import MultinomialNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import Binarizer, MaxAbsScaler, Normalizer
from sklearn.tree import DecisionTreeClassifier

import pretzel
from pretzel.errors import InputTypeError, OpaqueStepError
from pretzel.oven.frontends.importer import Importer
from pretzel.oven.frontends.sklearn._token_patterns import token_class
from pretzel.oven.ir import _text
from pretzel.oven.ir._characters import character_classes
from pretzel.oven.ir._text import pack, unpack

from .texts import HARD_DOCUMENTS, check_vectorizer, documents

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd


TOKEN_PATTERNS = [
    r"(?u)\b\w\w+\b",
    r"(?u)\b\w+\b",
    r"\w{3,}",
    r"[a-z]+",
    r"[A-Za-z][A-Za-z]*",
    r"(?u)\b[a-zA-Z]{2,}\b",
    r"\b[^\d\W]+\b",
    r"\S+",
    r"[\w']+",
    r"\b[\w'-]+\b",
    r"\b['-]{2,}\b",
    r"[\]\-a-f]{2}[\]\-a-f]+",
]
"""Those that are runs of one class of characters."""


def analyzers() -> st.SearchStrategy[dict[str, Any]]:
    """Settings that say how a document is split."""
    common = {
        "lowercase": st.booleans(),
        "strip_accents": st.sampled_from([None, "ascii", "unicode"]),
        "ngram_range": st.tuples(st.integers(1, 5), st.integers(0, 3)).map(lambda r: (r[0], r[0] + r[1])),
        "binary": st.booleans(),
    }
    words = st.fixed_dictionaries(
        {
            **common,
            "token_pattern": st.sampled_from(TOKEN_PATTERNS),
            "stop_words": st.sampled_from([None, "english", ["cat", "a b", "", "ß", "naïve", "i\u0307"]]),
        }
    )
    return words | st.fixed_dictionaries({**common, "analyzer": st.sampled_from(["char", "char_wb"])})


@settings(max_examples=150, deadline=None)
@given(analyzers(), documents(), documents(), st.sampled_from([None, 3, 20]))
def test_counts_equal_those_of_the_source(
    options: dict[str, Any], fitted: list[str], new: list[str], limit: Any
) -> None:
    vectorizer = CountVectorizer(**options, max_features=limit)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # stop words that the tokenizer would split
        try:
            vectorizer.fit(fitted)
        except ValueError:
            return  # no term at all: nothing to compile
        check_vectorizer(vectorizer, [*new, *fitted])


@pytest.mark.filterwarnings("ignore:The parameter 'token_pattern' will not be used")
@pytest.mark.parametrize("analyzer", ["word", "char", "char_wb"])
@pytest.mark.parametrize("ngram_range", [(1, 1), (1, 2), (2, 3), (3, 6), (7, 9)])
def test_hard_documents(analyzer: str, ngram_range: tuple[int, int]) -> None:
    vectorizer = CountVectorizer(analyzer=analyzer, ngram_range=ngram_range, token_pattern=r"(?u)\b\w+\b")
    check_vectorizer(vectorizer.fit([*HARD_DOCUMENTS, "a b c d e f g h"]), HARD_DOCUMENTS)


@pytest.mark.parametrize("rows", [1, 2, 1000])
def test_batches(rows: int) -> None:
    vectorizer = CountVectorizer(ngram_range=(1, 2)).fit(HARD_DOCUMENTS)
    texts = [HARD_DOCUMENTS[i % len(HARD_DOCUMENTS)] for i in range(rows)]
    expected, got = vectorizer.transform(texts), pretzel.compile(vectorizer, strict=True).transform(texts)
    assert (expected != got).nnz == 0


def test_no_document() -> None:
    vectorizer = CountVectorizer().fit(HARD_DOCUMENTS)
    assert pretzel.compile(vectorizer, strict=True).transform([]).shape == (0, len(vectorizer.vocabulary_))


@pytest.mark.parametrize("analyzer", ["word", "char", "char_wb"])
def test_given_vocabulary_with_unreachable_terms(analyzer: str) -> None:
    terms = [
        "cat",
        "",
        " ",
        "the cat",
        "cat ",
        " the",
        "the  cat",
        "a b c d e",
        "foo-bar",
        "Upper",
        "\x00",
        "日本",
        "x" * 99,
    ]
    vectorizer = CountVectorizer(analyzer=analyzer, ngram_range=(1, 3), vocabulary=terms, stop_words=None)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an upper-case term
        vectorizer.fit(["anything"])
    check_vectorizer(vectorizer, [*HARD_DOCUMENTS, "the cat", "a b c d e", "foo-bar Upper", "x" * 99, "日本"])


def test_stop_word_in_the_vocabulary_is_never_counted() -> None:
    vectorizer = CountVectorizer(
        vocabulary=["the", "cat", "the cat", "cat sat"], stop_words=["the"], ngram_range=(1, 2)
    )
    check_vectorizer(vectorizer.fit(["x"]), ["the cat sat", "cat the sat", "the the"])


def test_words_around_the_width_of_a_machine_word() -> None:
    words = ["abcdefgh"[:n] + tail for n in range(1, 9) for tail in ("", "x", "xy", "é", "\u4e2d" * 3)]
    vectorizer = CountVectorizer(token_pattern=r"(?u)\b\w+\b").fit(words)
    check_vectorizer(
        vectorizer, [" ".join(words), *words, *(word + "z" for word in words), *(word[:-1] for word in words)]
    )


@pytest.mark.parametrize("analyzer", ["word", "char"])
def test_every_term_of_a_large_vocabulary_is_found(analyzer: str) -> None:
    """Also those that the densely filled table has no place for, and none besides."""
    bigrams = [f"w{i} w{i * 7 % 20_000}" for i in range(20_000)]
    vectorizer = CountVectorizer(analyzer=analyzer, ngram_range=(1, 2) if analyzer == "word" else (2, 5)).fit(bigrams)
    texts = [*bigrams, *(bigram[::-1] for bigram in bigrams), *(f"w{i} w{i + 1}" for i in range(20_000))]
    expected, got = vectorizer.transform(texts), pretzel.compile(vectorizer, strict=True).transform(texts)
    assert (expected != got).nnz == 0


def test_long_document() -> None:
    text = "The quick brown fox  " * 100_000
    for analyzer, ngram_range in (("word", (1, 2)), ("char", (2, 3)), ("char_wb", (2, 3))):
        vectorizer = CountVectorizer(analyzer=analyzer, ngram_range=ngram_range).fit([text[:100]])
        expected, got = vectorizer.transform([text]), pretzel.compile(vectorizer, strict=True).transform([text])
        assert (expected != got).nnz == 0


def test_one_vocabulary_is_stored_once() -> None:
    first, second = CountVectorizer().fit(HARD_DOCUMENTS), CountVectorizer().fit(HARD_DOCUMENTS)
    nodes = [Importer(v).run().methods["transform"].node for v in (first, second)]
    assert nodes[0] is nodes[1]


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"tokenizer": str.splitlines, "token_pattern": None}, "tokenizer"),
        ({"preprocessor": str.lower}, "preprocessor"),
        ({"analyzer": str.split}, "analyzer"),
        ({"token_pattern": r"(?=\w)[a-z]+"}, r"token_pattern=.*: \(\?="),
        ({"token_pattern": r"[^,]+", "ngram_range": (1, 2)}, "tokens that hold spaces"),
        ({"token_pattern": r"[a-z]*"}, "token_pattern=.*: empty tokens"),
        ({"strip_accents": str.strip}, "strip_accents"),
        ({"dtype": np.uint8}, "uint8"),
    ],
)
def test_what_only_python_can_do_is_rejected_by_name(options: dict[str, Any], reason: str) -> None:
    vectorizer = CountVectorizer(**options).fit(["some words here"])
    with pytest.raises(OpaqueStepError, match=reason):
        pretzel.compile(vectorizer, strict=True)


@pytest.mark.parametrize(
    "first", [CountVectorizer(binary=True), CountVectorizer(), HashingVectorizer(norm=None)], ids=str
)
def test_counts_of_float32(first: Any) -> None:
    texts, target = [*BORDERS, "the cat, the cat sat"], [0, 1, 2] * 3
    lasts = (None, LogisticRegression(), MultinomialNB(), TruncatedSVD(2, random_state=0), MaxAbsScaler(), Normalizer(),
             DecisionTreeClassifier(random_state=0), TfidfTransformer(), Binarizer(), Ridge())  # fmt: skip
    for last in lasts:
        options = {"n_features": 40, "alternate_sign": False} if isinstance(first, HashingVectorizer) else {}
        counts = clone(first).set_params(dtype=np.float32, **options)
        model = make_pipeline(counts, *([] if last is None else [last])).fit(texts, target)
        plan = pretzel.compile(model)
        assert not plan.opaque_steps
        for method in ("transform", "predict", "predict_proba", "decision_function"):
            if hasattr(model, method):
                expected, found = getattr(model, method)(texts), getattr(plan, method)(texts)
                assert found.dtype == expected.dtype, (last, method)
                assert abs(found - expected).max() <= 1e-5, (last, method)


@pytest.mark.parametrize(
    "options", [{}, {"norm": "l1"}, {"norm": None}, {"sublinear_tf": True}, {"binary": True, "use_idf": False}], ids=str
)
def test_tfidf_of_float32(options: dict[str, Any]) -> None:
    texts = [*BORDERS, "the cat, the cat sat", "a b " * 40]
    weighting, dtype = {"token_pattern": r"\w+", "dtype": np.float32}, np.float32
    first = TfidfVectorizer(**weighting, **options)
    tops = [
        None,
        LogisticRegression(),
        MultinomialNB(),
        TruncatedSVD(2, random_state=0),
        DecisionTreeClassifier(random_state=0),
    ]
    for top in tops:
        model = make_pipeline(first, *([] if top is None else [top])).fit(texts, np.arange(len(texts)) % 3)
        plan = pretzel.compile(model, strict=top is None)
        for method in ("transform", "predict", "predict_proba"):
            if hasattr(model, method):
                expected, found = getattr(model, method)(texts), getattr(plan, method)(texts)
                assert found.dtype == expected.dtype
                np.testing.assert_allclose(dense(found), dense(expected), rtol=1e-5, atol=1e-6)
                if top is None and "sublinear_tf" not in options:
                    assert expected.dtype == dtype
                    assert np.array_equal(dense(found), dense(expected))  # bit by bit


def dense(value: Any) -> Any:
    """An array of a result."""
    return value.toarray() if hasattr(value, "toarray") else value


def split(text: str) -> list[str]:
    """Tokens of which some are empty, and some hold spaces."""
    return re.split(r"[^\w ]+", text)


PYTHONS = {
    "a tokenizer": {"tokenizer": split},
    "a tokenizer, pairs": {"tokenizer": split, "ngram_range": (1, 2)},
    "a preprocessor": {"preprocessor": str.upper},
    "an analyzer": {"analyzer": str.split},
    "an analyzer of numbers": {
        "analyzer": lambda text: [*text.split(), len(text)],
        "vocabulary": ["the", "cat", "sat"],
    },
    "a pattern": {"token_pattern": r"(?=\w)[a-z]+|\d"},
    "accents": {"strip_accents": str.casefold},
    "characters": {"preprocessor": str.upper, "analyzer": "char", "ngram_range": (1, 3)},
    "stop words": {"tokenizer": split, "stop_words": ["the", ""]},
}
"""What only Python can do: then n-grams come from Python, and all else is native."""


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("options", PYTHONS.values(), ids=PYTHONS)
@pytest.mark.parametrize("vectorizer", [CountVectorizer, TfidfVectorizer, HashingVectorizer])
def test_grams_from_python(vectorizer: Any, options: dict[str, Any]) -> None:
    texts = [*HARD_DOCUMENTS, *BORDERS, "the cat, the cat sat; ,", "\x01 \x02,\x01\x01,\x01\x03"]
    if vectorizer is HashingVectorizer:
        texts = [text for text in texts if not any("\ud800" <= c < "\ue000" for c in text)]
        if "vocabulary" in options:
            pytest.skip("hashes no numbers")
    model = vectorizer(**options).fit(texts)
    plan = pretzel.compile(model)
    expected, got = model.transform(texts), plan.transform(texts)
    assert got.dtype == expected.dtype
    assert got.shape == expected.shape
    np.testing.assert_allclose(got.toarray(), expected.toarray(), rtol=1e-12)
    np.testing.assert_allclose(plan.transform_one(texts[0]).toarray()[0], expected[[0]].toarray()[0], rtol=1e-12)
    (step,) = plan.opaque_steps
    assert step.step.endswith(".analyzer")
    for wrong in ("a text", [None]):
        with pytest.raises((AttributeError, TypeError, ValueError)):
            plan.transform(wrong)


@pytest.mark.filterwarnings("ignore::UserWarning")
def test_grams_from_python_are_saved(tmp_path: Path) -> None:
    pytest.importorskip("skops")
    model = CountVectorizer(token_pattern=r"(?=\w)[a-z]+|\d").fit(HARD_DOCUMENTS)
    pretzel.compile(model).save(tmp_path / "model.pretzel", opaque="skops")
    found = pretzel.load(tmp_path / "model.pretzel").transform(HARD_DOCUMENTS)
    assert (found != model.transform(HARD_DOCUMENTS)).nnz == 0


@pytest.mark.parametrize("document", [None, 1.5, float("nan")])
def test_documents_that_are_not_text(document: Any) -> None:
    plan = pretzel.compile(CountVectorizer().fit(["some words"]), strict=True)
    with pytest.raises(InputTypeError, match="row 1"):
        plan.transform(["fine", document])
    assert plan.transform(["some"]).nnz == 1


BORDERS = ["don't stop-me now", "abc1 def 1abc _x", "--a--", "-'-", "a", "Écoute l'été-là", "x-1-y", "\x1f-a_\u0301b"]


@pytest.mark.parametrize("pattern", TOKEN_PATTERNS)
@pytest.mark.parametrize("lowercase", [True, False])
def test_tokens_of_a_pattern(pattern: str, lowercase: bool) -> None:
    vectorizer = CountVectorizer(token_pattern=pattern, lowercase=lowercase, ngram_range=(1, 2))
    texts = [*BORDERS, *HARD_DOCUMENTS, "ab cd abc", "--''--x"]
    check_vectorizer(vectorizer.fit([*texts, "a-''-a", "]-a-f x--y"]), texts)


MATCHED = [
    r"#?\w+",
    r"[^,]+",
    r"\w+|[^\w\s]",
    r"\b[a-zA-Z]{3,}\b|\d",
    r"(?i)[A-C]+(?:'[a-z]+)??",
    r"([^\W\d]+)-\w+",
    r"(?a)\b\w{1,3}",
]
"""Patterns that are no class of characters."""


def test_patterns_are_read_in_time_that_grows_with_them():
    """Where classes have several readings, as those of closing brackets seem to, there are 2**60 of this one."""
    assert token_class("[][]" * 60 + "x") is None


@pytest.mark.parametrize("pattern", MATCHED)
@pytest.mark.parametrize("vectorizer", [CountVectorizer, HashingVectorizer])
def test_tokens_that_a_table_finds(vectorizer: Any, pattern: str) -> None:
    texts = [
        *BORDERS,
        *(text for text in HARD_DOCUMENTS if not re.search("[\ud800-\udfff]", text)),
        "ab cd, #abc",
        "-é-c",
    ]
    stop_words = ["a", "abc1 def 1abc _x"] if vectorizer is CountVectorizer else ["a"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # stop words that the pattern would split
        for pairs in (1, 1 + (vectorizer is HashingVectorizer or pattern != r"[^,]+")):
            model = vectorizer(token_pattern=pattern, stop_words=stop_words, ngram_range=(1, pairs)).fit(texts)
            for lowercase in (True, False):
                check_vectorizer(clone(model).set_params(lowercase=lowercase).fit(texts), texts)


def test_a_surrogate_in_a_hashed_token_is_rejected_as_by_the_source() -> None:
    vectorizer = HashingVectorizer(token_pattern=r"\S+", ngram_range=(2, 2))
    plan = pretzel.compile(vectorizer, strict=True)
    assert plan.transform(["\ud800"]).nnz == vectorizer.transform(["\ud800"]).nnz == 0
    for answer in (plan.transform, vectorizer.transform):
        with pytest.raises(ValueError, match="surrogate"):
            answer(["a \ud800"])


@pytest.mark.filterwarnings("ignore:The parameter 'token_pattern' will not be used")
def test_tokens_of_split() -> None:
    check_vectorizer(CountVectorizer(tokenizer=str.split).fit([*BORDERS, *HARD_DOCUMENTS]), HARD_DOCUMENTS)


@pytest.mark.parametrize("letters", [(1,), (5, 5), (9, 3), (0, 0x110001), (-1, 4)])
def test_letters_that_are_no_code_points(letters: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="ascending code points"):
        character_classes(letters)


def test_character_classes_are_pythons() -> None:
    page, flags = character_classes()
    word, space = re.compile(r"\w"), re.compile(r"\s")
    for point in [*range(0x3000), 0xD800, 0xDFFF, 0x1D7CE, 0x1F600, 0x10FFFF]:
        flag = flags[(int(page[point >> 8]) << 8) + (point & 255)]
        assert bool(flag & 1) == bool(word.match(chr(point)))
        assert bool(flag & 2) == bool(space.match(chr(point))) == (not chr(point).split())


def test_packing() -> None:
    strings = ["", "a", "\ud800\udc00", "𐀀", "é\x00", ""]
    assert unpack(*pack(strings)) == strings


def test_a_vocabulary_whose_offsets_do_not_fit_is_opaque(monkeypatch: pytest.MonkeyPatch) -> None:
    class Long(str):
        def encode(self, *_: object) -> Any:
            return range(2**31)  # as long as the text would be

    assert pack(["a"])[1].dtype == np.int32
    with pytest.raises(OverflowError, match="2147483648 bytes"):
        pack([Long()])
    vectorizer = CountVectorizer().fit(["one two three"])
    monkeypatch.setattr(_text, "MOST_BYTES", 10)
    plan = pretzel.compile(vectorizer)
    assert "11 bytes of vocabulary" in plan.explain()
    assert (plan.transform(["two two"]) != vectorizer.transform(["two two"])).nnz == 0
    with pytest.raises(OpaqueStepError, match="11 bytes of vocabulary"):
        pretzel.compile(vectorizer, strict=True)


def test_real_texts(reviews: pd.DataFrame, womens_clothing: pd.DataFrame) -> None:
    texts = [*reviews["text"], *womens_clothing["Review Text"]][::4]
    for options in ({"analyzer": "char", "ngram_range": (2, 3)}, {"ngram_range": (1, 2)}, {"analyzer": "char_wb"}):
        vectorizer = CountVectorizer(**options, max_features=30_000).fit(texts[:4000])
        expected, got = vectorizer.transform(texts), pretzel.compile(vectorizer, strict=True).transform(texts)
        assert (expected != got).nnz == 0
