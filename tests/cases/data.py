"""Rows and targets that cases are fitted on and asked about."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from pretzel import examples

ROWS = 1000


def as_frame(X: Any) -> Any:
    """A matrix with column names; frames as they are."""
    import pandas as pd

    return X if hasattr(X, "iloc") else pd.DataFrame(X, columns=[f"c{i}" for i in range(X.shape[1])])


@functools.cache
def rows(data: str) -> tuple[Any, Any]:
    """Rows to fit on and rows to ask about."""
    return _MAKERS[data](np.random.default_rng(1), 300), _MAKERS[data](np.random.default_rng(2), ROWS)


@functools.cache
def target(kind: str | None) -> Any:
    """Targets of the rows that are fitted."""
    if kind is None:
        return None
    X = numbers(np.random.default_rng(1), 300)
    score = X[:, 0] - 0.5 * X[:, 1] + 0.2 * X[:, 2] * X[:, 3]
    noise = np.random.default_rng(3).normal(size=300)
    grade = np.digitize(score + 0.3 * noise, [-0.6, 0.6])
    return {
        "binary": np.where(score + 0.3 * noise > 0, 7, -2),
        "labels": np.array(["low", "mid", "high"])[grade],
        "real": score + 0.1 * noise,
        "count": np.floor(np.exp(np.clip(score, -2, 2))) + 1,
        "two": np.stack([score, X[:, 2] + 0.1 * noise], axis=1),
        "flags": np.stack([grade == 2, X[:, 2] > 0, X[:, 0] < 0.5], axis=1).astype(int),
        "truth": score + 0.3 * noise > 0,
        "grades": grade,
        "two labels": np.stack([grade, (X[:, 2] > 0).astype(int)], axis=1),
        "indicators": np.stack([grade > 1, X[:, 2] > 0], axis=1).astype(int),
        "levels": np.array([["a", "b", "c"], ["x", "y", "z"]])[
            np.arange(2)[:, None], [grade, np.digitize(X[:, 2], [-1.2, -0.8])]
        ].T,
        "partly": np.where(np.arange(300) % 3, grade, -1),
    }[kind]


def numbers(rng: np.random.Generator, n: int) -> Any:
    """Five columns of different scales; one of them whole numbers with many ties."""
    X = rng.normal(size=(n, 5)) * [1, 2, 0.5, 1, 30] + [0, 1, -1, 0, 100]
    X[:, 3] = np.rint(X[:, 3] * 2)
    return X


def missing(rng: np.random.Generator, n: int) -> Any:
    """Numbers with holes."""
    X = numbers(rng, n)
    X[rng.random(X.shape) < 0.15] = np.nan
    return X


def column(rng: np.random.Generator, n: int) -> Any:
    """One column."""
    return numbers(rng, n)[:, :1]


def counts(rng: np.random.Generator, n: int) -> Any:
    """Sparse counts, with empty rows among them."""
    from scipy import sparse

    return sparse.csr_matrix(rng.poisson(0.3, size=(n, 12)).astype(np.float64))


def codes(rng: np.random.Generator, n: int) -> Any:
    """Four columns of the numbers of categories."""
    return rng.integers(0, [2, 3, 5, 6], size=(n, 4)).astype(np.float64)


_WORDS = (*examples.WORDS, "the", "the", "on")


def text(rng: np.random.Generator, n: int) -> Any:
    """Short documents, some empty, some with words never seen in the other sample."""
    found = []
    for i in range(n):
        words = rng.choice(_WORDS, rng.integers(0, 9)).tolist()
        found.append(" ".join([*words, f"w{rng.integers(0, 40)}"] if i % 7 else words) + "!" * (i % 3))
    return found


def records(rng: np.random.Generator, n: int) -> Any:
    """Dicts of numbers and texts, some without features, some with features never seen in the other sample."""
    found: list[Any] = []
    for i in range(n):
        values = {"city": str(rng.choice(_WORDS)), "size": float(np.abs(rng.normal())), "n": int(rng.integers(0, 5))}
        values |= {"is": bool(i % 2), f"w{rng.integers(0, 40)}": 1.0, "": 0.25}
        found.append(dict(list(values.items())[: i % 7]))
    return found


def pairs(rng: np.random.Generator, n: int) -> Any:
    """Their features as pairs, some of them twice."""
    return [[*each.items(), *list(each.items())[:1]] for each in records(rng, n)]


def tokens(rng: np.random.Generator, n: int) -> Any:
    """Lists of words."""
    return [each.split() for each in text(rng, n)]


def labels(rng: np.random.Generator, n: int) -> Any:
    """One label for each row, a text."""
    return rng.choice(["Bonn", "Köln", "Paris", "", "a b", "日本"], n).tolist()


def whole_labels(rng: np.random.Generator, n: int) -> Any:
    """One label for each row, a whole number."""
    return rng.choice([-3, 0, 7, 2**40], n).tolist()


def label_sets(rng: np.random.Generator, n: int) -> Any:
    """Several labels for each row, some of them twice."""
    return [rng.choice(["Bonn", "Köln", "Paris", "", 1, 2.5], rng.integers(0, 5)).tolist() for _ in range(n)]


def cells(rng: np.random.Generator, n: int) -> Any:
    """Two columns of text and one of whole numbers; text has holes and, later, unseen values."""
    import pandas as pd

    city = rng.choice(["Bonn", "Köln", "Paris", "", "a b"] + (["unseen"] if n == ROWS else []), n)
    kind = rng.choice(["x", "y"], n).astype(object)
    return pd.DataFrame({"city": city.astype(object), "kind": kind, "size": rng.integers(0, 4, n)})


def holes(rng: np.random.Generator, n: int) -> Any:
    """Like `cells`, with missing values."""
    table = cells(rng, n)
    table["city"] = table["city"].where(rng.random(n) > 0.2, np.nan)
    return table[["city", "kind"]]


def positive(rng: np.random.Generator, n: int) -> Any:
    """Numbers that are not negative, some of them zero."""
    return np.abs(numbers(rng, n))


def above_zero(rng: np.random.Generator, n: int) -> Any:
    """Numbers above zero, also as integers."""
    return 1.0 + np.exp(rng.normal(size=(n, 8)))


def kernels(rng: np.random.Generator, n: int) -> Any:
    """Kernels of rows and the 300 that were fitted."""
    return rng.normal(size=(n, 300))


_MAKERS = {
    "numbers": numbers,
    "kernels": kernels,
    "positive": positive,
    "above zero": above_zero,
    "missing": missing,
    "column": column,
    "counts": counts,
    "codes": codes,
    "text": text,
    "records": records,
    "pairs": pairs,
    "tokens": tokens,
    "labels": labels,
    "whole labels": whole_labels,
    "label sets": label_sets,
    "cells": cells,
    "holes": holes,
}
