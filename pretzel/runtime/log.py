"""What is told to ``logging.getLogger("pretzel")``; nobody hears of it unless the application asks for it."""

from __future__ import annotations

import logging
import time

logger = logging.getLogger("pretzel")
logger.addHandler(logging.NullHandler())

PAUSE = 10.0
"""Seconds between two complaints of one kind."""


class Complaints:
    """Warnings that may come with every request under overload: one of each kind in a while, with how many there were.

    Safe for any number of threads, to within a count.
    """

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def add(self, kind: str, message: object, level: int = logging.WARNING) -> None:
        """Say it, or count it.

        Parameters
        ----------
        kind : str
        message : object
            Formatted only if it is said.
        level : int
        """
        now = time.monotonic()
        if now - self._last.get(kind, -PAUSE) < PAUSE:
            self._unsaid[kind] = self._unsaid.get(kind, 0) + 1
            return
        self._last[kind] = now
        unsaid = self._unsaid.pop(kind, 0)
        logger.log(level, "%s%s", message, f" (and {unsaid} more since the last such message)" if unsaid else "")
