"""Stores at URLs (``s3://``, ``gs://``, ``memory://``, ...), through fsspec: read into a cache, written by `push`.

What lies there is what `pretzel.store.directory` describes. Plans and objects never change: each is fetched once,
compared with the digest that names it, and kept in a local directory, from which it is mapped. Names are read each
time.
"""

from __future__ import annotations

import os
import secrets
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import WeakValueDictionary

from pretzel.errors import CorruptStoreError, ModelNotFoundError, StoreError
from pretzel.store.arrow_file import mapped
from pretzel.store.digest import DIGEST, digest_of_memory
from pretzel.store.directory import Directory
from pretzel.store.mapped_file import reading, writing
from pretzel.store.mark import MARK, check_mark
from pretzel.store.name_files import NameFiles, versions_in
from pretzel.store.place import Place, is_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pretzel.store.arrow_file import Location
    from pretzel.store.name_files import Result, Versions
    from pretzel.store.stored_plan import StoredPlan


AT_ONCE = 8
"""Files that are copied at the same time."""

AGAIN = 20
"""How often a cache is read again, because it was deleted during a read."""

_arriving: WeakValueDictionary[Path, threading.Lock] = WeakValueDictionary()  # files that a thread copies
os.register_at_fork(after_in_child=_arriving.clear)


@dataclass(frozen=True, slots=True)
class Copied:
    """What was copied from one store to another.

    Parameters
    ----------
    files, bytes : int
        Without names, and without what was there already.
    """

    files: int
    bytes: int


def open_store(
    path: str | os.PathLike[str], *, create: bool = False, cache: str | os.PathLike[str] | None = None
) -> Directory:
    """The store in a directory, or at a URL; ``create`` is for directories, ``cache`` for URLs."""
    return RemoteDirectory(str(path), cache) if is_url(path) else Directory(path, create=create)


def cache_of(url: str) -> Path:
    """Where files of a URL are kept: below ``$PRETZEL_CACHE``, or in the user's cache folder."""
    chosen = os.environ.get("PRETZEL_CACHE")
    if chosen:
        folder = Path(chosen)
    elif sys.platform == "darwin":
        folder = Path.home() / "Library" / "Caches" / "pretzel"
    else:
        folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "pretzel"
    return folder / "stores" / blake2b(url.encode(), digest_size=DIGEST).hexdigest()


