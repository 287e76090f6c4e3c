"""What an archive of skops unpacks to, found before skops reads it: skops itself trusts whatever the archive holds.

It is a zip archive of ``schema.json``, which describes objects, and of files that this names: ``.npy``, and for sparse
matrices ``.npz``, which are archives themselves.
"""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any
from zipfile import ZIP_DEFLATED, ZIP_STORED, BadZipFile, ZipFile, ZipInfo

from pretzel.runtime.skops_archive import SCHEMA, SMALL

if TYPE_CHECKING:
    from collections.abc import Iterator

MOST = 100
"""How many times its own size an archive may unpack to, with the archives in it, if that is more than `LEAST`."""
LEAST = 16 << 20
PART = 1 << 16
ARCHIVES = (b"PK\x03\x04", b"PK\x05\x06")
"""How files begin that NumPy reads as archives."""


def unpacked_size(contents: bytes, most: int | None = None) -> int:
    """Bytes that skops takes from an archive: each file once for each object that names it, and what archives hold.

    No more than that, and no more than `PART` at once, is unpacked to find out.

    Parameters
    ----------
    contents : bytes
    most : int, optional
        What was written of it.

    Raises
    ------
    ValueError, BadZipFile
        It is more than ``most``, or than archives of this size unpack to; or it is damaged.
    """
    own = max(SMALL, len(contents))
    allowed = max(LEAST, MOST * len(contents))
    if most is not None:
        own, allowed = min(own, most), min(allowed, most)
    with ZipFile(io.BytesIO(contents)) as archive:
        members = archive.infolist()
        _check(sum(each.file_size for each in members), own)
        sizes = {}
        total = 0
        for each in members:
            sizes[each.filename] = size = each.file_size + _inner_size(archive, each, allowed - total)
            total += size
            _check(total, allowed)
        schema = json.loads(archive.read(SCHEMA))
    for name in _named_again(schema):
        total += sizes.get(name, 0)
    _check(total, allowed)
    return total


def _check(size: int, most: int) -> None:
    if size > most:
        raise ValueError(f"they unpack to {size:,} bytes, more than the {most:,} that they may take")


def _inner_size(archive: ZipFile, member: ZipInfo, most: int) -> int:
    """Bytes in a member that is an archive itself, else none; checks that the member is as long as it says."""
    _check_length(archive, member)
    with archive.open(member) as file:
        is_archive = file.read(4) in ARCHIVES
    if not is_archive:
        return 0
    try:
        inner = ZipFile(io.BytesIO(archive.read(member)))
    except BadZipFile:
        return 0
    with inner:
        members = inner.infolist()
        size = sum(each.file_size for each in members)
        _check(size, most)
        for each in members:
            _check_length(inner, each)
    return size


def _check_length(archive: ZipFile, member: ZipInfo) -> None:
    """Check that a member is as long as the archive says, because readers unpack all of it before they look."""
    if member.compress_type not in (ZIP_STORED, ZIP_DEFLATED):
        raise ValueError(f"{member.filename!r:.100} is compressed in another way than skops and NumPy do")
    length = member.compress_size
    if member.compress_type == ZIP_DEFLATED:
        length, declared = 0, member.file_size
        member.file_size += 1  # one byte more than there should be is asked for
        try:
            with archive.open(member) as file:
                while length <= declared and (part := file.read(PART)):
                    length += len(part)
        finally:
            member.file_size = declared
    if length != member.file_size:
        raise ValueError(f"{member.filename!r:.100} is not as long as the archive says")


def _named_again(schema: Any) -> Iterator[str]:
    """Files that another object names again, once for each; objects with one number are one object."""
    named: set[str] = set()
    objects: set[tuple[str, int]] = set()
    todo = [schema]
    while todo:
        node = todo.pop()
        if type(node) is list:
            todo += node
        if type(node) is not dict:
            continue
        todo += node.values()
        name, number = node.get("file"), node.get("__id__")
        if type(name) is not str or (type(number) is int and (name, number) in objects):
            continue
        if type(number) is int:
            objects.add((name, number))
        if name in named:
            yield name
        named.add(name)
