"""Stores at URLs (``s3://``, ``gs://``, ``memory://``, ...), through fsspec: read into a cache, written by `push`.

What lies there is what `pretzel.store.directory` describes. Plans and objects never change: each is fetched once,
compared with the digest that names it, and kept in a local directory, from which it is mapped. Names are read each
time.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import sys
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn
from weakref import WeakValueDictionary

from pretzel.errors import CorruptStoreError, ModelNotFoundError, RegistrationError, StoreError
from pretzel.store.arrow_file import mapped
from pretzel.store.digest import DIGEST, digest_of_memory
from pretzel.store.directory import Directory
from pretzel.store.mapped_file import reading
from pretzel.store.mark import MARK, check_mark, mark_content
from pretzel.store.name_files import NameFiles, read_again, versions_in
from pretzel.store.place import Place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from pretzel.store.arrow_file import Location
    from pretzel.store.name_files import Versions
    from pretzel.store.stored_plan import StoredPlan

    Check = Callable[[str, StoredPlan, StoredPlan], object]

AT_ONCE = 8
"""Files that are copied at the same time."""

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


def is_url(path: str | os.PathLike[str]) -> bool:
    """Whether a store is at a URL, and not in a directory."""
    return isinstance(path, str) and "://" in path


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
        self.where = url.rstrip("/")
        self.path = cache_of(self.where) if cache is None else Path(cache)
        self._names = NameFiles(self.path)
        self._place = Place(self.where)
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
        """See `Directory.plan`; what is not in the cache is fetched."""
        self.fetch([digest])
        return super().plan(digest)

    def fetch(self, digests: Iterable[str], *, verify: bool = False) -> Copied:
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
            One is not there.
        CorruptStoreError
            One is not what its digest says.
        """
        plans = {self.plan_path(digest): partial(_check_plan, digest) for digest in digests}
        copied = _in_parallel(partial(self._fetch, verify, {}), plans)
        try:
            large = {each: at for path in plans for each, at in Directory.plan(self, path.stem).large.items()}
        except CorruptStoreError:
            if verify:
                raise
            return self.fetch([path.stem for path in plans], verify=True)
        places = {self.object_path(each.hex()): (each, at) for each, at in large.items()}
        objects = {path: partial(_check_object, *each) for path, each in places.items()}
        ends = {path: at.offset + at.nbytes for path, (_, at) in places.items()}
        copied += _in_parallel(partial(self._fetch, verify, ends), objects)
        return Copied(len(copied), sum(copied))

    def fetch_plan(self, digest: str) -> None:
        """Bring a plan file alone into the cache."""
        self._fetch(False, {}, self.plan_path(digest), partial(_check_plan, digest))

    def repaired(self, plan: StoredPlan) -> StoredPlan | None:
        """See `Directory.repaired`; what is damaged in the cache is fetched again."""
        digest = Path(plan.where).stem
        return Directory.plan(self, digest) if self.fetch([digest], verify=True).files else None

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


def push(store: Directory, url: str, names: Iterable[str] | None = None, check: Check | None = None) -> Copied:
    """Copy what is missing to a URL, or has another size there, names last.

    Parameters
    ----------
    store : Directory
    url : str
        A store, or nothing yet.
    names : iterable of str, optional
        All by default. A name there has the versions that it has here afterwards; other names stay as they are.
    check : callable, optional
        ``check(name, old, new)`` raises if a default must not be replaced. With it, no version is lost there either.

    Raises
    ------
    CorruptStoreError
        A file here is not what its digest says; nothing is copied of it, and no name.
    """
    place, chosen = Place(url.rstrip("/")), None if names is None else list(names)
    there = place.sizes()
    if MARK in there:
        check_mark(place.read(MARK), place.url)
    elif any(not file.startswith("aside/") for file in there):
        raise StoreError(f"{place.url} is no store, and not empty")
    else:
        place.write(MARK, mark_content())
    with tempfile.TemporaryDirectory() as folder:
        allow = partial(_check_replaced, RemoteDirectory(place.url, folder), store, check)
        return read_again(partial(_versions, store, chosen), partial(_push, store, place, there, allow))


def _versions(store: Directory, names: Iterable[str] | None) -> dict[str, Versions]:
    return {name: store.versions(name) for name in (store.names() if names is None else names)}


def _check_replaced(
    target: Directory, source: Directory, check: Check | None, versions: Mapping[str, Versions]
) -> None:
    """Raise if names of the target would lose versions, or if ``check`` raises for the plans that they mean."""
    if check is None:
        return
    for name, new in versions.items():
        try:
            old = target.versions(name)
            lost = old.lost_by(new)
            if lost:
                raise RegistrationError(
                    f"{target.where}: {name!r} has versions that {source.where} does not have: {', '.join(lost)}; pass "
                    "allow_changes=True to replace them"
                )
            digests = old.plans[old.default], new.plans[new.default]
            before = _plan_alone(target, digests[0])
        except (ModelNotFoundError, CorruptStoreError, FileNotFoundError):  # it means nothing that callers would miss
            continue
        if digests[0] != digests[1]:
            check(name, before, _plan_alone(source, digests[1]))


