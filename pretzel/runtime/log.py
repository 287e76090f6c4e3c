"""The logger ``logging.getLogger("pretzel")``, which is silent unless the application adds a handler."""

from __future__ import annotations

import logging
import time

logger = logging.getLogger("pretzel")
logger.addHandler(logging.NullHandler())

PAUSE = 10.0
"""Seconds between two warnings of one kind."""


class Complaints:
    """Rate-limited warnings: one of each kind in `PAUSE` seconds, with the number of suppressed ones.

    Any number of threads may use it; a count may be off by a few then.
    """

    def __init__(self) -> None:
        self._last: dict[str, float] = {}
        self._unsaid: dict[str, int] = {}

    def add(self, kind: str, message: object) -> None:
        """Log a message, or count it as suppressed.

        Parameters
        ----------
        kind : str
        message : object
            Formatted only if it is logged.
        """
        now = time.monotonic()
        if now - self._last.get(kind, -PAUSE) < PAUSE:
            self._unsaid[kind] = self._unsaid.get(kind, 0) + 1
            return
        self._last[kind] = now
        unsaid = self._unsaid.pop(kind, 0)
        logger.warning("%s%s", message, f" (and {unsaid} more since the last such message)" if unsaid else "")
