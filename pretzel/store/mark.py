"""The file that marks a directory, or a place that a URL names, as a store."""

from __future__ import annotations

import json
import os

from pretzel.errors import CorruptStoreError, StoreError

FORMAT = 1
MARK = "pretzel.json"

NOT_AS_WRITTEN = (ValueError, KeyError, TypeError, AttributeError, RecursionError)
"""What reading a damaged JSON file, and looking into it, raises."""


def is_store(path: str | os.PathLike[str]) -> bool:
    """Whether a directory is a store."""
    return os.path.isfile(os.path.join(path, MARK))


def mark_content() -> bytes:
    """What marks a store."""
    return json.dumps({"format": FORMAT}).encode()


def check_mark(content: bytes, where: str) -> None:
    """Check what marks the store that ``where`` names.

    Raises
    ------
    CorruptStoreError
        It is damaged.
    StoreError
        A later release of Pretzel wrote it.
    """
    try:
        found = json.loads(content)["format"]
    except NOT_AS_WRITTEN as error:
        raise CorruptStoreError(f"{where}/{MARK} is damaged: {error}") from error
    if type(found) is not int or found != FORMAT:
        raise StoreError(f"{where} has format {found!r:.50}; this release of Pretzel reads format {FORMAT}")