def _plan_alone(store: Directory, digest: str) -> StoredPlan:
    """A plan file without its large arrays."""
    if isinstance(store, RemoteDirectory):
        store.fetch_plan(digest)
    return Directory.plan(store, digest)


def _push(
    store: Directory,
    place: Place,
    there: dict[str, int],
    allow: Callable[[Mapping[str, Versions]], None],
    versions: Mapping[str, Versions],
) -> Copied:
    """Copy what names need and is not ``there``, which gets the sizes of what is copied."""
    plans: dict[Path, Callable[[Path], None]] = {}
    objects: dict[Path, Callable[[Path], None]] = {}
    for digest in {digest for each in versions.values() for digest in each.plans.values()}:
        try:
            plan = store.plan(digest)
        except FileNotFoundError as error:
            raise CorruptStoreError(f"{store.where} lacks {error.filename}") from error
        plans[store.plan_path(digest)] = partial(_check_plan, digest)
        for each, at in plan.large.items():
            objects[store.object_path(each.hex())] = partial(_check_object, each, at)

    allow(versions)

    def send(path: Path, check: Callable[[Path], None]) -> int | None:
        file = path.relative_to(store.path).as_posix()
        try:
            size = path.stat().st_size
            if there.get(file) == size:
                return None
            check(path)
            place.put(file, path)
        except FileNotFoundError as error:
            if path.exists():  # the place lacks something
                raise
            raise CorruptStoreError(f"{store.where} lacks {path}") from error
        except CorruptStoreError as error:
            raise CorruptStoreError(f"{path} is damaged: {error}") from error
        there[file] = size
        return size

    copied = [*_in_parallel(send, objects), *_in_parallel(send, plans)]
    for name, found in versions.items():
        file = f"names/{NameFiles(store.path).path_of(name).name}"
        if file not in there or place.read(file) != found.content():
            place.write(file, found.content())
    return Copied(len(copied), sum(copied))


def pull(store: Directory, url: str, names: Iterable[str] | None = None, check: Check | None = None) -> Copied:
    """Copy what is missing or damaged here from a URL, names last.

    Parameters
    ----------
    store : Directory
    url : str
    names : iterable of str, optional
        All by default. A name here has the versions that it has there afterwards; other names stay as they are.
    check : callable, optional
        As of `push`, for what is here.

    Raises
    ------
    CorruptStoreError
        A file there is not what its digest says, or missing; the names here stay as they are.
    """
    if isinstance(store, RemoteDirectory):
        store.adopt()
    remote, chosen = RemoteDirectory(url, store.path), None if names is None else list(names)
    return read_again(partial(_versions, remote, chosen), partial(_pull, store, remote, check))


def _pull(store: Directory, remote: RemoteDirectory, check: Check | None, versions: Mapping[str, Versions]) -> Copied:
    digests = {digest for each in versions.values() for digest in each.plans.values()}
    copied, verify = Copied(0, 0), True

    def fetch_and_check() -> None:
        fetch()
        _check_replaced(store, remote, check, versions)

    def fetch() -> None:
        nonlocal copied, verify
        found = remote.fetch(digests, verify=verify)
        copied, verify = Copied(copied.files + found.files, copied.bytes + found.bytes), False

    with contextlib.suppress(FileNotFoundError):  # because what arrives is collected here at the same time
        fetch()
    try:
        store.adopt(versions, fetch_and_check)  # what is missing still, while nothing is collected
    except FileNotFoundError as error:
        raise CorruptStoreError(f"{remote.where} lacks {error.filename}") from error
    return copied


def _check_plan(digest: str, path: Path) -> None:
    if blake2b(path.read_bytes(), digest_size=DIGEST).hexdigest() != digest:
        raise CorruptStoreError("it is not what its name says")


def _check_object(digest: bytes, location: Location, path: Path) -> None:
    if digest_of_memory(mapped(path, location)) != digest:
        raise CorruptStoreError("it is not what its name says")


def _in_parallel(
    copy: Callable[[Path, Callable[[Path], None]], int | None], files: Mapping[Path, Callable[[Path], None]]
) -> list[int]:
    """Copy files, several at the same time; the bytes of those that were copied."""
    if len(files) < 2:
        sizes = [copy(path, check) for path, check in files.items()]
    else:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            sizes = [*pool.map(copy, files.keys(), files.values())]
    return [size for size in sizes if size is not None]
