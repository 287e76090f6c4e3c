"""Files that are mapped, and what is said of one that cannot be read or written."""

from __future__ import annotations

import contextlib
import errno
import mmap
import os
from typing import TYPE_CHECKING

from pretzel._native import FileMapping
from pretzel.errors import CorruptStoreError, StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator

_MADV_POPULATE_READ = 22  # of Linux since 5.14; the module mmap has no name for it
_PART = 1 << 20
_NO_FILE = errno.EISDIR, errno.ENOTDIR, errno.ELOOP


def map_file(path: str | os.PathLike[str], *, populate: bool = False) -> memoryview:
    """The contents of a file, mapped without a descriptor that stays open.

    Parameters
    ----------
    path : str or path
    populate : bool
        Whether its pages are read now, so that no request waits for one.

    Raises
    ------
    OSError
    CorruptStoreError
        It is empty.
    """
    with open(path, "rb", buffering=0) as file:
        mapping = FileMapping(file.fileno(), os.fspath(path))
    memory = mapping.view()
    if not memory.nbytes:
        raise CorruptStoreError(f"{os.fspath(path)} is empty")
    if populate:
        _populate(mapping, memory.nbytes)
    return memory


def _populate(mapping: FileMapping, size: int) -> None:
    """Read the pages; interrupts are noticed after each part."""
    for start in range(0, size, _PART):
        if not mapping.advise(_MADV_POPULATE_READ, start, min(_PART, size - start)):
            mapping.advise(mmap.MADV_WILLNEED, 0, size)  # a system without it reads them in the background
            return


@contextlib.contextmanager
def reading(path: str | os.PathLike[str]) -> Iterator[None]:
    """While a file of a store is read: an error of the system is a `StoreError`, unless the file is missing.

    Raises
    ------
    CorruptStoreError
        It is no file.
    StoreError
        The system cannot read it now, for want of descriptors, memory or permission.
    FileNotFoundError
    """
    try:
        yield
    except FileNotFoundError:
        raise
    except OSError as error:
        kind = CorruptStoreError if error.errno in _NO_FILE else StoreError
        raise kind(f"{os.fspath(path)} cannot be read: {error.strerror or error}") from error


@contextlib.contextmanager
def writing(path: str | os.PathLike[str], *passed: type[OSError]) -> Iterator[None]:
    """While files of a store are written: an error of the system is a `StoreError`, except the types ``passed``.

    The message names the file, or ``path`` if the system names none.

    Raises
    ------
    StoreError
        It cannot be written, for want of room or permission, or because its folder is gone.
    """
    try:
        yield
    except passed:
        raise
    except OSError as error:
        name = error.filename or os.fspath(path)
        raise StoreError(f"{name} cannot be written: {error.strerror or error}") from error
