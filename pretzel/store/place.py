"""The files at a URL, through fsspec."""

from __future__ import annotations

import contextlib
import errno
import os
import re
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, unquote

from pretzel.errors import StoreError
from pretzel.store.plan_file import write_aside

if TYPE_CHECKING:
    from collections.abc import Iterator

_NO_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]*:(/[^/]|/?$)")  # "memory:/models": a directory to the system


def is_url(path: str | os.PathLike[str]) -> bool:
    """Whether a store is at a URL, and not in a directory.

    Raises
    ------
    StoreError
        It is a URL with a slash too few.
    """
    if isinstance(path, str) and _NO_URL.match(path):
        scheme = path.partition(":")[0]
        raise StoreError(f"{path} is no URL, which begins with {scheme}://; ./{path} is a directory")
    return isinstance(path, str) and "://" in path


@contextlib.contextmanager
def _reaching(what: str) -> Iterator[None]:
    """While the file system of a URL works: its exceptions, whatever their types, become a `StoreError`.

    Raises
    ------
    FileNotFoundError
    StoreError
        Of anything else, for want of a connection, permission or room.
    """
    try:
        yield
    except (FileNotFoundError, StoreError, MemoryError):
        raise
    except Exception as error:
        raise StoreError(f"{what}: {getattr(error, 'strerror', None) or str(error) or repr(error)}") from error


class Place:
    """The files at a URL. What cannot be read or written there is told by a `StoreError`, unless it is missing.

    Parameters
    ----------
    url : str
        As fsspec knows it.

    Attributes
    ----------
    url : str
        Without slashes at its end; on a local disk absolute.

    Raises
    ------
    StoreError
        The URL names no place, or fsspec or what it needs for it is not installed.
    """

    def __init__(self, url: str) -> None:
        if is_url(url) and not url.rpartition("://")[2].strip("/"):
            raise StoreError(
                f"{url} names no place for a store: give a path behind it, such as {url.rstrip('/')}//models"
            )
        self.url = url.rstrip("/")
        self._connect()
        if self._is_local:
            self.url = f"file://{self._root}"

    def _connect(self) -> None:
        try:
            import fsspec
            from fsspec.implementations.local import LocalFileSystem
        except ModuleNotFoundError as error:
            raise StoreError(f"{self.url} is read with fsspec: pip install 'pretzel-serving[remote]'") from error
        with _reaching(self.url):
            self._system, root = fsspec.core.url_to_fs(self.url)
        self._root = root.rstrip("/")
        self._is_local = isinstance(self._system, LocalFileSystem)
        self._is_http = "http" in self._system.protocol
        self._process = os.getpid()

    @property
    def _files(self) -> Any:
        """The file system; a new one after a fork, because connections do not survive it."""
        if self._process != os.getpid():
            self._connect()
        return self._system

    @property
    def folder(self) -> Path | None:
        """The directory, if the place is on a local disk."""
        return Path(self._root) if self._is_local else None

    def _path(self, file: str) -> str:
        """Where fsspec has a file; file names of models have percent signs, which mean something in HTTP alone."""
        return f"{self._root}/{quote(file) if self._is_http else file}"

    def read(self, file: str) -> bytes:
        """A small file, as it is now."""
        with _reaching(f"{self.url}/{file} cannot be read"):
            return bytes(self._files.cat_file(self._path(file)))

    def get(self, file: str, path: Path) -> None:
        """Copy a file to a local one.

        Raises
        ------
        FileNotFoundError
            It is not there, and the exception names its URL; or the directory of the local one is gone.
        """
        with _reaching(f"{self.url}/{file} cannot be copied to {path.parent}"):
            try:
                self._files.get_file(self._path(file), os.fspath(path))
            except FileNotFoundError as error:
                self._files.invalidate_cache()
                if self._files.exists(self._path(file)):
                    raise
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{self.url}/{file}") from error

    def put(self, file: str, path: Path) -> None:
        """Copy a local file. Object stores show a file when all of it is there; on a local disk it is renamed.

        Raises
        ------
        FileNotFoundError
            The local file is not there.
        """
        what = f"{self.url}/{file} cannot be written"
        with _reaching(what):
            try:
                self._put(file, path)
            except FileNotFoundError as error:
                if error.filename == os.fspath(path):
                    raise
                raise StoreError(f"{what}: {error}") from error

    def _put(self, file: str, path: Path) -> None:
        if self._is_local:
            target, aside = Path(self._path(file)), Path(self._path("aside"))
            for directory in (target.parent, aside):
                directory.mkdir(parents=True, exist_ok=True)
            write_aside(target, path.read_bytes(), aside)
        else:
            self._files.put_file(os.fspath(path), self._path(file))

    def write(self, file: str, content: bytes) -> None:
        """Write a small file."""
        with _reaching(f"{self.url}/{file} cannot be written"), tempfile.NamedTemporaryFile() as written:
            written.write(content)
            written.flush()
            self.put(file, Path(written.name))

    def names(self) -> list[str]:
        """Files of names."""
        try:
            with _reaching(f"{self.url}/names cannot be read"):
                self._files.invalidate_cache()
                found = [path.rpartition("/")[2] for path in self._files.ls(self._path("names"), detail=False)]
                return [*map(unquote, found)] if self._is_http else found
        except FileNotFoundError:
            return []

    def sizes(self) -> dict[str, int]:
        """Bytes of all files."""
        with _reaching(f"{self.url} cannot be read"):
            self._files.invalidate_cache()
            found = self._files.find(self._root, detail=True)
        start = len(self._root) + 1
        return {path[start:]: info["size"] for path, info in found.items()}
