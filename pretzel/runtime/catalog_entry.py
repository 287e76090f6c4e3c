"""Entries of a catalog, and what is checked before one changes."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from pretzel.errors import ModelNotFoundError, RegistrationError
from pretzel.runtime.compatibility import differences

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pretzel._native import WeightedRoute
    from pretzel.runtime.handle import Model
    from pretzel.runtime.model import Plan
    from pretzel.runtime.outline import Outline
    from pretzel.runtime.version import Version


@dataclass(slots=True, eq=False)
class Entry:
    """The model of one name.

    Parameters
    ----------
    handle : Model
        Follows the default version.
    default : str
        Its label.
    versions : dict of str to Version
    replaced : set of str
        Labels of versions that are kept only for aliases.
    highest : int
        Greatest number of a version so far.
    aliases : set of str
        Aliases of the name or of its versions.
    stored : bool
        The versions are those of a store on disk (`Catalog.follow`).
    """

    handle: Model
    default: str = ""
    versions: dict[str, Version] = field(default_factory=dict)
    replaced: set[str] = field(default_factory=set)
    highest: int = 0
    aliases: set[str] = field(default_factory=set)
    stored: bool = False


@dataclass(slots=True, eq=False)
class Alias:
    """A name that stands for other names.

    Parameters
    ----------
    handle : Model
    shares : dict of str to float
        Names, or names with versions, and the part of the calls that each gets; together 1.
    weights : WeightedRoute or None
        Deals calls out among several targets, without those whose part is 0.
    """

    handle: Model
    shares: dict[str, float]
    weights: WeightedRoute | None


def text(name: object) -> str:
    """A name to look up; "", which no model has, for any other object."""
    return name if isinstance(name, str) else ""


def not_found(entries: Mapping[str, Entry], name: object) -> ModelNotFoundError:
    """The exception for a name or version that is not among the entries of a catalog."""
    entry = entries.get(name.partition("@")[0]) if isinstance(name, str) else None
    if entry is None:
        return ModelNotFoundError(f"no model is registered as {name!r} among {len(entries)}")
    return ModelNotFoundError(f"no version {name!r} is registered; there are: {', '.join(entry.versions)}")


def check_own(name: str, entry: Entry) -> None:
    """Raise if the versions are those of a store on disk."""
    if entry.stored:
        raise RegistrationError(f"{name!r} is a model of the store: promote or remove it there")


def check_changes(name: str, old: Plan | Outline, new: Plan | Outline) -> None:
    """Raise if callers of the old default would notice that another plan answers."""
    found = differences(old, new)
    if found:
        raise RegistrationError(
            f"{name}: the new version differs from the default: {'; '.join(found)}; pass allow_changes=True if callers "
            "know, or give the model another name"
        )


def check_word(word: object, what: str) -> None:
    """Raise unless a name, or the label of a version, can be registered."""
    if not isinstance(word, str) or not word or "@" in word:
        raise RegistrationError(
            f"a {what} is a str, not empty, and without '@', which stands before versions: {word!r}"
        )
    if any("\ud800" <= character < "\ue000" for character in word):  # metrics are written in UTF-8
        raise RegistrationError(f"a {what} has no lone surrogates, which UTF-8 cannot write: {word!r}")


def parts_of(shares: Mapping[str, float]) -> dict[str, float]:
    """Weights as parts of 1."""
    try:
        weights = {target: float(weight) for target, weight in shares.items()}
        total = math.fsum(weights.values())
    except (OverflowError, ValueError):  # a weight or their sum is beyond all floats, or inf - inf
        weights, total = {}, math.inf
    if not (0 < total < math.inf) or min(weights.values()) < 0:
        raise RegistrationError(f"weights must be 0 or more, and their sum positive and finite: {dict(shares)}")
    return {target: weight / total for target, weight in weights.items()}
