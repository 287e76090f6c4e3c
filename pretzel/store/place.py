"""The files at a URL, through fsspec."""

from __future__ import annotations

import errno
import os
import re
import tempfile
from pathlib import Path
from typing import Any

from pretzel.errors import StoreError
from pretzel.store.plan_file import write_aside

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


class Place:
    """The files at a URL.

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
        try:
            self._system, root = fsspec.core.url_to_fs(self.url)
        except (ImportError, ValueError) as error:
            raise StoreError(f"{self.url}: {error}") from error
        self._root = root.rstrip("/")
        self._is_local = isinstance(self._system, LocalFileSystem)
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
        return f"{self._root}/{file}"

    def read(self, file: str) -> bytes:
        """A small file, as it is now."""
        return bytes(self._files.cat_file(self._path(file)))

    def get(self, file: str, path: Path) -> None:
        """Copy a file to a local one.

        Raises
        ------
        FileNotFoundError
            It is not there, and the exception names its URL; or the directory of the local one is gone.
        """
        try:
            self._files.get_file(self._path(file), os.fspath(path))
        except FileNotFoundError as error:
            self._files.invalidate_cache()
            if self._files.exists(self._path(file)):
                raise
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), f"{self.url}/{file}") from error

    def put(self, file: str, path: Path) -> None:
        """Copy a local file. Object stores show a file when all of it is there; on a local disk it is renamed."""
        if self._is_local:
            target, aside = Path(self._path(file)), Path(self._path("aside"))
            for directory in (target.parent, aside):
                directory.mkdir(parents=True, exist_ok=True)
            write_aside(target, path.read_bytes(), aside)
        else:
            self._files.put_file(os.fspath(path), self._path(file))

    def write(self, file: str, content: bytes) -> None:
        """Write a small file."""
        with tempfile.NamedTemporaryFile() as written:
            written.write(content)
            written.flush()
            self.put(file, Path(written.name))

    def names(self) -> list[str]:
        """Files of names."""
        self._files.invalidate_cache()
        try:
            return [path.rpartition("/")[2] for path in self._files.ls(self._path("names"), detail=False)]
        except FileNotFoundError:
            return []

    def sizes(self) -> dict[str, int]:
        """Bytes of all files."""
        self._files.invalidate_cache()
        found = self._files.find(self._root, detail=True)
        start = len(self._root) + 1
        return {path[start:]: info["size"] for path, info in found.items()}
