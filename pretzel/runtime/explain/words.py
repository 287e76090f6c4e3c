"""The text in a box of a drawing."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pretzel.runtime.explain.drawing import DrawnNode

LONGEST = 36
"""Characters of a line."""


def lines_of(node: DrawnNode) -> list[str]:
    """The lines of a box, without empty ones."""
    time = "" if node.seconds is None else f"{node.seconds * 1e6:,.2f} us ({node.share or 0:.0%})"
    step = node.origin.rpartition(".")[2]
    return [shortened(line) for line in (node.title, node.note, step, time) if line]


def heat(node: DrawnNode) -> float:
    """How much of the time a box took, from 0 to 1."""
    return min(max(node.share or 0.0, 0.0), 1.0)


def shortened(line: str) -> str:
    """The line, or its beginning."""
    return line if len(line) <= LONGEST else f"{line[: LONGEST - 1]}…"
