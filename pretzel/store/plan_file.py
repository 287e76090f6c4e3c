"""A plan in one file: an uncompressed zip archive of a description and of the arrays, which are mapped where they lie.

``plan.json`` describes the plan (`pretzel.store.plan_data`) and says where each array begins; ``objects.arrow`` is an
Arrow table of the arrays (`pretzel.store.arrow_file`). Any zip and Arrow tool reads both. Reading runs no code of the
file and builds nothing of the arrays.
"""

from __future__ import annotations

import errno
import io
import json
import os
import re
import secrets
import stat
import struct
import zipfile
import zlib
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pretzel.errors import CorruptStoreError, StoreError
from pretzel.store.arrow_file import Location, map_array, table_file
from pretzel.store.digest import ALIGNMENT, is_digest
from pretzel.store.mapped_file import map_file
from pretzel.store.mark import is_store

if TYPE_CHECKING:
    from collections.abc import Mapping

    import numpy.typing as npt

    Array = npt.NDArray[Any]

FORMAT = 1
"""Format of the description; a reader knows this one and all earlier ones."""

DESCRIPTION, OBJECTS = "plan.json", "objects.arrow"
LARGEST_DESCRIPTION, MOST_COMPRESSED = 1 << 20, 16
"""Bytes that a description may have once it is decompressed, or the part of these that it is compressed to: what JSON
makes of a few bytes takes many in memory."""

PAGE = 4096
"""Bytes that are mapped together, at least."""

_HEADER = struct.Struct("<4s5H3I2H")  # of a member of a zip archive
_PADDING = 0xD935  # identifies the field that moves contents to a multiple of `ALIGNMENT`, as Android's zipalign does
_ZIP64 = 20  # bytes of the field that zipfile adds for contents of 2 GiB and more


def plan_file(description: Mapping[str, Any], arrays: Mapping[bytes, Array]) -> bytes:
    """The contents of a file.

    Parameters
    ----------
    description : mapping
        What JSON can hold. ``"format"`` and ``"objects"`` are added.
    arrays : mapping of bytes to ndarray
        By digest of their contents.
    """
    contents, locations = table_file(arrays)
    index = {digest.hex(): [at.offset, at.dtype, list(at.shape)] for digest, at in locations.items()}
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        text = json.dumps({"format": FORMAT, **description, "objects": index}, separators=(",", ":")).encode()
        is_allowed = len(text) <= max(LARGEST_DESCRIPTION, MOST_COMPRESSED * len(zlib.compress(text, 6)))
        method = zipfile.ZIP_DEFLATED if is_allowed else zipfile.ZIP_STORED
        archive.writestr(_member(DESCRIPTION), text, method, compresslevel=6)
        member = _member(OBJECTS)
        is_large = contents.size >= zipfile.ZIP64_LIMIT
        start = sink.tell() + _HEADER.size + len(OBJECTS) + 4 + _ZIP64 * is_large
        padding = -start % ALIGNMENT
        member.extra = struct.pack("<2H", _PADDING, padding) + bytes(padding)
        with archive.open(member, "w", force_zip64=is_large) as file:
            file.write(contents)
    return sink.getvalue()


def _member(name: str) -> zipfile.ZipInfo:
    return zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0))  # the same plan is the same file at any time


def write_atomically(path: str | os.PathLike[str], contents: Any) -> None:
    """Write a file such that readers see all of it or what was there before, also after a loss of power.

    A link is followed, and a file that is replaced hands its permissions on.

    Raises
    ------
    OSError
        The path is a folder, or something else that is no file, or cannot be written.
    """
    target = Path(os.path.realpath(path)) if os.fspath(path) else Path()
    try:
        before = target.stat().st_mode
    except FileNotFoundError:
        before = None
    if before is not None and not stat.S_ISREG(before):
        number = errno.EISDIR if stat.S_ISDIR(before) else errno.EINVAL
        raise OSError(number, "a plan is written to a file, and this is none", os.fspath(path))
    try:
        write_aside(target, contents, target.parent, before)
    except OSError as error:  # of the file that a link leads to
        raise OSError(error.errno, error.strerror, os.fspath(path)) from error


def write_aside(path: Path, contents: Any, aside: Path, mode: int | None = None) -> None:
    """Write a file in the directory ``aside``, of the same file system, flush it to the disk and rename it.

    Its permissions are those of ``mode``, or what the umask leaves.

    Raises
    ------
    OSError
        It cannot be written; the exception names ``path``.
    """
    temporary = aside / f".{path.name[:100]}.{secrets.token_hex(8)}"
    try:
        handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)  # less what the umask takes
        try:
            with os.fdopen(handle, "wb") as file:
                if mode is not None:
                    os.fchmod(handle, stat.S_IMODE(mode))
                file.write(contents)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        sync_directory(path.parent)
    except OSError as error:  # the system names the other file, or none
        raise OSError(error.errno, error.strerror or str(error), os.fspath(path)) from error


def sync_directory(path: Path) -> None:
    """Make renames in a directory survive a loss of power."""
    directory = os.open(path, os.O_RDONLY)
    try:
        os.fsync(directory)
    finally:
        os.close(directory)


