"""The lock of a store on disk: one process, and of that one thread, writes at a time."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import socket
import threading
import time
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from pretzel.errors import StoreError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_threads: WeakValueDictionary[str, threading.RLock] = WeakValueDictionary()
"""By file, held by the thread of this process that writes: the lock of a file is that of a process."""
os.register_at_fork(after_in_child=_threads.clear)


def _of_threads(path: Path) -> threading.RLock:
    return _threads.setdefault(os.path.join(os.path.realpath(path.parent), path.name), threading.RLock())


@contextlib.contextmanager
def writer_lock(path: Path) -> Iterator[None]:
    """Be the one writer, and name this process in the file of the lock.

    The system lets go of the lock when the process of its owner ends, however it ends.

    Raises
    ------
    StoreError
        The file is a link, whose target does not belong to the store; or the folder of the store is not there.
    """
    with _of_threads(path):
        handle = _opened(path, os.O_RDWR | os.O_CREAT)
        try:
            # Of this process alone: a lock of `flock` would be held by every child that is forked meanwhile.
            fcntl.lockf(handle, fcntl.LOCK_EX)
            with contextlib.suppress(OSError):  # a disk that is full can be checked and collected without that line
                os.ftruncate(handle, 0)
                os.write(handle, f"{socket.gethostname()} {os.getpid()} {time.time():.0f}\n".encode())
            yield
        finally:
            os.close(handle)


@contextlib.contextmanager
def reader_lock(path: Path) -> Iterator[None]:
    """Keep writers out. A process that may only read shares the lock, or goes without where there is none to read."""
    with contextlib.ExitStack() as held:
        try:
            held.enter_context(writer_lock(path))
        except OSError as error:
            if error.errno not in (errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            held.enter_context(_of_threads(path))
            with contextlib.suppress(FileNotFoundError, PermissionError):
                handle = _opened(path, os.O_RDONLY)
                held.callback(os.close, handle)
                fcntl.lockf(handle, fcntl.LOCK_SH)
        yield


def _opened(path: Path, flags: int) -> int:
    try:
        return os.open(path, flags | os.O_NOFOLLOW, 0o666)
    except OSError as error:
        if error.errno == errno.ENOENT and flags & os.O_CREAT:
            raise StoreError(f"{path.parent} is no store: it is not there") from error
        if error.errno != errno.ELOOP:
            raise
        raise StoreError(f"{path} is a link, which no store of Pretzel has") from error
