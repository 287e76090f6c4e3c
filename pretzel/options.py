"""Options of one compilation, and the environment switches."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from typing import Literal


def _disabled_by_environment() -> tuple[str, ...]:
    return tuple(name for name in os.environ.get("PRETZEL_DISABLE_RULES", "").split(",") if name)


@dataclass(frozen=True, slots=True)
class Options:
    """How an estimator is compiled.

    Parameters
    ----------
    strict : bool
        Refuse opaque steps with `OpaqueStepError`.
    numerics : {"fast", "strict"}
        ``"strict"`` switches off every rule that changes the order of a sum.
    disable : tuple of str
        Names of rules to leave out, besides those in ``$PRETZEL_DISABLE_RULES`` (comma-separated).
    """

    strict: bool = False
    numerics: Literal["fast", "strict"] = "fast"
    disable: tuple[str, ...] = field(default_factory=_disabled_by_environment)
