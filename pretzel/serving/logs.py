"""How ``pretzel serve`` writes its log: as text, or a JSON object in each line, with all fields of a record."""

from __future__ import annotations

import json
import logging
from datetime import UTC, datetime
from typing import Any

FORMATS = ("text", "json")

_USUAL = {*vars(logging.makeLogRecord({})), "message", "asctime", "color_message", "taskName"}


class JsonFormatter(logging.Formatter):
    """Writes a record as a JSON object: time, level, logger, message, and what ``extra=`` gave it, except None."""

    def format(self, record: logging.LogRecord) -> str:
        """The line."""
        found: dict[str, Any] = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        found.update((name, value) for name, value in vars(record).items() if name not in _USUAL and value is not None)
        if record.exc_info:
            found["exception"] = self.formatException(record.exc_info)
        return json.dumps(found, default=str)


def configuration(format: str, *, requests: bool) -> dict[str, Any]:
    """What `logging.config.dictConfig` takes: Pretzel's and uvicorn's records go to stderr.

    Parameters
    ----------
    format : str
        One of `FORMATS`.
    requests : bool
        Whether each request has a record.
    """
    text = {"format": "%(asctime)s %(levelname)s %(name)s: %(message)s"}
    loggers = {"pretzel": "WARNING", "pretzel.requests": "INFO" if requests else "WARNING", "uvicorn": "WARNING"}
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"lines": text if format == "text" else {"()": "pretzel.serving.logs.JsonFormatter"}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "lines"}},
        "loggers": {
            name: {"level": level, "handlers": [] if name == "pretzel.requests" else ["stderr"]}
            for name, level in loggers.items()
        },
    }