class PlanFile:
    """A plan file that is open for reading.

    Parameters
    ----------
    memory : buffer
        The whole file, mapped or in memory.
    where : str
        Names the file in messages.

    Attributes
    ----------
    description : dict
    description_bytes : int
        Length of its text.
    padding : int
        Bytes of its pages that belong to no array.
    locations : dict of bytes to Location
        Of the arrays, by digest of their contents, in ``objects``.
    objects : memoryview
        The Arrow file within.

    Raises
    ------
    CorruptStoreError
        The file is damaged, or no plan file.
    StoreError
        A later release of Pretzel wrote it in a format that this one does not know.
    """

    def __init__(self, memory: Any, where: str) -> None:
        self.where = where
        try:
            with zipfile.ZipFile(io.BytesIO(memory) if isinstance(memory, bytes) else _Reader(memory)) as archive:
                text = _description(archive)
                self.objects = memoryview(memory)[_extent(archive.getinfo(OBJECTS), memory)]
            self.description, self.description_bytes = _parsed(text), len(text)
            self.locations = self.index("objects")
            arrays = sum(at.nbytes for at in self.locations.values())
            self.padding = max(-len(memory) // PAGE * -PAGE - arrays, 0)
        except CorruptStoreError as error:
            raise CorruptStoreError(f"{where}: {error}") from error
        except (zipfile.BadZipFile, KeyError, ValueError, TypeError, EOFError, RecursionError, NotImplementedError,
                OverflowError, RuntimeError, struct.error, zlib.error, OSError) as error:  # fmt: skip
            if isinstance(error, StoreError):
                raise
            raise CorruptStoreError(f"{where} is no plan file, or damaged: {type(error).__name__}: {error}") from error

    @property
    def sizes(self) -> dict[bytes, int]:
        """Bytes of each array."""
        return {digest: at.nbytes for digest, at in self.locations.items()}

    def index(self, name: str) -> dict[bytes, Location]:
        """Locations of arrays by digest, under one name of the description."""
        return _locations(self.description.get(name))

    def location_of(self, digest: bytes) -> str:
        """An empty text, because the file holds each array once."""
        return ""

    def array(self, digest: bytes) -> Array:
        """The array of a digest, mapped.

        Raises
        ------
        CorruptStoreError
            It is not there.
        """
        location = self.locations.get(digest)
        if location is None:
            raise CorruptStoreError(f"{self.where}: the object {digest.hex()} is missing")
        return map_array(self.objects, location)


def open_plan_file(path: str | os.PathLike[str]) -> PlanFile:
    """Map a plan file.

    Raises
    ------
    OSError
        There is no such file, or it cannot be read.
    CorruptStoreError, StoreError
        As `PlanFile`; it is a store, or the pickle of an estimator.
    """
    where = os.fspath(path)
    if os.path.isdir(path):
        how = (
            f"a store: pretzel.PlanStore({where!r}).load(name) loads one of its models"
            if is_store(path)
            else "a folder"
        )
        raise StoreError(f"{where} is no plan file but {how}")
    memory = map_file(path)
    if re.match(rb"\x80[\x02-\x08]", bytes(memory[:2])):
        raise CorruptStoreError(
            f"{where} is a pickle, and no plan file: compile the estimator that it holds first: "
            f"pretzel.compile(joblib.load({where!r})), or pretzel compile {where} -o m.pretzel"
        )
    return PlanFile(memory, where)


class _Reader(io.RawIOBase):
    """Reads mapped memory as a file, without a copy of the whole."""

    def __init__(self, memory: Any) -> None:
        self._memory, self._at = memory, 0

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = (0, self._at, len(self._memory))[whence]
        if start + offset < 0:
            raise OSError("a position before the beginning of the file")
        self._at = start + offset
        return self._at

    def tell(self) -> int:
        return self._at

    def read(self, size: int = -1) -> bytes:
        end = len(self._memory) if size is None or size < 0 else self._at + size
        found = bytes(self._memory[self._at : end])
        self._at += len(found)
        return found

    def seekable(self) -> bool:
        return True

    def readable(self) -> bool:
        return True


def _description(archive: zipfile.ZipFile) -> bytes:
    member = archive.getinfo(DESCRIPTION)
    if member.file_size > max(LARGEST_DESCRIPTION, MOST_COMPRESSED * member.compress_size):
        raise CorruptStoreError(f"a description of {member.file_size:,} bytes in {member.compress_size:,}")
    with archive.open(member) as file:
        text = file.read(member.file_size + 1)
    if len(text) != member.file_size:
        raise CorruptStoreError("the description is not as long as it says")
    return text


def _extent(member: zipfile.ZipInfo, memory: Any) -> slice:
    """Where the contents of a stored member lie."""
    header = _HEADER.unpack_from(memory, member.header_offset)
    start = member.header_offset + _HEADER.size + header[-2] + header[-1]
    if header[0] != b"PK\x03\x04" or member.compress_type != zipfile.ZIP_STORED:
        raise CorruptStoreError(f"{member.filename} is compressed, or not where it should be")
    if start % ALIGNMENT or start + member.file_size > len(memory):
        raise CorruptStoreError(f"{member.filename} begins at {start}, or ends behind the file")
    return slice(start, start + member.file_size)


def _parsed(text: bytes) -> dict[str, Any]:
    description = json.loads(text)
    if type(description) is not dict or type(description.get("format")) is not int:
        raise CorruptStoreError("the description has no format")
    if description["format"] > FORMAT:
        raise StoreError(
            f"format {description['format']} of a later release of Pretzel ({description.get('made')!r:.200}); "
            f"this one reads formats up to {FORMAT}"
        )
    return description


def _locations(index: Any) -> dict[bytes, Location]:
    if type(index) is not dict:
        raise CorruptStoreError("the description has no index of objects")
    found: dict[bytes, Location] = {}
    offset: Any
    for digest, entry in index.items():
        offset, dtype, shape = entry if type(entry) is list and len(entry) == 3 else (None, "", [])
        if type(dtype) is not str or type(shape) is not list or any(type(each) is not int for each in (offset, *shape)):
            raise CorruptStoreError(f"the object {digest!r:.50} has no location")
        if not is_digest(digest):
            raise CorruptStoreError(f"the object {digest!r:.50} is not named by a digest")
        found[bytes.fromhex(digest)] = Location(offset, dtype, tuple(shape)).checked()
    return found
