"""The file that marks a directory, or a place that a URL names, as a store."""

from __future__ import annotations

import json

from pretzel.errors import CorruptStoreError, StoreError
from pretzel.store.name_files import NOT_AS_WRITTEN

FORMAT = 1
MARK = "pretzel.json"


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
