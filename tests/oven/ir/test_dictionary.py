"""Dictionary-encoded parameters: the same numbers in fewer bytes, and answers of the same bits."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression, SGDClassifier
from sklearn.pipeline import make_pipeline

import pretzel
from pretzel._native import bind, check_state
from pretzel.oven.ir import _dictionary
from pretzel.oven.ir._dictionary import PLAIN, encoded
from pretzel.store.digest import frozen
from pretzel.store.object_store import ObjectStore


def bits(array: np.ndarray) -> list[int]:
    return np.ascontiguousarray(array).reshape(-1).view(np.uint64).tolist()


@pytest.mark.parametrize("shape", [(3000,), (3000, 1), (1000, 3)])
def test_rows_have_their_bits(shape: tuple[int, ...]) -> None:
    rng = np.random.default_rng(0)
    choices = np.array([0.0, -0.0, np.nan, -np.nan, np.inf, 1.5])
    array = np.ascontiguousarray(np.broadcast_to(rng.choice(choices, shape), shape))
    values, codes = encoded(array)
    assert (codes.dtype, codes.shape) == (np.uint16, shape[:1])
    assert len(values) <= len(choices) ** (shape[1] if len(shape) > 1 else 1)
    assert bits(values[codes]) == bits(array)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros(0),
        np.zeros((0, 3)),
        np.zeros(100),  # little to gain
        np.random.default_rng(0).normal(size=5000),
        np.repeat(np.arange(70_000.0), 10),  # more values than codes
    ],
)
def test_other_arrays_stay_as_they_are(array: np.ndarray) -> None:
    values, codes = encoded(array)
    assert values is array
    assert codes is PLAIN


def test_rows_that_share_a_key_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(_dictionary, "_keys", lambda rows: rows[:, 0] * np.uint64(0))
    array = np.repeat(np.arange(2.0), 2000)
    assert encoded(array)[0] is array


def documents() -> tuple[list[str], np.ndarray]:
    """Most words are in one document only."""
    rng = np.random.default_rng(0)
    texts = [" ".join([*(f"w{i}x{k}" for k in range(30)), *rng.choice(["red", "tea", "sun"], 5)]) for i in range(80)]
    return texts, np.arange(80) % 4


MODELS = [
    (make_pipeline(TfidfVectorizer(), LogisticRegression()), 2),
    (make_pipeline(TfidfVectorizer(sublinear_tf=True, norm="l1"), LogisticRegression()), 4),
    (make_pipeline(TfidfVectorizer(use_idf=False, binary=True), SGDClassifier(random_state=0)), 2),
    (TfidfVectorizer(norm=None), 4),
]


@pytest.mark.parametrize(("model", "classes"), MODELS)
def test_answers_have_the_same_bits(monkeypatch: pytest.MonkeyPatch, model: Any, classes: int) -> None:
    texts, y = documents()
    model.fit(texts, y % classes)
    plan = pretzel.compile(model, store=ObjectStore(), strict=True)
    monkeypatch.setattr(_dictionary, "LEAST", 1 << 30)
    plain = pretzel.compile(model, store=ObjectStore(), strict=True)
    assert plan.store.nbytes < plain.store.nbytes - 10_000
    requests = [
        *texts,
        "",
        "unknown",
        "red red w1x1 w1x2 w2x1",
        *(a + b for a, b in pairwise(texts)),
    ]
    if classes == 2:
        assert bits(plan.decision_function(requests)) == bits(plain.decision_function(requests))
        assert plan.predict_one(requests[-1]) == plain.predict_one(requests[-1])
    elif hasattr(model, "predict"):
        assert bits(plan.predict_proba(requests)) == bits(plain.predict_proba(requests))
    else:
        found, expected = plan.transform(requests), plain.transform(requests)
        assert bits(found.toarray()) == bits(expected.toarray())


SIZES = [
    ({"idf": np.ones(2), "idf_codes": np.array([0, 1, 2], np.uint16)}, "'idf_codes' holds 2"),
    ({"idf": np.ones(0), "idf_codes": np.zeros(3, np.uint16)}, "'idf'"),
    ({"idf": np.ones(2), "idf_codes": PLAIN}, "'idf'"),
    ({"idf": np.ones(2), "idf_codes": np.zeros(2, np.uint16)}, "n_terms = 2"),
    ({"weights": np.ones((2, 1)), "weight_codes": PLAIN}, "'weights'"),
    ({"weights": np.ones((0, 1)), "weight_codes": np.zeros(3, np.uint16)}, "'weight"),
    ({"weights": np.ones((2, 1)), "weight_codes": np.array([0, 1, 2], np.uint16)}, "'weight_codes' holds 2"),
]


@pytest.mark.parametrize(("changed", "message"), SIZES)
def test_codes_and_sizes_are_checked(changed: dict[str, np.ndarray], message: str) -> None:
    flags = {name: np.array(0, np.uint8) for name in ("norm", "sublinear", "binary")}
    linear = {"weights": np.ones((3, 1)), "weight_codes": PLAIN, "bias": np.zeros(1)}
    good = {"idf": np.ones(3), "idf_codes": PLAIN, **flags, **linear}
    state = frozen(bind("tfidf_linear", good)[0])
    counts, scores = ("sparse", 3), ("dense", 1)
    assert check_state("tfidf_linear", good, state, [counts], scores) == ""
    assert message in check_state("tfidf_linear", {**good, **changed}, state, [counts], scores)
