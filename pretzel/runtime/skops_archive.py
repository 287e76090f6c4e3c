"""Estimators as skops writes them, but the same bytes each time."""

from __future__ import annotations

import io
import json
import zipfile
from typing import Any

SMALL = 1 << 20
"""Bytes up to which an archive is compressed: it is text mostly. Larger ones are arrays, which gain little."""

SCHEMA = "schema.json"


def repeatable(contents: bytes) -> bytes:
    """An archive of skops without what differs each time: times, and addresses of objects as their numbers and files.

    Parameters
    ----------
    contents : bytes
        As ``skops.io.dumps`` has written it, without compression.
    """
    target = io.BytesIO()
    method = zipfile.ZIP_DEFLATED if len(contents) <= SMALL else zipfile.ZIP_STORED
    with zipfile.ZipFile(io.BytesIO(contents)) as archive, zipfile.ZipFile(target, "w", method) as written:
        schema = json.loads(archive.read(SCHEMA))
        for old, new in _number(schema).items():
            written.writestr(_member(new), archive.read(old), method)
        written.writestr(_member(SCHEMA), json.dumps(schema), method)
    return target.getvalue()


def _member(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))


def _number(schema: dict[str, Any]) -> dict[str, str]:
    """Number objects and files in the order of the schema, which is changed; the new name of each file."""
    objects: dict[Any, int] = {}
    files: dict[str, str] = {}
    agenda: list[Any] = [schema]
    while agenda:
        each = agenda.pop()
        if isinstance(each, list):
            agenda += reversed(each)
        elif isinstance(each, dict):
            if "__id__" in each:
                each["__id__"] = objects.setdefault(each["__id__"], len(objects))
            if "__loader__" in each and isinstance(file := each.get("file"), str):
                each["file"] = files.setdefault(file, f"{len(files)}.{file.rpartition('.')[2]}")
            agenda += reversed(each.values())
    return files
