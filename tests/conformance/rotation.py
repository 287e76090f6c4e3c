"""What a run of the tests draws: another part of everything for each commit, so that all of it is seen in time."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TypeVar

import numpy as np

T = TypeVar("T")


def seed() -> int:
    """``$PRETZEL_CONFORMANCE_SEED``, or a number made of the commit; 0 outside of a checkout."""
    if given := os.environ.get("PRETZEL_CONFORMANCE_SEED"):
        return int(given)
    command = ["git", "-C", str(Path(__file__).parent), "rev-parse", "HEAD"]
    try:
        found = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout
    except (OSError, subprocess.SubprocessError):
        return 0
    return int(found[:8], 16)


def draw(everything: list[T], n: int) -> list[T]:
    """``n`` of these, in their order; all of them with ``$PRETZEL_CONFORMANCE=all``."""
    if os.environ.get("PRETZEL_CONFORMANCE") == "all" or n >= len(everything):
        return everything
    chosen = np.random.default_rng(seed()).choice(len(everything), n, replace=False)
    return [everything[i] for i in sorted(chosen)]