class RemoteDirectory(Directory):
    """A store at a URL, for reading.

    Parameters
    ----------
    url : str
        As fsspec knows it, which also has the credentials.
    cache : str or path, optional
        Directory that keeps what was fetched; `cache_of` the URL by default. It may be deleted at any time.

    Raises
    ------
    StoreError
        There is no store, or fsspec or what it needs for the URL is not installed.
    """

    def __init__(self, url: str, cache: str | os.PathLike[str] | None = None) -> None:
        self._place = Place(url)
        self.where = self._place.url
        self.path = (cache_of(self.where) if cache is None else Path(cache)).absolute()
        self._names = NameFiles(self.path)
        try:
            check_mark(self._place.read(MARK), self.where)
        except FileNotFoundError:
            raise StoreError(f"{self.where} is no store: it has no {MARK}") from None

    def names(self) -> list[str]:
        """See `Directory.names`."""
        return sorted(name for name in map(self._names.name_of, self._place.names()) if name is not None)

    def state(self) -> object:
        """None: only reading the names tells whether one has changed."""
        return None

    def versions(self, name: str) -> Versions:
        """See `Directory.versions`."""
        file = f"names/{self._names.path_of(name).name}"
        try:
            return versions_in(self._place.read(file), f"{self.where}/{file}")
        except FileNotFoundError:
            raise ModelNotFoundError(f"{self.where} has no model {name!r}") from None

    def plan(self, digest: str) -> StoredPlan:
        """See `Directory.plan`; what is not in the cache is fetched, and mapped before the cache may be deleted."""

        def opened() -> StoredPlan:
            self.fetch_once([digest])
            plan = super(RemoteDirectory, self).plan(digest)
            plan.map_large()
            return plan

        return self._in_cache(opened)

    def fetch(self, digests: Iterable[str]) -> Copied:
        """See `Directory.fetch`; what is not in the cache is fetched, as by `fetch_once`."""
        wanted = list(digests)
        return self._in_cache(lambda: self.fetch_once(wanted))

    def fetch_once(self, digests: Iterable[str], *, verify: bool = False) -> Copied:
        """Bring plans, and the large arrays that they name, into the cache.

        Parameters
        ----------
        digests : iterable of str
        verify : bool
            Whether files that are there are compared with their digests, and fetched again if they are damaged.
            Otherwise only those are that are too short, and plan files that cannot be opened.

        Raises
        ------
        FileNotFoundError
            One is not there, or the cache is deleted meanwhile.
        CorruptStoreError
            One is not what its digest says.
        """
        plans = {self.plan_path(digest): partial(check_plan_file, digest) for digest in digests}
        copied = in_parallel(partial(self._fetch, verify, {}), plans)
        try:
            large = {each: at for path in plans for each, at in Directory.plan(self, path.stem).large.items()}
        except CorruptStoreError:
            if verify:
                raise
            return self.fetch_once([path.stem for path in plans], verify=True)
        places = {self.object_path(each.hex()): (each, at) for each, at in large.items()}
        objects = {path: partial(check_object_file, *each) for path, each in places.items()}
        ends = {path: at.offset + at.nbytes for path, (_, at) in places.items()}
        copied += in_parallel(partial(self._fetch, verify, ends), objects)
        return Copied(len(copied), sum(copied))

    def _in_cache(self, read: Callable[[], Result]) -> Result:
        """What ``read`` makes of the cache, which may be deleted meanwhile; it is called again then.

        Raises
        ------
        FileNotFoundError
            A file is not at the URL.
        StoreError
            The cache is deleted each time.
        """
        for _ in range(AGAIN):
            try:
                return read()
            except (FileNotFoundError, FileExistsError) as error:  # what makes directories raises both
                if self.is_there(error):
                    raise
        raise StoreError(f"{self.path}, the cache of {self.where}, is deleted again and again while it is read")

    def is_there(self, error: OSError) -> bool:
        """Whether an error is of a file at the URL, and not of the cache."""
        return str(error.filename).startswith(f"{self.where}/")

    def fetch_plan(self, digest: str) -> None:
        """Bring a plan file alone into the cache."""
        self._fetch(False, {}, self.plan_path(digest), partial(check_plan_file, digest))

    def repaired(self, plan: StoredPlan) -> StoredPlan | None:
        """See `Directory.repaired`; what is damaged in the cache is fetched again."""
        digest = Path(plan.where).stem
        fetched = self._in_cache(lambda: self.fetch_once([digest], verify=True))
        return self.plan(digest) if fetched.files else None

    def _fetch(self, verify: bool, ends: Mapping[Path, int], path: Path, check: Callable[[Path], None]) -> int | None:
        """Bring one file into the cache, whole and checked; its bytes, or None if it is there."""

        def is_here() -> bool:
            try:
                if path.stat().st_size < ends.get(path, 0):
                    return False
                if verify:
                    check(path)
            except (OSError, StoreError, ValueError):
                return False
            return True

        if is_here():
            return None
        with _arriving.setdefault(path, threading.Lock()):  # threads that need it wait for the one that copies it
            return None if is_here() else self._copy(path, check)

    def _copy(self, path: Path, check: Callable[[Path], None]) -> int:
        file = path.relative_to(self.path).as_posix()
        temporary = self.path / "aside" / f".{path.name}.{secrets.token_hex(8)}"
        with writing(path, FileNotFoundError, FileExistsError):  # `_in_cache` knows what these mean
            for directory in (path.parent, temporary.parent):
                directory.mkdir(parents=True, exist_ok=True)
            try:
                self._place.get(file, temporary)
                try:
                    with reading(temporary):
                        check(temporary)
                except ValueError as error:
                    raise CorruptStoreError(f"{self.where}/{file} is damaged: {error}") from error
                with open(temporary, "rb") as written:
                    os.fsync(written.fileno())
                    size = os.fstat(written.fileno()).st_size
                os.replace(temporary, path)
            finally:
                temporary.unlink(missing_ok=True)
        return size

    def _read_only(self, *arguments: Any, **options: Any) -> NoReturn:
        raise StoreError(
            f"{self.where} is read only: write to a store in a directory, and push that; or pull this one, and check "
            "or collect it there"
        )

    publish = promote = remove = gc = fsck = adopt = _read_only


def check_plan_file(digest: str, path: Path) -> None:
    """Raise if a plan file is not what its digest says."""
    if blake2b(path.read_bytes(), digest_size=DIGEST).hexdigest() != digest:
        raise CorruptStoreError("it is not what its name says")


def check_object_file(digest: bytes, location: Location, path: Path) -> None:
    """Raise if the file of a large array is not what its digest says."""
    if digest_of_memory(mapped(path, location)) != digest:
        raise CorruptStoreError("it is not what its name says")


def in_parallel(
    copy: Callable[[Path, Callable[[Path], None]], int | None], files: Mapping[Path, Callable[[Path], None]]
) -> list[int]:
    """Copy files, several at the same time; the bytes of those that were copied."""
    if len(files) < 2:
        sizes = [copy(path, check) for path, check in files.items()]
    else:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            sizes = [*pool.map(copy, files.keys(), files.values())]
    return [size for size in sizes if size is not None]
