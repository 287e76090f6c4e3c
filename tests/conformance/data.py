"""Tables and targets of the kinds that estimators ask for by their tags, always the same."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

WIDTH = 5
FITTED_ROWS = 60
ASKED_ROWS = 30


@dataclass(frozen=True)
class Rows:
    """Rows to ask an estimator about.

    Parameters
    ----------
    values : array or list
        A matrix of float64, a frame, or a list of documents, records or labels.
    names : tuple of str
        Names of the columns; empty where there are none.
    """

    values: Any
    names: tuple[str, ...] = ()


def numbers(rng: np.random.Generator, n: int) -> Any:
    """Numbers of both signs, of which every integer type holds the whole part."""
    return np.clip(rng.normal(size=(n, WIDTH)) * [1, 2, 3, 10, 30], -120, 120)


def positive(rng: np.random.Generator, n: int) -> Any:
    """Numbers from 0 to 120, many of them whole."""
    found = np.clip(rng.gamma(2.0, size=(n, WIDTH)) * [1, 2, 3, 10, 20], 0, 120)
    found[:, 1:3] = np.floor(found[:, 1:3])
    return found


def categories(rng: np.random.Generator, n: int) -> Any:
    """Whole numbers, few of them."""
    return rng.integers(0, 4, (n, WIDTH)).astype(np.float64)


def one_column(rng: np.random.Generator, n: int) -> Any:
    """A single column."""
    return numbers(rng, n)[:, :1]


WORDS = tuple("red Green blue fish the dog's Straße 東京 naïve a x1 3.14 run RUN is of stone rain night".split())  # noqa: SIM905


def documents(rng: np.random.Generator, n: int) -> list[str]:
    """Short texts, some of them not ASCII."""
    return [" ".join(rng.choice(WORDS, int(rng.integers(1, 9)))) for _ in range(n)]


def records(rng: np.random.Generator, n: int) -> list[dict[str, Any]]:
    """Dicts of numbers and texts, of which each has some keys only."""
    keys = ["age", "city", "height", "f"]
    values = {"age": 31, "city": "Bonn", "height": 1.75, "f": 0.5}
    return [{key: values[key] for key in keys if rng.random() < 0.7} for _ in range(n)]


def labels(rng: np.random.Generator, n: int) -> Any:
    """A column of text labels."""
    return np.array(["low", "mid", "high"])[np.arange(n) % 3]


def label_sets(rng: np.random.Generator, n: int) -> list[tuple[str, ...]]:
    """Several labels for each row."""
    return [tuple(sorted(set(rng.choice(["a", "b", "c", "d"], 2)))) for _ in range(n)]


def images(rng: np.random.Generator, n: int) -> Any:
    """Small pictures."""
    return rng.normal(size=(min(n, 4), 6, 6))


MAKERS = {
    maker.__name__: maker
    for maker in (
        numbers, positive, categories, one_column, documents, records, labels, label_sets, images
    )
}  # fmt: skip


def make(kind: str, seed: int, n: int) -> Any:
    """Rows of one kind."""
    return MAKERS[kind](np.random.default_rng(seed), n)


def target(kind: str, X: Any, n: int) -> Any:
    """A target that depends on the first columns where there are columns."""
    score = np.asarray(X)[:, 0].astype(float) if getattr(X, "ndim", 1) == 2 else np.arange(n) % 7.0
    score = score + 0.01 * np.arange(n)
    third = np.digitize(score, np.quantile(score, [0.33, 0.66]))
    half = (score > np.median(score)).astype(np.int64)
    return {
        "labels": np.array(["low", "mid", "high"])[third],
        "two labels": np.array(["no", "yes"])[half],
        "classes": third,
        "binary": half * 9 - 2,
        "real": score,
        "count": np.abs(np.round(score)) + 1.0,
        "column": score[:, None],
        "columns": np.column_stack([score, score**2]),
        "class columns": np.column_stack([third, half]),
        "indicators": np.column_stack([half, third == 1, third > 0]).astype(np.int64),
    }[kind]
