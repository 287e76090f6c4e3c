"""The rows that requests carry, made ready before anything is measured."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from benchmarks import tasks, zoo

SINGLES, BATCHES, BATCH = 1000, 40, 100

_LOAD = {zoo.TEXT: tasks.sentiment, zoo.NUMBERS: tasks.attendees, zoo.TABLE: tasks.people}


@dataclass(frozen=True)
class Rows:
    """Rows of one kind.

    Parameters
    ----------
    kind : str
        `zoo.TEXT`, `zoo.NUMBERS` or `zoo.TABLE`.
    singles : list
        Tables of one row: a list of one text, an array or a DataFrame.
    records : list
        The same rows as a request handler has them: str, array of one dimension, dict.
    batches : list
        Tables of a hundred rows.
    """

    kind: str
    singles: list[Any]
    records: list[Any]
    batches: list[Any]


def ready(kind: str, seed: int = 7) -> Rows:
    """Random rows of a kind."""
    X, _ = _LOAD[kind]()
    order = np.random.default_rng(seed).permutation(len(X))
    single = tasks.take(X, order[:SINGLES])
    starts = range(SINGLES, SINGLES + BATCHES * BATCH, BATCH)
    return Rows(
        kind=kind,
        singles=[tasks.take(single, [i]) for i in range(SINGLES)],
        records=single.to_dict("records") if kind == zoo.TABLE else list(single),
        batches=[tasks.take(X, order[start : start + BATCH]) for start in starts],
    )
