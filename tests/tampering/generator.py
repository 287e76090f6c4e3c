"""The tampered estimators of a seed."""

from __future__ import annotations

import copy
import random
from dataclasses import dataclass
from typing import Any

from tests import cases
from tests.tampering.mutations import mutations
from tests.tampering.places import Steps, change, get, places

COMMON = 5
"""Mutations that every value has; they are tried less often than the others."""


@dataclass(frozen=True)
class Tampered:
    """One change of one case."""

    index: int
    path: Steps
    mutation: str
    estimator: Any

    def __str__(self) -> str:
        steps = "".join(f".{key}" if kind == "attribute" else f"[{key!r}]" for kind, key in self.path)
        return f"{cases.CASES[self.index].id}{steps}: {self.mutation}"


def tampered(number: int, seed: int) -> Tampered | None:
    """The ``number``-th tampered estimator of a seed; None where the change cannot be made."""
    rng = random.Random(f"{seed}/{number}")
    index = rng.randrange(len(cases.CASES))
    source = cases.fitted(index)
    known = _places_of(index)
    if not known:
        return None  # a booster keeps what it learnt in memory of its own
    path = _pick(known, rng)
    value = source
    for step in path:
        value = get(value, step)
    changes = mutations(value, rng)
    names = list(changes)
    name = rng.choice(names[COMMON:] if rng.random() < 0.7 and len(names) > COMMON else names)
    try:
        return Tampered(index, path, name, change(copy.deepcopy(source), path, changes[name]))
    except Exception:
        return None  # NumPy or the compiled tree does not let it be made


_known: dict[int, list[Steps]] = {}


def _places_of(index: int) -> list[Steps]:
    if index not in _known:
        _known[index] = list(places(cases.fitted(index)))
    return _known[index]


def _pick(paths: list[Steps], rng: random.Random) -> Steps:
    """Fitted attributes most of the time: names with an underscore at an end, and what is inside them."""
    fitted = [path for path in paths if any(_is_fitted(step) for step in path)]
    return rng.choice(fitted if fitted and rng.random() < 0.9 else paths)


def _is_fitted(step: tuple[str, Any]) -> bool:
    return step[0] == "attribute" and (step[1].endswith("_") or step[1].startswith("_"))
