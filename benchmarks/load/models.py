"""The models that are served, fitted once and kept in the cache folder."""

from __future__ import annotations

import hashlib
import inspect
import os
import pickle
import platform
import shutil
from concurrent.futures import ProcessPoolExecutor
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import data, families, tasks, zoo
from benchmarks.families import Member
from pretzel import examples

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SET = 40  # text models over one pair of vectorizers
TEXTS = 3000  # on which such a pair is fitted
OWN = 16  # one text model in so many has vectorizers of its own


def sentiment_sets(count: int, size: int = 1500) -> Iterator[Member]:
    """Text models as many tenants have them: sets over a pair of vectorizers, and a few that share nothing.

    Every model is fitted on a sample of its own.
    """
    own = max(1, count // OWN)
    for first in range(0, count - own, SET):
        features = examples.char_and_word(100_000).fit(families.sample(tasks.sentiment, TEXTS, 10_000 + first)[0])
        for seed in range(first, min(first + SET, count - own)):
            texts, y = families.sample(tasks.sentiment, size, seed)
            head = examples.fitted(zoo.LOGISTIC, features.transform(texts), y)
            name = f"sentiment/set{first // SET}/{seed}"
            yield Member(name, zoo.TEXT, examples.pipeline(features, head))
    estimator = zoo.case("sa").estimator
    for seed in range(count - own, count):
        texts, y = families.sample(tasks.sentiment, size, seed)
        yield Member(f"sentiment/own/{seed}", zoo.TEXT, examples.fitted(estimator, texts, y))


RECIPES: dict[str, Callable[[int], Iterator[Member]]] = {
    "sentiment": sentiment_sets,
    "attendees": families.attendee_models,
    "income": families.table_models,
}


def counts(total: int) -> dict[str, int]:
    """How many models of each family: halves of text and of numbers, and a tenth more of mixed tables."""
    return {"sentiment": total // 2, "attendees": total // 2, "income": max(2, total // 10)}


def folder() -> Path:
    """Where models are kept; its name changes with all that decides how they are fitted."""
    digest = hashlib.sha256(inspect.getsource(sentiment_sets).encode())
    for module in (data, examples, families, tasks, zoo):
        digest.update(Path(inspect.getfile(module)).read_bytes())
    libraries = [f"{name} {version(name)}" for name in ("scikit-learn", "numpy", "scipy", "pandas")]
    digest.update(" ".join([platform.python_version(), *libraries, str((SET, TEXTS, OWN))]).encode())
    return data.cache_folder() / "load" / digest.hexdigest()[:16]


def write(path: Path, content: bytes) -> None:
    """Write a file of `folder` whole or not at all."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_suffix(f".{os.getpid()}")
    part.write_bytes(content)
    part.replace(path)


def _file(family: str, count: int) -> Path:
    return folder() / f"{family}-{count}.pickle"


def _fit(family: str, count: int) -> None:
    from threadpoolctl import threadpool_limits

    with threadpool_limits(1):
        members = list(RECIPES[family](count))
    write(_file(family, count), pickle.dumps(members, protocol=5))


def fleet(total: int, workers: int = 2) -> list[Member]:
    """The fitted models, from the cache or fitted now.

    Fitting runs in other processes: this one is forked later, and a process that has run OpenMP must not be.

    Parameters
    ----------
    total : int
        Number of text and number models together.
    workers : int
        Processes that fit.
    """
    missing = {family: count for family, count in counts(total).items() if not _file(family, count).exists()}
    if missing:
        for stale in (data.cache_folder() / "load").glob("*"):
            if stale != folder():
                shutil.rmtree(stale, ignore_errors=True)
        with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
            list(pool.map(_fit, missing.keys(), missing.values()))
    members: list[Member] = []
    for family, count in counts(total).items():
        members += pickle.loads(_file(family, count).read_bytes())
    return members
